"""Phase maps: the phase that each cell belongs to, 0 for the main one, and what the others are."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from simulation.errors import InputError
from simulation.material import Phase

MOST_PHASES = 255


def checked_phases(
    phase_id: np.ndarray | None, phases: Sequence[Phase], shape: tuple[int, ...]
) -> tuple[np.ndarray | None, tuple[Phase, ...]]:
    """The map as uint8 and the phases that cells belong to, in their order; (None, ()) if all are of the main phase.

    Raises:
        InputError: if the map is none of the structure's cells, or names a phase that is not there.
    """
    if phase_id is None:
        if phases:
            raise InputError("Microstructure: phases need phase_id, the phase of each cell")
        return None, ()
    ids = np.asarray(phase_id)
    if ids.shape != shape or ids.dtype.kind not in "iub":
        raise InputError(
            f"Microstructure: phase_id must hold integers or truth values in the shape of grain_id, {shape}, "
            f"got shape {ids.shape}, dtype {ids.dtype}"
        )
    ids = ids.astype(np.int64)
    if not all(isinstance(phase, Phase) for phase in phases) or len(phases) > MOST_PHASES:
        raise InputError(f"Microstructure: phases must be at most {MOST_PHASES} of Phase, got {phases!r:.80}")
    if int(ids.min()) < 0 or int(ids.max()) > len(phases):
        raise InputError(
            f"Microstructure: phase_id runs from {ids.min()} to {ids.max()}, 0 is the main phase and there are "
            f"{len(phases)} others"
        )
    used = np.unique(ids[ids > 0])
    if used.size == 0:
        return None, ()
    number = np.zeros(len(phases) + 1, np.uint8)
    number[used] = np.arange(1, used.size + 1)
    return number[ids], tuple(phases[i - 1] for i in used)


def checked_thickness(boundary_nm: float) -> float:
    """The number itself.

    Raises:
        InputError: if it is no thickness.
    """
    if isinstance(boundary_nm, bool) or not isinstance(boundary_nm, (int, float, np.number)):
        raise InputError(f"Microstructure: boundary_nm must be a number, got {boundary_nm!r:.80}")
    if not 0 <= boundary_nm < math.inf:
        raise InputError(f"Microstructure: boundary_nm must be finite and at least 0, got {boundary_nm!r}")
    return float(boundary_nm)


def phase_table(phases: Sequence[Phase]) -> np.ndarray:
    """(n, 3) A in J/m, Js in T and K1 in J/m^3 of phases."""
    return np.array([(p.A_J_per_m, p.Js_T, p.K1_J_per_m3) for p in phases], "<f8").reshape(-1, 3)


def phases_of(table: np.ndarray) -> tuple[Phase, ...]:
    """The phases of `phase_table`.

    Raises:
        InputError: if it is no such table.
    """
    table = np.asarray(table)
    if table.ndim != 2 or table.shape[1] != 3 or table.dtype.kind not in "iuf":
        raise InputError(
            "Microstructure: phases must be a table with A, Js and K1 of each phase in a row, "
            f"got shape {table.shape}, dtype {table.dtype}"
        )
    return tuple(Phase(*(float(value) for value in row)) for row in table)
