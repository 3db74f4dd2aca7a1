"""The energy of cells: compiled kernels against plain NumPy, and what the local Hessian promises."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulation import Material, Microstructure, Nd2Fe14B
from simulation.energy import make_energy
from simulation.energy.cells import CellEnergy
from tests.simulation.energy import plain_energy as plain

Q_ZERO = Material(A_J_per_m=8e-12, Js_T=1e-9, K1_J_per_m3=4.2e6)


def problem(
    ny: int = 9, nx: int = 12, material: Material = Nd2Fe14B, seed: int = 0
) -> tuple[Microstructure, CellEnergy]:
    rng = np.random.default_rng(seed)
    structure = Microstructure(rng.integers(0, 5, (ny, nx)), rng.uniform(-np.pi, np.pi, 5), 1.7)
    return structure, CellEnergy(structure, material)


def padded(angle: np.ndarray) -> np.ndarray:
    return np.pad(angle, 1)


def evaluate(energy: CellEnergy, angle: np.ndarray, h: float) -> np.ndarray:
    out = np.zeros(energy.shape, np.float32)
    energy.gradient(padded(angle), h, out)
    assert not out[0].any()
    assert not out[-1].any()
    assert not out[:, 0].any()
    assert not out[:, -1].any()
    return out[1:-1, 1:-1].astype(np.float64)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (9, 12)])
def test_gradient_is_the_plain_one(shape: tuple[int, int]) -> None:
    structure, energy = problem(*shape)
    angle = np.random.default_rng(1).uniform(-7, 7, shape)
    np.testing.assert_allclose(
        evaluate(energy, angle, -0.3), plain.gradient(angle, structure, Nd2Fe14B, -0.3), atol=3e-6
    )
    assert energy.magnetization() == pytest.approx(np.cos(angle).mean(), abs=1e-6)


def test_gradient_is_the_derivative_of_the_energy() -> None:
    structure, energy = problem()
    rng = np.random.default_rng(2)
    angle, direction = rng.uniform(-3, 3, structure.shape), rng.normal(size=structure.shape)
    eps = 1e-4
    up, down = (plain.energy(angle + s * eps * direction, structure, Nd2Fe14B, 0.4) for s in (1, -1))
    assert (evaluate(energy, angle, 0.4) * direction).sum() == pytest.approx((up - down) / (2 * eps), rel=1e-5)


def test_changing_the_field_is_evaluating_at_the_other_field() -> None:
    structure, energy = problem()
    angle = np.random.default_rng(3).uniform(-3, 3, structure.shape)
    there = evaluate(energy, angle, -0.2)
    out = np.zeros(energy.shape, np.float32)
    energy.gradient(padded(angle), 0.5, out)
    energy.change_field(-0.7, out)
    np.testing.assert_allclose(out[1:-1, 1:-1], there, atol=2e-6)
    assert energy.evaluations == 2


def test_local_solve_inverts_the_hessian_without_its_long_range_part() -> None:
    """With no magnetisation to speak of, the local Hessian is the Hessian: P out = g up to the solver's reduction."""
    structure, energy = problem(material=Q_ZERO)
    angle = structure.angle_rad * 0.1
    evaluate(energy, angle, 2.0)
    rng = np.random.default_rng(4)
    right_side, out = padded(rng.normal(size=structure.shape)).astype(np.float32), np.zeros(energy.shape, np.float32)
    assert energy.solve_local(right_side, out, convex=False)
    solution, eps = out[1:-1, 1:-1].astype(np.float64), 1e-5
    forth, back = (plain.gradient(angle + s * eps * solution, structure, Q_ZERO, 2.0) for s in (1, -1))
    residual = (forth - back) / (2 * eps) - right_side[1:-1, 1:-1]
    assert np.linalg.norm(residual) < 0.1 * np.linalg.norm(right_side)


