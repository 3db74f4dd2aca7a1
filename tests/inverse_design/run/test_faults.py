"""What goes wrong around a run costs no result: one sentence, a stated exit code, and the same command goes on."""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as replace_fields
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import pytest
from filelock import FileLock
from typer.testing import CliRunner, Result

from inverse_design.cli import app
from inverse_design.outputs import write_outputs
from inverse_design.properties import PROPERTIES
from inverse_design.run.design import read_design
from inverse_design.run.folder import RunFolder, read_artifact, read_manifest, write_manifest
from inverse_design.run.keys import redraws_key
from inverse_design.run.redraws import RESULT
from inverse_design.search.genetic import search
from inverse_design.study.reading import load_study
from inverse_design.study.study import study_text
from simulation import DemagnetizationCurve, FieldStatus, Microstructure, demagnetization_curve
from simulation.errors import SolverError
from simulation.execution.engine import Engine
from simulation.labels.label import Outcome
from simulation.labels.store import LabelStore
from studies.benchmarks.kills import TABLES, command, finish, kill_after


@pytest.fixture(scope="module")
def undisturbed(small_run: Path) -> Path:
    return small_run


def tables(run: Path) -> dict[str, bytes]:
    return {name: (run / name).read_bytes() for name in TABLES}


def simulations(run: Path) -> list[tuple[str, float]]:
    """Key and seconds of every simulation in the store."""
    with LabelStore(run / "labels.sqlite", read_only=True) as store:
        return [(label.key, label.wall_s) for label in store.labels()]


@pytest.fixture
def run(undisturbed: Path, tmp_path: Path) -> Path:
    """A copy of the finished run, to be harmed."""
    return Path(shutil.copytree(undisturbed, tmp_path / "runs" / "small"))


def refused(*words: str) -> str:
    """The sentence of a command that must be refused."""
    done = CliRunner().invoke(app, list(words))
    said = done.stderr.strip()
    assert done.exit_code == 2, said or done.exception
    assert len(said.splitlines()) == 1, said
    return said


def finish_here(runs: Path) -> dict[str, bytes]:
    """`finish` in this process, without another start of TensorFlow."""
    done = CliRunner().invoke(app, command(runs)[3:])
    assert done.exit_code == 0, done.stderr or repr(done.exception)
    return tables(runs / "small")


# -- killed


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_as_an_undisturbed_one(undisturbed: Path, tmp_path: Path) -> None:
    """Kill -9 at random moments. `python -m studies.benchmarks.kills --kills 50` does it fifty times, each on a run of
    its own; here one run is killed a few times (KILLS) in a row."""
    draw = random.Random(int(os.environ.get("KILLS_SEED", "1")))
    kills = int(os.environ.get("KILLS", "3"))
    killed = [kill_after(tmp_path, draw.uniform(2, 12), workers_too=draw.random() < 0.5) for _ in range(kills)]
    assert any(killed), "every run had ended before its kill"
    assert finish(tmp_path) == tables(undisturbed)


# -- damaged


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def replace(path: Path) -> None:
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)))


STAGED = ("vae/decoder.weights.h5", "vae/card.json", "regressor/1/regressor.weights.h5", "regressor/1/card.json",
          "regressor/1/history.csv", "regressor/0/test.npz", "search/1/result.npz", "search/1/front.csv",
          "verify/0/result-000.npz", "verify/1/structure-000.npz", "verify/1/artifact.json")  # fmt: skip


@pytest.mark.parametrize("harm", [flip, truncate, replace])
@pytest.mark.parametrize("name", STAGED)
def test_no_result_is_written_from_a_damaged_stage(run: Path, name: str, harm: Callable[[Path], None]) -> None:
    before = tables(run)
    harm(run / name)
    said = refused("report", str(run))
    assert "running the study again makes it anew" in said
    assert str(run / Path(name).parent) in said
    assert tables(run) == before


@pytest.mark.parametrize("name", ["vae/card.json", "regressor/1/card.json", "regressor/1/regressor.weights.h5"])
def test_a_damaged_surrogate_predicts_nothing(run: Path, name: str) -> None:
    flip(run / name)
    structure = str(run / "candidates" / "00" / "structure.npz")
    assert "damaged" in refused("predict", structure, "--surrogate", str(run))


