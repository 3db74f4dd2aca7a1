"""The benchmark of meshes: deviations from the finest mesh, of the structures that every mesh converged for."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from simulation import FieldSweep, LabelStore
from simulation.labels.label import Job
from studies.benchmarks.mesh import FIDIMAG_LIMIT, FIDIMAG_MESHES, main, structures
from tests.simulation.backends import fidimag_stand_in


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the stand-in where fidimag would be."""
    for name, module in fidimag_stand_in.make()[0].items():
        monkeypatch.setitem(sys.modules, name, module)


def made_up(store: Path, hc: dict[str, float]) -> None:
    """Labels of two structures, straight lines to the coercive field of each mesh; a third has one mesh only."""
    h = FieldSweep().h[:190]
    simulated = [(*FIDIMAG_MESHES, FIDIMAG_LIMIT), (*FIDIMAG_MESHES, FIDIMAG_LIMIT), FIDIMAG_MESHES[:1]]
    with LabelStore(store) as labels:
        for structure, meshes in zip(structures()[:3], simulated, strict=True):
            for mesh in meshes:
                job = Job.of(structure.refine(mesh.factor), mesh.conditions)
                labels.add(job.label(h, 0.5 * (hc[mesh.name] + h), [0] * h.size, "", 100, 0.1))


@pytest.mark.parametrize(("elements", "code", "verdict"), [(0.31, 0, "met"), (0.45, 1, "missed")])
def test_elements_are_measured_against_fidimag_on_finer_cells(
    stand_in: None, tmp_path: Path, capsys: pytest.CaptureFixture[str], elements: float, code: int, verdict: str
) -> None:
    hc = {"fidimag's cells, 2 nm": 0.4, "cells, 2 nm": 0.4, "cells, 1 nm": 0.3, "fidimag's cells, 1 nm": 0.3}
    made_up(tmp_path / "labels.sqlite", hc | {"elements, 2 nm": elements})
    store = str(tmp_path / "labels.sqlite")
    assert main(["--fidimag", "--structures", "3", "--store", store, "--workers", "0"]) == code
    out = capsys.readouterr().out
    assert "2 of 3 structures, deviations from fidimag's cells, 1 nm" in out
    assert f"{elements - 0.3:.4f} off in Hc in the mean, goal less than fidimag's cells, 2 nm, 0.1000: {verdict}" in out


def test_without_fidimag_one_sentence_and_no_simulation(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fidimag", None)
    assert main(["--fidimag", "--store", str(tmp_path / "labels.sqlite")]) == 2
    assert "fidimag is not installed" in capsys.readouterr().err
    assert not (tmp_path / "labels.sqlite").exists()