def test_what_the_local_hessian_leaves_out_is_at_most_half_q() -> None:
    structure, energy = problem(ny=6, nx=6)
    angle = np.random.default_rng(5).uniform(-3, 3, structure.shape)
    n, eps = angle.size, 1e-5

    def column(e: np.ndarray) -> np.ndarray:
        up, down = (plain.gradient(angle + s * eps * e, structure, Nd2Fe14B, 0.1) for s in (1, -1))
        return ((up - down) / (2 * eps)).ravel()

    hessian = np.array([column(e) for e in np.eye(n).reshape(n, *structure.shape)])
    evaluate(energy, angle, 0.1)
    local = energy._local
    p = np.zeros((n, n))
    index = np.arange(n).reshape(structure.shape)
    p[index, index] = local.curvature[1:-1, 1:-1]
    for a, b, c in (
        (index[:, :-1], index[:, 1:], local.right[1:-1, 1:-2]),
        (index[:-1], index[1:], local.down[1:-2, 1:-1]),
    ):
        p[a, a] += c
        p[b, b] += c
        p[a, b] -= c
        p[b, a] -= c
    norm = np.abs(np.linalg.eigvalsh((hessian - p + (hessian - p).T) / 2)).max()
    assert 0.01 < norm < Nd2Fe14B.q / 2 * 1.001


def test_convex_solve_always_goes_downhill() -> None:
    structure, energy = problem()
    for seed in range(20):
        angle = np.random.default_rng(seed).uniform(-3, 3, structure.shape)
        g, out = padded(evaluate(energy, angle, -0.5)).astype(np.float32), np.zeros(energy.shape, np.float32)
        assert energy.solve_local(g, out, convex=True)
        assert (g * out).sum() > 0


def test_negative_curvature_is_reported() -> None:
    structure, energy = problem()
    angle = structure.angle_rad + np.pi / 2  # all on top of the hill
    evaluate(energy, angle, 0.0)
    right_side, out = padded(np.ones(structure.shape)).astype(np.float32), np.zeros(energy.shape, np.float32)
    assert not energy.solve_local(right_side, out, convex=False)


def test_flow_is_the_gradient_flow_in_a_fixed_far_field() -> None:
    """The compiled flow against small explicit steps in plain NumPy, on a grid of several tiles."""
    structure, energy = problem(ny=20, nx=70)
    angle = 0.3 * np.random.default_rng(6).normal(size=structure.shape) + structure.angle_rad
    evaluate(energy, angle, -0.4)
    moved = padded(angle)
    energy.flow(moved, 1.6, again=False)
    h_x, h_y = plain.demagnetising_field(np.sin(angle), np.cos(angle))
    # H_d contains -w/2 of the cell itself, which exerts no torque at these angles but would after they have moved.
    b_x = Nd2Fe14B.q * (h_x + np.sin(angle) / 2)
    b_y = -0.4 + Nd2Fe14B.q * (h_y + np.cos(angle) / 2)
    time, expected = 1.6 / Nd2Fe14B.q, angle.copy()
    for _ in range(2000):
        expected -= time / 2000 * plain.local_gradient(expected, structure, Nd2Fe14B, b_x, b_y)
    change = np.abs(expected - angle).max()
    assert change > 0.5
    assert np.abs(moved[1:-1, 1:-1] - expected).max() < 0.05 * change


def test_single_cell_turns_by_the_exact_solution_of_its_flow() -> None:
    """d(phi)/dt = -1/2 sin 2 phi has the solution tan phi = tan phi_0 exp(-t)."""
    structure = Microstructure(np.zeros((1, 1), int), np.zeros(1))
    energy = CellEnergy(structure, Nd2Fe14B)
    angle = np.array([[1.2]])
    evaluate(energy, angle, 0.0)
    moved = padded(angle)
    energy.flow(moved, 1.6, again=False)
    expected = math.atan(math.tan(1.2) * math.exp(-1.6 / Nd2Fe14B.q))
    assert moved[1, 1] == pytest.approx(expected, abs=2e-3)


def test_angles_far_from_zero_are_as_good() -> None:
    structure, energy = problem()
    angle = np.random.default_rng(7).uniform(-3, 3, structure.shape)
    near = evaluate(energy, angle, 0.1)
    np.testing.assert_allclose(evaluate(energy, angle + 200 * np.pi, 0.1), near, atol=3e-6)


def test_make_energy_knows_the_discretisations() -> None:
    structure, _ = problem()
    assert isinstance(make_energy(structure, Nd2Fe14B, "cells"), CellEnergy)
    with pytest.raises(ValueError, match="cells"):
        make_energy(structure, Nd2Fe14B, "hexagons")
