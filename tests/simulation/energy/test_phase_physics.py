"""What magnets of two phases are known to do: holes in a uniform magnet, and soft layers between hard ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize

from simulation import VOID, Material, Microstructure, Nd2Fe14B, Phase
from simulation.energy import DISCRETIZATIONS, make_energy
from tests.simulation.energy.test_phases import evaluate, nodes

JS_T = 1e-6
"""So small that there is no stray field; what is left is the ratio of both phases."""
HARD = Material(A_J_per_m=8e-12, Js_T=1.61 * JS_T, K1_J_per_m3=4.2e6)
SOFT = Phase(A_J_per_m=2.5e-11, Js_T=2.15 * JS_T, K1_J_per_m3=0.0)


def disc(cells: int, radius: float) -> np.ndarray:
    y, x = np.mgrid[:cells, :cells] - (cells - 1) / 2
    return np.asarray(np.hypot(x, y) < radius)


@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
def test_a_hole_changes_nothing_around_it_but_by_its_stray_field(discretization: str) -> None:
    """And that of a long cylinder across its axis is a dipole's: outside, -(Ms R^2/2 r^2) (2 (y.r) r - y)."""
    cells, radius = 96, 10
    hole = disc(cells, radius)
    grain = np.zeros((cells, cells), int)
    whole, drilled = Microstructure(grain, np.zeros(1)), Microstructure(grain, np.zeros(1), 2.0, hole, (VOID,))
    fields = []
    for made in (whole, drilled):
        energy = make_energy(made, Nd2Fe14B, discretization)
        evaluate(energy, np.zeros(nodes(made, discretization)), 0.0)
        b = energy.field[:, 1:-1, 1:-1] if discretization == "cells" else energy.field
        fields.append(b / Nd2Fe14B.q)
    change = fields[1] - fields[0]
    assert not fields[1][:, hole].any()  # nothing is felt where nothing is
    y, x = np.mgrid[:cells, :cells] - (cells - 1) / 2
    r2 = np.where(hole, 1.0, x**2 + y**2)
    strength = hole.sum() / math.pi / (2 * r2)  # the disc of cells has this R^2
    dipole = -strength * np.stack([2 * x * y / r2, 2 * y * y / r2 - 1])
    far = x**2 + y**2 > (2 * radius) ** 2
    assert np.abs(dipole[:, far]).max() > 0.1
    np.testing.assert_allclose(change[:, far], dipole[:, far], atol=1e-3)


def nucleation_field(layer_nm: float, cell_nm: float, discretization: str, around_nm: float = 16.0) -> float:
    """-h at which the uniform state of a soft layer between hard ones gives way, by the lowest curvature."""
    beside, layer = round(around_nm / cell_nm), round(layer_nm / cell_nm)
    phase = np.repeat([0, 1, 0], [beside, layer, beside])[None, :]
    made = Microstructure(np.zeros_like(phase), np.zeros(1), cell_nm, phase, (SOFT,))
    energy, shape, eps = (
        make_energy(made, HARD, discretization),
        nodes(Microstructure(phase, np.zeros(2)), discretization),
        1e-2,
    )
    along = shape[1]

    def lowest(h: float) -> float:
        columns = []
        for node in range(along):
            turn = np.zeros(shape)
            turn[:, node] = eps  # all of a column: the layer is as wide as it likes
            columns.append(evaluate(energy, turn, h).sum(axis=0) / eps)
        hessian = np.array(columns)
        return float(np.linalg.eigvalsh((hessian + hessian.T) / 2)[0])

    return -float(scipy.optimize.brentq(lowest, -1.0, -0.01, xtol=1e-5))


def goto(layer_nm: float) -> float:
    """Of a soft layer between thick hard ones: tan(k d/2) A_s k = A_h kappa, k^2 = Js_s H / 2 A_s, kappa^2 =
    (2 K - Js_h H)/2 A_h (Kneller and Hawig, IEEE Trans. Magn. 27, 3588, 1991, without anisotropy in the layer; as Goto
    et al., J. Appl. Phys. 36, 2951, 1965, where the hard phase holds still)."""
    half = layer_nm * 1e-9 / 2

    def mismatch(h: float) -> float:
        field = h * HARD.H_A_A_per_m
        k = math.sqrt(SOFT.Js_T * field / (2 * SOFT.A_J_per_m))
        kappa = math.sqrt((2 * HARD.K1_J_per_m3 - HARD.Js_T * field) / (2 * HARD.A_J_per_m))
        return SOFT.A_J_per_m * k * math.sin(k * half) - HARD.A_J_per_m * kappa * math.cos(k * half)

    return float(scipy.optimize.brentq(mismatch, 1e-6, min(0.999, rigid(layer_nm))))


def rigid(layer_nm: float) -> float:
    """The same where the hard phase holds still, 2 A_s (pi/d)^2 / Js_s."""
    return 2 * SOFT.A_J_per_m * (math.pi / (layer_nm * 1e-9)) ** 2 / SOFT.Js_T / HARD.H_A_A_per_m


def test_a_thick_layer_does_not_feel_that_the_hard_phase_gives_a_little() -> None:
    assert 0.9 * rigid(200.0) < goto(200.0) < rigid(200.0)
    assert goto(10.0) < 0.7 * rigid(10.0)


@pytest.mark.parametrize("layer_nm", [4.0, 10.0])
@pytest.mark.parametrize(
    ("discretization", "cell_nm", "within"), [("elements", 2.0, 0.01), ("elements", 1.0, 0.001), ("cells", 0.5, 0.02)]
)
def test_a_soft_layer_between_hard_ones_gives_way_where_the_textbook_says(
    layer_nm: float, discretization: str, cell_nm: float, within: float
) -> None:
    found = nucleation_field(layer_nm, cell_nm, discretization)
    assert found == pytest.approx(goto(layer_nm), rel=within)
