"""What is timed, each in a fresh process with one thread: process CPU time, which other programs disturb least."""

from __future__ import annotations

import importlib
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ducc0
import numpy as np

from simulation import (
    Conditions,
    FieldSweep,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    StructureFamily,
    demagnetization_curve,
    engine,
    label_all,
)
from simulation.sampling import Purpose

SWEEP = FieldSweep(until="coercivity")
WARM_UP = StructureFamily(size_nm=40.0, grains=(4, 8))


def in_fresh_process(call: Callable[..., Any], *args: Any) -> Any:
    """Result of a module-level function in a spawned process with one thread of BLAS, OpenMP and Numba."""
    with engine("local", 1) as one:
        return one.executor().submit(call, *args).result()


@dataclass(frozen=True)
class CurveTiming:
    """One curve: evaluations, median seconds, the six anchor points and the number of fields that did not converge."""

    evaluations: int
    cpu_s: float
    wall_s: float
    anchors: tuple[float, ...]
    unconverged: int

    @property
    def cpu_ms_per_evaluation(self) -> float:
        """Milliseconds per long-range evaluation, all else of the curve included."""
        return 1e3 * self.cpu_s / self.evaluations


def time_curves(
    structures: Sequence[Microstructure],
    backend: str = "planar",
    repeats: int = 1,
    discretization: str = "cells",
    **options: Any,
) -> list[CurveTiming]:
    """Curves to the coercive field, by cells as fidimag's unless said otherwise, each `repeats` times; what is compiled
    or planned at first use is not counted."""
    options["discretization"] = discretization
    demagnetization_curve(WARM_UP.draw(0, Purpose.BENCHMARK, 0), sweep=SWEEP, backend=backend, **options)
    return [time_curve(structure, backend, repeats, options) for structure in structures]


def time_curve(structure: Microstructure, backend: str, repeats: int, options: dict[str, Any]) -> CurveTiming:
    """One curve, `repeats` times."""
    seconds = []
    for _ in range(repeats):
        wall, cpu = time.perf_counter(), time.process_time()
        curve = demagnetization_curve(structure, Nd2Fe14B, SWEEP, backend=backend, **options)
        seconds.append((time.process_time() - cpu, time.perf_counter() - wall))
    cpu_s, wall_s = (statistics.median(column) for column in zip(*seconds, strict=True))
    anchors = tuple(curve.anchors.as_array().tolist())
    return CurveTiming(curve.evaluations, cpu_s, wall_s, anchors, int((~curve.converged).sum()))


def milliseconds(call: Callable[[], object], rounds: int = 5, round_s: float = 0.5) -> tuple[float, float]:
    """Median (CPU, wall) time of a call over rounds of about `round_s`, after one call that is not counted."""
    start = time.perf_counter()
    call()
    call()
    count = max(1, round(2 * round_s / (time.perf_counter() - start)))
    times = []
    for _ in range(rounds):
        wall, cpu = time.perf_counter(), time.process_time()
        for _ in range(count):
            call()
        times.append(((time.process_time() - cpu) * 1e3 / count, (time.perf_counter() - wall) * 1e3 / count))
    cpu_ms, wall_ms = (statistics.median(column) for column in zip(*times, strict=True))
    return cpu_ms, wall_ms


def time_ffts(ny: int, nx: int) -> float:
    """CPU milliseconds of the bare transforms of one evaluation: single precision, rows of padding left out."""
    rows, columns = ducc0.fft.good_size(2 * ny - 1), ducc0.fft.good_size(2 * nx - 1)
    source, work = np.zeros((ny, columns), np.complex64), np.zeros((rows, columns), np.complex64)
    source[:, :nx] = np.random.default_rng(0).standard_normal((ny, nx))
    c2c = ducc0.fft.c2c

    def transforms() -> None:
        c2c(source, axes=(1,), out=work[:ny], nthreads=1)
        work[ny:] = 0
        c2c(work, axes=(0,), out=work, nthreads=1)
        c2c(work, axes=(0,), out=work, forward=False, nthreads=1)
        c2c(work[:ny], axes=(1,), out=work[:ny], forward=False, nthreads=1)

    return milliseconds(transforms)[0]


def labelling_s(structures: Sequence[Microstructure], workers: int) -> float:
    """Wall seconds to label structures by processes that are warm, the way a study does it."""
    conditions = Conditions.of(Nd2Fe14B, SWEEP, discretization="cells")
    warm_up = list(WARM_UP.stream(0, Purpose.BENCHMARK, 0, 8 * workers))
    with (
        tempfile.TemporaryDirectory() as folder,
        LabelStore(Path(folder) / "labels.sqlite") as store,
        engine("local", workers) as processes,
    ):
        list(label_all(warm_up, conditions, store, processes))
        start = time.perf_counter()
        labels = list(label_all(structures, conditions, store, processes))
        seconds = time.perf_counter() - start
    if not all(label.converged for label in labels):
        raise RuntimeError("; ".join(label.reason for label in labels if not label.converged))
    return seconds


def worker_memory_mib(structure: Microstructure) -> float | None:
    """Peak resident memory of a worker that simulates, less what it has after its imports; None if not on Linux."""
    with engine("local", 1) as one:
        run = one.executor().submit
        imported = run(resident_kib, "VmRSS").result()
        run(time_curve, structure, "planar", 2, {"discretization": "cells"}).result()
        peak = run(resident_kib, "VmHWM").result()
    return None if imported is None or peak is None else (peak - imported) / 1024


def resident_kib(entry: str) -> int | None:
    """An entry of this process's memory in /proc, KiB, once all that a worker needs is imported."""
    for name in ("simulation.hysteresis", "simulation.labels.labelling", "simulation.backends.planar"):
        importlib.import_module(name)
    status = Path("/proc/self/status")
    if not status.exists():
        return None
    return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith(f"{entry}:"))
