"""Promises of the engines: the same labels everywhere, workers that keep to one core, clear words when one fails."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import psutil
import pytest

from simulation import Conditions, Engine, FieldSweep, InputError, LabelStore, Nd2Fe14B, Outcome, Progress, label_all
from simulation.execution.executors import dask, engine, local, mpi, why_no_workers
from simulation.labels.label import Job
from tests.simulation.labels import stand_ins as labelling_stand_ins
from tests.simulation.labels.stand_ins import conditions, curve_of, specification_of, specifications, state_of_worker


@pytest.fixture
def store(tmp_path: Path) -> Iterator[LabelStore]:
    with LabelStore(tmp_path / "s.sqlite") as store:
        yield store


def test_local_workers_have_one_thread_and_no_tensorflow():
    before = dict(os.environ)
    with local(2) as two:
        states = list(two.executor().map(state_of_worker, range(4)))
    assert dict(os.environ) == before
    for state in states:
        assert state["pid"] != os.getpid()
        del state["pid"]
        assert state == {"omp": "1", "numba": 1, "heavy": [], "ctrl_c": True}


def test_an_engine_starts_when_needed_and_stays_warm():
    with local(1) as one:
        assert one.executor() is one.executor()
        pid = one.executor().submit(os.getpid).result()
        assert one.executor().submit(os.getpid).result() == pid
        one.stop()
        assert not psutil.pid_exists(pid)
        assert one.executor().submit(os.getpid).result() != pid


def test_wrong_engines_are_refused_with_what_is_allowed():
    for name, workers, address in (
        ("slurm", 1, None),
        ("local", 0, None),
        ("local", True, None),
        ("local", 1, "tcp://a:1"),
        ("dask", None, "a"),
        ("dask", None, "ucx://a:1"),
    ):
        with pytest.raises(InputError) as error:
            engine(name, workers, address)
        assert len(str(error.value).splitlines()) == 1
    assert engine("local").workers >= 1


@pytest.mark.parametrize(("name", "address"), [("mpi", None), ("dask", "tcp://a:1")])
def test_a_number_of_workers_is_refused_where_others_start_them(name: str, address: str | None):
    """Before anything is imported or reached, and in the words of a wrong study."""
    said = re.escape(f"workers {why_no_workers(name, address)}, got 4")
    with pytest.raises(InputError, match=f"^{said}$"):
        engine(name, 4, address)
    if name == "dask":
        with pytest.raises(InputError, match=f"^{said}$"):
            dask(address, 4)


@pytest.mark.parametrize(("start", "missing", "extra"), [(dask, "distributed", "dask"), (mpi, "mpi4py", "mpi")])
def test_a_missing_extra_names_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch, start, missing, extra):
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InputError, match=rf"pip install 'inverse-design\[{extra}\]'"):
        start()


def test_a_dependency_that_dask_lacks_is_named(monkeypatch: pytest.MonkeyPatch):
    """It is Dask that is installed."""
    pytest.importorskip("distributed", reason="Dask is not installed")
    for name in [name for name in sys.modules if name.partition(".")[0] in ("distributed", "msgpack")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "msgpack", None)
    with pytest.raises(InputError, match=r"Dask is installed but does not load \(.*msgpack"):
        dask()


def test_workers_that_cannot_start_are_an_error_and_no_label(store: LabelStore):
    broken = Engine(lambda: ProcessPoolExecutor(1, get_context("spawn"), initializer=os._exit, initargs=(1,)), 1)
    with pytest.raises(InputError, match="die as soon as they start"), broken:
        list(label_all(specifications(3), conditions(), store, broken, simulate=curve_of))
    assert len(store) == 0


# -- Dask


@pytest.fixture(scope="module")
def dask_two() -> Iterator[Engine]:
    pytest.importorskip("distributed", reason="Dask is not installed")
    with dask(workers=2) as two:
        yield two


def test_dask_gives_the_labels_of_local_workers_bit_for_bit(tmp_path: Path, dask_two: Engine):
    asked = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity", step=0.05))
    for name, two in (("local", local(2)), ("dask", dask_two)):
        with LabelStore(tmp_path / name) as store:
            assert len(list(label_all(specifications(5), asked, store, two))) == 5
        two.close() if name == "local" else None
    with LabelStore(tmp_path / "local") as one, LabelStore(tmp_path / "dask") as other:
        assert [x.result_bytes for x in one.labels()] == [x.result_bytes for x in other.labels()]


def test_a_killed_dask_worker_costs_nothing_but_time(store: LabelStore, dask_two: Engine, tmp_path: Path):
    options = {"kill_once": [2], "log": str(tmp_path / "log"), "fail": [4]}
    labels = list(label_all(specifications(8), conditions(**options), store, dask_two, simulate=curve_of))
    assert len(labels) == len(store) == 8
    assert (tmp_path / "log.2").exists()  # it was killed
    assert [specification_of(x).index for x in labels if x.outcome is Outcome.FAILED] == [4]


@pytest.mark.slow
def test_a_job_that_always_kills_its_dask_worker_fails_alone(store: LabelStore, dask_two: Engine):
    labels = list(label_all(specifications(12), conditions(kill=[3]), store, dask_two, simulate=curve_of))
    assert len(labels) == 12
    assert [specification_of(x).index for x in labels if x.outcome is Outcome.FAILED] == [3]


UNGUARDED = """
import os, signal, sys, time
from simulation.execution.executors import engine
print("the script runs", flush=True)
with engine(sys.argv[1], workers=1, import_main=sys.argv[2] == "import") as one:
    for _ in range(2):
        pid = one.executor().submit(os.getpid).result()
        print("worker", pid, flush=True)
        if sys.argv[1] == "dask":
            os.kill(pid, signal.SIGKILL)  # Dask starts another by itself
            time.sleep(0.5)
