"""What is said of a study before it runs, and of a structure file that is simulated."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from inverse_design.cli import app
from inverse_design.study.caveats import caveats
from inverse_design.study.reading import parse_study
from simulation import Microstructure, Nd2Fe14B, voronoi


def said(goals: str, more: str = "") -> list[str]:
    return caveats(parse_study(f"name: a\ngoals: {{Hk90: maximize, {goals}}}\n{more}", "s.yaml"))


@pytest.mark.parametrize(
    ("goals", "what"),
    [
        ("Hc: {target: 0.4, tolerance: 1.0e-9}", "goals.Hc: 1e-09 H_A to either side is finer than can be told"),
        ("Hc: {between: [0.4, 0.401]}", "steps of 0.01 H_A tell a field within 0.005"),
        ("Mr: {target: 0.8, tolerance: 1.0e-5}", "goals.Mr: 1e-05 Ms"),
    ],
)
def test_a_tolerance_finer_than_can_be_told_is_said(goals: str, what: str) -> None:
    (sentence,) = said(goals)
    assert what in sentence


@pytest.mark.parametrize("goals", ["Hc: {target: 0.4, tolerance: 0.01}", "Hc: {at_least: 0.4}", "Hc: maximize",
                                   "squareness: {target: 0.5, tolerance: 1.0e-6}"])  # fmt: skip
def test_what_can_be_told_needs_no_word(goals: str) -> None:
    assert said(goals) == []


def test_shorter_steps_tell_more() -> None:
    wish = "Hc: {target: 0.4, tolerance: 0.004}"
    assert len(said(wish)) == 1
    assert said(wish, "field_sweep: {step: 0.005}\n") == []


def test_the_mesh_of_the_paper_tells_less() -> None:
    wish = "Hc: {target: 0.4, tolerance: 0.02}"
    assert said(wish) == []
    (sentence,) = said(wish, "labels: {discretization: cells}\n")
    assert "on a mesh of 2 nm Hc by cells is off by" in sentence


def test_coarse_cells_are_said_of_a_study() -> None:
    (sentence,) = said("Hc: maximize", "microstructures: {size_nm: 80, cell_nm: 5, grains: [4, 16]}\n"
                       "labels: {discretization: cells}\n")  # fmt: skip
    assert "too coarse by cells" in sentence


def test_check_says_it_and_still_calls_the_study_valid(tmp_path: Path) -> None:
    study = tmp_path / "s.yaml"
    study.write_text("name: a\ngoals: {Hc: {target: 0.4, tolerance: 1.0e-9}}\n", encoding="utf-8")
    done = CliRunner().invoke(app, ["check", str(study)])
    assert done.exit_code == 0
    assert "warning: goals.Hc" in done.output


@pytest.fixture(scope="module")
def coarse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Cells of 5 nm, whose walls elements cannot resolve."""
    path = tmp_path_factory.mktemp("coarse") / "structure.npz"
    voronoi(100, 5.0, 12, 3.0, np.random.default_rng(3)).save(path)
    return path


def test_a_curve_that_is_good_for_nothing_leaves_nothing_that_looks_good(coarse: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", str(coarse), "-o", str(tmp_path)])
    assert done.exit_code == 2
    assert "too coarse by elements" in done.output
    assert "use this curve for nothing" in done.output
    assert json.loads((tmp_path / "anchors.json").read_text())["usable"] is False
    assert not pd.read_csv(tmp_path / "curve.csv")["converged"].all()


def test_a_curve_on_coarse_cells_is_warned_of(coarse: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["simulate", str(coarse), "--discretization", "cells", "-o", str(tmp_path)])
    assert done.exit_code == 0
    assert "too coarse by cells" in done.output
    assert json.loads((tmp_path / "anchors.json").read_text())["usable"] is True


def test_a_sound_curve_is_usable_and_warned_of_by_nothing(tmp_path: Path) -> None:
    Microstructure(np.zeros((10, 10), int), np.radians([20.0])).save(tmp_path / "s.npz")
    done = CliRunner().invoke(app, ["simulate", str(tmp_path / "s.npz")])
    assert done.exit_code == 0
    assert "warning" not in done.output
    assert json.loads((tmp_path / "anchors.json").read_text())["usable"] is True


@pytest.fixture
def needle(tmp_path: Path) -> str:
    """One grain along the field: it leaves the plane by (1 - q/2) H_A, before it turns over in the plane at H_A."""
    Microstructure(np.zeros((8, 8), int), np.radians([1.0])).save(tmp_path / "s.npz")
    return str(tmp_path / "s.npz")


def test_a_plane_that_spins_would_leave_is_told(needle: str, tmp_path: Path) -> None:
    fields = {}
    for spins in ("planar", "free"):
        done = CliRunner().invoke(app, ["simulate", needle, "--spins", spins])
        assert done.exit_code == 0, done.output
        fields[spins] = json.loads((tmp_path / "anchors.json").read_text())
        warned = "spins would leave it there if they could" in done.output.replace("\n", " ")
        assert warned == (spins == "planar")
        assert "unstable from -0." in done.output
    planar, free = fields["planar"], fields["free"]
    assert (planar["spins"], free["spins"]) == ("planar", "free")
    assert planar["plane_unstable_h"] == pytest.approx(-(1 - Nd2Fe14B.q / 2), abs=0.06)
    assert free["plane_unstable_h"] == pytest.approx(planar["plane_unstable_h"], abs=0.011)
    assert free["Hc"] < planar["Hc"]


def test_spins_that_a_solver_does_not_know_are_refused(needle: str) -> None:
    for words, said in (
        (["--spins", "upwards"], "spins must be one of planar, free"),
        (["--spins", "free", "--backend", "fidimag"], "--spins free is for backend planar"),
    ):
        done = CliRunner().invoke(app, ["simulate", needle, *words])
        assert done.exit_code == 2
        assert said in done.output


def test_the_remanence_of_free_spins_is_exported_with_its_third_component(needle: str, tmp_path: Path) -> None:
    for spins in ("planar", "free"):
        done = CliRunner().invoke(app, ["export", needle, "--format", "ovf", "--spins", spins])
        assert done.exit_code == 0, done.output
        assert (tmp_path / "structure-remanence.ovf").stat().st_size > 8 * 3 * 64
    done = CliRunner().invoke(app, ["export", needle, "--format", "mumax3", "--spins", "free"])
    assert done.exit_code == 0, done.output
    assert "pushes the spins out of the plane" in (tmp_path / "structure.mx3").read_text()
    assert CliRunner().invoke(app, ["export", needle, "--format", "ovf", "--spins", "upwards"]).exit_code == 2
