"""How large a cell may be: anchor points on cells of 1 to 8 nm, against the same grains on fine ones.

    python -m studies.benchmarks.coarse [--store FILE] [--workers N]

Twelve structures of 80 nm, mean grain sizes of 16 to 40 nm, misorientations of 30 to 165 degrees, each drawn on cells
of 1 to 8 nm and simulated there by cells and by elements. The limit is that of elements on the same cells split until
they are 0.8 nm or less, so that the staircase of the grain boundaries is no part of the deviation. Cell sizes are in
units of sqrt(A/K1): materials that share those and Ms/H_A share their curves. The means are those of
`simulation.validity`. Ends with exit code 1 if elements deviate by more than the goal on cells that no warning is given
of.
"""

from __future__ import annotations

import argparse
import math
import sys
from pathlib import Path

import numpy as np

from simulation import (
    ANCHORS,
    Conditions,
    FieldSweep,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Purpose,
    label_all,
    voronoi,
)
from simulation.energy import DISCRETIZATIONS
from simulation.execution.executors import local
from simulation.labels.label import Job
from simulation.sampling import generator
from simulation.validity import COARSEST
from studies.script import command

SIZE_NM = 80.0
CELLS_NM = (1.0, 1.25, 1.6, 2.0, 2.5, 80 / 25, 80 / 21, 5.0, 80 / 12, 8.0)
FINE_NM = 0.8
GRAIN_NM = (16.0, 25.0, 40.0)
MISORIENTATION_DEG = (30.0, 75.0, 120.0, 165.0)
GOAL = 0.02
"""Median deviation of Hc, H_A: two steps of the sweep."""

STORE = Path("runs/benchmarks/coarse.sqlite")


def structures(cell_nm: float) -> list[Microstructure]:
    """The same seeds and axes on cells of one size."""
    drawn: list[Microstructure] = []
    for grain_nm in GRAIN_NM:
        for degrees in MISORIENTATION_DEG:
            rng = generator(0, Purpose.BENCHMARK, 400 + len(drawn))
            drawn.append(voronoi(SIZE_NM, cell_nm, round((SIZE_NM / grain_nm) ** 2), math.radians(degrees), rng))
    return drawn


def simulate(discretization: str, jobs: list[Microstructure], store: LabelStore, workers: int | None) -> np.ndarray:
    """(n, 6) anchor points, NaN where a field did not converge or is not resolved."""
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization=discretization)
    if workers != 0:
        with local(workers) as engine:
            for _ in label_all(jobs, conditions, store, engine):
                pass
    found = [store.get(Job.of(job, conditions).key) for job in jobs]
    nothing = np.full(len(ANCHORS), np.nan)
    return np.array([label.anchors.as_array() if label and label.converged else nothing for label in found])


@command
def main(arguments: list[str] | None = None) -> int:
    """Simulate what the store lacks and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--store", type=Path, default=STORE, help=f"label store (default {STORE})")
    parser.add_argument("--workers", type=int, default=None, help="processes (default one a core), 0: only report")
    options = parser.parse_args(arguments)
    print(
        "| discretisation | cell, nm | in sqrt(A/K1) | curves | Hc: median | largest | mean of", *ANCHORS, "", sep=" | "
    )
    print("| --- " * (7 + len(ANCHORS)) + "|")
    met = True
    with LabelStore(options.store) as store:
        for cell_nm in CELLS_NM:
            drawn, ratio = structures(cell_nm), cell_nm / Nd2Fe14B.wall_parameter_nm
            fine = [structure.refine(max(2, math.ceil(cell_nm / FINE_NM - 1e-9))) for structure in drawn]
            limit = simulate("elements", fine, store, options.workers)
            for discretization in DISCRETIZATIONS:
                off = np.abs(simulate(discretization, drawn, store, options.workers) - limit)
                off = off[np.isfinite(off).all(axis=1)]
                row = f"| {discretization} | {cell_nm:.3g} | {ratio:.2f} | {len(off)} of {len(drawn)} |"
                if len(off):
                    hc = float(np.median(off[:, -1]))
                    row += f" {hc:.4f} | {off[:, -1].max():.4f} | "
                    row += "".join(f" | {mean:.4f}" for mean in off.mean(axis=0)) + " |"
                    sound = hc <= GOAL and len(off) == len(drawn)
                    met &= sound or discretization == "cells" or ratio > COARSEST["elements"]
                print(row, flush=True)
    sentence = (
        f"elements of at most {COARSEST['elements']} sqrt(A/K1): all resolved, Hc off by {GOAL} at most in the median"
    )
    print(f"\n{sentence}: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
