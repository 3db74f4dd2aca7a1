"""Warnings: cells too coarse, a magnet too soft, a first field too low, and what can be told at all."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulation import FieldSweep, Material, Microstructure, Nd2Fe14B, demagnetization_curve
from simulation.validity import COARSEST, SATURATED, hard_axis_m, resolution, unsaturated, unstable_plane, warnings_for

WALL_NM = Nd2Fe14B.wall_parameter_nm


@pytest.mark.parametrize("discretization", ["cells", "elements"])
def test_the_papers_problem_is_warned_of_by_nothing(discretization: str) -> None:
    assert warnings_for(Nd2Fe14B, 2.0, discretization, FieldSweep()) == []


@pytest.mark.parametrize("discretization", ["cells", "elements"])
def test_cells_too_coarse_are_warned_of_with_a_size_that_is_not(discretization: str) -> None:
    most = COARSEST[discretization] * WALL_NM
    assert warnings_for(Nd2Fe14B, 0.99 * most, discretization, FieldSweep()) == []
    (said,) = warnings_for(Nd2Fe14B, 1.01 * most, discretization, FieldSweep())
    assert "too coarse" in said
    stated = float(said.partition("use cells of at most ")[2].partition(" nm")[0])
    assert 0.9 * most < stated <= most
    assert ("elements (up to" in said) == (discretization == "cells")


def test_a_soft_magnet_is_warned_of() -> None:
    """Ms/H_A = Js^2 / (2 mu0 K1) is 1 at K1 = Js^2 / 2 mu0."""
    limit = 1.61**2 / (2 * 4e-7 * math.pi)
    hard, soft = (Material(8e-12, 1.61, factor * limit) for factor in (1.01, 0.99))
    high = FieldSweep(start=2.0)
    assert warnings_for(hard, 2.0, "elements", high) == []
    (said,) = warnings_for(soft, 2.0, "elements", high)
    assert "does not stay in the plane" in said
    assert warnings_for(soft, 2.0, "elements", high, "free") == []


def test_a_first_field_that_does_not_saturate_is_warned_of() -> None:
    (said,) = warnings_for(Nd2Fe14B, 2.0, "elements", FieldSweep(start=0.5))
    assert "does not saturate" in said
    enough = float(said.partition("start at ")[2].partition(" H_A")[0])
    assert warnings_for(Nd2Fe14B, 2.0, "elements", FieldSweep(start=enough)) == []
    assert warnings_for(Nd2Fe14B, 2.0, "elements", FieldSweep(start=enough - 0.02)) != []


@pytest.mark.parametrize("start", [0.6, 0.9])
def test_a_hard_axis_follows_its_internal_field(start: float) -> None:
    """m = h where there are no charges; with those of Nd2Fe14B less, though not as little as if all were saturated."""
    across = Microstructure(np.zeros((20, 20), int), np.radians([89.9]), 2.0)  # at 90 degrees it stands on the ridge
    weak = Material(8e-12, 0.01, 4.2e6)
    sweep = FieldSweep(start=start, stop=start - 0.01)
    alone, charged = (demagnetization_curve(across, material, sweep) for material in (weak, Nd2Fe14B))
    assert alone.m[0] == pytest.approx(hard_axis_m(weak, start), abs=3e-3)
    assert hard_axis_m(Nd2Fe14B, start) < charged.m[0]
    assert bool(unsaturated(alone.m)) == (start < SATURATED)


def test_resolution_is_the_mesh_the_step_or_the_noise() -> None:
    """On 2 nm the mesh limits cells, the step of the sweep elements, and with short steps on fine cells the noise."""
    cells = resolution(Nd2Fe14B, 2.0, "cells", 0.01)
    elements = resolution(Nd2Fe14B, 2.0, "elements", 0.01)
    fine = resolution(Nd2Fe14B, 0.5, "elements", 1e-4)
    assert "on a mesh of 2 nm Hc by cells is off by" in cells["Hc"][1]
    assert cells["Hc"][0] > 0.03
    assert elements["Hc"] == (0.005, "steps of 0.01 H_A tell a field within 0.005")
    assert "mirror images" in fine["Hc"][1]
    assert elements["Mr"][0] < 0.001 < cells["Mr"][0]
    assert "step" not in elements["Mr"][1]


def test_a_planar_curve_is_warned_of_from_the_field_on_at_which_spins_would_leave_the_plane() -> None:
    (said,) = unstable_plane(-0.12, "planar")
    assert "unstable from -0.12 H_A on" in said
    assert unstable_plane(math.nan, "planar") == []
    assert unstable_plane(-0.12, "free") == []
