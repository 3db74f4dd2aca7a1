"""Elements: the compiled energy against its plain NumPy twin, and the walls that cells pin."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.optimize

from simulation import FieldStatus, FieldSweep, Material, Microstructure, Nd2Fe14B, demagnetization_curve, voronoi
from simulation.energy import make_energy
from simulation.energy.elements import LONGEST_HOLD, ElementEnergy, stiffest
from simulation.energy.flow import STABLE_STEP
from simulation.minimize import Descent, minimize
from tests.simulation.energy import plain_elements as plain
from tests.simulation.energy.plain_elements import modes, wall_energy

UNMAGNETISED = Material(A_J_per_m=8e-12, Js_T=1e-6, K1_J_per_m3=4.2e6)
TO_HC = FieldSweep(until="coercivity")


def finite_differences(angle: np.ndarray, structure: Microstructure, material: Material, h: float) -> np.ndarray:
    """The gradient of the plain energy, as nothing but its values give it."""
    gradient, eps = np.zeros_like(angle), 1e-5
    for node in np.ndindex(*angle.shape):
        step = np.zeros_like(angle)
        step[node] = eps
        up, down = (plain.energy(angle + s * step, structure, material, h) for s in (1, -1))
        gradient[node] = (up - down) / (2 * eps)
    return gradient


def problem(
    ny: int = 7, nx: int = 9, material: Material = Nd2Fe14B, seed: int = 0
) -> tuple[Microstructure, ElementEnergy]:
    rng = np.random.default_rng(seed)
    structure = Microstructure(rng.integers(0, 5, (ny, nx)), rng.uniform(-np.pi, np.pi, 5), 1.7)
    return structure, ElementEnergy(structure, material)


def angles(structure: Microstructure, spread: float = 1.0, seed: int = 1) -> np.ndarray:
    ny, nx = structure.shape
    return np.random.default_rng(seed).uniform(-spread, spread, (ny + 1, nx + 1))


def evaluate(energy: ElementEnergy, angle: np.ndarray, h: float) -> np.ndarray:
    out = np.zeros(energy.shape, np.float32)
    energy.gradient(np.pad(angle, 1), h, out)
    assert not out[[0, -1]].any()
    assert not out[:, [0, -1]].any()
    return out[1:-1, 1:-1].astype(np.float64)


def uniform(ny: int, nx: int, axis_rad: float = 0.0, cell_nm: float = 2.0) -> Microstructure:
    return Microstructure(np.zeros((ny, nx), int), np.array([axis_rad]), cell_nm)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 9)])
def test_gradient_is_that_of_the_energy_by_finite_differences(shape: tuple[int, int]) -> None:
    """Of the whole energy in double precision; the compiled kernels leave out the dipole field of the bulges."""
    structure, energy = problem(*shape)
    angle = angles(structure)
    expected = finite_differences(angle, structure, Nd2Fe14B, -0.3)
    exact = plain.gradient(angle, structure, Nd2Fe14B, -0.3, exact=True)
    np.testing.assert_allclose(exact, expected, atol=1e-8)
    kept = plain.gradient(angle, structure, Nd2Fe14B, -0.3)
    np.testing.assert_allclose(evaluate(energy, angle, -0.3), kept, atol=1e-6)
    m = plain.magnetization(angle, structure, Nd2Fe14B, -0.3)
    assert energy.magnetization() == pytest.approx(m, abs=1e-6)


def test_gradient_without_magnetisation_is_that_of_the_energy_by_finite_differences() -> None:
    structure, energy = problem(material=UNMAGNETISED)
    angle = angles(structure)
    expected = finite_differences(angle, structure, UNMAGNETISED, -0.3)
    np.testing.assert_allclose(evaluate(energy, angle, -0.3), expected, atol=1e-6)


def test_what_the_gradient_leaves_out_is_small_where_it_vanishes() -> None:
    """A relaxed magnet full of walls: the dipole field of the bulges against the long-range field."""
    structure = voronoi(60, 2, 14, math.pi / 2, np.random.default_rng(0))
    energy = ElementEnergy(structure, Nd2Fe14B)
    descent = Descent(energy, np.zeros(energy.shape), 0.0)
    assert minimize(descent, 1e-4, 20_000) is FieldStatus.CONVERGED
    angle = descent.angle[1:-1, 1:-1]
    bent = np.hypot(*plain.dipole_field_of_bulges(angle, structure, Nd2Fe14B, 0.0))
    long_range = np.hypot(*plain.field(angle, Nd2Fe14B, 0.0))
    assert np.sqrt((bent**2).mean()) < 0.05 * np.sqrt((long_range**2).mean())


def test_gradient_is_good_up_to_half_a_turn_between_corners() -> None:
    structure, energy = problem()
    angle = angles(structure, math.pi / 2)
    expected = plain.gradient(angle, structure, Nd2Fe14B, 0.2)
    np.testing.assert_allclose(evaluate(energy, angle, 0.2), expected, atol=1e-4)


def test_magnetisation_and_anisotropy_are_means_over_the_cell_where_the_angle_is_linear() -> None:
    angle = np.array([[0.3, 1.1], [-0.4, 0.4]])  # no twist
    along = (np.arange(400) + 0.5) / 400
    phi = 0.3 + 0.8 * along[None, :] - 0.7 * along[:, None]
    psi, _, _, z, f, g = modes(angle)
    assert z[0, 0] == pytest.approx(0)
    np.testing.assert_allclose((f * np.exp(1j * psi))[0, 0], np.exp(1j * phi).mean(), atol=1e-6)
    np.testing.assert_allclose((g * np.exp(2j * psi))[0, 0], np.exp(2j * phi).mean(), atol=1e-6)


@pytest.mark.parametrize("stiffer", [1, 100])
def test_constant_angle_costs_no_exchange(stiffer: float) -> None:
    """At rest along the axis nothing turns it; off the axis what turns it is anisotropy, wherever the corner is: per
    area, as the tolerance bounds it, 1/2 sin 2(phi - a) less what the cell gains by bulging."""
    material = Material(stiffer * UNMAGNETISED.A_J_per_m, UNMAGNETISED.Js_T, UNMAGNETISED.K1_J_per_m3)
    energy = ElementEnergy(uniform(4, 5, 0.7), material)
    assert np.abs(evaluate(energy, np.full((5, 6), 0.7), 0.0)).max() < 1e-6
    gradient = np.zeros(energy.shape, np.float32)
    energy.gradient(np.pad(np.full((5, 6), 1.0), 1), 0.0, gradient)
    per_area = (gradient * energy._one_over_area)[1:-1, 1:-1]
    expected = 0.5 * math.sin(0.6) * (1 - plain.bulge(material.exchange_number(2.0)) * math.cos(0.6))
    np.testing.assert_allclose(per_area, expected, rtol=1e-5)
    assert energy.largest_torque(gradient) == pytest.approx(expected, rel=1e-5)


def test_changing_the_field_is_evaluating_at_the_other_field() -> None:
    structure, energy = problem()
    angle = angles(structure)
    there = evaluate(energy, angle, -0.2)
    out = np.zeros(energy.shape, np.float32)
    energy.gradient(np.pad(angle, 1), 0.5, out)
    energy.change_field(-0.7, out)
    np.testing.assert_allclose(out[1:-1, 1:-1], there, atol=1e-6)
    assert energy.evaluations == 2


def test_local_solve_inverts_the_hessian_without_its_long_range_part() -> None:
    structure, energy = problem(material=UNMAGNETISED)
    angle = 0.1 * angles(structure)
    evaluate(energy, angle, 2.0)
    rng = np.random.default_rng(4)
    right_side = np.pad(rng.normal(size=angle.shape), 1).astype(np.float32)
    out = np.zeros(energy.shape, np.float32)
    assert energy.solve_local(right_side, out, convex=False)
    solution, eps = out[1:-1, 1:-1].astype(np.float64), 1e-3
    forth, back = (plain.gradient(angle + s * eps * solution, structure, UNMAGNETISED, 2.0) for s in (1, -1))
    residual = (forth - back) / (2 * eps) - right_side[1:-1, 1:-1]
    assert np.linalg.norm(residual) < 0.1 * np.linalg.norm(right_side[1:-1, 1:-1])


def test_convex_solve_always_goes_downhill_and_negative_curvature_is_reported() -> None:
    structure, energy = problem()
    for seed in range(10):
        g = np.pad(evaluate(energy, angles(structure, 2.0, seed), -0.5), 1).astype(np.float32)
        out = np.zeros(energy.shape, np.float32)
        assert energy.solve_local(g, out, convex=True)
        assert (g * out).sum() > 0
    energy = ElementEnergy(uniform(3, 3), Nd2Fe14B)
    evaluate(energy, np.full((4, 4), math.pi / 2), 0.0)  # on top of the hill
    ones, out = np.pad(np.ones((4, 4)), 1).astype(np.float32), np.zeros(energy.shape, np.float32)
    assert not energy.solve_local(ones, out, convex=False)


def plain_flow(angle: np.ndarray, structure: Microstructure, h: float, steps: int = 4000) -> np.ndarray:
    """Explicit steps along the gradient per area; without magnetisation it depends on no far field."""
    energy, moved = ElementEnergy(structure, UNMAGNETISED), np.pad(angle, 1)
    gradient = np.zeros(energy.shape, np.float32)
    for _ in range(steps):
        energy.gradient(moved, h, gradient)
        moved -= LONGEST_HOLD / steps * gradient * energy._one_over_area
    return moved[1:-1, 1:-1]


def test_flow_is_the_gradient_flow() -> None:
    structure, energy = problem(material=UNMAGNETISED)
    angle = angles(structure, 0.5)
    evaluate(energy, angle, -0.4)
    moved = np.pad(angle, 1)
    energy.flow(moved, 1e9, again=False)
    change = np.abs(moved[1:-1, 1:-1] - angle).max()
    assert change > 0.5
    assert np.abs(moved[1:-1, 1:-1] - plain_flow(angle, structure, -0.4)).max() < 0.02 * change


def test_flow_follows_a_reversal_that_spreads_through_a_magnet_at_rest() -> None:
    """Corners at rest are skipped until what moves has come near them: as if all had been stepped."""
    structure = uniform(24, 40)
    energy, angle = ElementEnergy(structure, UNMAGNETISED), np.zeros((25, 41))
    for i in range(25):
        angle[i, : 4 + i // 4] = math.pi
    evaluate(energy, angle, -0.2)
    moved = np.pad(angle, 1)
    energy.flow(moved, 1e9, again=False)
    steps = math.ceil(LONGEST_HOLD * stiffest(UNMAGNETISED.exchange_number(2.0)) / STABLE_STEP)
    expected = plain_flow(angle, structure, -0.2, steps)
    assert abs(np.cos(expected).mean()) < 0.5  # half of the magnet has reversed
    assert np.abs(np.cos(moved[1:-1, 1:-1]) - np.cos(expected)).max() < 0.005


@pytest.mark.parametrize("angle_deg", [10, 30, 50, 70])
def test_single_cell_is_stoner_wohlfarth(angle_deg: float) -> None:
    """It jumps within one step of the astroid; up to there h sin phi + 1/2 sin 2(phi - psi) = 0."""
    psi, step = math.radians(angle_deg), 0.005
    curve = demagnetization_curve(
        uniform(1, 1, psi), sweep=FieldSweep(step=step), discretization="elements", keep="all"
    )
    assert curve.converged.all()
    phi = curve.angle_rad[:, 0, 0]
    assert np.abs(curve.h * np.sin(phi) + 0.5 * np.sin(2 * (phi - psi))).max() < 1.1e-4
    np.testing.assert_allclose(np.cos(phi), curve.m, atol=2e-5)  # a torque left over bulges the angle
    switching = (math.cos(psi) ** (2 / 3) + math.sin(psi) ** (2 / 3)) ** -1.5
    jump = int(np.argmax(np.abs(np.diff(phi))))
    assert -curve.h[jump] - 1e-9 <= switching <= -curve.h[jump + 1] + 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_mirror_images_have_the_same_curve(seed: int) -> None:
    structure = voronoi(60, 2, 8, 1.2, np.random.default_rng(seed))
    images = (structure, structure.mirror_x(), structure.mirror_y(), structure.mirror_x().mirror_y())
    curves = [demagnetization_curve(image, sweep=TO_HC, discretization="elements") for image in images]
    assert all(curve.converged.all() for curve in curves)
    for mirrored in curves[1:]:
        np.testing.assert_allclose(mirrored.anchors.as_array(), curves[0].anchors.as_array(), atol=2e-3)


def wall(discretization: str, cell_nm: float, width_nm: float = 48.0, shift: float = 0.0) -> Descent:
    """A relaxed wall across x in a strip of one row, axis along y, no field; `shift` in cells off the middle."""
    energy = make_energy(uniform(1, round(width_nm / cell_nm), cell_nm=cell_nm), UNMAGNETISED, discretization)
    rows, nodes = energy.shape[0] - 2, energy.shape[1] - 2
    x = (np.arange(nodes) - (nodes - 1) / 2 - shift) * cell_nm / UNMAGNETISED.wall_parameter_nm
    guess = np.broadcast_to(2 * np.arctan(np.exp(x)), (rows, nodes))
    descent = Descent(energy, np.pad(guess, 1), 0.0)
    assert minimize(descent, 2e-5, 20_000) is FieldStatus.CONVERGED
    return descent


def depinning_field(discretization: str) -> float:
    """Reversed field at which the wall has left a strip of 2 nm cells whose magnetisation it halves, H_A."""
    descent = wall(discretization, 2.0)
    for h in np.arange(1, 101) / 100 if discretization == "cells" else np.arange(1, 51) / 1000:
        descent.change_field(-h)
        minimize(descent, 2e-5, 20_000)
        if abs(descent.energy.magnetization()) > 0.9:
            return float(h)
    return math.inf


def test_a_wall_moves_where_cells_pin_it() -> None:
    assert depinning_field("elements") < 0.005
    assert depinning_field("cells") > 0.5


@pytest.mark.parametrize("shift", [0.0, 0.25, 0.5])
def test_wall_energy_is_4_sqrt_A_K1_wherever_the_wall_stands(shift: float) -> None:
    """Along the cells, within 0.1 % on cells of 2 nm, and a sixteenth of that on half the cell."""
    for cell_nm, part in ((2.0, 0.001), (1.0, 0.00006)):
        phi = wall("elements", cell_nm, shift=shift).angle[1:-1, 1:-1]
        energy = wall_energy(phi, 0.0, UNMAGNETISED.exchange_number(cell_nm))  # per cell area: a strip one cell high
        a, k1 = UNMAGNETISED.A_J_per_m, UNMAGNETISED.K1_J_per_m3
        assert energy * 2 * k1 * cell_nm * 1e-9 == pytest.approx(4 * math.sqrt(a * k1), rel=part)


def oblique_wall_energy(slope: int, cell_nm: float) -> float:
    """Energy over 4 sqrt(A K1) of a relaxed wall along (slope, -1), whose angle depends on i + slope * j alone."""
    width = cell_nm / UNMAGNETISED.wall_parameter_nm / math.hypot(1, slope)
    ends, n = slope + 1, math.ceil(24 / width)
    c = UNMAGNETISED.exchange_number(cell_nm)

    def energy(inside: np.ndarray) -> float:
        v = np.concatenate([np.zeros(ends), inside, np.full(ends, np.pi)])
        last = len(v) - ends
        corners = np.array([[v[:last], v[1 : last + 1]], [v[slope : last + slope], v[ends:]]])
        return sum(wall_energy(corners[:, :, k], 0.0, c) for k in range(last))

    guess = 2 * np.arctan(np.exp((np.arange(n) - n / 2) * width))
    relaxed = scipy.optimize.minimize(energy, guess, method="L-BFGS-B", options={"maxfun": 10**6})
    return float(relaxed.fun) * width / 2


@pytest.mark.parametrize("slope", [1, 2])
def test_oblique_walls_cost_the_same(slope: int) -> None:
    """At 45 degrees and at 27: within 0.3 % on cells of 2 nm, and a tenth of that on half the cell."""
    for cell_nm, part in ((2.0, 0.003), (1.0, 0.0003)):
        assert oblique_wall_energy(slope, cell_nm) == pytest.approx(1, abs=part)


def test_wall_converges_in_more_than_third_order() -> None:
    """What is left of the torque per area along the exact profile, which goes through the cells off their middles."""

    def left_over(cell_nm: float) -> float:
        structure = uniform(1, round(48 / cell_nm), cell_nm=cell_nm)
        x = (np.arange(structure.shape[1] + 1) - structure.shape[1] / 2 + 0.3) * cell_nm
        angle = np.broadcast_to(2 * np.arctan(np.exp(x / UNMAGNETISED.wall_parameter_nm)), (2, x.size))
        torque = plain.gradient(angle, structure, UNMAGNETISED, 0.0) / plain.areas(structure.shape)
        return float(np.abs(torque[:, 5:-5]).max())

    errors = np.array([left_over(cell_nm) for cell_nm in (2.0, 1.0, 0.5, 0.25)])
    orders = np.log2(errors[:-1] / errors[1:])
    assert (orders > 3.3).all(), orders
    assert errors[0] < 0.005


def opposed(cell_nm: float) -> Microstructure:
    """Two grains that a reversed field turns in opposite senses, to +180 and -180 degrees."""
    grain = np.zeros((6, round(60 / cell_nm)), int)
    grain[:, grain.shape[1] // 2 :] = 1
    return Microstructure(grain, np.radians([30, -30]), cell_nm)


def test_a_360_degree_wall_that_the_mesh_holds_stays() -> None:
    curve = demagnetization_curve(opposed(2.0), sweep=FieldSweep(step=0.05), discretization="elements", keep=[-1.0])
    assert curve.converged.all()
    row = curve.angle_rad[0, 3]
    assert row[0] - row[-1] == pytest.approx(2 * math.pi, abs=1.0)
    assert np.abs(np.diff(row)).max() < math.pi
    assert curve.m[-1] < -0.8


def test_a_360_degree_wall_narrower_than_a_cell_is_reported() -> None:
    curve = demagnetization_curve(opposed(4.0), sweep=FieldSweep(step=0.05), discretization="elements")
    assert curve.anchors.Hc == pytest.approx(0.47, abs=0.02)
    bad = np.array([status is FieldStatus.UNRESOLVED for status in curve.status])
    np.testing.assert_array_equal(bad, ~curve.converged)
    assert not bad[curve.h > -0.45].any()
    assert bad[-1]
    assert "smaller cells" in FieldStatus.UNRESOLVED.value


def test_kept_angles_are_those_of_the_mean_magnetisation_of_each_cell() -> None:
    structure, energy = problem()
    angle = angles(structure) + 5 * math.pi
    evaluate(energy, angle, 0.0)
    np.testing.assert_allclose(energy.cell_angle(np.pad(angle, 1)), modes(angle)[0], atol=1e-12)


def test_the_mesh_matters_less_than_to_cells() -> None:
    """Remanence on cells of 2 nm against that on cells of 1 nm, of a magnet full of walls."""
    structure = voronoi(60, 2, 14, math.pi / 2, np.random.default_rng(0))
    to_zero = FieldSweep(stop=0.0, step=0.1)

    def change(discretization: str) -> float:
        coarse, fine = (
            demagnetization_curve(s, sweep=to_zero, discretization=discretization).anchors.Mr
            for s in (structure, structure.refine(2))
        )
        return abs(coarse - fine)

    assert change("elements") < 0.3 * change("cells")


def test_rectangles_of_any_shape_and_other_materials_run() -> None:
    soft = Material(A_J_per_m=8e-12, Js_T=1.61, K1_J_per_m3=4.2e5)
    for shape in ((1, 9), (11, 1), (3, 17)):
        curve = demagnetization_curve(uniform(*shape, 0.4, 3.0), soft, discretization="elements")
        assert curve.converged.all()
