"""Other layers between the same grains: what is expected of their curves, and that they are of the family."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inverse_design.candidates.layers import SLOPE, SPREAD, UNIT, layer_change, layer_spread, other_layers
from simulation import Boundary, Microstructure, Nd2Fe14B, Purpose, StructureFamily

GRAINS = StructureFamily(40, 2, (6, 12), (0.0, 2.0)).draw(3, Purpose.BENCHMARK, 0)
LAYERS = Boundary((0.0, 6.0), (0.2, 0.8), 8e-13)


def test_a_layer_that_is_changed_is_told_from_its_moment() -> None:
    """A thicker layer leaves less of the main phase: M1 and Mr fall with the polarisation, the rest by its slope."""
    thin, thick = (GRAINS.with_boundary(nm, LAYERS.phase(0.4)) for nm in (2, 4))
    more, s = thick.phase_map.mean() - thin.phase_map.mean(), 0.4 / Nd2Fe14B.Js_T
    shift, grown = layer_change(thin, thick, Nd2Fe14B)
    assert grown == pytest.approx(s * more)
    assert shift[0] == pytest.approx((s - 1) * more + SLOPE[0] * grown)
    assert shift[0] < shift[1] < 0
    np.testing.assert_allclose(shift[2:], SLOPE[2:] * grown)
    back, shrunk = layer_change(thick, thin, Nd2Fe14B)
    np.testing.assert_allclose(back, -shift)
    assert shrunk == -grown
    np.testing.assert_allclose(layer_spread(grown), SPREAD * math.sqrt(grown / UNIT))
    assert layer_change(thick, thick, Nd2Fe14B)[1] == 0


def test_layers_change_by_a_cell_at_most_and_stay_within_the_family() -> None:
    rng, parent = np.random.default_rng(0), GRAINS.with_boundary(6, LAYERS.phase(0.75))
    found = [layered for _ in range(20) for layered in other_layers(parent, LAYERS, rng)]
    assert {child.boundary_nm for child in found} == {4.0, 6.0}
    polarizations = {child.phases[0].Js_T for child in found}
    assert len(polarizations) > 20
    assert max(polarizations) == 0.8
    assert min(polarizations) > 0.3
    assert all(child.without_phases() == GRAINS for child in found)


def test_what_no_family_draws_has_no_other_layers() -> None:
    rng = np.random.default_rng(0)
    own = Microstructure(GRAINS.grain_id, GRAINS.grain_angle_rad, 2.0, np.eye(20, dtype=int), (LAYERS.phase(0.4),))
    assert list(other_layers(own, LAYERS, rng)) == []
    assert list(other_layers(GRAINS, None, rng)) == []
