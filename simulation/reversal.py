"""Where a magnet gives way: the field at which each cell goes over to the other end of its easy axis."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulation.errors import InputError
from simulation.hysteresis import FieldSweep, demagnetization_curve
from simulation.material import Material
from simulation.microstructure import Microstructure


def switching_field(
    microstructure: Microstructure, material: Material, sweep: FieldSweep, **options: Any
) -> np.ndarray:
    """Simulate the curve once more and note when each cell switches.

    A cell has switched when its magnetisation stands on the other side of the hard direction from where it stood in
    the remanent state: m . e has changed its sign, e the easy axis. Turning towards the field alone is no switching.

    Args:
        microstructure, material, sweep, options: as for `demagnetization_curve`, built-in solver.

    Returns:
        (ny, nx) the field H / H_A of the sweep at which a cell was first found switched; NaN where it was not.

    Raises:
        InputError: if the sweep has no field below zero.
    """
    fields = sweep.h[sweep.h <= 0]
    if fields.size < 2:
        raise InputError("switching_field: the sweep must go on below H = 0")
    curve = demagnetization_curve(microstructure, material, sweep, keep=fields.tolist(), **options)
    along = np.cos(curve.angle_rad - microstructure.angle_rad)
    switched = along * along[0] < 0
    return np.where(switched.any(axis=0), curve.kept_h[switched.argmax(axis=0)], np.nan)
