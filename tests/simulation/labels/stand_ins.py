"""A quick solver in place of the real one, for the tests of labels; and a driving process to kill.

As a script: python -m tests.simulation.labels.stand_ins STORE --count 20 [--seconds 0.05] [--workers 2]
[--engine local] [--log FILE] prints the key of each label as it is yielded.
"""

from __future__ import annotations

import argparse
import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from simulation import (
    Conditions,
    FieldSweep,
    InputError,
    Label,
    LabelStore,
    Nd2Fe14B,
    Purpose,
    Specification,
    StructureFamily,
    engine,
    label_all,
)
from simulation.labels.label import Job

FAMILY = StructureFamily(size_nm=40.0, cell_nm=2.0, grains=(2, 12))


def specifications(count: int) -> list[Specification]:
    return [Specification(FAMILY, 7, Purpose.LABELS, index) for index in range(count)]


def conditions(**options: object) -> Conditions:
    """Options of the stand-in: seconds, log; by index of the specification: kill, kill_once, deaf, fail, nan, stall."""
    return Conditions(Nd2Fe14B, FieldSweep(step=0.02), "planar", "cells", {"version": 1}, options)


def specification_of(label: Label) -> Specification:
    """What a label was drawn from; `AssertionError` if it is of a structure."""
    assert label.specification
    return label.specification


def line_of(process: subprocess.Popen[str]) -> str:
    """The next line that a process prints."""
    assert process.stdout
    return process.stdout.readline().strip()


def curve_of(job: Job) -> Label:
    """A made-up curve that depends on every cell and ends as the options of the job say."""
    options = job.conditions.options
    index = job.source.index if isinstance(job.source, Specification) else -1
    start = time.perf_counter()
    if "log" in options:
        with Path(options["log"]).open("a") as log:
            log.write(f"{job.key} {os.getpid()}\n")
    if index in options.get("kill", ()):
        os.kill(os.getpid(), signal.SIGKILL)
    if index in options.get("kill_once", ()):
        mark = Path(options["log"] + f".{index}")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
    if index in options.get("deaf", ()):
        sum(range(10**12))  # compiled, and keeps the interpreter's lock
    if index in options.get("fail", ()):
        raise FloatingPointError("the energy is not finite")
    time.sleep(options.get("seconds", 0.0))
    angle = job.microstructure().angle_rad
    h = job.conditions.sweep.h[:70]
    m = np.cos(angle).mean() * (1 - 2 / (1 + np.exp(40 * (h + 0.3 + 0.1 * np.sin(angle).std()))))
    if index in options.get("nan", ()):
        m = m * np.nan
    status, bad = [0] * h.size, ""
    if index in options.get("stall", ()):
        status[3], bad = 2, f"h = {h[3]:g}: stalled"
    return job.label(h, m, status, bad, 1000 + int(angle.size), time.perf_counter() - start)


def state_of_worker(_: int) -> dict[str, object]:
    """What a worker process looks like from inside."""
    import numba

    import simulation.labels.labelling  # noqa: F401

    return {
        "omp": os.environ["OMP_NUM_THREADS"],
        "numba": numba.get_num_threads(),
        "heavy": sorted({"tensorflow", "keras", "pymoo", "matplotlib"} & set(sys.modules)),
        "ctrl_c": signal.getsignal(signal.SIGINT) == signal.SIG_IGN,
        "pid": os.getpid(),
    }


class TwoWords(Exception):
    """An exception that cannot be unpickled."""

    def __init__(self, what: str, where: str) -> None:
        super().__init__(f"{what} at {where}")


def fail_strangely(job: Job) -> Label:
    raise TwoWords("diverged", "h = -0.3")


def no_space(job: Job) -> Label:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/scratch/loop")


def refuse(job: Job) -> Label:
    raise InputError("no such solver here")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("store")
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=0.05)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--engine", default="local")
    parser.add_argument("--log", default="/dev/null")
    parser.add_argument("--file-limit", type=int)
    parser.add_argument("--deaf", type=int, nargs="*", default=[])
    given = parser.parse_args()
    if given.file_limit:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (given.file_limit, given.file_limit))
    try:
        workers = None if given.engine == "mpi" else given.workers
        with LabelStore(given.store) as store, engine(given.engine, workers) as pool:
            asked = conditions(seconds=given.seconds, **({"deaf": given.deaf} if given.deaf else {}))
            for label in label_all(specifications(given.count), asked, store, pool, simulate=_logged(given.log)):
                print(label.key, flush=True)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
    return 0


class _logged:
    """`curve_of` with each start written to a file that is in no key."""

    def __init__(self, log: str) -> None:
        self.log = log

    def __call__(self, job: Job) -> Label:
        with Path(self.log).open("a") as log:
            log.write(f"{job.key} {os.getpid()}\n")
        return curve_of(job)


if __name__ == "__main__":
    sys.exit(main())
