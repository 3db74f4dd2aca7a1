"""The minimiser: where it ends, what it counts and what it admits."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulation import FieldStatus, Material, Microstructure, Nd2Fe14B, voronoi
from simulation.energy import make_energy
from simulation.minimize import (
    FIRST_REACH,
    LEAST_REACH,
    PATIENCE,
    SHORTEST_REACH,
    Descent,
    flow_step,
    minimize,
    quasi_newton_step,
)
from tests.simulation.energy import plain_energy as plain


def grains(seed: int = 0, misorientation: float = 0.8) -> Microstructure:
    return voronoi(40, 2, 6, misorientation, np.random.default_rng(seed))


def descent(structure: Microstructure, h: float, angle: np.ndarray | float = 0.0) -> Descent:
    energy = make_energy(structure, Nd2Fe14B, "cells")
    return Descent(energy, np.pad(np.broadcast_to(angle, structure.shape), 1), h)


@pytest.mark.parametrize("h", [1.0, 0.0, -0.2, -2.0])
@pytest.mark.parametrize("tolerance", [1e-3, 1e-4, 1e-5])
def test_ends_where_the_exact_gradient_is_small(h: float, tolerance: float) -> None:
    structure = grains()
    state = descent(structure, h)
    assert minimize(state, tolerance, 5000) is FieldStatus.CONVERGED
    exact = plain.gradient(state.angle[1:-1, 1:-1], structure, Nd2Fe14B, h)
    assert np.abs(exact).max() < tolerance + 3e-6  # the rounding of single precision


@pytest.mark.parametrize("seed", range(6))
def test_every_step_near_a_minimum_lowers_the_energy(seed: int) -> None:
    structure = grains(seed)
    state = descent(structure, 0.2, 0.1 * np.random.default_rng(seed).normal(size=structure.shape))
    energies = [plain.energy(state.angle[1:-1, 1:-1], structure, Nd2Fe14B, 0.2)]
    for _ in range(6):
        assert quasi_newton_step(state)
        energies.append(plain.energy(state.angle[1:-1, 1:-1], structure, Nd2Fe14B, 0.2))
    assert (np.diff(energies) < 1e-6).all(), energies
    assert energies[-1] < energies[0] - 0.1


def test_an_avalanche_goes_downhill_all_the_way() -> None:
    structure = grains(1, 0.3)
    state = descent(structure, -0.9)
    minimize(state, 1e-4, 3)
    last = math.inf
    for _ in range(200):
        status = minimize(state, 1e-4, 1)
        now = plain.energy(state.angle[1:-1, 1:-1], structure, Nd2Fe14B, -0.9)
        assert now < last + 1e-3
        last = now
        if status is FieldStatus.CONVERGED:
            break
    assert status is FieldStatus.CONVERGED
    assert state.energy.magnetization() < -0.9


def test_out_of_evaluations_is_said_and_counted() -> None:
    state = descent(grains(), -0.9)
    start = state.energy.evaluations
    assert minimize(state, 1e-4, 4) is FieldStatus.OUT_OF_EVALUATIONS
    assert state.energy.evaluations - start == 4


def test_a_tolerance_below_rounding_stalls_and_says_so() -> None:
    state = descent(grains(), 1.0)
    assert minimize(state, 1e-12, 3000) is not FieldStatus.CONVERGED


def test_undefined_angles_are_an_error() -> None:
    structure = grains()
    angle = np.zeros(structure.shape)
    angle[3, 3] = np.nan
    state = descent(structure, 1.0, angle)
    with pytest.raises(FloatingPointError):
        minimize(state, 1e-4, 50)


def test_a_minimum_costs_nothing() -> None:
    structure = Microstructure(np.zeros((1, 1), int), np.zeros(1))
    state = descent(structure, 1.0)
    assert minimize(state, 1e-4, 100) is FieldStatus.CONVERGED
    assert state.energy.evaluations == 1


@pytest.mark.parametrize(
    "material",
    [
        Material(A_J_per_m=8e-12, Js_T=1.61, K1_J_per_m3=4.2e5),  # q = 2.5: the far field rules
        Material(A_J_per_m=8e-12, Js_T=0.1, K1_J_per_m3=4.2e6),  # q = 1e-3
        Material(A_J_per_m=8e-11, Js_T=1.61, K1_J_per_m3=4.2e6),  # stiff
        Material(A_J_per_m=1e-15, Js_T=1.61, K1_J_per_m3=4.2e6),  # no exchange to speak of
    ],
)
@pytest.mark.parametrize("h", [1.0, -0.1, -1.0])
def test_other_materials_converge_too(material: Material, h: float) -> None:
    structure = grains(2)
    energy = make_energy(structure, material, "cells")
    state = Descent(energy, np.zeros(energy.shape), 2.0)
    state.change_field(h)
    assert minimize(state, 1e-4, 5000) is FieldStatus.CONVERGED
    assert np.abs(plain.gradient(state.angle[1:-1, 1:-1], structure, material, h)).max() < 1.3e-4


def test_the_flow_takes_over_above_its_threshold_only() -> None:
    structure = grains()
    state = descent(structure, 0.2)
    minimize(state, 1e-4, 500)
    assert not state.flowing
    state.change_field(0.2 - state.energy.avalanche / 2)  # torques of at most half the threshold
    minimize(state, 1e-4, 1)
    assert not state.flowing
    state.change_field(-2.0)
    minimize(state, 1e-4, 1)
    assert state.flowing


class LaggingField:
    """One angle in a far field alone, of stiffness 5: a flow of reach 0.4 leads exactly to the opposite angle."""

    shape, avalanche, softest, stiffness = (1, 1), 0.01, 1e-3, 5.0

    def __init__(self) -> None:
        self.evaluations = 0
        self.force, self.reaches = 0.0, list[float]()

    def gradient(self, angle: np.ndarray, h: float, out: np.ndarray) -> None:
        self.evaluations += 1
        self.force = self.stiffness * float(angle[0, 0])
        out[:] = self.force

    def change_field(self, change: float, gradient: np.ndarray) -> None:
        pass

    def flow(self, angle: np.ndarray, reach: float, again: bool) -> None:
        angle -= reach * self.force
        self.reaches.append(reach)

    def solve_local(self, right_side: np.ndarray, out: np.ndarray, convex: bool) -> bool:
        np.divide(right_side, self.stiffness, out=out)
        return True

    def largest_torque(self, gradient: np.ndarray) -> float:
        return float(np.abs(gradient).max())


def test_a_limit_cycle_of_the_flow_ends() -> None:
    energy = LaggingField()
    state = Descent(energy, np.ones((1, 1)), 0.0)  # type: ignore[arg-type]
    assert minimize(state, 1e-4, PATIENCE // 2) is FieldStatus.OUT_OF_EVALUATIONS
    assert set(energy.reaches[5:]) == {LEAST_REACH}
    assert minimize(state, 1e-4, PATIENCE) is FieldStatus.CONVERGED
    assert PATIENCE < energy.evaluations < PATIENCE + 50
    assert min(energy.reaches) >= SHORTEST_REACH


def test_what_was_learnt_in_a_cycle_is_kept_until_the_field_changes() -> None:
    energy = LaggingField()
    state = Descent(energy, np.ones((1, 1)), 0.0)  # type: ignore[arg-type]
    energy.evaluations += PATIENCE
    state.reach = 0.2
    flow_step(state)  # the first after a quasi-Newton step
    state.change_field(-0.1)
    state.flowing = False
    flow_step(state)
    state.restart(np.ones((1, 1)), -0.1)
    flow_step(state)
    assert energy.reaches == [0.2, FIRST_REACH, FIRST_REACH]