def test_a_flipped_digit_of_a_card_is_noticed(run: Path) -> None:
    card = run / "regressor" / "1" / "card.json"
    text = card.read_text()
    start = text.index('"residual_std"')
    digit = next(i for i in range(start + 16, len(text)) if text[i] in "12345678")
    card.write_text(text[:digit] + str(int(text[digit]) + 1) + text[digit + 1 :])
    structure = str(run / "candidates" / "00" / "structure.npz")
    assert "checksum differs" in refused("predict", structure, "--surrogate", str(run))


@pytest.mark.parametrize("harm", [truncate, replace])
@pytest.mark.parametrize("name", ["manifest.json", "labels.sqlite"])
def test_damage_beside_the_stages_is_a_sentence(run: Path, name: str, harm: Callable[[Path], None]) -> None:
    harm(run / name)
    said = refused("status" if name == "labels.sqlite" else "report", str(run))
    assert name in said


@pytest.mark.parametrize(
    "name", ["manifest.json", "seconds.json", "regressor/1/artifact.json", "regressor/1/card.json"]
)
def test_json_of_a_run_may_hold_anything(run: Path, name: str) -> None:
    """Another program's, as deep as no reader follows, of a picture, of a pipe that never ends."""
    structure = str(run / "candidates" / "00" / "structure.npz")
    for content in (b'{"rounds": 0, "format": 1}', b"[" * 100_000, b"[1]", b"\x89PNG\r\n\x1a\n", None):
        (run / name).unlink()
        if content is None:
            os.mkfifo(run / name)
        else:
            (run / name).write_bytes(content)
        done = CliRunner().invoke(app, ["status", str(run)])
        assert done.exit_code == (2 if name == "manifest.json" and content is not None else 0), done.stderr
        if name == "regressor/1/card.json":
            assert "card" in refused("predict", structure, "--surrogate", str(run))
        if name != "seconds.json":
            assert str(run) in refused("report", str(run))


def test_tables_and_pictures_of_a_run_are_never_read_back(undisturbed: Path, run: Path) -> None:
    """`report` writes them anew from the stages, whatever lies in their place."""
    for name in (*TABLES, "figures/front.svg", "figures/front.png", "candidates/00/curve.csv", "tables/accuracy.csv"):
        (run / name).write_bytes(b"\xff\xd8\xff\xe0" + bytes(range(256)))
    done = CliRunner().invoke(app, ["report", str(run)])
    assert done.exit_code == 0, done.stderr
    assert tables(run) == tables(undisturbed)
    assert (run / "figures" / "front.svg").read_bytes() == (undisturbed / "figures" / "front.svg").read_bytes()


@pytest.mark.slow
def test_the_same_command_mends_what_is_damaged(run: Path) -> None:
    """Stages, tables, manifest and candidates at once; of the labels nothing is simulated again."""
    before = tables(run)
    for name in (*STAGED[5:9], "manifest.json", "front.csv", "candidates/00/structure.npz"):
        flip(run / name)
    (run / "checks" / "planar-elements-2-0").mkdir(parents=True)
    (run / "checks" / "planar-elements-2-0" / "result-000.npz").write_bytes(b"no longer an array")
    labels = simulations(run)
    assert finish_here(run.parent) == before
    assert simulations(run) == labels
    assert CliRunner().invoke(app, ["report", str(run)]).exit_code == 0


def with_redraws_of(run: Path, asked: int, values: np.ndarray) -> Path:
    """Redraws of the first candidate as the stage leaves them, and a study that asks for so many."""
    study = load_study(run / "study.yaml", (f"verification.redraws={asked}",))

    def build(work: Path) -> None:
        np.savez(work / RESULT, rows=np.array([0]), values=values)

    for round_ in range(2):
        verify = str((read_artifact(run / "verify" / str(round_)) or {})["key"])
        RunFolder(run).stage(f"redraws/{round_}", redraws_key(study, verify), build)
    has_run(run, study_text(study))
    return run / "redraws" / "0" / RESULT


