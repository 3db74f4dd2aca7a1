"""The solver computes in single precision: double precision finds the same curve; so does any number of workers."""

from __future__ import annotations

import threading
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from simulation import (
    Conditions,
    FieldSweep,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Purpose,
    Specification,
    StructureFamily,
    demagnetization_curve,
    engine,
    label_all,
    voronoi,
)
from simulation.anchors import anchor_points
from simulation.backends.planar import MAX_EVALUATIONS, TOLERANCE
from simulation.energy import make_energy
from simulation.labels.label import Job
from simulation.minimize import Descent, FieldStatus
from simulation.minimize import minimize as minimize_planar
from tests.simulation.energy import plain_elements, plain_energy

SWEEP = FieldSweep(step=0.05, until="coercivity")
ALIGNED = (1, 0.0)
REFERENCE = [(1, 0.4), (3, 1.0), (4, 0.4), (6, 2.0), (16, 3.0)]
"""Grains and misorientation (rad) of squares of 24 nm."""

TWINS = {"cells": plain_energy, "elements": plain_elements}
"""The energies in plain NumPy and double precision."""

FLOW_STEP, FLOW_ENDS = 0.2, 3e-3
"""Explicit step of the gradient flow in double precision (half of it changes nothing that is compared here), and the
torque (2 K1) below which the nearest minimum is looked for instead."""
DIFFERENCE_RAD, MOST_JACOBIANS = 1e-6, 100
"""Of angles, for the Jacobian of the gradient; and how many of these may be needed to find a state."""


def structure_of(grains: int, misorientation_rad: float) -> Microstructure:
    return voronoi(24.0, 2.0, grains, misorientation_rad, np.random.default_rng(grains))


def nearest_minimum(twin: ModuleType, angle: np.ndarray, structure: Microstructure, h: float) -> np.ndarray:
    """The nearest stable state, in double precision throughout: by Newton steps where the energy curves upwards in all
    directions, along the gradient flow up to there."""
    angle, areas = angle.copy(), twin.areas(structure.shape)

    def gradient(at: np.ndarray) -> np.ndarray:
        return np.asarray(twin.gradient(at.reshape(angle.shape), structure, Nd2Fe14B, h)).ravel()

    for _ in range(MOST_JACOBIANS):
        g = gradient(angle)
        if np.abs(g).max() <= 1e-8:
            return angle
        shifts = DIFFERENCE_RAD * np.eye(angle.size)
        jacobian = np.array([(gradient(angle.ravel() + shift) - g) / DIFFERENCE_RAD for shift in shifts]).T
        if np.linalg.eigvalsh(jacobian + jacobian.T).min() > 0:
            for _ in range(8):
                angle -= np.linalg.solve(jacobian, gradient(angle)).reshape(angle.shape)
        else:
            for _ in range(50):
                angle -= FLOW_STEP * gradient(angle).reshape(angle.shape) / areas
    raise AssertionError(f"no stable state found at {h}")


def descended(twin: ModuleType, angle: np.ndarray, structure: Microstructure, h: float) -> np.ndarray:
    """The minimum that the gradient flow leads to: a jump may have others that are as near."""
    angle, areas = angle.copy(), twin.areas(structure.shape)
    while np.abs(torque := twin.gradient(angle, structure, Nd2Fe14B, h) / areas).max() > FLOW_ENDS:
        angle -= FLOW_STEP * torque
    return nearest_minimum(twin, angle, structure, h)


def double_precision_m(discretization: str, structure: Microstructure, fields: np.ndarray) -> np.ndarray:
    """M of a whole sweep by the plain energy."""
    twin, m = TWINS[discretization], []
    angle = np.zeros_like(twin.areas(structure.shape))
    for h in fields:
        angle = descended(twin, angle, structure, float(h))
        m.append(twin.magnetization(angle, structure, Nd2Fe14B, float(h)))
    return np.array(m)


