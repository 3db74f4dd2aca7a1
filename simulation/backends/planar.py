"""The built-in planar solver: one angle per cell or corner, exact long-range field, every field converged."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simulation.energy import check_discretization, make_energy, make_free_energy, make_tilts
from simulation.errors import InputError
from simulation.hysteresis import DemagnetizationCurve, FieldSweep, kept_indices
from simulation.material import Material
from simulation.microstructure import Microstructure
from simulation.minimize import Descent, FieldStatus
from simulation.spins import PERTURBATION_RAD, FreeSpins, PlanarSpins, check_seed
from simulation.stability import Stability

SOLVER_VERSION = {"cells": 3, "elements": 5}
"""Raised by hand whenever the results change by more than the tolerance explains: part of a label's key."""

FREE_VERSION = {"cells": 1, "elements": 2}
"""The same of what free spins add."""

SPINS = ("planar", "free")
MOST_PERTURBATION_RAD = 0.1

TOLERANCE = 1e-4
MAX_EVALUATIONS = 50_000
LESS_AFTER_A_MISS = 50
"""By how much fewer evaluations a field may use once another has used up all of them: such a curve is no label."""


def settings(
    discretization: str = "elements",
    tolerance: float = TOLERANCE,
    spins: str = "planar",
    perturbation_rad: float = PERTURBATION_RAD,
    seed: int | None = None,
) -> tuple[tuple[str, str | int | float], ...]:
    """What besides structure, material and sweep decides a curve: hashable, for keys of labels."""
    check_discretization(discretization)
    check_spins(spins, perturbation_rad, seed)
    planar = (
        ("backend", "planar"),
        ("version", SOLVER_VERSION[discretization]),
        ("discretization", discretization),
        ("tolerance", float(tolerance)),
    )
    if spins == "planar":  # nothing more: such are the keys of all labels of before there was anything else
        return planar
    free = ("spins", spins), ("free_version", FREE_VERSION[discretization])
    tilt: tuple[tuple[str, str | int | float], ...] = (("perturbation_rad", float(perturbation_rad)),)
    return (*planar, *free, *tilt, *(() if seed is None else (("seed", int(seed)),)))


def check_spins(spins: str, perturbation_rad: float = PERTURBATION_RAD, seed: int | None = None) -> None:
    """Raise InputError if there are no such spins, or they cannot be perturbed like that."""
    if spins not in SPINS:
        raise InputError(f"spins must be one of {', '.join(SPINS)}, got {spins!r}")
    if not 0 < perturbation_rad <= MOST_PERTURBATION_RAD:
        raise InputError(
            f"perturbation_rad must lie above 0 and be at most {MOST_PERTURBATION_RAD}, got {perturbation_rad!r}"
        )
    check_seed(seed)


def simulate(
    microstructure: Microstructure,
    material: Material,
    sweep: FieldSweep,
    discretization: str = "elements",
    keep: str | Sequence[float] | None = None,
    tolerance: float = TOLERANCE,
    max_evaluations: int = MAX_EVALUATIONS,
    spins: str = "planar",
    perturbation_rad: float = PERTURBATION_RAD,
    seed: int | None = None,
) -> DemagnetizationCurve:
    """See `simulation.demagnetization_curve`.

    Args:
        tolerance: largest angle gradient of a converged state, in units of 2 K1.
        max_evaluations: of the long-range field at one field of the sweep; a field that needs more says so by its
            status, and the sweep, good for a look only, goes on from where it stands with a fiftieth of that a field.
        spins: "planar", or "free" to leave the plane where it is unstable, see `simulation.spins`.
        perturbation_rad: by which free spins are tilted out of the plane at each field.
        seed: if given, tilts are drawn at random, with that standard deviation; if not, all are the same, towards +z.
    """
    check_discretization(discretization)
    if not 0 < tolerance < math.inf:
        raise InputError(f"tolerance must be a positive finite number, got {tolerance!r}")
    if max_evaluations < 1:
        raise InputError(f"max_evaluations must be at least 1, got {max_evaluations!r}")
    check_spins(spins, perturbation_rad, seed)
    fields, wanted = sweep.h, set(kept_indices(sweep, keep).tolist())
    energy = make_energy(microstructure, material, discretization)
    planar = Descent(energy, np.zeros(energy.shape), float(fields[0]))
    state = PlanarSpins(planar, Stability(make_tilts(microstructure, material, discretization)))
    if spins == "free":
        free = make_free_energy(microstructure, material, discretization)
        state = FreeSpins(
            planar,
            state.stability,
            energy=free,
            perturbation_rad=perturbation_rad,
            rng=None if seed is None else np.random.default_rng(seed),
        )
    m, status, kept, counts = [], [], [], []
    allowed = max_evaluations
    for i, h in enumerate(fields):
        before = state.evaluations if i else 0
        status.append(state.relax(float(h), tolerance, allowed))
        if status[-1] is FieldStatus.OUT_OF_EVALUATIONS:
            allowed = math.ceil(max_evaluations / LESS_AFTER_A_MISS)
        m.append(state.magnetization)
        counts.append(state.evaluations - before)
        if i in wanted:
            kept.append((h, state.cell_angle(), state.cell_vectors()))
        if sweep.until == "coercivity" and m[-1] < 0 and status[-1] is FieldStatus.CONVERGED:
            break
    return DemagnetizationCurve(
        h=fields[: len(m)],
        m=np.array(m),
        status=tuple(status),
        evaluations=state.evaluations,
        angle_rad=np.array([angle for _, angle, _ in kept]).reshape(len(kept), *microstructure.shape),
        kept_h=np.array([h for h, _, _ in kept]),
        evaluations_per_field=np.array(counts),
        magnetization=np.array([vectors for _, _, vectors in kept]).reshape(len(kept), *microstructure.shape, 3),
        plane_unstable_h=state.plane_unstable_h,
    )
