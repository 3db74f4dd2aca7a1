"""The fidimag backend: driven so that it converges, in its units and order of cells; the solver itself if installed."""

from __future__ import annotations

import importlib.util
import math
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import (
    VOID,
    Conditions,
    FieldStatus,
    FieldSweep,
    InputError,
    Material,
    Microstructure,
    Nd2Fe14B,
    Phase,
    demagnetization_curve,
)
from simulation.backends import fidimag
from tests.simulation.backends import fidimag_stand_in

INSTALLED = importlib.util.find_spec("fidimag") is not None
needs_fidimag = pytest.mark.skipif(not INSTALLED, reason="fidimag, an optional solver built from source, is missing")

# A structure without any symmetry: three grains on 7 x 5 cells, so that mixed-up rows, columns or signs would show.
LOPSIDED = Microstructure(
    np.array([[0, 0, 0, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1, 1], [0, 2, 2, 2, 1, 1, 1], [2] * 6 + [1], [2] * 7]),
    np.radians([20.0, -55.0, 70.0]),
)
SWEEP = FieldSweep(step=0.05)


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Put the stand-in where fidimag would be; the list of its simulations."""
    modules, simulations = fidimag_stand_in.make()
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    return simulations


def test_backend_gives_the_curve_of_the_planar_solver(stand_in: list[Any]) -> None:
    theirs = demagnetization_curve(LOPSIDED, Nd2Fe14B, SWEEP, "fidimag", keep="all", max_evaluations=2000)
    ours = demagnetization_curve(LOPSIDED, Nd2Fe14B, SWEEP, backend="planar", discretization="cells", keep="all")
    assert theirs.converged.all()
    np.testing.assert_array_equal(theirs.h, ours.h)
    np.testing.assert_allclose(theirs.m, ours.m, atol=5e-4)
    np.testing.assert_allclose(theirs.anchors.as_array(), ours.anchors.as_array(), atol=1e-3)
    apart = np.angle(np.exp(1j * (theirs.angle_rad - ours.angle_rad)))
    assert np.abs(apart).max() < 5e-3
    assert theirs.evaluations == theirs.evaluations_per_field.sum() == stand_in[0].evaluations


def test_cells_are_simulated_without_being_asked_for(stand_in: list[Any]) -> None:
    sweep = FieldSweep(step=0.1, stop=0.0)
    plain = demagnetization_curve(LOPSIDED, sweep=sweep, backend="fidimag")
    stated = demagnetization_curve(LOPSIDED, sweep=sweep, backend="fidimag", discretization="cells")
    np.testing.assert_array_equal(plain.m, stated.m)
    assert Conditions.of(Nd2Fe14B, sweep, "fidimag").discretization == "cells"


def test_same_reduced_problem_takes_the_same_steps(stand_in: list[Any]) -> None:
    # Four times the energy densities, twice the polarisation: H_A doubles, q and c stay.
    stronger = Material(4 * Nd2Fe14B.A_J_per_m, 2 * Nd2Fe14B.Js_T, 4 * Nd2Fe14B.K1_J_per_m3)
    sweep = FieldSweep(step=0.1, stop=0.0)
    curves = [demagnetization_curve(LOPSIDED, material, sweep, "fidimag") for material in (Nd2Fe14B, stronger)]
    np.testing.assert_allclose(curves[0].m, curves[1].m, atol=1e-12)
    np.testing.assert_array_equal(curves[0].evaluations_per_field, curves[1].evaluations_per_field)


def test_steps_are_positive_bounded_and_not_all_the_first(stand_in: list[Any]) -> None:
    demagnetization_curve(LOPSIDED, Nd2Fe14B, SWEEP, backend="fidimag")
    tesla = Nd2Fe14B.K1_J_per_m3 * 2 / Nd2Fe14B.Ms_A_per_m
    taus = np.array(stand_in[0].taus) * tesla
    assert taus.min() >= fidimag.SHORTEST_STEP * (1 - 1e-12)
    assert taus.max() <= fidimag.LONGEST_STEP * (1 + 1e-12)
    assert np.unique(taus).size > 0.5 * taus.size


def test_step_length_alternates_the_two_forms() -> None:
    move, change = np.array([1.0, 2.0, 0.0]), np.array([0.5, 0.5, 0.5])
    assert fidimag.step_length(move, change, 0, 1.0) == pytest.approx(5 / 1.5)
    assert fidimag.step_length(move, change, 1, 1.0) == pytest.approx(1.5 / 0.75)
    assert fidimag.step_length(move, -change, 0, 1.0) == pytest.approx(5 / 1.5)  # negative curvature: its size
    assert fidimag.step_length(move, np.zeros(3), 0, 1.0) == fidimag.LONGEST_STEP
    assert fidimag.step_length(move, 1e9 * change, 1, 1.0) == fidimag.SHORTEST_STEP
    assert fidimag.step_length(move, 1e-9 * change, 0, 2.0) == fidimag.LONGEST_STEP / 2


def test_small_moves_alone_are_not_convergence(stand_in: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fault of `minimise`: with short steps hardly anything moves, however large the torque."""
    monkeypatch.setattr(fidimag, "step_length", lambda *_: 1e-9)
    monkeypatch.setattr(fidimag, "FIRST_STEP", 1e-9)
    curve = demagnetization_curve(LOPSIDED, Nd2Fe14B, FieldSweep(stop=0.9), "fidimag", max_evaluations=20)
    assert set(curve.status) == {FieldStatus.OUT_OF_EVALUATIONS}
    assert set(curve.evaluations_per_field) == {20}


