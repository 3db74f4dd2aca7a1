"""Where a magnet gives way: the field at which each cell goes over to the other end of its easy axis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simulation.curve import DemagnetizationCurve
from simulation.errors import InputError
from simulation.hysteresis import FieldSweep, demagnetization_curve
from simulation.material import Material
from simulation.microstructure import Microstructure


@dataclass(frozen=True, eq=False)
class Reversal:
    """How a magnet gives way.

    Attributes:
        switching_field: (ny, nx) the field H / H_A of the sweep at which a cell was first found switched; NaN where it
            was not.
        plane_unstable_h: first field at which the plane was unstable, see `DemagnetizationCurve`; NaN where at none.
    """

    switching_field: np.ndarray
    plane_unstable_h: float


def switching_field(
    microstructure: Microstructure, material: Material, sweep: FieldSweep, **options: Any
) -> np.ndarray:
    """The switching field of each cell alone, see `reversal`."""
    return reversal(microstructure, material, sweep, **options).switching_field


def reversal(microstructure: Microstructure, material: Material, sweep: FieldSweep, **options: Any) -> Reversal:
    """Simulate the curve once more and note when each cell switches, and when the plane becomes unstable.

    A cell has switched when its magnetisation stands on the other side of the hard direction from where it stood in
    the remanent state: m . e has changed its sign, e the easy axis. Turning towards the field alone is no switching.

    Args:
        microstructure, material, sweep, options: as for `demagnetization_curve`, built-in solver.

    Raises:
        InputError: if the sweep has no field below zero.
    """
    fields = fields_to_keep(sweep)
    if len(fields) < 2:
        raise InputError("switching_field: the sweep must go on below H = 0")
    curve = demagnetization_curve(microstructure, material, sweep, keep=fields, **options)
    return reversal_of(curve, microstructure)


def fields_to_keep(sweep: FieldSweep) -> list[float]:
    """Fields of a sweep whose states tell the reversal; fewer than two tell nothing."""
    return [float(h) for h in sweep.h[sweep.h <= 0]]


def reversal_of(curve: DemagnetizationCurve, microstructure: Microstructure) -> Reversal:
    """See `reversal`: of a curve that was simulated already, with its states at `fields_to_keep`."""
    axis = microstructure.angle_rad
    along = curve.magnetization[..., 0] * np.sin(axis) + curve.magnetization[..., 1] * np.cos(axis)
    switched = along * along[0] < 0
    field = np.where(switched.any(axis=0), curve.kept_h[switched.argmax(axis=0)], np.nan)
    return Reversal(field, curve.plane_unstable_h)