def has_run(run: Path, study: str) -> None:
    """Have a run state another study, as one that ran it does."""
    (run / "study.yaml").write_text(study)
    write_manifest(run, {**read_manifest(run), "study": study})


def test_redraws_count_where_the_study_asks_for_them(run: Path) -> None:
    """They stay on disk where it no longer does, and say nothing; damaged or of another number, they are refused."""
    values = np.ones((1, 2, len(PROPERTIES)))
    path = with_redraws_of(run, 2, values)
    asked = read_manifest(run)["study"]
    assert [len(item.redrawn) for item in read_design(run).verified] == [2, 0, 2, 0]
    has_run(run, asked.replace("redraws: 2", "redraws: 3"))
    assert "the study has changed" in refused("report", str(run))
    has_run(run, asked.replace("redraws: 2", "redraws: 0"))
    assert [len(item.redrawn) for item in read_design(run).verified] == [0, 0, 0, 0]
    flip(path)
    assert len(read_design(run).verified) == 4
    has_run(run, asked)
    said = refused("report", str(run))
    assert str(path.parent) in said
    assert "checksums differ" in said


# -- workers that die


def workers_of(driver: psutil.Process) -> list[psutil.Process]:
    """The simulating processes of a run."""
    found = []
    for child in driver.children():
        with contextlib.suppress(psutil.Error):
            if "multiprocessing.spawn" in " ".join(child.cmdline()):
                found.append(child)
    return found


