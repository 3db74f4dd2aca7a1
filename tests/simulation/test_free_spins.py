"""Curves of free spins: where they are the planar ones, where the plane is left, and walls through the prism's axis."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simulation import (
    FieldStatus,
    FieldSweep,
    InputError,
    Material,
    Microstructure,
    Nd2Fe14B,
    demagnetization_curve,
    voronoi,
)
from simulation.backends.planar import settings
from simulation.energy import make_free_energy
from simulation.energy.free import FreeEnergy
from simulation.minimize import Descent, minimize
from tests.simulation.energy import plain_energy
from tests.simulation.energy import plain_free as plain

UNMAGNETISED = Material(A_J_per_m=8e-12, Js_T=1e-6, K1_J_per_m3=4.2e6)
KINDS = ("cells", "elements")
TO_HC = FieldSweep(until="coercivity")


def uniform(ny: int, nx: int, axis_rad: float = 0.0, cell_nm: float = 2.0) -> Microstructure:
    return Microstructure(np.zeros((ny, nx), int), np.array([axis_rad]), cell_nm)


def leaving() -> Microstructure:
    """A square whose walls turn through the axis: the third of `studies.benchmarks.spins`."""
    return voronoi(80, 2, 12, 1.57, np.random.default_rng(102))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("angle_deg", [30, 50, 70])
def test_single_cell_is_stoner_wohlfarth(kind: str, angle_deg: float) -> None:
    """Without long-range field nothing leaves the plane: it jumps within one step of the astroid."""
    psi = math.radians(angle_deg)
    curve = demagnetization_curve(
        uniform(1, 1, psi), UNMAGNETISED, FieldSweep(step=0.005), discretization=kind, spins="free", keep="all"
    )
    assert curve.converged.all()
    phi = curve.angle_rad[:, 0, 0]
    assert np.abs(curve.h * np.sin(phi) + 0.5 * np.sin(2 * (phi - psi))).max() < 1.1e-4
    switching = (math.cos(psi) ** (2 / 3) + math.sin(psi) ** (2 / 3)) ** -1.5
    jump = int(np.argmax(np.abs(np.diff(curve.m))))
    assert -curve.h[jump] - 1e-9 <= switching <= -curve.h[jump + 1] + 1e-9


@pytest.mark.parametrize("kind", KINDS)
def test_a_single_prism_leaves_the_plane_where_its_curvature_out_of_it_ends(kind: str) -> None:
    """(k.m)^2 + h m_y - q/2, along the Stoner-Wohlfarth branch of a nearly aligned prism: before the astroid."""
    psi, step = math.radians(1), 0.005
    structure = uniform(1, 1, psi)
    planar = demagnetization_curve(structure, sweep=FieldSweep(step=step), discretization=kind, keep="all")
    phi = planar.angle_rad[:, 0, 0]
    curvature = np.cos(phi - psi) ** 2 + planar.h * np.cos(phi) - Nd2Fe14B.q / 2
    first = int(np.argmax(curvature < 0))
    assert planar.plane_unstable_h == pytest.approx(planar.h[first])
    free = demagnetization_curve(structure, sweep=FieldSweep(step=step), discretization=kind, spins="free")
    assert free.plane_unstable_h == pytest.approx(planar.h[first])
    assert free.anchors.Hc < planar.anchors.Hc - 2 * step


def wall(kind: str, cell_nm: float, ny: int, turn: float, material: Material, width_nm: float = 48.0) -> Descent:
    """A relaxed wall across x, axis along y, no field, in the plane (turn 0) or through the prism's axis (pi/2)."""
    energy = make_free_energy(uniform(ny, round(width_nm / cell_nm), cell_nm=cell_nm), material, kind)
    rows, columns = energy.area.shape
    x = (np.arange(columns) - (columns - 1) / 2 - 0.25) * cell_nm / material.wall_parameter_nm
    phi = np.broadcast_to(2 * np.arctan(np.exp(x)), (rows, columns))
    m = np.stack([np.sin(phi) * math.cos(turn), np.cos(phi), np.sin(phi) * math.sin(turn)], axis=-1)
    descent = Descent(energy, energy.start(m), 0.0)
    assert minimize(descent, 2e-5, 20_000) is FieldStatus.CONVERGED
    return descent


def vectors(descent: Descent) -> np.ndarray:
    assert isinstance(descent.energy, FreeEnergy)
    return descent.energy.vectors


