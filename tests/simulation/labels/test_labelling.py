"""Promises of the label factory: nothing lost, nothing twice, no label that depends on who made it when."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest

from simulation import (
    Conditions,
    Engine,
    FieldSweep,
    InputError,
    Label,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Outcome,
    Progress,
    Specification,
    demagnetization_curve,
    label_all,
    shard,
)
from simulation.execution.executors import local
from simulation.labels.label import Job
from tests.simulation.labels import stand_ins as labelling_stand_ins
from tests.simulation.labels.stand_ins import (
    conditions,
    curve_of,
    fail_strangely,
    line_of,
    no_space,
    refuse,
    specification_of,
    specifications,
)

SCRIPT = labelling_stand_ins.__file__


@pytest.fixture(scope="module")
def two() -> Iterator[Engine]:
    """Two warm workers."""
    with local(2) as engine:
        yield engine


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with LabelStore(tmp_path / "s.sqlite") as store:
        yield store


def threads(count: int = 1) -> Engine:
    """Workers that cannot die."""
    return Engine(lambda: ThreadPoolExecutor(count), count)


def no_workers() -> Engine:
    def start() -> ThreadPoolExecutor:
        raise AssertionError("nothing had to be simulated")

    return Engine(start, 1)


def results(labels: Iterator[Label] | list[Label]) -> list[bytes]:
    return sorted(label.result_bytes for label in labels)


def expected(count: int, **options: object) -> list[bytes]:
    return results([curve_of(Job.of(source, conditions(**options))) for source in specifications(count)])


# -- each once


def test_labels_do_not_depend_on_workers_or_order(tmp_path: Path, two: Engine):
    jobs = specifications(24)
    shuffled = [jobs[i] for i in np.random.default_rng(0).permutation(24)]
    for name, order, engine in (
        ("1", jobs, threads()),
        ("2", jobs, two),
        ("3", shuffled, two),
        ("4", jobs, threads(5)),
    ):
        with LabelStore(tmp_path / f"{name}.sqlite") as store:
            yielded = list(label_all(order, conditions(), store, engine, simulate=curve_of))
            assert results(yielded) == expected(24)
            assert results(store.labels()) == expected(24)


def test_a_specification_and_its_structure_have_one_label(store: LabelStore):
    jobs = specifications(3)
    both: list[Specification | Microstructure] = [*jobs, *[job.draw() for job in jobs], *jobs]
    assert results(label_all(both, conditions(), store, threads(2), simulate=curve_of)) == expected(3)
    assert len(store) == 3


def test_nothing_that_the_store_has_is_simulated_again(store: LabelStore):
    jobs = specifications(12)
    list(label_all(jobs[:5], conditions(), store, threads(), simulate=curve_of))
    seen: list[Progress] = []
    asked: list[str] = []

    def simulate(job: Job) -> Label:
        asked.append(job.key)
        return curve_of(job)

    labels = list(label_all(jobs, conditions(), store, threads(), simulate=simulate, progress=seen.append))
    assert results(labels) == expected(12)
    assert len(asked) == 7
    assert [p.done for p in seen] == list(range(1, 13))
    assert (seen[-1].found, seen[-1].total, seen[-1].left_s) == (5, 12, 0.0)
    assert seen[-1].outcomes == {Outcome.CONVERGED: 12, Outcome.UNCONVERGED: 0, Outcome.FAILED: 0}
    assert len(list(label_all(jobs, conditions(), store, no_workers(), simulate=curve_of))) == 12
    structures = [job.draw() for job in jobs]
    assert len(list(label_all(structures, conditions(), store, no_workers(), simulate=curve_of))) == 12


def test_other_conditions_are_other_labels(store: LabelStore):
    list(label_all(specifications(2), conditions(), store, threads(), simulate=curve_of))
    list(label_all(specifications(2), conditions(tolerance=1e-6), store, threads(), simulate=curve_of))
    assert len(store) == 4


def test_a_label_is_stored_before_it_is_yielded(store: LabelStore, tmp_path: Path):
    with LabelStore(tmp_path / "s.sqlite", read_only=True) as other:
        for label in label_all(specifications(5), conditions(), store, threads(), simulate=curve_of):
            assert label.key in other


def test_jobs_are_taken_only_as_workers_get_free(store: LabelStore):
    taken = []

    def endless():
        for source in specifications(1000):
            taken.append(source)
            yield source

    labels = label_all(endless(), conditions(), store, threads(2), simulate=curve_of)
    for done in range(1, 20):
        next(labels)
        assert len(taken) <= done + 4 + 2  # twice the workers in flight, and what ended meanwhile
    labels.close()


def test_shards_make_the_whole_without_overlap():
    jobs = specifications(20)
    parts = [shard(jobs, f"{k}/3") for k in (1, 2, 3)]
    assert sorted(job.index for part in parts for job in part) == list(range(20))
    assert shard(jobs, "1/1") == jobs
    for wrong in ("0/3", "4/3", "1", "a/b", "1/0", "-1/2", ""):
        with pytest.raises(InputError, match="K/N"):
            shard(jobs, wrong)


# -- what goes wrong


def test_failures_are_recorded_with_their_reason_and_stop_nothing(store: LabelStore, two: Engine):
    options = {"fail": [2], "nan": [5], "stall": [7]}
    labels = label_all(specifications(10), conditions(**options), store, two, simulate=curve_of)
    by_index = {specification_of(label).index: label for label in labels}
    assert len(by_index) == 10
    assert {i for i, label in by_index.items() if not label.converged} == {2, 5, 7}
    assert by_index[2].reason == "FloatingPointError: the energy is not finite"
    assert "not a finite number" in by_index[5].reason
    assert by_index[7].outcome is Outcome.UNCONVERGED
    assert by_index[7].reason.endswith("stalled")
    assert by_index[7].h.size == 70  # kept for inspection
    assert store.counts() == {Outcome.CONVERGED: 7, Outcome.UNCONVERGED: 1, Outcome.FAILED: 2}


def test_an_exception_that_cannot_travel_is_recorded_like_any_other(store: LabelStore, two: Engine):
    labels = list(label_all(specifications(2), conditions(), store, two, simulate=fail_strangely))
    assert [label.reason for label in labels] == ["TwoWords: diverged at h = -0.3"] * 2


def test_failed_labels_are_tried_again_only_when_asked(store: LabelStore):
    job = Job.of(specifications(1)[0], conditions())
    store.add(job.failed("out of memory", 0.0))
    jobs = specifications(2)
    outcomes = Counter(x.outcome for x in label_all(jobs, conditions(), store, threads(), simulate=curve_of))
    assert outcomes[Outcome.FAILED] == 1
    labels = label_all(jobs, conditions(), store, threads(), simulate=curve_of, retry_failed=True)
    assert results(labels) == results(store.labels()) == expected(2)


def test_a_missing_solver_is_an_error_and_no_label(store: LabelStore, two: Engine):
    with pytest.raises(InputError, match="no such solver"):
        list(label_all(specifications(4), conditions(), store, two, simulate=refuse))
    assert len(store) == 0


def test_a_killed_worker_costs_nothing_but_time(store: LabelStore, tmp_path: Path):
    options = {"kill_once": [3], "log": str(tmp_path / "log")}
    seen: list[Progress] = []
    with local(2) as engine:
        asked = conditions(**options)
        labels = list(label_all(specifications(16), asked, store, engine, simulate=curve_of, progress=seen.append))
    assert len(labels) == len(store) == 16
    assert seen[-1].lost > 0
    assert all(label.converged for label in labels)
    assert results(labels) == expected(16, **options)


def test_a_job_that_always_kills_its_worker_fails_alone(store: LabelStore):
    options = {"kill": [4]}
    with local(2) as engine:
        labels = list(label_all(specifications(9), conditions(**options), store, engine, simulate=curve_of))
    assert len(labels) == len(store) == 9
    failed = [label for label in labels if label.outcome is Outcome.FAILED]
    assert [(specification_of(label).index, label.reason) for label in failed] == [
        (4, "its worker died each time it was simulated")
    ]


def test_a_labelling_that_is_left_ends_its_workers(store: LabelStore, tmp_path: Path):
    log = tmp_path / "log"
    with local(2) as engine:
        labels = label_all(specifications(50), conditions(seconds=0.2, log=str(log)), store, engine, simulate=curve_of)
        next(labels)
        workers = workers_of(log)
        assert workers
        start = time.monotonic()
        labels.close()
        assert time.monotonic() - start < 5
        assert not any(psutil.pid_exists(pid) for pid in workers)
        assert len(store) < 50


# -- the driving process


def drive(tmp_path: Path, *arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "error", SCRIPT, tmp_path / "s.sqlite", "--log", tmp_path / "log", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(list(map(str, command)), stdout=pipe, stderr=pipe, text=True, start_new_session=True)


def workers_of(log: Path) -> set[int]:
    return {int(line.split()[1]) for line in log.read_text().splitlines()}


def wait_until(what: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)


def test_killed_at_any_moment_and_started_again_nothing_is_lost_and_nothing_twice(tmp_path: Path):
    told: list[str] = []
    for round_ in range(2):
        driver = drive(tmp_path, "--count", 40)
        told += [line_of(driver) for _ in range(2 + 4 * round_)]
        stored_before = len(set(told))
        os.kill(driver.pid, signal.SIGKILL)
        driver.communicate()
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in workers_of(tmp_path / "log")))
        with LabelStore(tmp_path / "s.sqlite") as store:
            keys = [label.key for label in store.labels()]
        assert set(told) <= set(keys)
        assert stored_before <= len(keys) < 40
    (tmp_path / "log").unlink()
    driver = drive(tmp_path, "--count", 40)
    out, err = driver.communicate(timeout=60)
    assert (driver.returncode, err) == (0, "")
    assert len(out.split()) == len(set(out.split())) == 40
    started_last = [line.split()[0] for line in (tmp_path / "log").read_text().splitlines()]
    assert sorted(started_last) == sorted(set(out.split()) - set(keys))  # only what was missing, each once
    with LabelStore(tmp_path / "s.sqlite") as store:
        assert results(store.labels()) == expected(40, seconds=0.05)


@pytest.mark.parametrize("engine", ["local", pytest.param("dask", marks=pytest.mark.slow)])
def test_ctrl_c_stops_cleanly_and_ends_the_workers(tmp_path: Path, engine: str):
    if engine == "dask":
        pytest.importorskip("distributed", reason="Dask is not installed")
    with socket.socket() as other:
        with contextlib.suppress(OSError):  # another Dask cluster has its usual port, here or already elsewhere
            other.bind(("127.0.0.1", 8787))
            other.listen()
        driver = drive(tmp_path, "--count", 1000, "--engine", engine)
        for _ in range(3):
            line_of(driver)
        os.killpg(driver.pid, signal.SIGINT)  # a terminal sends it to all of them
        out, err = driver.communicate(timeout=30)
    assert (driver.returncode, err) == (130, "")
    wait_until(lambda: not any(psutil.pid_exists(pid) for pid in workers_of(tmp_path / "log")), 10.0)
    with LabelStore(tmp_path / "s.sqlite") as store:
        assert {label.key for label in store.labels()} >= set(out.split())


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the system ends the worker")
@pytest.mark.parametrize(
    ("engine", "sent"), [("local", signal.SIGKILL), ("local", signal.SIGINT), ("dask", signal.SIGKILL)]
)
def test_workers_end_with_their_driver_whatever_they_are_at(tmp_path: Path, engine: str, sent: signal.Signals):
    """Compiled code that never ends and keeps the interpreter's lock: no thread of the worker can end it."""
    if engine == "dask":
        pytest.importorskip("distributed", reason="Dask is not installed")
    driver = drive(tmp_path, "--count", 3, "--deaf", 0, 1, 2, "--engine", engine)
    log = tmp_path / "log"
    try:
        wait_until(lambda: log.exists() and len(log.read_text().splitlines()) == 2, 100.0)
        time.sleep(0.5)
        began = time.monotonic()
        os.kill(driver.pid, sent)
        wait_until(lambda: not any(psutil.pid_exists(pid) for pid in workers_of(log)), 6.0)
        driver.communicate(timeout=30)
        assert time.monotonic() - began < 6
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(driver.pid, signal.SIGKILL)