"""


@pytest.mark.parametrize("name", ["local", pytest.param("dask", marks=pytest.mark.slow)])
def test_workers_need_no_main_guard_if_they_do_not_import_the_script(name: str, tmp_path: Path):
    done = unguarded(name, "leave", tmp_path)
    assert done.returncode == 0, done.stderr
    words = done.stdout.splitlines()
    assert words[0] == "the script runs"
    assert [line.split()[0] for line in words[1:]] == ["worker", "worker"]
    if name == "dask":
        assert words[1] != words[2], "one worker died, and the next did not run the script either"


@pytest.mark.parametrize("name", ["local", pytest.param("dask", marks=pytest.mark.slow)])
def test_a_script_without_a_main_guard_is_told_so(name: str, tmp_path: Path):
    done = unguarded(name, "import", tmp_path)
    assert done.returncode == 1
    assert 'put what the script does under `if __name__ == "__main__":`' in done.stderr
    assert "bootstrapping" not in done.stderr, "what multiprocessing says of it, a page long"


def unguarded(name: str, main: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A script that starts workers at import, as a user writes it at first."""
    if name == "dask":
        pytest.importorskip("distributed", reason="Dask is not installed")
    (folder / "script.py").write_text(UNGUARDED)
    words = [sys.executable, str(folder / "script.py"), name, main]
    return subprocess.run(words, capture_output=True, text=True, timeout=120, check=False)


def test_a_dask_scheduler_that_goes_leaves_a_sentence_and_what_arrived(store: LabelStore, tmp_path: Path):
    pytest.importorskip("distributed", reason="Dask is not installed")
    address, asked = tmp_path / "scheduler.json", conditions(seconds=0.1)

    def start(program: str, *arguments: str) -> subprocess.Popen[bytes]:
        command = [
            sys.executable,
            "-m",
            f"distributed.cli.{program}",
            "--scheduler-file",
            str(address),
            "--no-dashboard",
        ]
        environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[3])}
        return subprocess.Popen([*command, *arguments], stderr=subprocess.DEVNULL, env=environment)

    scheduler = start("dask_scheduler", "--port", "0", "--host", "127.0.0.1")
    worker = start("dask_worker", "--nthreads", "1", "--no-nanny")
    try:
        while not (address.exists() and address.read_text().endswith("}")):  # it is made first and filled then
            assert scheduler.poll() is None
            time.sleep(0.05)
        place = json.loads(address.read_text())["address"]
        arrived: list[str] = []

        def told(progress: Progress) -> None:
            arrived.append("one")
            if len(arrived) == 5:
                scheduler.kill()

        with dask(place) as far, pytest.raises(InputError, match=r"scheduler at tcp://.* is gone"):
            list(label_all(specifications(200), asked, store, far, simulate=curve_of, progress=told))
        assert 5 <= len(arrived) < 200
        assert len(store) == len(list(store.labels())) == len(arrived)
    finally:
        for process in (worker, scheduler):
            process.kill()
            process.wait()


