"""What benchmarks of candidates share: the labels and surrogate by cells, fresh structures, a store of simulations."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inverse_design.goals import Goal
from inverse_design.search.problem import Plausibility
from simulation import (
    Conditions,
    FieldSweep,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Purpose,
    StructureFamily,
    label_all,
)
from simulation.anchors import ANCHORS
from simulation.execution.engine import Engine
from simulation.labels.sets import SPLITS, load_label_set
from surrogate import Surrogate

SURROGATE = "nd2fe14b"
TOLERANCES = {"Mr": 0.01, "Hc": 0.01, "Hk90": 0.015}
COLUMNS, SCALES = [ANCHORS.index(name) for name in TOLERANCES], np.array(list(TOLERANCES.values()))
BATCH, POPULATION, GENERATIONS = 4, 128, 100
POOL, POOL_START = 750, 10_000
"""Fresh structures, and the index that they start at."""

ROUND_DRAWS = 1000
STORE = "bench.sqlite"


@dataclass(frozen=True)
class Target:
    """A wanted curve; `source` is the index of the fresh structure that has it, -1 at the rim."""

    values: tuple[float, ...]
    source: int

    @property
    def goals(self) -> tuple[Goal, ...]:
        wanted = zip(TOLERANCES.items(), self.values, strict=True)
        return tuple(Goal(name, value, tolerance) for (name, tolerance), value in wanted)


class Bench:
    """All that the sides share: labels, surrogate, `pool` fresh structures, the store of simulations."""

    def __init__(self, store: LabelStore, engine: Engine, pool: int = POOL) -> None:
        self.store, self.engine = store, engine
        self.family, self.model = StructureFamily(), Surrogate.load(SURROGATE)
        self.conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization="cells")
        labels = load_label_set(SURROGATE)
        self.all_anchors = labels.anchors
        rows = np.flatnonzero(labels.split != SPLITS.index("test"))
        self.anchors = labels.anchors[rows]
        self.structures = [labels.structure(int(labels.index[row])) for row in rows]
        self.codes = self.model.encode(self.structures)
        self.plausibility = Plausibility.of_codes(self.codes, 0.99)
        self.pool = self.simulate([self.fresh(i) for i in range(pool)], "fresh structures")

    def fresh(self, number: int) -> Microstructure:
        """One of the pool."""
        return self.family.draw(0, Purpose.BENCHMARK, POOL_START + number)

    def simulate(self, structures: Sequence[Microstructure], name: str = "") -> np.ndarray:
        """(n, 6) anchors; NaN where not converged."""
        found = {}
        for number, label in enumerate(label_all(structures, self.conditions, self.store, self.engine), 1):
            found[label.structure_hash] = label.anchors.as_array() if label.converged else np.full(len(ANCHORS), np.nan)
            if name and number % 20 == 0:
                print(f"{name}: {number} of {len(structures)}", file=sys.stderr, flush=True)
        return np.array([found[structure.content_hash] for structure in structures])
