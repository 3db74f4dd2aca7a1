"""Field sweep from saturation: the demagnetisation curve of a grain structure."""

from __future__ import annotations

import importlib
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import numpy as np

from simulation.anchors import AnchorPoints, anchor_points
from simulation.errors import InputError, SolverError
from simulation.material import Material, Nd2Fe14B
from simulation.microstructure import Microstructure
from simulation.minimize import FieldStatus

__all__ = [
    "BACKENDS",
    "DemagnetizationCurve",
    "FieldStatus",
    "FieldSweep",
    "demagnetization_curve",
    "discretization_of",
]

BACKENDS = ("planar", "fidimag")
MAX_FIELDS = 100_000


def discretization_of(backend: str, discretization: str) -> str:
    """What a backend simulates by when it is asked for this: fidimag knows cells only, and is not asked for more."""
    return "cells" if backend == "fidimag" and discretization == "elements" else discretization


@dataclass(frozen=True)
class FieldSweep:
    """Fields of a demagnetisation curve, in H_A along +y.

    Args:
        start: first field; the magnet starts saturated along +y.
        stop: last field, below `start`.
        step: spacing, positive.
        until: "coercivity" ends the sweep at the first field with M < 0; None goes on to `stop`.

    Raises:
        InputError: if the numbers describe no falling sweep.

    >>> FieldSweep(step=0.5).h.tolist()
    [1.0, 0.5, 0.0, -0.5, -1.0]
    """

    start: float = 1.0
    stop: float = -1.0
    step: float = 0.01
    until: Literal["coercivity"] | None = None

    def __post_init__(self) -> None:
        for name in ("start", "stop", "step"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float, np.number)) or not math.isfinite(value):
                raise InputError(f"FieldSweep: {name} must be a finite number, got {value!r}")
        if self.step <= 0:
            raise InputError(f"FieldSweep: step must be positive, got {self.step!r}")
        if self.stop >= self.start:
            raise InputError(f"FieldSweep: stop must lie below start, got start {self.start!r} and stop {self.stop!r}")
        if (self.start - self.stop) / self.step > MAX_FIELDS:
            raise InputError(f"FieldSweep: at most {MAX_FIELDS} fields are allowed, a step of {self.step!r} makes more")
        if self.until not in (None, "coercivity"):
            raise InputError(f'FieldSweep: until must be None or "coercivity", got {self.until!r}')

    @property
    def h(self) -> np.ndarray:
        """(n,) the fields, falling; the last is the last multiple of the step that is not below `stop`."""
        count = math.floor((self.start - self.stop) / self.step + 1e-9) + 1
        return np.round(self.start - self.step * np.arange(count), 12) + 0.0  # + 0.0: no negative zero


@dataclass(frozen=True, eq=False)
class DemagnetizationCurve:
    """M(H) with how each field ended.

    Args:
        h: (n,) reduced field H / H_A, falling.
        m: (n,) mean magnetisation along the field, M / Ms.
        status: (n,) `FieldStatus` of each field.
        evaluations: long-range field evaluations of the whole curve.
        angle_rad: (n_kept, ny, nx) angle of each cell's magnetisation from +y towards +x at the kept fields.
        kept_h: (n_kept,) those fields.
        evaluations_per_field: (n,) their share of `evaluations`.
        magnetization: (n_kept, ny, nx, 3) direction of each cell's magnetisation at the kept fields, where the solver
            has it.
        plane_unstable_h: first field of the sweep at which the planar state would leave the plane if it could, NaN if
            it would at none, or if nobody looked.
    """

    h: np.ndarray
    m: np.ndarray
    status: tuple[FieldStatus, ...]
    evaluations: int
    angle_rad: np.ndarray
    kept_h: np.ndarray
    evaluations_per_field: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    magnetization: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0, 3)))
    plane_unstable_h: float = math.nan

    @property
    def converged(self) -> np.ndarray:
        """(n,) bool: whether the relaxation at each field reached its tolerance."""
        return np.array([s is FieldStatus.CONVERGED for s in self.status], dtype=bool)

    @cached_property
    def anchors(self) -> AnchorPoints:
        """Anchor points, NaN where the curve has none."""
        return anchor_points(self.h, self.m)


