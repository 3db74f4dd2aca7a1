"""Demagnetisation curves: analytic ones, symmetries, trends that physics asks for, and what is refused."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time

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
from simulation.energy import flow
from simulation.errors import SolverError

TO_HC = FieldSweep(until="coercivity")


def grains(seed: int = 0, count: int = 8, misorientation: float = 1.2, size_nm: float = 60) -> Microstructure:
    return voronoi(size_nm, 2, count, misorientation, np.random.default_rng(seed))


def one_cell(angle_deg: float) -> Microstructure:
    return Microstructure(np.zeros((1, 1), int), np.radians([angle_deg]))


@pytest.mark.parametrize("discretization", ["cells"])
@pytest.mark.parametrize("angle_deg", [5, 10, 20, 30, 40, 50, 60, 70, 80])
def test_single_cell_is_stoner_wohlfarth(angle_deg: float, discretization: str) -> None:
    """It jumps within one step of the astroid (cos^2/3 + sin^2/3)^-3/2; beyond 45 degrees Hc = sin(2 psi)/2."""
    step = 0.005
    curve = demagnetization_curve(
        one_cell(angle_deg), sweep=FieldSweep(step=step), discretization=discretization, keep="all"
    )
    assert curve.converged.all()
    psi = math.radians(angle_deg)
    switching = (math.cos(psi) ** (2 / 3) + math.sin(psi) ** (2 / 3)) ** -1.5
    jump = int(np.argmax(np.abs(np.diff(curve.angle_rad[:, 0, 0]))))
    assert -curve.h[jump] - 1e-9 <= switching <= -curve.h[jump + 1] + 1e-9
    if angle_deg > 45:
        assert curve.anchors.Hc == pytest.approx(math.sin(2 * psi) / 2, abs=5e-4)
    else:
        assert curve.anchors.Hc == pytest.approx(switching, abs=step)
    assert curve.anchors.Mr == pytest.approx(math.cos(psi), abs=1e-4)


@pytest.mark.parametrize("angle_deg", [25, 65])
def test_single_cell_satisfies_the_equation_of_state_at_every_field(angle_deg: float) -> None:
    """h sin phi + 1/2 sin 2(phi - psi) = 0, of the one magnetisation that a cell has by cells."""
    curve = demagnetization_curve(one_cell(angle_deg), discretization="cells", keep="all")
    phi, psi = curve.angle_rad[:, 0, 0], math.radians(angle_deg)
    assert np.abs(curve.h * np.sin(phi) + 0.5 * np.sin(2 * (phi - psi))).max() < 1.1e-4
    np.testing.assert_allclose(np.cos(phi), curve.m, atol=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_mirror_images_have_the_same_curve(seed: int) -> None:
    structure = grains(seed)
    curve = demagnetization_curve(structure, sweep=TO_HC)
    for image in (structure.mirror_x(), structure.mirror_y(), structure.mirror_x().mirror_y()):
        mirrored = demagnetization_curve(image, sweep=TO_HC)
        np.testing.assert_allclose(mirrored.anchors.as_array(), curve.anchors.as_array(), atol=2e-3)


def test_axes_have_no_head() -> None:
    structure = grains()
    turned = Microstructure(structure.grain_id, structure.grain_angle_rad + np.pi, structure.cell_nm)
    curve, other = (demagnetization_curve(s, sweep=TO_HC) for s in (structure, turned))
    np.testing.assert_allclose(other.anchors.as_array(), curve.anchors.as_array(), atol=2e-3)


def test_materials_with_the_same_reduced_constants_share_their_curve() -> None:
    """q and lengths over sqrt(A/K1) are all that counts: A x 4 on cells twice as large."""
    structure = grains()
    larger = Microstructure(structure.grain_id, structure.grain_angle_rad, 2 * structure.cell_nm)
    stiffer = Material(4 * Nd2Fe14B.A_J_per_m, Nd2Fe14B.Js_T, Nd2Fe14B.K1_J_per_m3)
    curve = demagnetization_curve(structure, sweep=TO_HC)
    scaled = demagnetization_curve(larger, stiffer, sweep=TO_HC)
    np.testing.assert_allclose(scaled.m, curve.m, atol=1e-5)


def test_tighter_tolerance_moves_no_anchor() -> None:
    moved = []
    for seed in range(5):
        structure = grains(seed)
        loose, tight = (demagnetization_curve(structure, sweep=TO_HC, tolerance=t) for t in (1e-4, 1e-5))
        assert loose.converged.all()
        assert tight.converged.all()
        moved.append(np.abs(loose.anchors.as_array() - tight.anchors.as_array()))
    assert np.median(moved) < 2e-4
    assert np.max(moved) < 0.01


def test_remanence_and_coercivity_fall_with_misorientation() -> None:
    """Averages over structures that differ in nothing but the spread of their axes."""
    anchors = np.array(
        [
            np.mean(
                [demagnetization_curve(grains(s, 8, theta), sweep=TO_HC).anchors.as_array() for s in range(6)], axis=0
            )
            for theta in np.radians([5, 45, 90])
        ]
    )
    assert (np.diff(anchors[:, 1]) < -0.02).all()
    assert (np.diff(anchors[:, 5]) < -0.02).all()


def test_remanence_is_enhanced_as_grains_shrink() -> None:
    """Exchange between many small grains lifts Mr above mean |cos| of their axes."""

    def enhancement(count: int) -> float:
        sweep = FieldSweep(stop=0.0, step=0.1)
        excess = []
        for seed in range(12):
            structure = grains(seed, count, math.pi / 2)
            mean_cos = np.abs(np.cos(structure.angle_rad)).mean()
            excess.append(demagnetization_curve(structure, sweep=sweep).anchors.Mr - mean_cos)
        return float(np.mean(excess))

    assert enhancement(64) > enhancement(6) + 0.02


def test_sweep_that_never_reaches_the_coercive_field_ends_with_missing_anchors() -> None:
    curve = demagnetization_curve(one_cell(10), sweep=FieldSweep(stop=-0.2, until="coercivity"))
    assert curve.h[-1] == pytest.approx(-0.2)
    assert curve.converged.all()
    assert np.isfinite(curve.anchors.Mr)
    assert np.isnan([curve.anchors.Hk90, curve.anchors.Hk80, curve.anchors.Hk70, curve.anchors.Hc]).all()


def test_until_coercivity_stops_at_the_first_negative_magnetisation() -> None:
    full, short = (demagnetization_curve(grains(), sweep=FieldSweep(until=u)) for u in (None, "coercivity"))
    assert full.h[-1] == -1.0
    assert short.m[-1] < 0
    assert (short.m[:-1] >= 0).all()
    np.testing.assert_array_equal(full.m[: short.m.size], short.m)


def test_kept_angles_give_the_magnetisation() -> None:
    """By cells exactly; by elements an angle in the middle is not yet the mean over its cell."""
    curve = demagnetization_curve(grains(), sweep=TO_HC, discretization="cells", keep=[1.0, 0.0, -0.05])
    np.testing.assert_allclose(curve.kept_h, [1.0, 0.0, -0.05])
    assert curve.angle_rad.shape == (3, 30, 30)
    at = [int(np.argmin(np.abs(curve.h - h))) for h in curve.kept_h]
    np.testing.assert_allclose(np.cos(curve.angle_rad).mean(axis=(1, 2)), curve.m[at], atol=1e-6)


def test_curve_counts_its_evaluations() -> None:
    curve = demagnetization_curve(grains(), sweep=TO_HC)
    assert curve.evaluations == curve.evaluations_per_field.sum()
    assert curve.m.dtype == np.float64
    assert len(curve.status) == curve.h.size == curve.m.size


def test_a_field_that_did_not_converge_says_so() -> None:
    curve = demagnetization_curve(grains(), max_evaluations=2)
    assert not curve.converged.all()
    assert FieldStatus.OUT_OF_EVALUATIONS in curve.status
    assert "max_evaluations" in FieldStatus.OUT_OF_EVALUATIONS.value


def test_after_a_field_that_did_not_converge_the_others_get_less() -> None:
    most = 50
    counts = demagnetization_curve(grains(), tolerance=1e-9, max_evaluations=most).evaluations_per_field
    assert counts[0] >= most
    assert counts[1:].max() < most / 2


def test_rectangles_of_any_shape_run() -> None:
    for shape in ((1, 9), (11, 1), (3, 17)):
        structure = Microstructure(np.zeros(shape, int), np.array([0.4]), 3.0)
        assert demagnetization_curve(structure).converged.all()


def test_elements_are_the_default() -> None:
    """Walls move on 2 nm cells: Hc of a magnet of misaligned grains is well below that by cells."""
    plain = demagnetization_curve(grains(count=30), sweep=TO_HC)
    elements, cells = (
        demagnetization_curve(grains(count=30), sweep=TO_HC, discretization=name) for name in ("elements", "cells")
    )
    np.testing.assert_array_equal(plain.m, elements.m)
    assert plain.anchors.Hc < cells.anchors.Hc - 0.02


def test_same_input_same_curve() -> None:
    first, second = (demagnetization_curve(grains(3), sweep=TO_HC) for _ in range(2))
    np.testing.assert_array_equal(first.m, second.m)


def test_settings_tell_what_changes_a_result() -> None:
    assert hash(settings("cells", 1e-4)) == hash(settings("cells", 1e-4))
    assert settings("cells", 1e-4) != settings("cells", 1e-5)


def test_fields_are_clean_decimals() -> None:
    h = FieldSweep().h
    assert h.size == 201
    assert h[0] == 1.0
    assert h[100] == 0.0
    assert not np.signbit(h[100])
    assert h[-1] == -1.0
    assert 0.07 in h


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"step": 0.0}, "step must be positive"),
        ({"step": -0.01}, "step must be positive"),
        ({"start": -1.0, "stop": 1.0}, "stop must lie below start"),
        ({"start": math.nan}, "start must be a finite number"),
        ({"stop": -math.inf}, "stop must be a finite number"),
        ({"step": 1e-9}, "at most"),
        ({"step": "fine"}, "step must be a finite number"),
        ({"until": "Hc"}, "until must be None"),
    ],
)
def test_bad_sweeps_are_refused(bad: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        FieldSweep(**bad)


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"backend": "mumax"}, "backend must be one of"),
        ({"discretization": "hexagons"}, "discretization must be one of"),
        ({"keep": [0.123456]}, "not a field of the sweep"),
        ({"keep": [math.nan]}, "not a field of the sweep"),
        ({"keep": "some"}, "keep must be"),
        ({"tolerance": 0.0}, "tolerance must be a positive"),
        ({"tolerance": math.nan}, "tolerance must be a positive"),
        ({"max_evaluations": 0}, "max_evaluations must be at least 1"),
        ({"microstructure": "iron"}, "must be a Microstructure"),
    ],
)
def test_bad_arguments_are_refused(bad: dict, says: str) -> None:
    with pytest.raises(InputError, match=says):
        demagnetization_curve(**({"microstructure": one_cell(10)} | bad))


@pytest.mark.parametrize("discretization", ["cells", "elements"])
@pytest.mark.parametrize(
    ("cell_nm", "material", "says"),
    [
        (0.001, Nd2Fe14B, "cells of 0.001 nm are too small"),
        (2.0, Material(1e-9, 0.001, 1), "cells of 2 nm are too small beside"),
        (2.0, Material(8e-12, 1.61, 4.2e3), "made for hard magnets"),
    ],
)
def test_a_magnet_that_the_solver_is_not_made_for_is_refused(discretization, cell_nm, material, says) -> None:
    """None of these gave an answer within a minute, nor to Ctrl-C."""
    structure = voronoi(20 * cell_nm, cell_nm, 4, 1.2, np.random.default_rng(1))
    with pytest.raises(InputError, match=says):
        demagnetization_curve(structure, material, discretization=discretization)


@pytest.mark.parametrize(("cell_nm", "material"), [(100, Nd2Fe14B), (2, Material(9.8e-14, 1.61, 5.16e4))])
def test_a_solver_that_comes_to_no_numbers_is_a_sentence(cell_nm, material) -> None:
    """Elements that are too coarse for the walls end in what is not a number."""
    structure = voronoi(30 * cell_nm, cell_nm, 6, 1.5, np.random.default_rng(3))
    with pytest.raises(SolverError, match=r"planar \(elements\) gave no curve .*these have"):
        demagnetization_curve(structure, material, FieldSweep(step=0.05), discretization="elements")


@pytest.mark.parametrize("discretization", ["cells", "elements"])
def test_how_a_flow_is_cut_into_calls_changes_nothing(discretization: str, monkeypatch) -> None:
    whole = demagnetization_curve(grains(3), sweep=TO_HC, discretization=discretization, keep="all")
    monkeypatch.setattr(flow, "CALL", 5 * grains().grain_id.size)
    cut = demagnetization_curve(grains(3), sweep=TO_HC, discretization=discretization, keep="all")
    np.testing.assert_array_equal(whole.angle_rad, cut.angle_rad)
    np.testing.assert_array_equal(whole.evaluations_per_field, cut.evaluations_per_field)


def test_the_steps_in_one_far_field_are_bounded() -> None:
    """A stiff exchange makes the flow shorter, and neither its steps too long nor their number endless."""
    for stiffest in (2.0, 5.8, 1e3, 1e9):
        time_step, steps = flow.explicit_steps(20.0, stiffest)
        assert steps <= flow.MOST_STEPS
        assert time_step * stiffest <= flow.STABLE_STEP * (1 + 1e-12)
        assert time_step * steps == pytest.approx(20.0) or steps == flow.MOST_STEPS
    for steps, cells in ((1, 1), (257, 160 * 160), (flow.MOST_STEPS, 2048 * 2048)):
        calls = list(flow.in_short_calls(steps, cells))
        assert [step for begin, end in calls for step in range(begin, end)] == list(range(steps))
        assert all((end - begin) * cells <= max(flow.CALL, cells) for begin, end in calls)


@pytest.mark.skipif(sys.platform == "win32", reason="sends a signal")
def test_ctrl_c_is_answered_in_the_middle_of_a_long_flow() -> None:
    """One evaluation of this magnet takes ten seconds."""
    code = """
import numpy, simulation
small, large = (simulation.voronoi(n / 8, 0.125, 9, 1.5, numpy.random.default_rng(1)) for n in (8, 640))
simulation.demagnetization_curve(small, discretization="elements")
print("compiled", flush=True)
simulation.demagnetization_curve(large, discretization="elements")
"""
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "compiled\n"
    time.sleep(4)
    assert process.poll() is None
    began = time.monotonic()
    os.kill(process.pid, signal.SIGINT)
    said = process.communicate(timeout=60)[1]
    assert time.monotonic() - began < 4
    assert said.rstrip().endswith("KeyboardInterrupt")