def test_small_torque_alone_is_not_convergence() -> None:
    class Jumping:
        """A driver whose torque is nil at once, but whose third step is the first that moves little."""

        def __init__(self) -> None:
            self.scale, self.tau, self.steps = 1.0, 0.0, 0
            self.mxH, self.mxmxH, self.mxmxH_last, self.spin_last = (np.zeros(3) for _ in range(4))

        def run_step_CLIB(self) -> None:
            self.steps += 1
            angle = 0.5 if self.steps < 3 else 1e-3
            self.spin_last[:] = sim.spin
            x, y = sim.spin[0], sim.spin[1]
            turn = math.cos(angle), math.sin(angle)
            sim.spin[:2] = turn[0] * x - turn[1] * y, turn[1] * x + turn[0] * y

    class Sim:
        spin, field, driver = np.array([0.0, 1.0, 0.0]), np.zeros(3), Jumping()

        def compute_effective_field(self) -> None: ...

    sim = Sim()
    assert fidimag.relax(sim, 1.0, 1e-3, 100) == (FieldStatus.CONVERGED, 4)


def test_sweep_to_coercivity_ends_at_the_first_negative_m(stand_in: list[Any]) -> None:
    curve = demagnetization_curve(LOPSIDED, Nd2Fe14B, FieldSweep(step=0.05, until="coercivity"), "fidimag")
    assert curve.m[-1] < 0 < curve.m[-2]
    assert curve.anchors.Hc == pytest.approx(-np.interp(0, curve.m[::-1], curve.h[::-1]))


def test_planar_start_stays_planar_and_a_push_does_not(stand_in: list[Any]) -> None:
    demagnetization_curve(LOPSIDED, Nd2Fe14B, FieldSweep(step=0.1), "fidimag")
    assert not stand_in[0].spin.reshape(-1, 3)[:, 2].any()
    pushed = demagnetization_curve(LOPSIDED, Nd2Fe14B, FieldSweep(step=0.1), "fidimag", out_of_plane_rad=0.01)
    assert stand_in[1].spin.reshape(-1, 3)[:, 2].any()
    np.testing.assert_allclose(np.linalg.norm(stand_in[1].spin.reshape(-1, 3), axis=1), 1)
    assert pushed.converged.all()


def test_pushes_are_drawn_where_there_is_a_seed(stand_in: list[Any]) -> None:
    spin = np.tile([0.6, 0.8, 0.0], 3)
    fidimag.push_out_of_plane(spin, np.array([0.1, 0.0, -0.2]))
    np.testing.assert_allclose(spin.reshape(3, 3)[:, 2], np.sin([0.1, 0.0, -0.2]))
    np.testing.assert_allclose(np.linalg.norm(spin.reshape(3, 3), axis=1), 1)
    for seed in (1, 1, 2, None):
        sweep = FieldSweep(stop=0.9, step=0.1)
        demagnetization_curve(
            LOPSIDED, Nd2Fe14B, sweep, "fidimag", out_of_plane_rad=0.01, seed=seed, tolerance=1.0, max_evaluations=1
        )
    first, again, other, alike = (simulation.spin.reshape(-1, 3)[:, 2] for simulation in stand_in)
    np.testing.assert_array_equal(first, again)
    assert np.abs(first - other).max() > 1e-3
    assert first.min() < 0 < first.max()
    assert alike.min() > 0


