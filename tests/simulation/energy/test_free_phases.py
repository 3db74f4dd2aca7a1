"""Free spins of magnets with several phases: kernels against plain NumPy, the planar limit, and what voids are."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from simulation import (
    VOID,
    FieldStatus,
    FieldSweep,
    Microstructure,
    Nd2Fe14B,
    Phase,
    demagnetization_curve,
    voronoi,
)
from simulation.energy import DISCRETIZATIONS, make_energy, make_free_energy, make_tilts
from simulation.minimize import Descent, minimize
from simulation.spins import planar_angle
from simulation.stability import Stability
from tests.simulation.energy import plain_free, plain_phases
from tests.simulation.energy import plain_free_phases as plain
from tests.simulation.energy.test_free_energy import dense, evaluate, in_plane, linear, vectors
from tests.simulation.energy.test_phase_physics import HARD, SOFT, goto
from tests.simulation.energy.test_phases import SAME, structure
from tests.simulation.energy.test_phases import SOFT as STRONG

TO_HC = FieldSweep(until="coercivity")


def leaving() -> Microstructure:
    """Grains that leave the plane before they reverse, with soft layers between them and without."""
    return voronoi(40, 2, 6, 2.6, np.random.default_rng(8))


def energy_of(kind: str, made: Microstructure, h: float, at: np.ndarray) -> Callable[[np.ndarray], float]:
    """The energy whose derivative at these vectors the kernels promise: of elements in the stray field that T has."""
    if kind == "cells":
        return lambda m: plain.cell_energy(m, made, Nd2Fe14B, h)
    field = plain.element_field(at, made, Nd2Fe14B, h)
    return lambda m: plain.element_energy(m, made, Nd2Fe14B, h, field)


@pytest.mark.parametrize("kind", DISCRETIZATIONS)
@pytest.mark.parametrize("inside", ["inclusion", "layer", "voids", "all"])
@pytest.mark.parametrize("spread", [0.3, 1.5])
def test_gradient_is_that_of_the_energy_by_finite_differences(inside: str, spread: float, kind: str) -> None:
    made, h = structure(inside), -0.3
    energy = make_free_energy(made, Nd2Fe14B, kind)
    m = vectors(energy, spread)
    expected = plain_free.gradient(energy_of(kind, made, h, m), m)
    found = evaluate(energy, m, h)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert not found[energy.area == 0].any()
    mean = plain.magnetization(m, made, Nd2Fe14B, h, kind == "elements")
    assert energy.magnetization() == pytest.approx(mean, abs=1e-6)


def test_in_the_plane_the_derivative_of_cells_is_the_planar_one() -> None:
    made = structure("all")
    energy, planar = make_free_energy(made, Nd2Fe14B, "cells"), make_energy(made, Nd2Fe14B, "cells")
    phi, expected = np.random.default_rng(1).uniform(-3, 3, made.shape), np.zeros(planar.shape, np.float32)
    planar.gradient(np.pad(phi, 1), -0.2, expected)
    gradient = evaluate(energy, in_plane(phi), -0.2)
    assert not gradient[..., 2].any()
    across = gradient[..., 0] * np.cos(phi) - gradient[..., 1] * np.sin(phi)
    np.testing.assert_allclose(across, expected[1:-1, 1:-1], atol=3e-6)
    assert energy.magnetization() == pytest.approx(planar.magnetization(), abs=1e-6)


def test_in_the_plane_the_energy_of_elements_is_the_planar_one() -> None:
    """But for a constant, where cells have no twist."""
    made = structure("all")
    energy, planar = make_free_energy(made, Nd2Fe14B, "elements"), make_energy(made, Nd2Fe14B, "elements")
    offsets = []
    for slopes in ((0.0, 0.0), (0.5, -0.3), (0.9, 0.6), (1.3, 0.1)):
        phi = linear(energy, *slopes)
        free = plain.element_energy(in_plane(phi), made, Nd2Fe14B, -0.2)
        offsets.append(free - plain_phases.element_energy(phi, made, Nd2Fe14B, -0.2))
        assert not evaluate(energy, in_plane(phi), -0.2)[..., 2].any()
        planar.gradient(np.pad(phi, 1), -0.2, np.zeros(planar.shape, np.float32))
        assert energy.magnetization() == pytest.approx(planar.magnetization(), abs=1e-6)
    np.testing.assert_allclose(offsets, offsets[0], atol=1e-9)


@pytest.mark.parametrize("kind", DISCRETIZATIONS)
def test_changing_the_field_is_evaluating_at_the_other_field(kind: str) -> None:
    energy = make_free_energy(structure("all"), Nd2Fe14B, kind)
    m = vectors(energy, 1.0)
    there, out = (np.zeros(energy.shape, np.float32) for _ in range(2))
    energy.gradient(energy.start(m), -0.2, there)
    energy.gradient(energy.start(m), 0.5, out)
    energy.change_field(-0.7, out)
    np.testing.assert_allclose(out, there, atol=2e-6)


@pytest.mark.parametrize("kind", DISCRETIZATIONS)
def test_local_solve_inverts_the_hessian_but_for_its_long_range_part(kind: str) -> None:
    """Along x = P^-1 r the gradient changes by r, but for the curvature that is added, the stray field of x and what
    stencils leave out: 0.15 and 0.11 of it are left. With the exchange of the main phase for all pairs 0.5 were."""
    energy = make_free_energy(structure("all", cell_nm=1.0), Nd2Fe14B, kind)
    area = np.tile(energy._area, (2, 1))
    start, (out, x, forth, back) = energy.start(vectors(energy, 0.1)), np.zeros((4, *energy.shape), np.float32)
    energy.gradient(start, 1.0, out)
    right_side = np.where(area > 0, np.random.default_rng(0).normal(size=area.shape), 0).astype(np.float32)
    assert energy.solve_local(right_side, x, convex=False)
    assert not x[area == 0].any()
    energy.gradient(start + 1e-2 * x, 1.0, forth)
    energy.gradient(start - 1e-2 * x, 1.0, back)
    residual = (forth - back) / 2e-2 + float(energy._shift) * area * x - right_side
    assert np.linalg.norm(residual) < 0.25 * np.linalg.norm(right_side)


@pytest.mark.parametrize("kind", DISCRETIZATIONS)
def test_out_of_plane_hessian_is_that_of_the_energy_by_finite_differences(kind: str) -> None:
    made = structure("all", 4, 7)
    energy, planar = make_free_energy(made, Nd2Fe14B, kind), make_energy(made, Nd2Fe14B, kind)
    tilts = make_tilts(made, Nd2Fe14B, kind)
    phi = linear(energy, 0.4, -0.3)  # no twist: the planar field is the same
    planar.gradient(np.pad(phi, 1), -0.3, np.zeros(planar.shape, np.float32))
    m = in_plane(phi)
    of = energy_of(kind, made, -0.3, m)

    def at(tilt: np.ndarray) -> float:
        return of(np.concatenate([np.cos(tilt)[..., None] * m[..., :2], np.sin(tilt)[..., None]], axis=-1))

    units = 1e-3 * np.eye(phi.size).reshape(-1, *phi.shape)
    expected = np.array([[at(a + b) - at(a - b) for b in units] for a in units]) / 2e-6
    hessian = dense(tilts.stencil(np.pad(phi, 1), planar.field).astype(float))
    np.testing.assert_allclose(hessian, expected, atol=5e-5)


@pytest.mark.parametrize("turn", [0.0, 0.7, math.pi / 2])
def test_wall_energy_is_4_sqrt_A_K1_of_the_phase_it_is_in(turn: float) -> None:
    """Through any axis, where there is no magnetisation; the main phase is another, and so is the layer at one end."""
    own, cell_nm = Phase(A_J_per_m=1.6e-11, Js_T=2e-6, K1_J_per_m3=2.1e6), 2.0
    phase = (np.arange(40) > 1).astype(int)[None, :]
    made = Microstructure(np.zeros_like(phase), np.zeros(1), cell_nm, phase, (own,))
    energy = make_free_energy(made, HARD, "elements")
    width = math.sqrt(own.A_J_per_m / own.K1_J_per_m3) * 1e9
    phi = np.broadcast_to(2 * np.arctan(np.exp((np.arange(41) - 20.25) * cell_nm / width)), (2, 41))
    m = np.stack([np.sin(phi) * math.cos(turn), np.cos(phi), np.sin(phi) * math.sin(turn)], axis=-1)
    descent = Descent(energy, energy.start(m), 0.0)
    assert minimize(descent, 2e-5, 20_000) is FieldStatus.CONVERGED
    states = (energy.vectors, np.broadcast_to([0.0, 1.0, 0.0], m.shape))
    wall, rest = (plain.element_energy(state, made, HARD, 0.0) for state in states)
    assert (wall - rest) * 2 * HARD.K1_J_per_m3 * cell_nm * 1e-9 == pytest.approx(
        4 * math.sqrt(own.A_J_per_m * own.K1_J_per_m3), rel=1e-3
    )


@pytest.mark.parametrize("layer_nm", [4.0, 10.0])
def test_a_soft_layer_gives_way_out_of_the_plane_where_the_textbook_says(layer_nm: float) -> None:
    """Where no stray field tells directions across the axis apart: within 0.5 % of the field of `goto`, by what small
    tilts of vectors answer and by what the planar state is asked for."""
    layer = round(layer_nm)
    phase = np.repeat([0, 1, 0], [16, layer, 16])[None, :]
    made = Microstructure(np.zeros_like(phase), np.zeros(1), 1.0, phase, (SOFT,))
    planar, energy = make_energy(made, HARD, "elements"), make_free_energy(made, HARD, "elements")
    stability, columns = Stability(make_tilts(made, HARD, "elements")), layer + 33
    for part in (0.995, 1.005):
        h, hessian = -part * goto(layer_nm), []
        for column in range(columns):
            angle = np.where(np.arange(columns) == column, 1e-2, 0.0)
            m = np.stack([np.zeros(columns), np.cos(angle), np.sin(angle)], axis=-1)
            hessian.append(evaluate(energy, np.stack([m, m]), h)[..., 2].sum(axis=0) / 1e-2)
        lowest = np.linalg.eigvalsh((np.array(hessian) + np.array(hessian).T) / 2)[0]
        planar.gradient(np.zeros(planar.shape), h, np.zeros(planar.shape, np.float32))
        found = stability.lowest(np.zeros(planar.shape), planar.field)
        assert (lowest < 0, found < 0) == (part > 1, part > 1)


@pytest.mark.parametrize("kind", DISCRETIZATIONS)
def test_a_phase_with_the_numbers_of_the_main_one_changes_nothing(kind: str) -> None:
    one, two = (
        demagnetization_curve(of, sweep=TO_HC, discretization=kind, spins="free")
        for of in (leaving(), leaving().with_boundary(4, SAME))
    )
    assert math.isfinite(one.plane_unstable_h)
    assert two.plane_unstable_h == one.plane_unstable_h
    assert two.converged.all()
    np.testing.assert_allclose(two.m, one.m, atol=2e-4)


@pytest.mark.parametrize("kind", DISCRETIZATIONS)
@pytest.mark.parametrize("phase", [STRONG, Phase(5e-12, 0.5), VOID], ids=["soft", "weak", "void"])
def test_mirror_images_have_the_same_curve(phase: Phase, kind: str) -> None:
    made = leaving().with_boundary(4, phase)
    curves = [
        demagnetization_curve(of, sweep=TO_HC, discretization=kind, spins="free")
        for of in (made, made.mirror_x(), made.mirror_y())
    ]
    assert all(curve.converged.all() for curve in curves)
    assert math.isfinite(curves[0].plane_unstable_h) == (phase is not VOID)
    for curve in curves[1:]:
        np.testing.assert_allclose(curve.m, curves[0].m, atol=2e-3)


@pytest.mark.parametrize("kind", DISCRETIZATIONS)
def test_a_magnet_among_voids_is_the_magnet_alone(kind: str) -> None:
    """Its curve, in shares of the area; voids keep their direction, whatever the magnet does."""
    alone = leaving()
    (ny, nx), inside = alone.shape, np.s_[2:-3, 1:-2]
    ids, phase = np.zeros((ny + 5, nx + 3), int), np.ones((ny + 5, nx + 3), int)
    ids[inside], phase[inside] = alone.grain_id, 0
    among = Microstructure(ids, alone.grain_angle_rad, alone.cell_nm, phase, (VOID,))
    one, other = (
        demagnetization_curve(of, sweep=TO_HC, discretization=kind, spins="free", keep="all") for of in (alone, among)
    )
    assert np.abs(one.magnetization[..., 2]).max() > 0.3
    assert other.plane_unstable_h == one.plane_unstable_h
    np.testing.assert_allclose(other.m * phase.size / alone.grain_id.size, one.m, atol=1e-3)
    np.testing.assert_allclose(other.magnetization[:, -1, :, [0, 2]], 0, atol=1e-6)


def test_angles_jump_across_voids_only() -> None:
    """Two halves that are a whole turn apart by way of the void between them are without jumps each."""
    phi = np.zeros((4, 7))
    phi[:, :3] = np.linspace(0, 4.0, 4)[:, None]
    phi[:, 4:] = np.linspace(0, -4.0, 4)[:, None]
    there = np.ones((4, 7), bool)
    there[:, 3] = False
    coupled = there[1:] & there[:-1], there[:, 1:] & there[:, :-1]
    assert planar_angle(in_plane(phi)) is None
    found = planar_angle(in_plane(phi), coupled)
    assert found is not None
    for side in (np.s_[:, :3], np.s_[:, 4:]):
        apart = found[side] - phi[side]
        np.testing.assert_allclose(apart, apart[0, 0], atol=1e-6)
