"""Energies of free spins: compiled kernels against plain NumPy twins in double precision, and what frames promise."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from simulation import Material, Microstructure, Nd2Fe14B
from simulation.energy import make_energy, make_free_energy, make_tilts
from simulation.energy.flow import STABLE_STEP
from simulation.energy.free import FreeEnergy
from simulation.energy.geodesic import pair
from simulation.stability import Stability
from tests.simulation.energy import plain_elements
from tests.simulation.energy import plain_free as plain

UNMAGNETISED = Material(A_J_per_m=8e-12, Js_T=1e-6, K1_J_per_m3=4.2e6)
KINDS = ("cells", "elements")


def problem(shape: tuple[int, int], material: Material, kind: str, seed: int = 0) -> tuple[Microstructure, FreeEnergy]:
    rng = np.random.default_rng(seed)
    structure = Microstructure(rng.integers(0, 5, shape), rng.uniform(-np.pi, np.pi, 5), 1.7)
    return structure, make_free_energy(structure, material, kind)


def vectors(energy: FreeEnergy, spread: float, seed: int = 1) -> np.ndarray:
    """Unit vectors about one that lies in no plane of symmetry."""
    around = np.array([0.3, 0.8, 0.4])
    return plain.unit(around + spread * np.random.default_rng(seed).normal(size=(*energy.area.shape, 3)))


def evaluate(energy: FreeEnergy, m: np.ndarray, h: float) -> np.ndarray:
    """Tangential derivative (..., 3) by each vector."""
    out = np.zeros(energy.shape, np.float32)
    energy.gradient(energy.start(m), h, out)
    rows = energy.shape[0] // 2
    e1, e2 = (np.moveaxis(e, 0, -1).astype(float) for e in (energy._e1, energy._e2))
    gradient: np.ndarray = out[:rows, :, None] * e1 + out[rows:, :, None] * e2
    assert not gradient[[0, -1]].any()
    assert not gradient[:, [0, -1]].any()
    return gradient[1:-1, 1:-1]


def plain_energy_of(
    kind: str, structure: Microstructure, material: Material, h: float, m: np.ndarray
) -> Callable[[np.ndarray], float]:
    """The energy whose derivative at m the kernels promise."""
    if kind == "cells":
        return lambda at: plain.cell_energy(at, structure, material, h)
    b = plain.element_field(m, material, h)
    return lambda at: plain.element_energy(at, structure, material, h, b)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 6)])
@pytest.mark.parametrize("spread", [0.5, 1.5])
def test_gradient_is_that_of_the_energy_by_finite_differences(kind: str, shape: tuple[int, int], spread: float) -> None:
    structure, energy = problem(shape, Nd2Fe14B, kind)
    m = vectors(energy, spread)
    expected = plain.gradient(plain_energy_of(kind, structure, Nd2Fe14B, -0.3, m), m)
    np.testing.assert_allclose(evaluate(energy, m, -0.3), expected, atol=1e-5)
    mean = m[..., 1].mean() if kind == "cells" else plain.element_magnetization(m, structure, Nd2Fe14B, -0.3)
    assert energy.magnetization() == pytest.approx(mean, abs=1e-6)


def test_gradient_without_magnetisation_is_that_of_the_whole_energy() -> None:
    """Where there is no far field, nothing is held fixed."""
    structure, energy = problem((5, 6), UNMAGNETISED, "elements")
    m = vectors(energy, 1.0)
    expected = plain.gradient(lambda at: plain.element_energy(at, structure, UNMAGNETISED, -0.3), m)
    np.testing.assert_allclose(evaluate(energy, m, -0.3), expected, atol=1e-5)


def in_plane(phi: np.ndarray) -> np.ndarray:
    return np.stack([np.sin(phi), np.cos(phi), np.zeros_like(phi)], axis=-1)


def linear(energy: FreeEnergy, slope_x: float, slope_y: float) -> np.ndarray:
    """Angles at the nodes without twist."""
    along_y, along_x = np.indices(energy.area.shape)
    return np.asarray(0.2 + slope_x * along_x + slope_y * along_y)


def test_in_the_plane_the_derivative_of_cells_is_the_planar_one() -> None:
    structure, energy = problem((5, 6), Nd2Fe14B, "cells")
    planar = make_energy(structure, Nd2Fe14B, "cells")
    phi, expected = np.random.default_rng(1).uniform(-3, 3, (5, 6)), np.zeros(planar.shape, np.float32)
    planar.gradient(np.pad(phi, 1), -0.2, expected)
    gradient = evaluate(energy, in_plane(phi), -0.2)
    assert not gradient[..., 2].any()
    across = gradient[..., 0] * np.cos(phi) - gradient[..., 1] * np.sin(phi)
    np.testing.assert_allclose(across, expected[1:-1, 1:-1], atol=3e-6)


def test_in_the_plane_the_energy_of_elements_is_the_planar_one() -> None:
    """But for a constant, where cells have no twist; that turns the middle of a cell in third order of the slopes."""
    structure, energy = problem((5, 6), Nd2Fe14B, "elements")
    planar = make_energy(structure, Nd2Fe14B, "elements")
    offsets = []
    for slopes in ((0.0, 0.0), (0.5, -0.3), (0.9, 0.6), (1.3, 0.1)):
        phi = linear(energy, *slopes)
        free = plain.element_energy(in_plane(phi), structure, Nd2Fe14B, -0.2)
        offsets.append(free - plain_elements.energy(phi, structure, Nd2Fe14B, -0.2))
        assert not evaluate(energy, in_plane(phi), -0.2)[..., 2].any()
        planar.gradient(np.pad(phi, 1), -0.2, np.zeros(planar.shape, np.float32))
        assert energy.magnetization() == pytest.approx(planar.magnetization(), abs=1e-6)
    np.testing.assert_allclose(offsets, offsets[0], atol=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_without_grains_and_field_no_direction_of_space_is_special(kind: str) -> None:
    """Exchange alone: turning all vectors alike turns the derivative."""
    structure = Microstructure(np.zeros((5, 6), int), np.zeros(1), 0.05)
    energy = make_free_energy(structure, UNMAGNETISED, kind)
    m = vectors(energy, 0.4)
    turn = np.linalg.qr(np.random.default_rng(3).normal(size=(3, 3)))[0]
    forth, back = evaluate(energy, m, 0.0), evaluate(energy, m @ turn.T, 0.0) @ turn
    assert np.abs(forth - back).max() < 2e-3 * np.abs(forth).max()  # the rest is the anisotropy


def test_exchange_of_a_curved_state_converges_in_fourth_order() -> None:
    """Of a smooth periodic map onto the sphere: nodal values, and the bulges of the cells, against the integral."""

    def smooth(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        polar = 1.2 + 0.5 * np.sin(x + 0.3) + 0.4 * np.cos(y)
        turn = 0.9 * np.sin(x) + 0.8 * np.sin(y + 1) + 0.3 * np.sin(x + y)
        return np.stack([np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)], axis=-1)

    def differences(n: int, step: float) -> tuple[np.ndarray, ...]:
        at = (np.arange(n) + 0.5) * 2 * np.pi / n
        x, y = np.meshgrid(at, at)
        shifts = ((step, 0), (-step, 0), (0, step), (0, -step))
        return (smooth(x, y), *(smooth(x + dx, y + dy) for dx, dy in shifts))

    _, east, west, north, south = differences(512, 1e-4)
    slopes = ((east - west) ** 2 + (north - south) ** 2).sum(-1) / 4e-8
    exact = 0.5 * slopes.mean() * 4 * np.pi**2

    def error(n: int) -> float:
        corners = np.arange(n + 1) * 2 * np.pi / n
        m, east, west, north, south = differences(n, 1e-3)
        torque = (east + west + north + south - 4 * m) / 1e-6
        torque -= (torque * m).sum(-1, keepdims=True) * m
        # At fixed corners the bulge costs T^2/24 of exchange, and gains T^2/12 of what asks for it.
        bulges = (torque**2).sum() * (2 * np.pi / n) ** 4 / 24
        return float(plain.Elements(smooth(*np.meshgrid(corners, corners))).exchange().sum() + bulges - exact)

    errors = np.abs([error(n) for n in (16, 32, 64)])
    assert (np.log2(errors[:-1] / errors[1:]) > 3.9).all(), errors


def test_chords_give_the_angles() -> None:
    for angle in (0.0, 1e-3, 0.3, 1.5, 2.9, 3.1):
        square, g = pair(*np.array([0, 0, 1, np.sin(angle), 0, np.cos(angle)], np.float32))
        assert square == pytest.approx(angle**2, rel=2e-5, abs=1e-12)
        assert g == pytest.approx(angle / math.sin(angle) if angle else 1.0, rel=1e-4)
    _, g = pair(*np.array([0, 0, 1, 0, 0, -1], np.float32))
    assert math.isfinite(g)


@pytest.mark.parametrize("kind", KINDS)
def test_changing_the_field_is_evaluating_at_the_other_field(kind: str) -> None:
    _, energy = problem((5, 6), Nd2Fe14B, kind)
    m = vectors(energy, 1.0)
    there, out = (np.zeros(energy.shape, np.float32) for _ in range(2))
    energy.gradient(energy.start(m), -0.2, there)
    energy.gradient(energy.start(m), 0.5, out)
    energy.change_field(-0.7, out)
    np.testing.assert_allclose(out, there, atol=2e-6)
    assert energy.evaluations == 2


@pytest.mark.parametrize("kind", KINDS)
def test_coordinates_lead_along_great_circles_and_gradients_along_them(kind: str) -> None:
    """A vector turns by the length of its coordinates; there and back is no way; slopes are those of the energy."""
    structure, energy = problem((4, 5), UNMAGNETISED, kind)
    m, rows = vectors(energy, 0.5), energy.shape[0] // 2
    start, out = energy.start(m), np.zeros(energy.shape, np.float32)
    energy.gradient(start, 0.4, out)
    step = np.zeros(energy.shape)
    inside = np.random.default_rng(2).normal(size=(2, *energy.area.shape)) / 3
    step[1 : rows - 1, 1:-1], step[rows + 1 : -1, 1:-1] = inside
    energy.gradient(start + step, 0.4, out)
    turned = np.arccos(np.clip((energy.vectors * m).sum(-1), -1, 1))
    np.testing.assert_allclose(turned, np.hypot(*inside), atol=1e-5)
    of = plain_energy_of(kind, structure, UNMAGNETISED, 0.4, energy.vectors)
    states = []
    for t in (1 - 1e-3, 1 + 1e-3):
        energy.gradient(start + t * step, 0.4, np.zeros_like(out))
        states.append(of(energy.vectors))
    assert (out * step).sum() == pytest.approx((states[1] - states[0]) / 2e-3, rel=2e-3)
    energy.solve_local(out, np.zeros_like(out), convex=True)  # a new base
    energy.gradient(start, 0.4, out)
    np.testing.assert_allclose(energy.vectors, m, atol=1e-2)


@pytest.mark.parametrize("kind", KINDS)
def test_convex_solve_always_goes_downhill(kind: str) -> None:
    _, energy = problem((6, 7), Nd2Fe14B, kind)
    for seed in range(10):
        g, out = (np.zeros(energy.shape, np.float32) for _ in range(2))
        energy.gradient(energy.start(vectors(energy, 1.5, seed)), -0.5, g)
        assert energy.solve_local(g, out, convex=True)
        assert (g * out).sum() > 0


def test_local_blocks_of_cells_are_the_hessian_without_its_long_range_part() -> None:
    """Up to the curvature that is added: the solution of P x = g answers to differences of the gradient."""
    _, energy = problem((6, 7), UNMAGNETISED, "cells")
    m = vectors(energy, 0.2)
    start, g, x = energy.start(m), *(np.zeros(energy.shape, np.float32) for _ in range(2))
    energy.gradient(start, 3.0, g)
    assert energy.solve_local(g, x, convex=False)
    forth, back = np.zeros_like(g), np.zeros_like(g)
    energy.gradient(start + 1e-2 * x, 3.0, forth)
    energy.gradient(start - 1e-2 * x, 3.0, back)
    residual = (forth - back) / 2e-2 + 0.2 * x - g
    assert np.linalg.norm(residual) < 0.15 * np.linalg.norm(g)


def short_steps(energy: FreeEnergy, m: np.ndarray, h: float, time: float, steps: int) -> np.ndarray:
    """Explicit steps along the gradient per area."""
    for _ in range(steps):
        m = plain.unit(m - time / steps * evaluate(energy, m, h) / energy.area[..., None])
    return m


def reach_of(kind: str, time: float) -> float:
    """Reach of a first flow that takes this time without magnetisation."""
    q = UNMAGNETISED.q
    return {"cells": time * q, "elements": math.sqrt(time * q / 2.0)}[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_flow_is_the_gradient_flow(kind: str) -> None:
    """Without magnetisation it depends on no far field: step by step the same, and to the same end as short steps."""
    _, energy = problem((7, 9), UNMAGNETISED, kind)
    m = vectors(energy, 0.5)
    reach = reach_of(kind, 2.0)
    expected = short_steps(energy, m, -0.4, 2.0, math.ceil(2.0 * energy._stiffest / STABLE_STEP))
    start, out = energy.start(m), np.zeros(energy.shape, np.float32)
    energy.gradient(start, -0.4, out)
    energy.flow(start, reach, again=False)
    assert np.abs(expected - m).max() > 0.5
    np.testing.assert_allclose(energy.vectors, expected, atol=1e-4)
    exact = short_steps(energy, expected, -0.4, 30.0, 2000)  # to where it leads
    for _ in range(15):
        energy.flow(start, reach, again=False)
    assert np.abs(energy.vectors - exact).max() < 0.05
    assert (out * start).sum() < 0  # the coordinates say where it went: downhill


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("turn", range(4))
def test_flow_follows_a_reversal_that_spreads_from_the_middle(kind: str, turn: int) -> None:
    """Vectors at rest are skipped until what moves has come near them: as if all had been stepped."""
    layers = np.rot90(np.repeat(np.arange(12), 4)[:, None] * np.ones(48, int), turn)
    structure = Microstructure(layers, 0.5 * (-1.0) ** np.arange(12), 2.0)
    energy = make_free_energy(structure, UNMAGNETISED, kind)
    time = 3.0
    reach = reach_of(kind, time)
    m = np.zeros((*energy.area.shape, 3))
    m[..., 1] = 1
    evaluate(energy, m, -0.3)
    at_rest = energy.start(m)
    for _ in range(60):
        energy.flow(at_rest, reach, again=False)
    m = energy.vectors
    assert np.abs(evaluate(energy, m, -0.3)).max() < 1e-3
    y, x = np.indices(energy.area.shape)
    m[np.hypot(y - 25, x - 20) < 9] *= np.array([-1, -1, 1])
    m[..., 2] += 0.3 * np.exp(-((np.hypot(y - 25, x - 20) - 9) ** 2))
    m = plain.unit(m)
    evaluate(energy, m, -0.3)
    energy.flow(energy.start(m), reach, again=False)
    after = energy.vectors
    expected = short_steps(energy, m, -0.3, time, math.ceil(time * energy._stiffest / STABLE_STEP))
    assert np.abs(expected - m).max() > 0.3
    assert np.abs(after - expected).max() < 2e-3


def dense(stencil: np.ndarray) -> np.ndarray:
    """The matrix of a nine-point stencil."""
    rows, columns = stencil.shape[1] - 2, stencil.shape[2] - 2
    matrix = np.zeros((rows, columns, rows, columns))
    for i, j, k in np.ndindex(rows, columns, 9):
        y, x = i + k // 3 - 1, j + k % 3 - 1
        if 0 <= y < rows and 0 <= x < columns:
            matrix[i, j, y, x] = stencil[k, i + 1, j + 1]
    return matrix.reshape(rows * columns, rows * columns)


@pytest.mark.parametrize("kind", KINDS)
def test_out_of_plane_hessian_is_that_of_the_energy_by_finite_differences(kind: str) -> None:
    """Of small tilts of a planar state, and its lowest eigenvalue and mode by all eigenvalues."""
    structure, energy = problem((4, 5), Nd2Fe14B, kind)
    planar, tilts = make_energy(structure, Nd2Fe14B, kind), make_tilts(structure, Nd2Fe14B, kind)
    phi = linear(energy, 0.4, -0.3)  # no twist: the planar field is the same
    rows, columns = phi.shape
    planar.gradient(np.pad(phi, 1), -0.3, np.zeros(planar.shape, np.float32))
    m = in_plane(phi)
    of = plain_energy_of(kind, structure, Nd2Fe14B, -0.3, m)

    def at(tilt: np.ndarray) -> float:
        return of(np.concatenate([np.cos(tilt)[..., None] * m[..., :2], np.sin(tilt)[..., None]], axis=-1))

    units = 1e-3 * np.eye(phi.size).reshape(-1, rows, columns)
    expected = np.array([[at(a + b) - at(a - b) for b in units] for a in units]) / 2e-6
    hessian = dense(tilts.stencil(np.pad(phi, 1), planar.field).astype(float))
    np.testing.assert_allclose(hessian, expected, atol=2e-5)
    over = 1 / np.sqrt(tilts.area[1:-1, 1:-1].ravel())
    values, modes = np.linalg.eigh(over[:, None] * hessian * over)
    stability = Stability(tilts)
    lowest = stability.lowest(np.pad(phi, 1), planar.field)
    assert lowest == pytest.approx(values[0], abs=0.02 * abs(values[0]) + 1e-5)
    mode = stability.mode(np.pad(phi, 1), planar.field)[1:-1, 1:-1].ravel()
    assert np.abs(mode).max() == pytest.approx(1)
    direct = over * modes[:, 0]
    assert abs(mode @ direct) / np.linalg.norm(mode) / np.linalg.norm(direct) > 0.99