def test_scratch_folder_is_gone_afterwards(stand_in: list[Any]) -> None:
    demagnetization_curve(LOPSIDED, Nd2Fe14B, FieldSweep(stop=0.9), backend="fidimag")
    assert Path(stand_in[0].name).is_absolute()
    assert not Path(stand_in[0].name).parent.exists()


def test_settings_tell_solvers_and_options_apart(stand_in: list[Any]) -> None:
    plain = dict(fidimag.settings())
    assert plain["backend"] == "fidimag"
    assert plain["fidimag"] == "stand-in"
    assert fidimag.settings(out_of_plane_rad=0.01) != fidimag.settings() != fidimag.settings(tolerance=1e-5)
    assert fidimag.settings(out_of_plane_rad=0.01, seed=1) != fidimag.settings(out_of_plane_rad=0.01)
    assert hash(fidimag.settings()) == hash(fidimag.settings())


def test_missing_solver_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fidimag", None)
    with pytest.raises(InputError, match=r"built from source, see https://fidimag\.readthedocs\.io") as caught:
        demagnetization_curve(LOPSIDED, backend="fidimag")
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="not installed"):
        fidimag.settings()


def test_half_built_solver_is_told_from_a_missing_one(
    stand_in: list[Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "fidimag.micro", None)
    with pytest.raises(InputError, match="installed but does not load"):
        demagnetization_curve(LOPSIDED, backend="fidimag")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"discretization": "hexagons"}, "discretization must be cells"),
        ({"tolerance": 0.0}, "tolerance must be"),
        ({"length_nm": math.inf}, "length_nm must be"),
        ({"max_evaluations": 0}, "max_evaluations must be"),
        ({"out_of_plane_rad": -0.1}, "out_of_plane_rad must"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        demagnetization_curve(LOPSIDED, backend="fidimag", **options)


@needs_fidimag
def test_real_fidimag_agrees_with_the_planar_solver() -> None:
    sweep = FieldSweep(until="coercivity")
    theirs = demagnetization_curve(LOPSIDED, sweep=sweep, backend="fidimag")
    ours = demagnetization_curve(LOPSIDED, sweep=sweep, backend="planar", discretization="cells")
    assert theirs.converged.all()
    np.testing.assert_allclose(theirs.anchors.as_array(), ours.anchors.as_array(), atol=3e-3)


@needs_fidimag
def test_real_fidimag_stays_in_the_plane(tmp_path: Path) -> None:
    sim, zeeman = fidimag.make_simulation(LOPSIDED, Nd2Fe14B, fidimag.LENGTH_NM, str(tmp_path / "loop"))
    tesla = 2 * Nd2Fe14B.K1_J_per_m3 / Nd2Fe14B.Ms_A_per_m
    for h in (0.5, -0.5, -1.0):
        zeeman.update_field((0.0, h * Nd2Fe14B.H_A_A_per_m, 0.0))
        assert fidimag.relax(sim, tesla, fidimag.TOLERANCE, 10_000)[0] is FieldStatus.CONVERGED
    assert not sim.spin.reshape(-1, 3)[:, 2].any()


@pytest.mark.parametrize("phase", [Phase(Nd2Fe14B.A_J_per_m, 0.8, 1e6), VOID], ids=["weak", "void"])
def test_phases_of_the_same_exchange_have_the_curve_of_the_planar_solver(stand_in: list[Any], phase: Phase) -> None:
    made = LOPSIDED.with_boundary(2, phase)
    theirs = demagnetization_curve(made, Nd2Fe14B, SWEEP, "fidimag", max_evaluations=2000)
    ours = demagnetization_curve(made, Nd2Fe14B, SWEEP, discretization="cells")
    assert theirs.converged.all()
    assert theirs.m[0] < 0.95
    np.testing.assert_allclose(theirs.m, ours.m, atol=1e-3)


def test_a_phase_of_another_exchange_is_refused(stand_in: list[Any]) -> None:
    with pytest.raises(InputError, match="one exchange stiffness, and this magnet has 8e-12 J/m and 3e-12 J/m"):
        demagnetization_curve(LOPSIDED.with_boundary(2, Phase(3e-12, 0.8)), Nd2Fe14B, SWEEP, "fidimag")
