"""The built-in planar solver: one angle per cell or corner, exact long-range field, every field converged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simulation.energy import check_discretization, make_energy
from simulation.errors import InputError
from simulation.hysteresis import DemagnetizationCurve, FieldSweep, kept_indices
from simulation.material import Material
from simulation.microstructure import Microstructure
from simulation.minimize import Descent, FieldStatus, minimize

SOLVER_VERSION = {"cells": 3, "elements": 5}
"""Raised by hand whenever the results change by more than the tolerance explains: part of a label's key."""

TOLERANCE = 1e-4
MAX_EVALUATIONS = 50_000


def settings(
    discretization: str = "elements", tolerance: float = TOLERANCE
) -> tuple[tuple[str, str | int | float], ...]:
    """What besides structure, material and sweep decides a curve: hashable, for keys of labels."""
    check_discretization(discretization)
    return (
        ("backend", "planar"),
        ("version", SOLVER_VERSION[discretization]),
        ("discretization", discretization),
        ("tolerance", float(tolerance)),
    )


def simulate(
    microstructure: Microstructure,
    material: Material,
    sweep: FieldSweep,
    discretization: str = "elements",
    keep: str | Sequence[float] | None = None,
    tolerance: float = TOLERANCE,
    max_evaluations: int = MAX_EVALUATIONS,
) -> DemagnetizationCurve:
    """See `simulation.demagnetization_curve`.

    Args:
        tolerance: largest angle gradient of a converged state, in units of 2 K1.
        max_evaluations: of the long-range field at one field of the sweep; a field that needs more says so by its
            status, and the sweep goes on from where it stands.
    """
    check_discretization(discretization)
    if not 0 < tolerance < math.inf:
        raise InputError(f"tolerance must be a positive finite number, got {tolerance!r}")
    if max_evaluations < 1:
        raise InputError(f"max_evaluations must be at least 1, got {max_evaluations!r}")
    fields, wanted = sweep.h, set(kept_indices(sweep, keep).tolist())
    energy = make_energy(microstructure, material, discretization)
    descent = Descent(energy, np.zeros(energy.shape), float(fields[0]))
    m, status, kept, counts = [], [], [], []
    for i, h in enumerate(fields):
        before = energy.evaluations if i else 0
        descent.change_field(float(h))
        ended = minimize(descent, tolerance, max_evaluations)
        unresolved = ended is FieldStatus.CONVERGED and not energy.resolved(descent.angle)
        status.append(FieldStatus.UNRESOLVED if unresolved else ended)
        m.append(energy.magnetization())
        counts.append(energy.evaluations - before)
        if i in wanted:
            kept.append((h, energy.cell_angle(descent.angle)))
        if sweep.until == "coercivity" and m[-1] < 0 and status[-1] is FieldStatus.CONVERGED:
            break
    return DemagnetizationCurve(
        h=fields[: len(m)],
        m=np.array(m),
        status=tuple(status),
        evaluations=energy.evaluations,
        angle_rad=np.array([angle for _, angle in kept]).reshape(len(kept), *microstructure.shape),
        kept_h=np.array([h for h, _ in kept]),
        evaluations_per_field=np.array(counts),
    )
