"""The solver computes in single precision: double precision finds the same curve; so does any number of workers."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import minimize

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
from simulation.labels import Job

sys.path.insert(0, str(Path(__file__).parent))
import plain_energy as plain

SWEEP = FieldSweep(step=0.05, until="coercivity")
REFERENCE = [(1, 0.0), (4, 0.4), (16, 3.0)]
"""Grains and misorientation (rad) of squares of 24 nm."""


def structure_of(grains: int, misorientation_rad: float) -> Microstructure:
    return voronoi(24.0, 2.0, grains, misorientation_rad, np.random.default_rng(grains))


def relaxed(angle: np.ndarray, structure: Microstructure, h: float) -> np.ndarray:
    """The nearest minimum of the plain energy, in double precision throughout."""

    def value(x: np.ndarray) -> tuple[float, np.ndarray]:
        at = x.reshape(structure.shape)
        return plain.energy(at, structure, Nd2Fe14B, h), plain.gradient(at, structure, Nd2Fe14B, h).ravel()

    found = minimize(value, angle.ravel(), jac=True, method="L-BFGS-B", options={"gtol": 1e-8, "ftol": 0, "maxcor": 30})
    return np.asarray(found.x).reshape(structure.shape)


@pytest.mark.parametrize(("grains", "misorientation_rad"), REFERENCE)
def test_every_state_is_a_minimum_in_double_precision(grains: int, misorientation_rad: float) -> None:
    """The gradient is below the tolerance there, and relaxing on to 1e-8 does not move the magnetisation."""
    structure = structure_of(grains, misorientation_rad)
    curve = demagnetization_curve(structure, sweep=SWEEP, keep="all")
    assert curve.converged.all()
    for angle, h, m in zip(curve.angle_rad, curve.kept_h, curve.m, strict=True):
        assert np.abs(plain.gradient(angle.astype(float), structure, Nd2Fe14B, float(h))).max() < 1.2e-4
        assert np.cos(relaxed(angle.astype(float), structure, float(h))).mean() == pytest.approx(m, abs=1e-3)


@pytest.mark.parametrize(("grains", "misorientation_rad"), REFERENCE)
def test_a_sweep_in_double_precision_is_the_same_curve(grains: int, misorientation_rad: float) -> None:
    structure = structure_of(grains, misorientation_rad)
    curve = demagnetization_curve(structure, sweep=SWEEP)
    angle, m = np.zeros(structure.shape), []
    for h in curve.h:
        angle = relaxed(angle, structure, float(h))
        m.append(np.cos(angle).mean())
    before_the_jump = curve.m > 0.05
    np.testing.assert_allclose(np.array(m)[before_the_jump], curve.m[before_the_jump], atol=1e-3)
    assert (m[-1] < 0) == (curve.m[-1] < 0), "switches at another field"


def thread_count(job: Job) -> int:
    """Threads of a worker after a simulation."""
    demagnetization_curve(job.microstructure(), sweep=SWEEP)
    task = Path("/proc/self/task")
    return len(list(task.iterdir())) if task.exists() else threading.active_count()


FAMILY = StructureFamily(size_nm=40.0, cell_nm=2.0, grains=(2, 12))
JOBS = [Specification(FAMILY, 3, Purpose.LABELS, index) for index in range(6)]


def test_one_and_two_workers_give_the_same_labels_bit_for_bit(tmp_path: Path) -> None:
    found = []
    for workers in (1, 2):
        conditions = Conditions.of(Nd2Fe14B, SWEEP)
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
