"""How far labels move where the curve does not: under mirroring, and with ten times tighter tolerance.

    python -m studies.nd2fe14b.scatter [--kind cells elements free] [--store FILE] [--workers N]

The field is along y, so a structure mirrored in x, in y or in both has the curve that it had: what the label moves by
is the noise of a label. The same store takes our labels of the structures that fidimag has simulated. Every simulation
is a row of it: a run that was killed goes on where it was. About 400 curves for each kind of labels.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from simulation import Conditions, FieldSweep, LabelStore, Microstructure, Nd2Fe14B, label_all
from simulation.backends.planar import TOLERANCE
from simulation.execution.executors import local
from simulation.labels.label import Job
from simulation.labels.sets import load_labels, load_structures
from studies.nd2fe14b.pack import SETS, shipped, solver_of
from studies.script import command

STORE = Path("runs/nd2fe14b/scatter.sqlite")
REFERENCE = "nd2fe14b-fidimag"
MIRRORED, TIGHTER = 100, 60


@dataclass(frozen=True)
class Change:
    """What is done to the first so many structures of a set, or to the solver."""

    name: str
    structures: int
    turn: Callable[[Microstructure], Microstructure]
    tolerance: float = TOLERANCE

    def jobs(self) -> list[Microstructure]:
        """The structures to simulate; both sets have the same, so those of the cells will do."""
        return [self.turn(structure) for structure in load_structures(SETS["cells"], range(self.structures))]

    def conditions(self, kind: str) -> Conditions:
        """Those of the set of a kind, but for the tolerance."""
        sweep = FieldSweep(until="coercivity")
        discretization, spins = solver_of(kind)
        options: dict[str, Any] = {} if spins == "planar" else {"spins": spins}
        options |= {} if self.tolerance == TOLERANCE else {"tolerance": self.tolerance}
        return Conditions.of(Nd2Fe14B, sweep, discretization=discretization, **options)


CHANGES = (
    Change("mirrored in x", MIRRORED, Microstructure.mirror_x),
    Change("mirrored in y", MIRRORED, Microstructure.mirror_y),
    Change("mirrored in both", MIRRORED, lambda structure: structure.mirror_x().mirror_y()),
    Change("tolerance 1e-5", TIGHTER, lambda structure: structure, TOLERANCE / 10),
)
UNCHANGED = Change("as it is", 0, lambda structure: structure)


def reference_jobs() -> list[Microstructure]:
    """The structures that fidimag has simulated."""
    return load_structures(REFERENCE, load_labels(REFERENCE).index)


def plans(kind: str) -> Iterator[tuple[str, list[Microstructure], Conditions]]:
    """Everything to simulate for one kind of labels: a name, structures and conditions each."""
    yield "fidimag's structures", reference_jobs(), UNCHANGED.conditions(kind)
    for change in CHANGES:
        yield change.name, change.jobs(), change.conditions(kind)


def simulate(kind: str, store: LabelStore, workers: int | None) -> None:
    """Simulate what the store does not have."""
    with local(workers) as engine:
        for name, jobs, conditions in plans(kind):
            for done, label in enumerate(label_all(jobs, conditions, store, engine), 1):
                if label.reason or done % 10 == 0 or done == len(jobs):
                    print(f"{kind}, {name}: {done} of {len(jobs)}  {label.reason}", file=sys.stderr, flush=True)


def anchors_of(jobs: list[Microstructure], conditions: Conditions, store: LabelStore) -> np.ndarray:
    """(n, 6) anchors of stored labels, NaN where one is missing or did not converge."""
    found = [store.get(Job.of(job, conditions).key) for job in jobs]
    rows = [label.anchors.as_array() if label and label.converged else np.full(6, np.nan) for label in found]
    return np.array(rows)


def moves(change: Change, kind: str, store: LabelStore) -> np.ndarray:
    """(n, 6) |anchor after the change - anchor in the shipped set|, of the structures that have both."""
    after = anchors_of(change.jobs(), change.conditions(kind), store)
    before = load_labels(SETS[kind]).reindex(range(change.structures))
    moved = np.abs(after - before[["M1", "Mr", "Hk90", "Hk80", "Hk70", "Hc"]].to_numpy(float))
    return moved[~np.isnan(moved).any(axis=1)]


@command
def main(arguments: list[str] | None = None) -> int:
    """Simulate what is missing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--kind", choices=list(SETS), nargs="+", help="of labels (default: of all sets that are there)")
    parser.add_argument("--store", type=Path, default=STORE, help=f"label store (default {STORE})")
    parser.add_argument("--workers", type=int, default=None, help="processes (default one a core)")
    options = parser.parse_args(arguments)
    with LabelStore(options.store) as store:
        for kind in options.kind or shipped():
            simulate(kind, store, options.workers)
    return 0


if __name__ == "__main__":
    sys.exit(main())