@pytest.mark.parametrize("discretization", TWINS)
@pytest.mark.parametrize(("grains", "misorientation_rad"), [ALIGNED, *REFERENCE])
def test_every_state_is_a_minimum_in_double_precision(
    grains: int, misorientation_rad: float, discretization: str
) -> None:
    """The gradient is below the tolerance there, and relaxing on to 1e-8 does not move the magnetisation."""
    structure, twin = structure_of(grains, misorientation_rad), TWINS[discretization]
    energy = make_energy(structure, Nd2Fe14B, discretization)
    descent = Descent(energy, np.zeros(energy.shape), 1.0)
    for h in SWEEP.h[:32]:  # to -0.55 H_A: beyond the coercive field of most
        descent.change_field(float(h))
        assert minimize_planar(descent, TOLERANCE, MAX_EVALUATIONS) is FieldStatus.CONVERGED
        angle = descent.angle[1:-1, 1:-1]
        torque = twin.gradient(angle, structure, Nd2Fe14B, float(h)) / twin.areas(structure.shape)
        assert np.abs(torque).max() < 1.2e-4
        relaxed = nearest_minimum(twin, angle, structure, float(h))
        m = twin.magnetization(relaxed, structure, Nd2Fe14B, float(h))
        assert m == pytest.approx(energy.magnetization(), abs=1e-3)


@pytest.mark.parametrize("discretization", TWINS)
@pytest.mark.parametrize(("grains", "misorientation_rad"), REFERENCE)
def test_a_sweep_in_double_precision_is_the_same_curve(
    grains: int, misorientation_rad: float, discretization: str
) -> None:
    """The same magnetisation at every field, jumps included, within 2e-5; the same anchor points, within 6e-6."""
    structure = structure_of(grains, misorientation_rad)
    curve = demagnetization_curve(structure, sweep=SWEEP, discretization=discretization)
    assert curve.converged.all()
    m = double_precision_m(discretization, structure, curve.h)
    np.testing.assert_allclose(m, curve.m, rtol=0, atol=3e-5)
    expected = anchor_points(curve.h, m).as_array()
    np.testing.assert_allclose(curve.anchors.as_array(), expected, rtol=0, atol=2e-5)


@pytest.mark.parametrize("discretization", TWINS)
def test_a_sweep_of_an_aligned_square_is_the_same_curve_up_to_its_jump(discretization: str) -> None:
    """Nothing but rounding says where so symmetric a magnet begins to reverse, and how far it has come at that field;
    that it reverses there is the same."""
    structure = structure_of(*ALIGNED)
    curve = demagnetization_curve(structure, sweep=SWEEP, discretization=discretization)
    m = double_precision_m(discretization, structure, curve.h)
    np.testing.assert_allclose(m[:-1], curve.m[:-1], rtol=0, atol=3e-5)
    assert m[-1] < 0
    assert curve.m[-1] < 0


def thread_count(job: Job) -> int:
    """Threads of a worker after a simulation."""
    demagnetization_curve(job.microstructure(), sweep=SWEEP)
    task = Path("/proc/self/task")
    return len(list(task.iterdir())) if task.exists() else threading.active_count()


FAMILY = StructureFamily(size_nm=40.0, cell_nm=2.0, grains=(2, 12))
JOBS = [Specification(FAMILY, 3, Purpose.LABELS, index) for index in range(6)]


@pytest.mark.parametrize("discretization", TWINS)
def test_one_and_two_workers_give_the_same_labels_bit_for_bit(tmp_path: Path, discretization: str) -> None:
    found = []
    for workers in (1, 2):
        conditions = Conditions.of(Nd2Fe14B, SWEEP, discretization=discretization)
        with LabelStore(tmp_path / f"{workers}.sqlite") as store, engine("local", workers) as pool:
            labels = sorted(label_all(JOBS, conditions, store, pool), key=lambda label: label.key)
            found.append([label.result_bytes for label in labels])
    assert len(found[0]) == len(JOBS)
    assert found[0] == found[1]


def test_a_worker_simulates_in_one_thread() -> None:
    """Its own, the one that ends it with the driving process, and none of BLAS, OpenMP, Numba or the FFT."""
    with engine("local", 1) as pool:
        jobs = [Job.of(source, Conditions.of(Nd2Fe14B, SWEEP)) for source in JOBS[:2]]
        assert set(pool.executor().map(thread_count, jobs)) == {2}
