"""Simulations for the pages: worker processes that all share, replaced where one dies."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, CancelledError, Future
from typing import Any

import numpy as np

from simulation.errors import InputError
from simulation.execution.allotted import available_cores
from simulation.execution.engine import Engine
from simulation.execution.executors import local
from simulation.labels.film import film
from simulation.labels.label import Conditions, Job
from simulation.microstructure import Microstructure

FINER, FREE = "finer mesh", "free spins"
"""What a curve can be confirmed by: cells half as large, and spins that may leave the plane."""

MOST_WORKERS = 4
"""A search asks for as many simulations at once."""


class Simulations:
    """Work for the workers; a context that ends them.

    Args:
        engine: where it runs; up to `MOST_WORKERS` processes on this machine unless given, begun as they are needed.
    """

    def __init__(self, engine: Engine | None = None) -> None:
        workers = min(available_cores(), MOST_WORKERS)
        self._engine = local(workers, import_main=False) if engine is None else engine
        self._lock = threading.Lock()

    def __enter__(self) -> Simulations:
        return self

    def __exit__(self, *error: object) -> None:
        self._engine.stop()

    def submit(self, function: Callable[..., Any], *args: Any) -> Future[Any]:
        """Do something in a worker; what comes of it is read by `result_of`."""
        with self._lock:
            try:
                return self._engine.executor().submit(function, *args)
            except BrokenExecutor:  # it died while nobody looked
                self._engine.stop()
                return self._engine.executor().submit(function, *args)

    def warm_up(self, conditions: Conditions) -> None:
        """Have a worker started, and its solver loaded, before anyone waits for it: by a square of one grain."""
        cell_nm = conditions.material.wall_parameter_nm
        one_grain = Microstructure(np.zeros((8, 8), np.int32), np.zeros(1), cell_nm)
        self.submit(film, Job.of(one_grain, conditions))

    def result_of(self, future: Future[Any]) -> Any:
        """What a future that is done holds.

        Raises:
            InputError: if its worker died; the next one is there already.
        """
        try:
            return future.result()
        except (BrokenExecutor, CancelledError):
            with self._lock:
                self._engine.stop()
            raise InputError("the process that simulated died, for want of memory perhaps; try again") from None


def check_job(structure: Microstructure, conditions: Conditions, words: str) -> Job:
    """The further simulation of a structure: `FINER` or `FREE`.

    Raises:
        InputError: if there is no such check, or the structure cannot be refined.
    """
    if words == FINER:
        return Job.of(structure.refine(2), conditions)
    if words != FREE:
        raise InputError(f"a curve is confirmed by {FINER} or {FREE}, not {words[:40]!r}")
    c = conditions
    return Job.of(structure, Conditions.of(c.material, c.sweep, c.backend, c.discretization, **c.options, spins="free"))


def checks_of(conditions: Conditions) -> list[str]:
    """What curves under these conditions can be confirmed by."""
    planar = conditions.backend == "planar" and conditions.options.get("spins", "planar") == "planar"
    return [FINER, FREE] if planar else [FINER]