def kill_a_worker(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    """SIGKILL to the first worker that is seen once it is time."""
    driver, end = psutil.Process(process.pid), time.monotonic() + 200
    while not (ready() and workers_of(driver)):
        assert process.poll() is None, "the run ended before its worker was killed"
        assert time.monotonic() < end, "no worker came"
        time.sleep(0.01)
    workers_of(driver)[0].kill()


@pytest.mark.slow
def test_dying_workers_and_an_edited_study_change_nothing_of_a_run(undisturbed: Path, tmp_path: Path) -> None:
    """A worker dies while it labels and another while it verifies: the lost simulations are done again, none of the
    others is. In between the study is edited: the run is that of the study which it began with."""
    run, words = tmp_path / "small", command(tmp_path)
    study = Path(shutil.copy(words[4], tmp_path / "study.yaml"))
    process = subprocess.Popen([*words[:4], str(study), *words[5:]], stderr=subprocess.PIPE, text=True)
    kill_a_worker(process, run.exists)
    study.write_text(study.read_text().replace("target: 0.80", "target: 0.60"))
    kill_a_worker(process, (run / "search" / "0" / "artifact.json").exists)
    _, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert said.count("a worker died; what was lost with it is simulated again") >= 2
    assert tables(run) == tables(undisturbed)
    assert [key for key, _ in simulations(run)] == [key for key, _ in simulations(undisturbed)]


# -- solvers that fail


def run_here(monkeypatch: pytest.MonkeyPatch, runs: Path, solver: Callable[..., DemagnetizationCurve]) -> Result:
    """The small run in this process, with another solver."""
    monkeypatch.setattr("simulation.hysteresis.demagnetization_curve", solver)
    monkeypatch.setattr("inverse_design.loop.make_engine", lambda study: Engine(lambda: ThreadPoolExecutor(1), 1))
    return CliRunner().invoke(app, command(runs)[3:])


def failing(curve: DemagnetizationCurve, how: str) -> DemagnetizationCurve:
    """A curve as a solver leaves it that returns NaN ("nan") or did not converge at its third field ("stalled")."""
    if how == "nan":
        return replace_fields(curve, m=np.full_like(curve.m, np.nan))
    if how == "none":
        return curve
    return replace_fields(curve, status=(*curve.status[:2], FieldStatus.STALLED, *curve.status[3:]))


@pytest.mark.slow
def test_no_failed_simulation_is_a_label_or_a_hit(undisturbed: Path, tmp_path: Path, monkeypatch) -> None:
    """Of the training labels one is not a number and one did not converge, and so it is with every candidate."""
    with LabelStore(undisturbed / "labels.sqlite", read_only=True) as store:
        sampled = {x.structure_hash: x.specification.index for x in store.labels() if x.specification}
    seen: dict[str, str] = {}

    def solver(structure: Microstructure, *arguments: Any, **named: Any) -> DemagnetizationCurve:
        curve = demagnetization_curve(structure, *arguments, **named)
        index = sampled.get(structure.content_hash)
        if index in (None, 10, 11):
            seen[structure.content_hash] = "nan" if len(seen) % 2 == 0 else "stalled"
            return failing(curve, seen[structure.content_hash])
        return curve

    done = run_here(monkeypatch, tmp_path, solver)
    assert done.exit_code == 0, done.stderr
    assert "labels: 2 of 24 simulations gave no converged curve and are used for nothing; the first: " in done.stderr
    assert "simulations, round 0: 2 of 2 simulations gave no converged curve" in done.stderr
    run = tmp_path / "small"
    table = pd.read_csv(run / "verified.csv")
    assert len(table) == 4
    assert not table["converged"].any()
    assert not table["hit"].any()
    assert set(table["candidate"]) == {0, 1, 2, 3}
    with LabelStore(run / "labels.sqlite", read_only=True) as store:
        outcomes = {label.structure_hash: label.outcome for label in store.labels()}
    wanted = {"nan": Outcome.FAILED, "stalled": Outcome.UNCONVERGED}
    assert {key: outcomes[key] for key in seen} == {key: wanted[how] for key, how in seen.items()}
    assert len(seen) == 2 + len(table)
    for round_ in range(2):  # 24 less the test split and the two: no candidate came on top
        about = json.loads((run / "regressor" / str(round_) / "card.json").read_text())["about"]
        assert about["training_labels"] == 18
    assert CliRunner().invoke(app, ["report", str(run)]).exit_code == 0


def test_too_many_failed_labels_end_a_run_with_a_sentence(tmp_path: Path, monkeypatch) -> None:
    """Exit code 2; every simulation is kept, and the same command does none of them again."""
    count = 0

    def solver(*arguments: Any, **named: Any) -> DemagnetizationCurve:
        nonlocal count
        count += 1
        return failing(demagnetization_curve(*arguments, **named), "nan" if count % 6 == 0 else "none")

    def no_solver(*_: Any, **__: Any) -> DemagnetizationCurve:
        raise AssertionError("nothing had to be simulated")

    for used in (solver, no_solver):
        done = run_here(monkeypatch, tmp_path, used)
        assert done.exit_code == 2, done.stderr
        last = done.stderr.strip().splitlines()[-1]
        assert "only 20 of 24 labels are usable; the first other: the solver returned a magnetisation" in last
        assert len(simulations(tmp_path / "small")) == count == 24


# -- disk, rights, other runs, edits


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the size of files")
@pytest.mark.parametrize("kilobytes", [20, 100])
def test_a_full_disk_is_a_sentence_and_the_run_goes_on_later(undisturbed: Path, tmp_path: Path, kilobytes: int) -> None:
    """No file may grow beyond a limit: in the journal of the store, in the weights, in the report."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({kilobytes} * 1024,) * 2)"
    code = f"{limit}; import sys; sys.argv[0] = 'inverse_design'; from inverse_design.__main__ import main; main()"
    words = [sys.executable, "-c", code, *command(tmp_path)[3:]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2, done.stderr
    assert "Traceback" not in done.stderr
    assert "error: " in done.stderr.strip().splitlines()[-1]
    if kilobytes == 100:
        assert finish_here(tmp_path) == tables(undisturbed)


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody may write into a folder in this block: not root either, which gives up its right to override modes."""
    for path in (folder, *folder.rglob("*")):
        path.chmod(path.stat().st_mode & ~0o222)
    libc, header, sets = ctypes.CDLL(None), (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    if os.getuid() == 0 and libc.capget(header, sets):
        pytest.skip("root cannot give up a right here")
    before = sets[0]
    sets[0] &= ~(1 << 1)  # CAP_DAC_OVERRIDE, of this thread
    try:
        if os.getuid() == 0:
            assert libc.capset(header, sets) == 0
        yield
    finally:
        sets[0] = before
        if os.getuid() == 0:
            assert libc.capset(header, sets) == 0
        for path in (folder, *folder.rglob("*")):
            path.chmod(path.stat().st_mode | 0o200)


def everything(folder: Path) -> dict[str, tuple[int, bytes]]:
    """Time and content of all that a folder holds."""
    paths = [folder, *sorted(folder.rglob("*"))]
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in paths}


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="takes a right from root")
def test_no_command_writes_into_a_read_only_run_and_each_says_so(undisturbed: Path, run: Path) -> None:
    """Before it computes anything; and what only reads goes on reading."""
    study, structure, store = command(run.parent)[4:], str(run / "candidates" / "00" / "structure.npz"), "labels.sqlite"
    with read_only(run):
        before = everything(run)
        for words in (
            ["run", *study],
            ["label", *study, "--set", "labels.count=26"],
            ["label", *study, "--store", str(run / "part.sqlite")],
            ["label", *study, "--store", str(run / "deeper" / "part.sqlite")],
            ["verify", str(run), "--refine", "2"],
            ["report", str(run)],
            ["report", str(run), str(undisturbed)],
            *(["export", str(run), "0", "--format", format] for format in ("ovf", "mumax3", "npz")),
            ["export", structure, "-o", str(run / "deeper" / "x.ovf")],
            ["simulate", structure, "-o", str(run / "deeper")],
            ["evaluate", str(run), "-o", str(run / "figures")],
            ["morph", "2,90", "8,90", "--surrogate", str(run), "-o", str(run / "m.png")],
            ["init", str(run / "a.yaml")],
            ["merge", str(undisturbed / store), "--store", str(run / "all.sqlite")],
        ):
            said = refused(*words)
            assert said.startswith(f"error: {run}")
            assert "writ" in said or "Permission denied" in said, said
        for words in (["status", str(run)], ["evaluate", str(run)], ["label", *study]):
            done = CliRunner().invoke(app, words)
            assert done.exit_code == 0, done.stderr
        done = CliRunner().invoke(app, ["merge", str(run / store), "--store", str(run.parent / "all.sqlite")])
        assert "28 labels added" in done.stdout
        assert everything(run) == before


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="takes a right from root")
def test_a_run_that_becomes_read_only_midway_goes_on_later(undisturbed: Path, run: Path, monkeypatch) -> None:
    """While it searches: what was there stays as it was, and the same command does the rest."""
    for name in ("search/1", "verify/1"):
        shutil.rmtree(run / name)
    before = everything(run / "vae") | everything(run / "regressor") | everything(run / "search")
    with contextlib.ExitStack() as stack:

        def searched(*arguments: Any) -> Any:
            stack.enter_context(read_only(run))
            return search(*arguments)

        monkeypatch.setattr("inverse_design.run.searching.search", searched)
        done = CliRunner().invoke(app, command(run.parent)[3:])
    assert done.exit_code == 2, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"error: {run}")
    assert last.endswith("Permission denied")
    assert everything(run / "vae") | everything(run / "regressor") | everything(run / "search") == before
    monkeypatch.undo()
    assert CliRunner().invoke(app, command(run.parent)[3:]).exit_code == 0
    assert tables(run) == tables(undisturbed)


