"""One label: what runs in a worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from simulation.errors import InputError, SolverError
from simulation.labels.label import Conditions, Job, Label

if TYPE_CHECKING:
    from simulation.curve import DemagnetizationCurve


def simulate_label(job: Job, keep: Sequence[float] = ()) -> Label:
    """Simulate the demagnetisation curve of a job; this is what runs in a worker.

    Args:
        keep: fields whose states tell the reversal; without them the label has none.

    Raises:
        InputError: if the solver here is not the one that the job's conditions name.
    """
    from simulation.reversal import reversal_of

    label, curve = simulate_curve(job, keep)
    seen = len(curve.kept_h) > 1 and label.converged
    return replace(label, reversal=reversal_of(curve, job.microstructure())) if seen else label


def simulate_curve(job: Job, keep: Sequence[float] = ()) -> tuple[Label, DemagnetizationCurve]:
    """The label of a job, without a reversal, and the curve that it is of, with the states at the fields to `keep`.

    Raises:
        InputError: if the solver here is not the one that the job's conditions name.
    """
    from simulation.hysteresis import FieldStatus, demagnetization_curve

    c = job.conditions
    here = Conditions.of(c.material, c.sweep, c.backend, c.discretization, **c.options)
    if here.key != c.key:
        raise InputError(f"this worker's solver is another version ({here.settings}) than asked for ({c.settings})")
    structure = job.microstructure()
    start = time.perf_counter()
    more = {**c.options, "keep": keep} if len(keep) else c.options
    curve = demagnetization_curve(structure, c.material, c.sweep, c.backend, c.discretization, **more)
    wall_s = time.perf_counter() - start
    codes = {status: code for code, status in enumerate(FieldStatus)}
    bad = next((i for i, status in enumerate(curve.status) if status is not FieldStatus.CONVERGED), None)
    reason = "" if bad is None else f"h = {curve.h[bad]:g}: {curve.status[bad].value}"
    label = job.label(curve.h, curve.m, [codes[status] for status in curve.status], reason, curve.evaluations, wall_s)
    return label, curve


def simulate_label_and_reversal(job: Job) -> Label:
    """`simulate_label`, with the reversal where the solver is the built-in one and the sweep goes below H = 0."""
    from simulation.reversal import fields_to_keep

    fields = fields_to_keep(job.conditions.sweep) if job.conditions.backend == "planar" else []
    return simulate_label(job, fields if len(fields) > 1 else ())


def attempt(simulate: Callable[[Job], Label], job: Job) -> Label:
    """Simulate in a worker; what a simulation raises stays there, because not every exception survives the way back."""
    start = time.perf_counter()
    try:
        return simulate(job)
    except SolverError as error:
        return job.failed(str(error), time.perf_counter() - start)
    except InputError:
        raise
    except OSError as error:  # of the machine, not of the structure: elsewhere or later it may well be simulated
        raise InputError(f"a worker could not simulate: {error.filename or 'file system'}: {error.strerror}") from None
    except Exception as error:
        return job.failed(f"{type(error).__name__}: {error}".rstrip(": "), time.perf_counter() - start)
