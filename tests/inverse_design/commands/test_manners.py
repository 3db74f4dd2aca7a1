"""The habits of a command line: results on standard output, options on both sides, the material of a run, refusals."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from inverse_design.cli import app
from inverse_design.commands import completion
from inverse_design.commands.init import EXAMPLES
from inverse_design.commands.setting import run_of, setting_of
from inverse_design.run.folder import RunFolder, write_manifest
from inverse_design.study.reading import load_study
from simulation import InputError, LabelStore, Microstructure, voronoi
from surrogate.card import find_surrogate

QUICKSTART = str(files("studies") / "quickstart.yaml")
SMCO5 = "{A_J_per_m: 1.2e-11, Js_T: 1.08, K1_J_per_m3: 1.72e+7}"


def execute(*words: object) -> Result:
    return CliRunner().invoke(app, [str(word) for word in words])


def said(*words: object) -> str:
    """Standard output of a command that must succeed."""
    done = execute(*words)
    assert done.exit_code == 0, done.stderr or repr(done.exception)
    return done.stdout


def refused(*words: object) -> str:
    done = execute(*words)
    assert done.exit_code == 2, done.stderr or repr(done.exception)
    assert done.stdout == ""
    return done.stderr


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run of another magnet by cells that has come to a verified round, as far as `status` and `simulate` look."""
    text = f"name: magnet\nmaterial: {SMCO5}\nlabels: {{discretization: cells, count: 100}}\ngoals: {{Hc: maximize}}\n"
    text += "field_sweep: {step: 0.05}\n"
    folder = tmp_path / "runs" / "magnet"
    (folder / "candidates" / "00").mkdir(parents=True)
    (folder / "study.yaml").write_text(text)
    voronoi(40.0, 2.0, 4, 1.0, np.random.default_rng(1)).save(folder / "candidates" / "00" / "structure.npz")
    manifest: dict[str, Any] = {
        "rounds": 1,
        "simulations": 8,
        "hits": 3,
        "counted": 2,
        "confirmed": 2,
        "confirmations": 3,
    }
    manifest |= {"checks": ["finer"], "reason": "1 rounds are done", "labels": {}, "labelled": {}, "study": text}
    write_manifest(folder, manifest)
    LabelStore(folder / "labels.sqlite").close()
    return folder


# -- where things are said


@pytest.mark.parametrize("words", [("check", QUICKSTART), ("status", "RUN")])
@pytest.mark.parametrize("quiet", [("--quiet",), ()])
def test_a_result_is_on_standard_output_quiet_or_not(run: Path, words: tuple[str, ...], quiet: tuple[str, ...]) -> None:
    words = tuple(str(run) if word == "RUN" else word for word in words)
    done = execute(*quiet, *words)
    assert done.exit_code == 0
    assert done.stderr == ""
    assert done.stdout == said(*words, *quiet)
    assert len(done.stdout.splitlines()) > 2


@pytest.mark.parametrize("words", [("--version",), ("status", "--version"), ("--version", "status")])
def test_the_version_is_told_before_and_after_a_command(words: tuple[str, ...]) -> None:
    assert said(*words).startswith("inverse-design ")


def test_the_level_that_stands_last_counts(run: Path) -> None:
    assert "got 'loud'" in refused("status", run, "--log-level", "loud")
    assert said("--log-level", "debug", "status", run, "--log-level", "error")