def test_a_second_run_on_one_folder_is_refused(run: Path) -> None:
    before = tables(run)
    with FileLock(run / ".lock"):
        for words in (command(run.parent)[3:], ["report", str(run)], ["verify", str(run), "--refine", "2"]):
            assert "another run is writing this folder" in refused(*words)
    assert tables(run) == before


@pytest.mark.parametrize("change", ["target: 0.8", "epochs: 1", "A_J_per_m", "not a study"])
def test_what_is_said_is_of_the_study_that_ran(undisturbed: Path, run: Path, change: str) -> None:
    """The file in the run folder is a user's to edit, or to lose: for the next run."""
    study, shown = run / "study.yaml", Path("report.html")
    text = study.read_text()
    edits = {"target: 0.8": "target: 0.7", "epochs: 1": "epochs: 2"}
    material = "material: {A_J_per_m: 1.0e-11, Js_T: 1.3, K1_J_per_m3: 3.0e+6}"
    edited = text.replace(change, edits.get(change, "")) if change in edits else text
    study.write_text("{" if change == "not a study" else edited.replace("material: Nd2Fe14B", material))
    done = CliRunner().invoke(app, ["report", str(run)])
    assert done.exit_code == 0, done.stderr
    assert ("study.yaml has been edited" in done.stderr) == (change != "not a study")
    assert tables(run) == tables(undisturbed)
    again = shutil.copytree(undisturbed, run.parent / "again")  # `report` draws more figures than a run does
    assert CliRunner().invoke(app, ["report", str(again)]).exit_code == 0
    assert (run / shown).read_text() == (again / shown).read_text()
    scripts = []
    for folder in (run, undisturbed):
        words = ["export", str(folder), "0", "--format", "mumax3", "-o", str(run.parent / "a.mx3")]
        assert CliRunner().invoke(app, words).exit_code == 0
        scripts.append((run.parent / "a.mx3").read_text())
    assert scripts[0] == scripts[1]