def test_what_a_machine_lacks_is_no_fault_of_a_structure(store: LabelStore):
    """A full disk under a solver that writes: an error, and no label that says for good that it failed."""
    with pytest.raises(InputError, match=r"a worker could not simulate: /scratch/loop: No space left on device"):
        list(label_all(specifications(1), conditions(), store, threads(), simulate=no_space))
    assert len(store) == 0


def test_a_curve_that_a_solver_does_not_come_to_is_a_failed_label(store: LabelStore):
    """And the run goes on with the others."""
    coarse = Microstructure(np.arange(900).reshape(30, 30) % 6, np.linspace(-1.5, 1.5, 6), 100.0)
    asked = Conditions.of(Nd2Fe14B, FieldSweep(step=0.05), discretization="elements")
    (label,) = label_all([coarse], asked, store, threads())
    assert label.outcome is Outcome.FAILED
    assert "gave no curve (the angle gradient is not a number)" in label.reason


def test_two_runs_on_one_store_are_safe(tmp_path: Path):
    drivers = [drive(tmp_path, "--count", 30, "--workers", 1) for _ in range(2)]
    for driver in drivers:
        out, err = driver.communicate(timeout=60)
        assert (driver.returncode, err) == (0, "")
        assert len(out.split()) == len(set(out.split())) == 30
    with LabelStore(tmp_path / "s.sqlite") as store:
        assert results(store.labels()) == expected(30, seconds=0.05)