def test_a_reader_who_has_seen_enough_is_no_failure() -> None:
    words = f"{sys.executable} -m inverse_design check {QUICKSTART}"
    done = subprocess.run(
        ["bash", "-c", f"{words} | true; echo ${{PIPESTATUS[0]}}"],
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.stdout == "0\n"
    assert done.stderr == ""


@pytest.mark.parametrize("words", [("--help",), ("check", "--help"), ("check", QUICKSTART), ("--version",)])
def test_nor_is_a_reader_of_the_help(monkeypatch: pytest.MonkeyPatch, capsys, words: tuple[str, ...]) -> None:
    """Rich and Click would end it with 1, each in a way of its own."""
    heard, said = os.pipe()
    os.close(heard)
    with open(said, "w") as nobody:  # noqa: PTH123 - a descriptor
        monkeypatch.setattr(sys, "stdout", nobody)
        with pytest.raises(SystemExit) as end:
            app(list(words), prog_name="inverse-design")
        monkeypatch.undo()
    assert end.value.code == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("words", [("predict", "S.npz"), ("evaluate",), ("morph", "4,90", "8,90", "-o", "m.png")])
def test_loading_tensorflow_is_said_before_it_takes_seconds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """On standard error, not with --quiet, and not where it is there; a damaged surrogate is refused before."""

    class Loaded:
        @staticmethod
        def load(name: object) -> None:
            raise InputError("that is enough")

    folder = tmp_path / "surrogate"
    shutil.copytree(find_surrogate("nd2fe14b"), folder)
    # In this order: a module that is first imported under the second patch would keep what it patches.
    monkeypatch.setattr("inverse_design.commands.structure.find_surrogate", lambda name: folder)
    monkeypatch.setattr("surrogate.card.find_surrogate", lambda name: folder)
    monkeypatch.setattr("surrogate.Surrogate", Loaded, raising=False)
    monkeypatch.delitem(sys.modules, "keras", raising=False)
    monkeypatch.chdir(tmp_path)
    Microstructure(np.zeros((8, 8), int), np.zeros(1)).save(tmp_path / "S.npz")
    name = ["nd2fe14b"] if words == ("evaluate",) else ["--surrogate", "nd2fe14b"]
    first, last = refused(*words, *name).splitlines()
    assert first.endswith(" loading TensorFlow")
    assert last == "error: that is enough" == refused(*words, *name, "--quiet").rstrip("\n")
    monkeypatch.setitem(sys.modules, "keras", Loaded)
    assert "loading TensorFlow" not in refused(*words, *name)
    monkeypatch.delitem(sys.modules, "keras")
    weights = next(folder.glob("*.weights.h5"))
    weights.write_bytes(weights.read_bytes()[:-1])
    assert "loading TensorFlow" not in (said := refused(*words, *name))
    assert "checksum differs" in said


def test_the_keys_that_other_programs_read_of_a_status(run: Path) -> None:
    found = json.loads(said("status", run, "--json"))
    wanted = {
        "name": "magnet", "running": False, "stage": None, "rounds": 1, "labels": 0, "candidates": 8, "hits": 3,
        "confirmed": 2, "reason": "1 rounds are done",
    }  # fmt: skip
    assert {name: found[name] for name in wanted} == wanted


def test_status_tells_a_process_that_runs_and_its_stage(run: Path) -> None:
    folder = RunFolder(run)
    assert "no process is running it" in said("status", run)
    with folder.locked(), folder.times.timed("search/1", "k"):
        found = json.loads(said("status", run, "--json"))
        assert (found["running"], found["stage"]) == (True, "search/1")
        assert "running now: search/1" in said("status", run)
        with folder.times.at("report"):
            assert json.loads(said("status", run, "--json"))["stage"] == "report"
        assert json.loads(said("status", run, "--json"))["stage"] == "search/1"
    found = json.loads(said("status", run, "--json"))
    assert (found["running"], found["stage"]) == (False, None)


def test_stages_are_told_in_the_order_of_a_run(run: Path) -> None:
    names = ["verify/10", "confirm/2", "vae", "search/2", "regressor/2", "verify/2", "known", "confirm/known"]
    for name in names:
        (run / name).mkdir(parents=True)
        record = {"stage": name, "key": "k", "files": {}}
        (run / name / "artifact.json").write_text(json.dumps(record))
    stages = json.loads(said("status", run, "--json"))["stages"]
    order = ["known", "vae", "confirm/known", "regressor/2", "search/2", "verify/2", "confirm/2", "verify/10"]
    assert [stage["name"] for stage in stages] == order


# -- what a structure is simulated as


def test_a_structure_in_a_run_is_simulated_as_the_run_has_it(
    run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    words = said("simulate", run / "candidates" / "00" / "structure.npz")
    assert "Js = 1.08 T" in words.splitlines()[0]
    assert "as run magnet; by planar (cells) on 20 x 20 cells of 2 nm, 1 to -1 H_A in steps of 0.05" in words
    assert {path: path.read_bytes() for path in run.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in (tmp_path / "simulated-magnet-00").iterdir()) == [
        "anchors.json", "curve.csv", "curve.png",
    ]  # fmt: skip
    whole = json.loads(said("simulate", run / "candidates" / "00" / "structure.npz", "--json", "-o", tmp_path / "o"))
    assert whole["material"]["Js_T"] == 1.08
    assert whole["discretization"] == "cells"
    assert 0 < whole["BHmax_J_per_m3"] < 1.08**2 / (4 * 4e-7 * np.pi), "no more than the magnet of the run can have"


def test_an_export_of_a_structure_in_a_run_is_of_its_material(run: Path, tmp_path: Path) -> None:
    for words in ([run, 0], [run / "candidates" / "00" / "structure.npz"]):
        said("export", *words, "-o", tmp_path / "a.mx3")
        assert "mu0 Ms = 1.08 T" in (tmp_path / "a.mx3").read_text()


def test_a_material_by_name_or_file(run: Path, tmp_path: Path) -> None:
    structure = tmp_path / "s.npz"
    shutil.copyfile(run / "candidates" / "00" / "structure.npz", structure)
    (tmp_path / "constants.yaml").write_text("A_J_per_m: 1.2e-11\nJs_T: 1.08\nK1_J_per_m3: 1.72e+7\n")
    assert setting_of(structure).material.Js_T == 1.61
    for file in (tmp_path / "constants.yaml", run / "study.yaml"):
        assert setting_of(structure, str(file)).material.Js_T == 1.08
    inside = run / "candidates" / "00" / "structure.npz"
    assert setting_of(inside).material.Js_T == 1.08
    assert setting_of(inside, "Nd2Fe14B").material.Js_T == 1.61
    (tmp_path / "wrong.yaml").write_text("A_J_per_m: 1.2e-11\nJs_T: -1\nK1_J_per_m3: 1.72e+7\n")
    with pytest.raises(InputError, match=r"wrong.yaml:2: material.Js_T: must be at least 0.001, got -1"):
        setting_of(structure, str(tmp_path / "wrong.yaml"))
    assert "Nd3Fe: no material of this name (Nd2Fe14B, FePt, Co)" in refused(
        "simulate", structure, "--material", "Nd3Fe"
    )
    assert "give A_J_per_m beside the name" in refused("simulate", structure, "--material", "SmCo5")
    (tmp_path / "filled.yaml").write_text("name: SmCo5\nA_J_per_m: 1.2e-11\n")
    assert setting_of(structure, str(tmp_path / "filled.yaml")).material.K1_J_per_m3 == 1.7e7


def test_a_study_beside_a_structure_makes_no_run(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text("name: a\ngoals: {Mr: maximize}\n")
    assert run_of(tmp_path / "s.npz") is None


def test_a_prediction_for_another_magnet_is_refused(run: Path) -> None:
    words = refused("predict", run / "candidates" / "00" / "structure.npz", "--surrogate", "nd2fe14b-elements")
    assert "surrogate nd2fe14b-elements was trained for Nd2Fe14B" in words


def test_a_prediction_needs_a_surrogate(tmp_path: Path) -> None:
    Microstructure(np.zeros((8, 8), int), np.zeros(1)).save(tmp_path / "s.npz")
    assert "name a surrogate" in refused("predict", tmp_path / "s.npz")


# -- studies to start from


def test_a_study_of_a_shipped_surrogate(tmp_path: Path) -> None:
    said("init", tmp_path / "a.yaml", "--surrogate", "nd2fe14b-elements")
    assert load_study(tmp_path / "a.yaml").surrogate.pretrained == "nd2fe14b-elements"
    assert "no surrogate 'nowhere'" in refused("init", tmp_path / "b.yaml", "--surrogate", "nowhere")


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_is_copied(tmp_path: Path, name: str) -> None:
    said("init", tmp_path / "a.yml", "--example", name)
    assert load_study(tmp_path / "a.yml").name == name


@pytest.mark.parametrize("name", ["a.txt", "a", "a.yaml.npz"])
def test_a_study_has_a_suffix_of_yaml(tmp_path: Path, name: str) -> None:
    assert "a study is a YAML file" in refused("init", tmp_path / name)
    assert not list(tmp_path.iterdir())


# -- what a study would take


def test_check_says_what_a_run_would_take() -> None:
    more = ("--set", "verification.redraws=5", "--set", "execution.workers=3")
    text = said("check", QUICKSTART, *more)
    for words in ("redraws: 5 of each hit", "execution: local, 3 workers", "of memory,", "of disk", "time: "):
        assert words in text
    found = json.loads(said("check", QUICKSTART, "--json", *more))
    assert (found["redraws"], found["workers"], found["confirm"]) == (5, 3, ["finer", "free"])
    assert found["disk_bytes"] > 0 < found["memory_bytes"]
    assert found["simulation_s"] is None, "nothing was measured"


def test_a_measured_curve_says_how_long_all_take(tmp_path: Path) -> None:
    small = ("--set", "labels.count=24", "--set", "labels.test=4", "--set", "execution.workers=2", "--runs", tmp_path)
    found = json.loads(said("check", QUICKSTART, "--json", "--time", *small))
    assert found["curve_s"] > 0
    low, high = found["simulation_s"]
    assert low == pytest.approx((24 + 8) * found["curve_s"] / 2)
    assert high == pytest.approx((24 + 32 * (1 + 2 * 4)) * found["curve_s"] / 2)


def test_goals_are_shown_in_the_units_that_they_are_written_in() -> None:
    text = said("check", QUICKSTART, "--set", "goals.Hc={target: 21 kOe, tolerance: 500 Oe}")
    assert "goal: Mr 0.8 ± 0.01 Ms = 1.288 ± 0.0161 T" in text
    assert "goal: Hc 0.3203 ± 0.00763 H_A = 21 ± 0.5 kOe" in text


# -- a run that is locked


def test_labels_are_not_simulated_beside_a_run(tmp_path: Path) -> None:
    small = (QUICKSTART, "--set", "labels.count=8", "--set", "labels.test=2", "--runs", tmp_path)
    with RunFolder(tmp_path / "quickstart").locked():
        assert "another run is writing this folder" in refused("label", *small)
        assert not (tmp_path / "quickstart" / "labels.sqlite").exists()


# -- completion


def test_the_shell_is_offered_runs_surrogates_and_candidates(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(run.parent.parent)
    assert completion.runs("") == ["runs/magnet"]
    assert completion.runs("runs/x") == []
    assert completion.surrogates("nd2") == ["nd2fe14b", "nd2fe14b-elements", "nd2fe14b-free"]
    assert completion.surrogates("runs/") == ["runs/magnet"]
    words = "inverse-design export runs/magnet "
    environment = {"_ROOT_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": "3"}
    done = CliRunner().invoke(app, [], env={**os.environ, **environment}, prog_name="root")
    assert done.stdout.split() == ["0"]