def test_a_record_of_a_run_has_a_checksum_and_values_that_can_be(run: Path) -> None:
    """Edited by hand, it is damaged; and a right checksum makes no hits of -1."""
    path, known = run / "manifest.json", read_manifest(run)
    for name, edited in (("hits", 3), ("reason", "it was so good"), ("rounds", 1)):
        path.write_text(json.dumps({**json.loads(path.read_text()), name: edited}))
        assert "manifest.json: damaged" in refused("report", str(run))
        write_manifest(run, known)
    impossible: dict[str, Any] = {
        "hits": -1, "rounds": True, "simulations": 2.5, "labels": {"count": -5},
        "labelled": {"count": 1, "hits": 1, "best": {"Hc": float("nan")}},
    }  # fmt: skip
    for name, value in impossible.items():
        write_manifest(run, {**known, name: value})
        assert "manifest.json: damaged" in refused("status", str(run))


def test_a_run_may_lie_in_a_folder_that_is_called_anything(undisturbed: Path, run: Path) -> None:
    """Not UTF-8, and what looks like markup."""
    odd = Path(shutil.copytree(run, run.with_name(os.fsdecode(b"\xff[b]"))))
    structure = str(odd / "candidates" / "00" / "structure.npz")
    for words in (
        ["status", odd], ["report", odd], ["report", run, odd], ["report", odd, run], ["evaluate", odd],
        ["verify", odd, "--discretization", "cells"], ["export", odd, "0"],
        ["predict", structure, "--surrogate", odd], ["merge", odd / "labels.sqlite", "--store", odd / "all.sqlite"],
    ):  # fmt: skip
        done = CliRunner().invoke(app, [str(word) for word in words])
        assert done.exit_code == 0, done.stderr or repr(done.exception)
    assert tables(odd)["front.csv"] == tables(undisturbed)["front.csv"]


# -- files of others


def test_files_of_others_stay_and_harm_nothing(undisturbed: Path, run: Path) -> None:
    """Of file browsers, of network file systems, of a user: `report` reads on, and removes none of them."""
    before = tables(run)
    strangers = {
        f"{folder}/{name}": f"{folder}/{name}".encode()
        for folder in ("vae", "regressor/1", "search/1", "verify/0", "candidates", "candidates/00", "checks", "figures")
        for name in (".DS_Store", "Thumbs.db", ".nfs000000000001", "notes.txt", "[1].txt")
    }
    strangers |= {f"candidates/{name}/mine.txt": b"mine" for name in ("00-backup", "07", "best", "100")}
    for name, content in strangers.items():
        (run / name).parent.mkdir(parents=True, exist_ok=True)
        (run / name).write_bytes(content)
    for words in (["report", str(run)], ["status", str(run)], ["evaluate", str(run)]):
        done = CliRunner().invoke(app, words)
        assert done.exit_code == 0, done.stderr
        assert "damaged" not in done.stderr
    assert finish_here(run.parent) == before == tables(undisturbed)
    assert {name: (run / name).read_bytes() for name in strangers} == strangers