def test_a_full_disk_stops_the_run_with_a_sentence_and_the_rest_follows_later(tmp_path: Path):
    driver = drive(tmp_path, "--count", 60, "--workers", 1, "--seconds", 0.0, "--file-limit", 150_000)
    out, err = driver.communicate(timeout=60)
    assert driver.returncode == 2
    assert len(err.splitlines()) == 1
    assert "free some disk space" in err
    with LabelStore(tmp_path / "s.sqlite") as store:
        assert {label.key for label in store.labels()} == set(out.split())
        assert 0 < len(store) < 60
    driver = drive(tmp_path, "--count", 60, "--workers", 1, "--seconds", 0.0)
    assert len(driver.communicate(timeout=60)[0].split()) == 60
    with LabelStore(tmp_path / "s.sqlite") as store:
        assert results(store.labels()) == expected(60, seconds=0.0)


# -- the real solver, and what all this costs


def test_a_label_is_the_curve_that_the_solver_gives(store: LabelStore, two: Engine):
    asked = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity", step=0.05))
    for label in label_all(specifications(2), asked, store, two):
        curve = demagnetization_curve(label.microstructure(), asked.material, asked.sweep)
        assert label.converged == curve.converged.all()
        assert label.h.tobytes() == curve.h.tobytes()
        assert label.m.tobytes() == curve.m.tobytes()
        assert label.evaluations == curve.evaluations
        assert repr(label.anchors) == repr(curve.anchors)


def test_an_unconverged_curve_says_where_and_why(store: LabelStore):
    asked = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity", step=0.05), max_evaluations=2)
    (label,) = label_all(specifications(1), asked, store, threads())
    assert label.outcome is Outcome.UNCONVERGED
    assert label.reason.startswith("h = ")
    assert "evaluations" in label.reason
    assert (label.status != 0).any()


def test_a_worker_with_another_solver_is_refused(store: LabelStore):
    asked = Conditions.of(Nd2Fe14B, FieldSweep())
    other = Conditions(Nd2Fe14B, FieldSweep(), settings={**asked.settings, "version": 0})
    with pytest.raises(InputError, match="version"):
        list(label_all(specifications(1), other, store, threads()))


@pytest.mark.slow
def test_nine_tenths_of_the_time_are_simulation(store: LabelStore, two: Engine):
    list(label_all(specifications(4), conditions(), store, two, simulate=curve_of))  # warm
    start = time.perf_counter()
    labels = list(label_all(specifications(200), conditions(seconds=0.1), store, two, simulate=curve_of))
    wall_s = time.perf_counter() - start
    share = sum(label.wall_s for label in labels) / (2 * wall_s)
    print(f"{share:.3f} of {wall_s:.1f} s")
    assert share >= 0.9