@pytest.mark.parametrize("turn", [0.0, 0.7, math.pi / 2])
def test_wall_energy_is_4_sqrt_A_K1_through_any_axis(turn: float) -> None:
    """Without magnetisation: within 0.1 % on cells of 2 nm, as planar elements have it, a sixteenth on half of it."""
    for cell_nm, part in ((2.0, 0.001), (1.0, 0.00006)):
        m = vectors(wall("elements", cell_nm, 1, turn, UNMAGNETISED))
        structure = uniform(1, m.shape[1] - 1, cell_nm=cell_nm)
        at_rest = plain.element_energy(np.broadcast_to([0.0, 1.0, 0.0], m.shape), structure, UNMAGNETISED, 0.0)
        energy = plain.element_energy(m, structure, UNMAGNETISED, 0.0) - at_rest
        a, k1 = UNMAGNETISED.A_J_per_m, UNMAGNETISED.K1_J_per_m3
        assert energy * 2 * k1 * cell_nm * 1e-9 == pytest.approx(4 * math.sqrt(a * k1), rel=part)


def wall_law(turn: float) -> float:
    """Energy of a wall of Nd2Fe14B far from the ends of a tall strip, over 4 sqrt(A K1)."""
    cell_nm, ny = 0.5, 600
    m = vectors(wall("cells", cell_nm, ny, turn, Nd2Fe14B, width_nm=16.0))
    row = m[ny // 2]
    c = Nd2Fe14B.exchange_number(cell_nm)
    # Uniform along y, each x is a sheet, whose charges make H_x = -m_x and no other field.
    stray = Nd2Fe14B.q / 2 * (row[:, 0] ** 2).sum()
    exchange = c * (1 - (row[1:] * row[:-1]).sum(-1)).sum()
    energy = exchange + 0.5 * (1 - row[:, 1] ** 2).sum() + stray
    return float(energy * cell_nm / Nd2Fe14B.wall_parameter_nm / 2)


def test_a_wall_through_the_axis_is_free_of_the_charges_of_one_in_the_plane() -> None:
    """4 sqrt(A K1) through the axis, 4 sqrt(A (K1 + Js^2 / 2 mu0)) in the plane."""
    stiff = Nd2Fe14B.Js_T**2 / (2 * 4e-7 * math.pi)
    assert wall_law(math.pi / 2) == pytest.approx(1, abs=0.01)
    assert wall_law(0.0) == pytest.approx(math.sqrt(1 + stiff / Nd2Fe14B.K1_J_per_m3), rel=0.015)


@pytest.mark.parametrize("turn", [0.0, math.pi / 2])
def test_walls_move_on_elements(turn: float) -> None:
    """Below 0.01 H_A on cells of 2 nm, in the plane and through the axis."""
    descent = wall("elements", 2.0, 1, turn, UNMAGNETISED)
    for h in np.arange(1, 11) / 1000:
        descent.change_field(-h)
        minimize(descent, 2e-5, 20_000)
        if abs(descent.energy.magnetization()) > 0.9:
            return
    pytest.fail("the wall did not move")


@pytest.mark.parametrize("kind", KINDS)
def test_where_nothing_leaves_the_plane_the_curve_is_the_planar_one(kind: str) -> None:
    """To the last bit, and for as many evaluations."""
    structure = voronoi(40, 2, 6, 0.5, np.random.default_rng(3))
    sweep = FieldSweep(stop=0.0, step=0.05)
    planar = demagnetization_curve(structure, sweep=sweep, discretization=kind, keep=[0.0])
    free = demagnetization_curve(structure, sweep=sweep, discretization=kind, spins="free", keep=[0.0])
    assert math.isnan(planar.plane_unstable_h)
    np.testing.assert_array_equal(free.m, planar.m)
    np.testing.assert_array_equal(free.magnetization, planar.magnetization)
    assert free.evaluations == planar.evaluations
    assert free.magnetization.shape == (1, 20, 20, 3)


@pytest.mark.parametrize(("kind", "refine"), [("cells", 2), ("elements", 1)])
def test_walls_that_leave_the_plane_reverse_the_square_earlier(kind: str, refine: int) -> None:
    """0.2232 in the plane, 0.1284 out of it, as a steepest descent on cells of 1 nm had it; within a field step on
    elements of 2 nm."""
    structure = leaving().refine(refine)
    planar = demagnetization_curve(structure, sweep=TO_HC, discretization=kind)
    free = demagnetization_curve(structure, sweep=TO_HC, discretization=kind, spins="free", keep="all")
    assert free.converged.all()
    within = 1e-3 if kind == "cells" else 0.01
    assert planar.anchors.Hc == pytest.approx(0.2232, abs=within)
    assert free.anchors.Hc == pytest.approx(0.1284, abs=within)
    assert np.abs(free.magnetization[..., 2]).max() > 0.5
    assert free.plane_unstable_h == planar.plane_unstable_h
    before = free.kept_h > free.plane_unstable_h
    assert not free.magnetization[before][..., 2].any()
    np.testing.assert_allclose(np.linalg.norm(free.magnetization, axis=-1), 1, atol=1e-6)


def relaxed_plainly(m: np.ndarray, structure: Microstructure, h: float, tolerance: float) -> np.ndarray:
    """Steepest descent on the sphere with Barzilai-Borwein steps, plain NumPy, three components, double precision."""
    k, c, q = plain.axes(structure), Nd2Fe14B.exchange_number(structure.cell_nm), Nd2Fe14B.q

    def torque(m: np.ndarray) -> np.ndarray:
        h_x, h_y = plain_energy.demagnetising_field(m[..., 0], m[..., 1])
        field = np.stack([q * h_x, h + q * h_y, np.zeros_like(h_x)], axis=-1)
        field += (k * m).sum(-1, keepdims=True) * k
        for axis in (0, 1):
            step = c * np.diff(m, axis=axis)
            none = [(0, 0)] * 3
            none[axis] = (0, 1)
            field += np.pad(step, none)
            none[axis] = (1, 0)
            field -= np.pad(step, none)
        return np.asarray((field * m).sum(-1, keepdims=True) * m - field)

    g, t = torque(m), 0.1
    for n in range(20_000):
        if np.linalg.norm(g, axis=-1).max() < tolerance:
            return m
        moved = plain.unit(m - t * g)
        step, change = moved - m, torque(moved) - g
        along = (step * change).sum()
        t = 0.3 if along <= 0 else (step**2).sum() / along if n % 2 else along / (change**2).sum()
        t, m, g = min(max(t, 0.02), 2.0), moved, g + change
    raise AssertionError("not relaxed")


@pytest.mark.parametrize("seed", range(3))
def test_the_curve_is_that_of_a_plain_descent_with_three_components(seed: int) -> None:
    """Tilted at random at each field, and relaxed until the slowest tilt has grown or decayed."""
    structure = voronoi(24, 2, 6, 1.5, np.random.default_rng(seed))
    sweep, rng = FieldSweep(step=0.05, until="coercivity"), np.random.default_rng(seed)
    curve = demagnetization_curve(structure, sweep=sweep, discretization="cells", spins="free")
    m, expected = np.broadcast_to([0.0, 1.0, 0.0], (*structure.shape, 3)), []
    for h in curve.h:
        m = relaxed_plainly(plain.unit(m + [0, 0, 3e-3] * rng.normal(size=m.shape)), structure, float(h), 1e-7)
        expected.append(m[..., 1].mean())
    np.testing.assert_allclose(curve.m, expected, atol=2e-3)


@pytest.mark.parametrize("seed", range(2))
def test_mirror_images_have_the_same_curve(seed: int) -> None:
    structure = voronoi(60, 2, 8, 1.2, np.random.default_rng(seed))
    images = (structure, structure.mirror_x(), structure.mirror_y())
    curves = [demagnetization_curve(image, sweep=TO_HC, discretization="elements", spins="free") for image in images]
    assert all(curve.converged.all() for curve in curves)
    for mirrored in curves[1:]:
        np.testing.assert_allclose(mirrored.anchors.as_array(), curves[0].anchors.as_array(), atol=2e-3)


def test_tilts_may_be_drawn_and_their_size_does_not_decide() -> None:
    options: tuple[dict[str, Any], ...] = (
        {},
        {"seed": 1},
        {"seed": 1, "perturbation_rad": 3e-4},
        {"perturbation_rad": 0.03},
    )
    found = [
        demagnetization_curve(leaving(), sweep=TO_HC, discretization="elements", spins="free", **option).anchors.Hc
        for option in options
    ]
    np.testing.assert_allclose(found, found[0], atol=1e-3)


def test_keys_of_planar_labels_are_what_they_were() -> None:
    assert settings("elements") == (
        ("backend", "planar"),
        ("version", 5),
        ("discretization", "elements"),
        ("tolerance", 1e-4),
    )
    assert settings("elements", spins="planar") == settings("elements")


def test_all_that_decides_a_curve_of_free_spins_is_in_its_key() -> None:
    keys = [
        settings("elements"),
        settings("elements", spins="free"),
        settings("elements", spins="free", perturbation_rad=1e-3),
        settings("elements", spins="free", seed=0),
        settings("elements", spins="free", seed=1),
        settings("cells", spins="free"),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"spins": "up"}, "spins must be one of planar, free"),
        ({"spins": "free", "perturbation_rad": 0.0}, "perturbation_rad must lie above 0"),
        ({"spins": "free", "perturbation_rad": math.nan}, "perturbation_rad must lie above 0"),
        ({"spins": "free", "seed": -1}, "seed must be"),
        ({"spins": "free", "seed": 0.5}, "seed must be"),
    ],
)
def test_wrong_options_are_named(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        demagnetization_curve(uniform(2, 2), **wrong)