def demagnetization_curve(
    microstructure: Microstructure,
    material: Material = Nd2Fe14B,
    sweep: FieldSweep | None = None,
    backend: str = "planar",
    discretization: str = "elements",
    keep: Literal["all"] | Sequence[float] | None = None,
    **options: Any,
) -> DemagnetizationCurve:
    """Simulate the demagnetisation curve of a structure, saturated along +y at first.

    Args:
        microstructure: the grains.
        material: intrinsic properties.
        sweep: fields; from +H_A to -H_A in steps of 0.01 H_A unless given.
        backend: "planar" (built in) or "fidimag" (optional, on cells only).
        discretization: "elements" (converged with the mesh at 2 nm) or "cells" (the paper's and fidimag's: walls are
            pinned on 2 nm cells). The backend fidimag knows cells only, and simulates by them.
        keep: fields at which the magnetisation angles are kept: None, "all" or a list of H / H_A.
        **options: of the backend, see its `simulate`; for the planar one `tolerance`, `max_evaluations`, and
            `spins`: "planar", or "free" to leave the plane where it is unstable.

    Raises:
        InputError: if an argument is not one of those.
        SolverError: if the solver comes to no numbers.

    >>> magnet = Microstructure(np.zeros((8, 8), int), np.array([0.3]))  # one grain, its axis 17 degrees off the field
    >>> curve = demagnetization_curve(magnet, sweep=FieldSweep(until="coercivity"), discretization="elements")
    >>> f"Mr {curve.anchors.Mr:.2f}, Hc {curve.anchors.Hc:.2f}, converged: {curve.converged.all()}"
    'Mr 0.96, Hc 0.59, converged: True'
    """
    if not isinstance(microstructure, Microstructure):
        raise InputError(f"demagnetization_curve: microstructure must be a Microstructure, got {type(microstructure)}")
    if backend not in BACKENDS:
        raise InputError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    name = f"simulation.backends.{backend}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, backend):
            raise
        raise InputError(f"backend {backend}: this optional solver is not installed; use backend planar") from None
    sweep = FieldSweep() if sweep is None else sweep
    discretization = discretization_of(backend, discretization)
    try:
        curve: DemagnetizationCurve = module.simulate(
            microstructure, material, sweep, discretization=discretization, keep=keep, **options
        )
    except ArithmeticError as error:
        raise SolverError(
            f"{backend} ({discretization}) gave no curve ({error}); it is made for cells of about sqrt(A/K1), "
            f"{material.wall_parameter_nm:.3g} nm here, and these have {microstructure.cell_nm:g} nm"
        ) from None
    return curve


def kept_indices(sweep: FieldSweep, keep: str | Sequence[float] | None) -> np.ndarray:
    """Indices into `sweep.h` of the fields to keep.

    Raises:
        InputError: if a field to keep is not one of the sweep.
    """
    h = sweep.h
    if keep is None:
        return np.zeros(0, dtype=np.int64)
    if isinstance(keep, str):
        if keep != "all":
            raise InputError(f'keep must be None, "all" or a list of fields, got {keep!r}')
        return np.arange(h.size)
    wanted = np.atleast_1d(np.asarray(keep, dtype=np.float64))
    if wanted.size == 0:
        return np.zeros(0, dtype=np.int64)
    nearest = np.abs(h[None, :] - wanted[:, None]).argmin(axis=1)
    off = np.abs(h[nearest] - wanted) > 1e-6
    if off.any() or not np.isfinite(wanted).all():
        raise InputError(f"keep: {wanted[off | ~np.isfinite(wanted)][0]} is not a field of the sweep")
    return np.unique(nearest)
