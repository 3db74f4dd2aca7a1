"""The quickstart in a reduced form, on the real commands.

The first run and the one that is killed are processes of their own; what comes after is called here, without a start of
TensorFlow for each.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import traceback
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner, Result

from inverse_design.cli import app
from inverse_design.properties import PROPERTIES
from simulation import LabelStore
from simulation.anchors import ANCHORS
from simulation.microstructure import Microstructure
from studies.benchmarks import kills

PROGRAM = [sys.executable, "-m", "inverse_design"]


def command(runs: Path, *overrides: str, name: str = "small") -> list[str]:
    words = kills.command(runs)[3:]
    for override in (f"name={name}", *overrides):
        words += ["--set", override]
    return words


def execute(*words: str) -> Result:
    return CliRunner().invoke(app, words)


def answer(*words: str) -> dict[str, Any]:
    """What a command with --json says; where it says nothing, why is in the failure."""
    done = execute(*words)
    assert done.exit_code == 0, f"{done.stderr}\n{''.join(traceback.format_exception(done.exception))}"
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.fixture(scope="module")
def runs(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(small_run, folder / "small")
    return folder


@pytest.fixture(scope="module")
def run(runs: Path) -> Path:
    return runs / "small"


def labels_in(run: Path) -> int:
    with sqlite3.connect(f"file:{run / 'labels.sqlite'}?mode=ro", uri=True) as db:
        return int(db.execute("SELECT count(*) FROM labels").fetchone()[0])


def stamps(run: Path) -> dict[str, float]:
    return {str(path.relative_to(run)): path.stat().st_mtime_ns for path in run.glob("*/**/artifact.json")}


def test_every_promised_file_is_there(run: Path) -> None:
    for name in ("study.yaml", "manifest.json", "labels.sqlite", "front.csv", "verified.csv", "report.html", "run.log"):
        assert (run / name).stat().st_size > 0, name
    assert {path.name for path in (run / "candidates").iterdir()} == {"00", "01", "02", "03"}


def test_verified_csv_is_as_promised(run: Path) -> None:
    table = pd.read_csv(run / "verified.csv")
    anchors = [f"{a}_{kind}" for a in ANCHORS for kind in ("predicted", "std", "verified")]
    first = ["candidate", "round", "backend", "discretization", "cell_nm", "converged", "hit", "confirmed"]
    last = ["source", "parent", *PROPERTIES[6:], "spins", "novelty", "hit_probability"]
    assert list(table.columns) == [*first, *anchors, *last]
    assert table["candidate"].tolist() == [0, 1, 2, 3]
    assert table["round"].tolist() == [0, 0, 1, 1]
    inside = ((table["Mr_verified"] - 0.80).abs() <= 0.01) & ((table["Hc_verified"] - 0.42).abs() <= 0.01)
    assert table["hit"].tolist() == (inside & table["converged"]).tolist()


def test_what_is_called_verified_was_simulated(run: Path) -> None:
    from simulation import FieldSweep, demagnetization_curve

    table = pd.read_csv(run / "verified.csv").set_index("candidate")
    for number in (0, 3):
        folder = run / "candidates" / f"{number:02d}"
        again = demagnetization_curve(
            Microstructure.load(folder / "structure.npz"), sweep=FieldSweep(until="coercivity")
        )
        stated = json.loads((folder / "anchors.json").read_text())
        origin = json.loads((folder / "origin.json").read_text())
        assert origin["source"] in ("decoded", "steered", "turned", "drawn")
        assert len(origin["predicted"]) == 6
        assert all(len(checksum) == 64 for checksum in origin["surrogate"].values())
        assert origin["surrogate"]
        for name, value in again.anchors.as_dict().items():
            assert stated[name] == pytest.approx(value, abs=1e-9)
            assert table.loc[number, f"{name}_verified"] == pytest.approx(value, abs=1e-9)


def test_the_explorer_shows_labels_candidates_and_front(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import surrogate
    from inverse_design.explore.atlas import KINDS, load_atlas

    class Model:
        """Codes of the length that the run has."""

        load = staticmethod(lambda name: Model())
        encode = staticmethod(lambda structures: np.zeros((len(structures), 4), np.float32))

    monkeypatch.setitem(vars(surrogate), "Surrogate", Model)  # so that TensorFlow is not imported for it
    atlas, table = load_atlas(str(run)), pd.read_csv(run / "verified.csv")
    counts = {kind: sum(point.kind == kind for point in atlas.points) for kind in KINDS}
    assert counts["candidate"] == table["converged"].iloc[:4].sum()
    assert counts["front"] == len(pd.read_csv(run / "front.csv"))
    assert 0 < counts["label"] <= 24
    assert len(atlas.codes) == len(atlas.points)
    for number in table.index[:4][table["converged"].iloc[:4]]:
        row = atlas.rows[f"candidate {number:02d}"]
        assert atlas.table[row, 5] == pytest.approx(table["Hc_verified"][number], abs=1e-9)
        assert atlas.structure(row) == Microstructure.load(run / "candidates" / f"{number:02d}" / "structure.npz")
    with LabelStore(run / "labels.sqlite", read_only=True) as store:
        assert atlas.conditions.label_key(atlas.structure(0).content_hash) in store
    assert {goal.quantity for goal in atlas.goals} == {"Mr", "Hc", "Hk90"}


def test_front_csv_holds_objectives_and_predictions(run: Path) -> None:
    table = pd.read_csv(run / "front.csv")
    assert {"objective_Mr", "objective_Hc", "objective_Hk90", "Mr_predicted", "Hc_std"} <= set(table.columns)
    assert len(table) > 0


def test_the_wall_time_of_every_stage_is_told(run: Path) -> None:
    times = pd.read_csv(run / "tables" / "seconds.csv").set_index("stage")["seconds"]
    stages = ("regressor", "search", "verify", "confirm")
    rounds = [f"{stage}/{round_}" for round_ in (0, 1) for stage in stages if f"{stage}/{round_}" in times.index]
    assert list(times.index) == ["labels", "vae", *rounds, "start-up and report"]
    assert {f"{stage}/1" for stage in stages} - {"confirm/1"} <= set(rounds)
    assert (times > 0).all()
    assert f"labels         {times['labels']:.1f} s so far" in execute("status", str(run)).stdout


def test_a_second_run_does_nothing_again(runs: Path, run: Path) -> None:
    before, labels = stamps(run), labels_in(run)
    seconds = (run / "seconds.json").read_bytes()
    verified = (run / "verified.csv").read_bytes()
    done = execute(*command(runs))
    assert done.exit_code == 0, done.stderr
    assert "goal, predicted -> verified" in done.stdout
    assert stamps(run) == before
    assert labels_in(run) == labels
    assert (run / "seconds.json").read_bytes() == seconds
    assert (run / "verified.csv").read_bytes() == verified


def test_the_verified_candidates_of_a_round_train_the_next(run: Path) -> None:
    cards = [json.loads((run / "regressor" / str(round_) / "card.json").read_text()) for round_ in (0, 1)]
    assert [card["about"]["training_labels"] for card in cards] == [20, 22]
    assert labels_in(run) == 24 + 4


def test_labels_continue_where_a_kill_stopped_a_run(runs: Path) -> None:
    """Kill -9 in the middle of labelling: no finished label is lost or made twice."""
    words = command(runs, "labels.count=60", name="killed")
    silent = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen([*PROGRAM, *words], **silent, start_new_session=True)  # type: ignore[call-overload]
    store = runs / "killed" / "labels.sqlite"
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if store.exists() and labels_in(runs / "killed") >= 10:
                break
        except sqlite3.OperationalError:
            pass  # not created yet
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = labels_in(runs / "killed")
    assert 10 <= kept < 60
    done = execute("label", *words[1:])  # the same labels; that a run goes on to its end, `test_faults` holds
    assert done.exit_code == 0, done.stderr
    assert labels_in(runs / "killed") == 60


def test_changed_goals_redo_the_search_only(runs: Path, run: Path) -> None:
    before = stamps(run)
    done = execute(*command(runs, "goals.Mr.target=0.7", "verification.rounds=1"))
    assert done.exit_code == 0, done.stderr
    after = stamps(run)
    changed = {name for name in after if after[name] != before.get(name)}
    stages = {name.partition("/")[0] for name in changed}
    assert {"search", "verify", "confirm"} <= stages <= {"search", "verify", "confirm", "reversal", "known"}


def test_commands_on_a_run(run: Path, tmp_path: Path) -> None:
    structure = str(run / "candidates" / "00" / "structure.npz")
    assert "simulations in the store" in execute("status", str(run)).stdout
    found = answer("evaluate", str(run), "--json", "-o", str(tmp_path / "figures"))
    assert set(found) == {"mae", "paper", "n", "within_1_std", "within_2_std", "rank_correlation"}
    assert {path.name for path in (tmp_path / "figures").iterdir()} == {
        f"{name}.{kind}"
        for name in ("computed-predicted", "losses", "latent-codes", "curves")
        for kind in ("png", "svg")
    }
    assert found["n"] == 4
    assert set(found["mae"]) == set(ANCHORS)
    assert execute("simulate", structure, "-o", str(tmp_path / "out")).exit_code == 0
    assert list(pd.read_csv(tmp_path / "out" / "curve.csv").columns) == ["h", "m", "converged"]
    assert (tmp_path / "out" / "curve.png").stat().st_size > 0
    predicted = answer("predict", structure, "--surrogate", str(run), "--json")
    assert set(predicted) <= {*ANCHORS, "novelty"}
    assert set(predicted) >= set(ANCHORS)
    assert execute("report", str(run)).exit_code == 0
    assert "the same run twice" in execute("report", str(run), str(run)).stderr
    other = shutil.copytree(run, tmp_path / "other")
    assert execute("report", str(run), str(other)).exit_code == 0
    assert "small and other" in (run / "comparison-other.html").read_text(encoding="utf-8")
    third = shutil.copytree(run, tmp_path / "third")
    assert execute("report", str(run), str(other), str(third)).exit_code == 0
    assert "small, other and third" in (run / "comparison-other-third.html").read_text(encoding="utf-8")
    morph = execute("morph", structure, "4,90", "--surrogate", str(run), "--steps", "2", "-o", str(tmp_path / "m.png"))
    assert morph.exit_code == 0, morph.stderr
    assert (tmp_path / "m.png").stat().st_size > 0


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("run", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (("check", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
        (("status", "nowhere"), "nowhere: no run here"),
        (("report", "nowhere"), "nowhere: no run"),
        (("evaluate", "nowhere"), "no surrogate 'nowhere'"),
        (("simulate", "nowhere.npz"), "nowhere.npz: no such structure file"),
        (("fly",), "No such command"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(words: tuple[str, ...], sentence: str) -> None:
    done = execute(*words)
    assert done.exit_code == 2
    assert sentence in done.stderr


def test_init_writes_a_study_that_is_valid(tmp_path: Path) -> None:
    study = str(tmp_path / "mine.yaml")
    assert execute("init", study).exit_code == 0
    assert execute("check", study).exit_code == 0
    again = execute("init", study)
    assert again.exit_code == 2
    assert "exists already" in again.stderr


def test_candidates_on_a_finer_mesh_become_rows(runs: Path, run: Path) -> None:
    assert execute(*command(runs)).exit_code == 0  # as at first, whatever the tests before have done
    refused = execute("verify", str(run))
    assert refused.exit_code == 2
    assert "verified by planar (elements) on these cells already" in refused.stderr
    done = execute("verify", str(run), "--refine", "2")
    assert done.exit_code == 0, done.stderr
    table = pd.read_csv(run / "verified.csv")
    assert table["candidate"].tolist() == [0, 1, 2, 3, 0, 1, 2, 3]
    assert table["cell_nm"].tolist() == [2.0] * 4 + [1.0] * 4
    freed = execute("verify", str(run), "--spins", "free")
    assert freed.exit_code == 0, freed.stderr
    assert "elements of 2 nm, free spins" in freed.stdout
    table = pd.read_csv(run / "verified.csv")
    assert table["spins"].tolist() == ["planar"] * 4 + ["free"] * 4 + ["planar"] * 4  # by the names of the checks
    assert table["Hc_verified"].notna().all()


def test_labels_in_shards_merge_to_the_same_store(tmp_path: Path) -> None:
    study = str(files("studies") / "quickstart.yaml")
    options = [word for override in kills.SMALL for word in ("--set", override)]
    parts = [str(tmp_path / f"part{k}.sqlite") for k in (1, 2)]
    for k, part in enumerate(parts, start=1):
        assert execute("label", study, "--shard", f"{k}/2", "--store", part, *options).exit_code == 0
    whole = str(tmp_path / "whole.sqlite")
    for _ in range(2):
        assert execute("merge", *parts, "--store", whole).exit_code == 0
    with sqlite3.connect(whole) as db:
        assert db.execute("SELECT count(*) FROM labels").fetchone()[0] == 24
    wrong = execute("label", study, "--shard", "3/2", "--store", whole)
    assert wrong.exit_code == 2
    assert "shard must be" in wrong.stderr


@pytest.mark.parametrize("format", ["npz", "ovf", "mumax3"])
def test_a_candidate_is_exported(run: Path, tmp_path: Path, format: str) -> None:
    done = execute("export", str(run), "0", "--format", format, "-o", str(tmp_path / "out"))
    assert done.exit_code == 0, done.stderr
    assert list(tmp_path.iterdir())
