"""The synthetic specimen of studies/measured: what its files hold is what they were made from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inverse_design.study.pairs import read_pairs
from inverse_design.study.reading import load_study
from simulation import Microstructure, Purpose
from simulation.formats import ReadOptions, read_structure
from studies.benchmarks.measured_pair import FAMILY, PAIR, SEED, STUDY, as_ctf

pytest.importorskip("orix", reason="orix is not installed")


def misread(found: Microstructure, made: Microstructure, most_deg: float) -> float:
    """Share of the cells whose axis is another."""
    apart = np.abs(np.sin(found.angle_rad - made.angle_rad))
    return float(np.mean(apart > np.sin(np.radians(most_deg))))


def test_the_map_is_read_as_the_structure_that_it_was_made_of() -> None:
    made = FAMILY.draw(SEED, Purpose.BENCHMARK, 0)
    found = read_structure(PAIR / "map.ctf", ReadOptions(least_pixels=4))  # some are cut off by points without an axis
    assert found.structure.shape == made.shape
    assert found.structure.grains == made.grains
    assert 0.005 < found.filled < 0.05
    assert misread(found.structure, made, 0.5) < 0.5 * found.filled  # of points at boundaries, filled from beyond


def test_the_study_reads_the_pair_on_its_own_cells() -> None:
    study = load_study(STUDY)
    (pair,) = read_pairs(study)
    made = FAMILY.draw(SEED, Purpose.BENCHMARK, 0)
    assert pair.structure.shape == (study.family.cells, study.family.cells)
    assert misread(pair.structure.refine(2), made, 0.5) < 0.2  # of 21 grains every fifth cell is at a boundary
    assert np.isfinite(pair.anchors).all()


def test_any_structure_goes_through_the_file_and_back(tmp_path: Path) -> None:
    turned = FAMILY.draw(SEED, Purpose.BENCHMARK, 1)
    path = tmp_path / "map.ctf"
    path.write_text(as_ctf(turned, np.random.default_rng(0)))
    found = read_structure(path, ReadOptions(cell_nm=1.0))
    assert misread(found.structure, turned, 0.5) < 0.02
