"""Magnets of several phases: the compiled energies against plain NumPy, and phases that are none."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest

from simulation import VOID, FieldSweep, Microstructure, Nd2Fe14B, Phase, demagnetization_curve, voronoi
from simulation.energy import DISCRETIZATIONS, make_energy, make_tilts
from simulation.stability import Stability
from tests.simulation.energy import plain_phases as plain

SOFT = Phase(A_J_per_m=2.5e-11, Js_T=2.15, K1_J_per_m3=0.0)
WEAK = Phase(A_J_per_m=3e-12, Js_T=0.5, K1_J_per_m3=1e6)
LOOSE = Phase(A_J_per_m=0.0, Js_T=0.3)
MAIN = (Nd2Fe14B.A_J_per_m, Nd2Fe14B.Js_T, Nd2Fe14B.K1_J_per_m3)
SAME = Phase(*MAIN)
TO_HC = FieldSweep(until="coercivity")


def structure(kind: str, ny: int = 6, nx: int = 8, cell_nm: float = 2.6) -> Microstructure:
    """Random grains with an inclusion, a layer, voids, or all of them."""
    rng = np.random.default_rng(0)
    phase = np.zeros((ny, nx), int)
    if kind in ("inclusion", "all"):
        phase[1:3, 1:4] = 1
    if kind in ("layer", "all"):
        phase[:, 5] = 2
    if kind in ("voids", "all"):
        phase[4:, :2] = 3  # at the edge, too
        phase[2, 4] = 3
    if kind == "all":
        phase[3, 6:] = 4
    return Microstructure(
        rng.integers(0, 5, (ny, nx)), rng.uniform(-np.pi, np.pi, 5), cell_nm, phase, (SOFT, WEAK, VOID, LOOSE)
    )


def nodes(made: Microstructure, discretization: str) -> tuple[int, int]:
    ny, nx = made.shape
    return (ny, nx) if discretization == "cells" else (ny + 1, nx + 1)


def evaluate(energy: Any, angle: np.ndarray, h: float) -> np.ndarray:
    out = np.zeros(energy.shape, np.float32)
    energy.gradient(np.pad(angle, 1), h, out)
    assert not out[[0, -1]].any()
    assert not out[:, [0, -1]].any()
    return out[1:-1, 1:-1].astype(np.float64)


def plain_gradient(angle: np.ndarray, made: Microstructure, h: float, discretization: str) -> np.ndarray:
    """By finite differences; of elements in the stray field that T has, as their kernels leave its change out."""
    if discretization == "cells":
        return plain.derivative(lambda a: plain.cell_energy(a, made, Nd2Fe14B, h), angle)
    field = plain.element_field(angle, made, Nd2Fe14B, h)
    return plain.derivative(lambda a: plain.element_energy(a, made, Nd2Fe14B, h, field), angle)


@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
@pytest.mark.parametrize("kind", ["inclusion", "layer", "voids", "all"])
def test_gradient_is_that_of_the_energy_by_finite_differences(kind: str, discretization: str) -> None:
    made, h = structure(kind), -0.3
    angle = np.random.default_rng(1).uniform(-1, 1, nodes(made, discretization))
    energy = make_energy(made, Nd2Fe14B, discretization)
    expected = plain_gradient(angle, made, h, discretization)
    np.testing.assert_allclose(evaluate(energy, angle, h), expected, atol=2e-6)
    m = plain.magnetization(angle, made, Nd2Fe14B, h, discretization == "elements")
    assert energy.magnetization() == pytest.approx(m, abs=1e-6)


@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
def test_changing_the_field_is_evaluating_at_the_other_field(discretization: str) -> None:
    made = structure("all")
    angle = np.random.default_rng(3).uniform(-1, 1, nodes(made, discretization))
    energy = make_energy(made, Nd2Fe14B, discretization)
    there = evaluate(energy, angle, -0.2)
    out = np.zeros(energy.shape, np.float32)
    energy.gradient(np.pad(angle, 1), 0.5, out)
    energy.change_field(-0.7, out)
    np.testing.assert_allclose(out[1:-1, 1:-1], there, atol=1e-6)


@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
def test_local_solve_inverts_the_hessian_but_for_its_long_range_part(discretization: str) -> None:
    """Along v = P^-1 r the gradient changes by r, but for the stray field of v and what stencils leave out."""
    made = structure("all")
    angle = 0.05 * np.random.default_rng(4).normal(size=nodes(made, discretization))
    energy = make_energy(made, Nd2Fe14B, discretization)
    evaluate(energy, angle, 2.0)
    right_side = np.random.default_rng(5).normal(size=angle.shape)
    if discretization == "elements":
        right_side *= energy._one_over_area[1:-1, 1:-1] > 0  # type: ignore[attr-defined]
    else:
        right_side *= made.phase_id != 3
    out = np.zeros(energy.shape, np.float32)
    assert energy.solve_local(np.pad(right_side, 1).astype(np.float32), out, convex=False)
    v, eps = out[1:-1, 1:-1].astype(float), 1e-2
    forth, back = (evaluate(energy, angle + s * eps * v, 2.0) for s in (1, -1))
    residual = (forth - back) / (2 * eps) - right_side
    assert np.linalg.norm(residual) < 0.3 * np.linalg.norm(right_side)


@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
def test_tilts_of_a_phase_with_the_numbers_of_the_main_one_are_those_of_a_uniform_magnet(discretization: str) -> None:
    made = voronoi(20, 2, 4, 1.0, np.random.default_rng(0))
    energy = make_energy(made, Nd2Fe14B, discretization)
    angle = np.pad(0.3 * np.random.default_rng(6).normal(size=nodes(made, discretization)), 1)
    energy.gradient(angle, -0.2, np.zeros(energy.shape, np.float32))
    one, two = (
        Stability(make_tilts(of, Nd2Fe14B, discretization)).lowest(angle, energy.field)
        for of in (made, made.with_boundary(4, SAME))
    )
    assert two == pytest.approx(one, abs=1e-5)


def test_tilts_of_cells_cost_what_the_energy_of_vectors_says() -> None:
    """The lowest eigenvalue of the out-of-plane Hessian, by hand: k (k.m)^2 + s b.m - q/2 s^2 + c a (m.m_n or -1)."""
    made = structure("all")
    a, js, k1 = (value / main for value, main in zip(plain.constants(made, Nd2Fe14B), MAIN, strict=True))
    angle, h = 0.3 * np.random.default_rng(7).normal(size=made.shape), -0.1
    energy = make_energy(made, Nd2Fe14B, "cells")
    energy.gradient(np.pad(angle, 1), h, np.zeros(energy.shape, np.float32))
    h_x, h_y = plain.stray_field(js * Nd2Fe14B.Js_T, np.sin(angle), np.cos(angle))
    along = h_x / Nd2Fe14B.H_A_A_per_m * np.sin(angle) + (h_y / Nd2Fe14B.H_A_A_per_m + h) * np.cos(angle)
    hessian = np.diag((k1 * np.cos(angle - made.angle_rad) ** 2 + js * along - Nd2Fe14B.q / 2 * js**2).ravel())
    c, index = Nd2Fe14B.exchange_number(made.cell_nm), np.arange(angle.size).reshape(made.shape)
    for one, other in ((index[:, :-1], index[:, 1:]), (index[:-1], index[1:])):
        for i, j in zip(one.ravel(), other.ravel(), strict=True):
            pair = a.ravel()[i] * a.ravel()[j]
            w = 2 * c * pair / (a.ravel()[i] + a.ravel()[j]) if pair else 0.0
            cos = np.cos(angle.ravel()[i] - angle.ravel()[j])
            hessian[[i, j], [i, j]] += w * cos
            hessian[[i, j], [j, i]] -= w
    there = js.ravel() > 0
    lowest = np.linalg.eigvalsh(hessian[np.ix_(there, there)])[0]
    found = Stability(make_tilts(made, Nd2Fe14B, "cells")).lowest(np.pad(angle, 1), energy.field)
    assert found == pytest.approx(lowest, abs=0.02 * abs(lowest) + 1e-4)


@functools.cache
def grains() -> Microstructure:
    return voronoi(40, 2, 5, 1.0, np.random.default_rng(3))


@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
def test_a_phase_with_the_numbers_of_the_main_one_changes_nothing(discretization: str) -> None:
    one, two = (
        demagnetization_curve(of, sweep=TO_HC, discretization=discretization)
        for of in (grains(), grains().with_boundary(4, SAME))
    )
    assert two.converged.all()
    np.testing.assert_allclose(two.m, one.m, atol=2e-4)


@pytest.mark.parametrize("discretization", DISCRETIZATIONS)
@pytest.mark.parametrize("phase", [SOFT, WEAK, VOID], ids=["soft", "weak", "void"])
def test_mirror_images_have_the_same_curve(phase: Phase, discretization: str) -> None:
    made = grains().with_boundary(4, phase)
    curves = [
        demagnetization_curve(of, sweep=TO_HC, discretization=discretization)
        for of in (made, made.mirror_x(), made.mirror_y())
    ]
    assert all(curve.converged.all() for curve in curves)
    for curve in curves[1:]:
        np.testing.assert_allclose(curve.m, curves[0].m, atol=1e-3)
