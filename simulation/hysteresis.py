"""Field sweep from saturation: the demagnetisation curve of a grain structure."""

from __future__ import annotations

import importlib
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from simulation.bhmax import rectangular_prism
from simulation.curve import DemagnetizationCurve
from simulation.errors import InputError, SolverError
from simulation.material import Material, Nd2Fe14B, named_material
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


def demagnetization_curve(
    microstructure: Microstructure,
    material: Material | str = Nd2Fe14B,
    sweep: FieldSweep | None = None,
    backend: str = "planar",
    discretization: str = "elements",
    keep: Literal["all"] | Sequence[float] | None = None,
    **options: Any,
) -> DemagnetizationCurve:
    """Simulate the demagnetisation curve of a structure, saturated along +y at first.

    Args:
        microstructure: the grains.
        material: intrinsic properties, or the name of a material in `MATERIALS`; of the main phase where the structure
            has others. Fields are in its H_A and magnetisations in its Ms.
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
        given = type(microstructure).__name__
        raise InputError(f"demagnetization_curve: microstructure must be a Microstructure, got a {given}")
    material = named_material(material)
    if sweep is not None and not isinstance(sweep, FieldSweep):
        raise InputError(
            f"demagnetization_curve: sweep must be a FieldSweep, such as FieldSweep(1.0, -1.0, 0.01), got {sweep!r:.80}"
        )
    if backend not in BACKENDS:
        raise InputError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
    name = f"simulation.backends.{backend}"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, backend):
            raise
        raise InputError(f"backend {backend}: this optional solver is not installed; use backend planar") from None
    check_options(backend, module.simulate, options)
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
    return replace(curve, material=material, demagnetizing_factor=rectangular_prism(*microstructure.shape))


def check_options(backend: str, simulate: Callable[..., Any], options: Mapping[str, Any]) -> None:
    """Raise InputError if there is an option that a backend does not know."""
    common = inspect.signature(demagnetization_curve).parameters
    known = [name for name in inspect.signature(simulate).parameters if name not in common]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise InputError(f"unknown option {unknown[0]!r}; those of backend {backend}: {', '.join(known)}")


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