def test_no_scheduler_at_an_address_is_said(store: LabelStore, monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("distributed", reason="Dask is not installed")
    monkeypatch.setattr("simulation.execution.dask._CONNECT_S", 1)
    with (
        pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"),
        dask("tcp://127.0.0.1:9") as far,
    ):
        list(label_all(specifications(2), conditions(), store, far, simulate=curve_of))


def test_a_scheduler_with_tls_needs_a_certificate(store: LabelStore):
    pytest.importorskip("distributed", reason="Dask is not installed")
    with (
        pytest.raises(InputError, match=r"no certificate for the Dask scheduler at tls://a:1"),
        dask("tls://a:1") as far,
    ):
        list(label_all(specifications(2), conditions(), store, far, simulate=curve_of))


# -- MPI


@pytest.fixture
def mpiexec() -> str:
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    launcher = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if launcher is None:
        pytest.skip("no mpiexec here")
    return launcher


def test_mpi_outside_an_mpi_job_says_how_to_start_one():
    pytest.importorskip("mpi4py", reason="mpi4py is not installed")
    with pytest.raises(InputError, match="mpiexec -n"):
        mpi()


def test_mpiexec_alone_is_refused(tmp_path: Path, mpiexec: str):
    """Every rank would simulate everything, on workers of its own."""
    run = [mpiexec, "-n", "2", sys.executable, labelling_stand_ins.__file__, str(tmp_path / "s"), "--engine", "mpi"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    said = done.stderr.splitlines()
    assert len(said) == 2
    assert all(line.startswith("engine mpi: start it as `mpiexec -n N python -m mpi4py.futures ") for line in said)


def test_ctrl_c_in_an_mpi_job_loses_nothing_and_shows_no_traceback(tmp_path: Path, mpiexec: str):
    run = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", labelling_stand_ins.__file__]
    arguments = [str(tmp_path / "s"), "--count", "5000", "--engine", "mpi"]
    process = subprocess.Popen([*run, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout
    process.stdout.readline()  # the first label
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said
    with LabelStore(tmp_path / "s") as store:
        assert 1 <= len(list(store.labels())) < 5000


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGKILL])
def test_an_mpi_job_ends_in_the_middle_of_long_simulations(tmp_path: Path, mpiexec: str, sent: signal.Signals):
    """Of ten minutes each: by Ctrl-C, and when its first rank is killed."""
    run = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", labelling_stand_ins.__file__]
    log = tmp_path / "log"
    arguments = [str(tmp_path / "s"), "--count", "5", "--engine", "mpi", "--seconds", "600", "--log", str(log)]
    process = subprocess.Popen([*run, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        while not (log.exists() and len(log.read_text().splitlines()) == 2):
            assert process.poll() is None
            time.sleep(0.05)
        workers = {int(line.split()[1]) for line in log.read_text().splitlines()}
        ranks = [x for x in psutil.Process(process.pid).children(recursive=True) if x.name().startswith("python")]
        (first,) = [x for x in ranks if x.pid not in workers]
        process.send_signal(sent) if sent is signal.SIGINT else first.kill()
        _, said = process.communicate(timeout=100)
    finally:
        process.kill()
    end = time.monotonic() + 10
    while any(psutil.pid_exists(pid) for pid in workers):
        assert time.monotonic() < end, "a worker goes on"
        time.sleep(0.05)
    assert (process.returncode, "Traceback" in said) == (130, False) or sent is signal.SIGKILL


def test_mpi_gives_the_labels_of_local_workers_bit_for_bit(tmp_path: Path, mpiexec: str):
    run = [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", labelling_stand_ins.__file__]
    arguments = [str(tmp_path / "s.sqlite"), "--count", "12", "--engine", "mpi", "--seconds", "0"]
    done = subprocess.run([*run, *arguments], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    with LabelStore(tmp_path / "s.sqlite") as store:
        expected = sorted(curve_of(Job.of(s, conditions(seconds=0.0))).result_bytes for s in specifications(12))
        assert sorted(x.result_bytes for x in store.labels()) == expected
