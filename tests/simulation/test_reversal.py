"""Where the reversal starts."""

from __future__ import annotations

import numpy as np
import pytest

from simulation import FieldSweep, InputError, Material, Microstructure, Nd2Fe14B, demagnetization_curve
from simulation.reversal import reversal, switching_field

SWEEP = FieldSweep(until="coercivity")


def test_a_single_grain_switches_as_one_where_its_curve_falls() -> None:
    grain = Microstructure(np.zeros((8, 8), int), np.radians([20]), 2.0)
    curve = demagnetization_curve(grain, sweep=SWEEP)
    fall = curve.h[1:][np.argmin(np.diff(curve.m))]
    np.testing.assert_array_equal(switching_field(grain, Nd2Fe14B, SWEEP), np.full((8, 8), fall))


def test_the_grain_at_45_degrees_gives_way_before_the_aligned_one() -> None:
    """Stoner and Wohlfarth: at 45 degrees half of the anisotropy field is enough.

    Exchange is all but switched off, so that no mesh resolves a wall and cells are what is meant."""
    uncoupled = Material(A_J_per_m=1e-15, Js_T=0.1, K1_J_per_m3=4.2e6)
    halves = Microstructure(np.repeat([[0] * 12 + [1] * 12], 12, axis=0), np.radians([0.0, 45.0]), 2.0)
    field = switching_field(halves, uncoupled, FieldSweep(stop=-1.2), discretization="cells")
    np.testing.assert_allclose(field[:, 12:], -0.5, atol=0.015)
    np.testing.assert_allclose(field[:, :12], -1.0, atol=0.015)


def test_turning_by_more_than_a_right_angle_from_the_field_is_no_switching() -> None:
    """An axis across the field: the magnetisation turns past it and stays in its half."""
    grain = Microstructure(np.zeros((8, 8), int), np.radians([89]), 2.0)
    field = switching_field(grain, Nd2Fe14B, FieldSweep(stop=-0.2))
    curve = demagnetization_curve(grain, sweep=FieldSweep(stop=-0.2))
    assert curve.m[-1] < 0
    assert np.isnan(field).all()


def test_a_sweep_that_stops_above_zero_has_no_reversal() -> None:
    with pytest.raises(InputError, match="below H = 0"):
        switching_field(Microstructure(np.zeros((8, 8), int), np.zeros(1), 2.0), Nd2Fe14B, FieldSweep(stop=0.5))


def test_free_spins_switch_earlier_and_the_plane_that_they_leave_is_known() -> None:
    """One grain along the field: out of the plane it costs q/2 less."""
    grain = Microstructure(np.zeros((4, 4), int), np.radians([1]), 2.0)
    planar, free = (reversal(grain, Nd2Fe14B, SWEEP, spins=spins) for spins in ("planar", "free"))
    assert (free.switching_field > planar.switching_field).all()
    assert planar.plane_unstable_h == pytest.approx(free.plane_unstable_h, abs=0.011)
    assert free.plane_unstable_h >= free.switching_field.max()
