"""Grains changed by hand: no cell is lost, nothing else is touched."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inverse_design.explore import edits
from simulation import Microstructure

HALVES = Microstructure(np.kron([[0, 1]], np.ones((6, 3), int)), np.array([0.2, -0.4]), 2.0)
"""Two upright halves of 6 x 6 cells of 2 nm."""


@pytest.mark.parametrize(
    ("x", "y", "grain"), [(0.0, 0.0, 0), (5.9, 11.9, 0), (6.1, 3, 1), (12.0, 3, None), (-0.1, 3, None), (3, 12.0, None)]
)
def test_a_place_is_in_one_grain_or_beyond_the_edge(x: float, y: float, grain: int | None) -> None:
    assert edits.grain_at(HALVES, x, y) == grain


def test_the_middle_of_a_grain_and_its_size() -> None:
    np.testing.assert_allclose(edits.centroids_nm(HALVES), [[3, 6], [9, 6]])
    np.testing.assert_allclose(np.pi * edits.radii_nm(HALVES) ** 2, [72, 72])


def test_a_boundary_is_counted_once_for_each_edge_of_a_cell() -> None:
    assert edits.neighbours(HALVES, 0) == {1: 6}


def test_merging_two_grains_leaves_one_with_the_axis_of_the_neighbour() -> None:
    whole, grain = edits.merged(HALVES, 0)
    assert (whole.grains, grain) == (1, 0)
    assert whole.grain_angle_rad == pytest.approx([-0.4])
    alone, same = edits.merged(whole, 0)
    assert alone is whole
    assert same == 0


def test_a_merge_goes_to_the_longest_boundary() -> None:
    ids = np.array([[0, 0, 1], [0, 0, 1], [2, 2, 2]])
    structure = Microstructure(ids, np.array([0.0, 0.1, 0.2]))
    found, grain = edits.merged(structure, 1)
    assert found.grains == 2
    assert found.grain_id[0, 2] == grain
    assert found.grain_angle_rad[grain] == 0.0


def test_a_split_cuts_across_the_longest_extent_and_turns_the_halves_apart() -> None:
    found, grain = edits.split(HALVES, 0)
    assert found.grains == 3
    assert grain == 0
    new = int(np.setdiff1d(found.grain_id, [0, 1])[0])
    lower, upper = found.grain_id[:3, :3], found.grain_id[3:, :3]
    assert {int(lower[0, 0]), int(upper[0, 0])} == {0, new}
    assert np.unique(lower).size == np.unique(upper).size == 1, "the halves are upright: the cut is level"
    apart = found.grain_angle_rad[new] - found.grain_angle_rad[0]
    assert apart == pytest.approx(math.radians(20))
    assert found.grain_angle_rad[[0, new]].mean() == pytest.approx(0.2)
    np.testing.assert_array_equal(found.grain_id[:, 3:], HALVES.grain_id[:, 3:])


def test_a_grain_of_one_cell_is_not_split() -> None:
    dot = Microstructure(np.array([[0, 1], [0, 0]]), np.array([0.0, 0.3]))
    assert edits.split(dot, 1) == (dot, 1)