def test_candidates_of_an_older_study_go_and_what_was_put_beside_them_stays(run: Path) -> None:
    old = Path(shutil.copytree(run / "candidates" / "03", run / "candidates" / "04"))
    other = Path(shutil.copytree(run / "candidates" / "03", run / "candidates" / "05"))
    (other / "structure.ovf").write_bytes(b"exported")
    assert CliRunner().invoke(app, ["report", str(run)]).exit_code == 0
    assert not old.exists()
    assert [path.name for path in other.iterdir()] == ["structure.ovf"]


def test_a_stage_that_is_made_anew_brings_along_what_is_not_its_own(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)

    def build(text: str) -> Callable[[Path], None]:
        def write(work: Path) -> None:
            for name in ("a.txt", f"{text}.txt"):
                (work / name).write_text(text)

        return write

    at = folder.stage("vae", "1" * 64, build("one"))
    for name in ("notes.txt", ".DS_Store"):
        (at / name).write_text("mine")
    assert folder.state("vae", "1" * 64) == "there"
    folder.stage("vae", "2" * 64, build("two"))
    found = {path.name: path.read_text() for path in at.iterdir() if path.name != "artifact.json"}
    assert found == {"a.txt": "two", "two.txt": "two", "notes.txt": "mine", ".DS_Store": "mine"}
    assert set((read_artifact(at) or {})["files"]) == {"a.txt", "two.txt"}


def test_a_full_disk_names_what_could_not_be_written(tmp_path: Path) -> None:
    """Where the error names no file: of a write into one that is open."""

    def full(work: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(OSError, match=r"No space left on device: .*vae"):
        RunFolder(tmp_path).stage("vae", "1" * 64, full)


# -- pictures that cannot be made


def test_a_short_sweep_has_a_report_without_maps_of_the_reversal(run: Path) -> None:
    """Known from the study, and said by `check`; a solver that fails for one candidate costs it its map."""
    short = ("--set", "field_sweep.step=0.1", "--set", "field_sweep.stop=-0.05")
    words = command(run.parent)[4:]
    goals = ["--set", "goals={Mr: {target: 0.8, tolerance: 0.01}}"]
    done = CliRunner().invoke(app, ["check", words[0], *short, *goals])
    assert done.exit_code == 0, done.stderr
    assert "the report has no maps of the reversal" in " ".join(done.stderr.split())
    text = read_manifest(run)["study"]
    study = load_study(run / "study.yaml", ("field_sweep.step=0.1", "field_sweep.stop=-0.05", goals[1]))
    design = read_design(run)
    write_outputs(replace_fields(design, study=study))
    assert "No map of the reversal: the field sweep has fewer than two fields" in (run / "report.html").read_text()
    has_run(run, text)


def test_a_map_that_the_solver_does_not_come_to_costs_a_sentence(run: Path, monkeypatch, caplog) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise SolverError("planar (elements) gave no curve")

    monkeypatch.setattr("inverse_design.run.switching.reversal", fails)
    design = read_design(run)
    bare = tuple(replace_fields(item, switching_field=np.zeros((0, 0))) for item in design.verified)
    write_outputs(replace_fields(design, verified=bare))  # as of an earlier attempt, whose results alone are left
    assert "candidate 00: no map of the reversal: planar (elements) gave no curve" in caplog.text
    assert "No map of the reversal: planar (elements) gave no curve." in (run / "report.html").read_text()


def test_the_clock_decides_nothing(undisturbed: Path, run: Path) -> None:
    """Time stamps of a day in 1980, as after a clock that was set back: nothing is done again."""
    for path in run.rglob("*"):
        os.utime(path, (315_532_800, 315_532_800))
    stamps = {path: path.stat().st_mtime for path in run.rglob("artifact.json")}
    assert finish_here(run.parent) == tables(undisturbed)
    assert {path: path.stat().st_mtime for path in run.rglob("artifact.json")} == stamps
