"""What benchmarks of candidates share: the labels and the surrogate that studies start from, a store of simulations."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np

from inverse_design.search.problem import Plausibility
from simulation import (
    Conditions,
    LabelStore,
    Microstructure,
    StructureFamily,
    label_all,
)
from simulation.anchors import ANCHORS
from simulation.execution.engine import Engine
from simulation.labels.sets import SPLITS, load_label_set
from surrogate import Surrogate

SURROGATE = "nd2fe14b-free"
BATCH, POPULATION, GENERATIONS = 4, 128, 100
ROUND_DRAWS = 1000
STORE = "bench.sqlite"


class Bench:
    """Labels, surrogate and the store of simulations."""

    def __init__(self, store: LabelStore, engine: Engine) -> None:
        self.store, self.engine = store, engine
        self.family, self.model = StructureFamily(), Surrogate.load(SURROGATE)
        labels = load_label_set(SURROGATE)
        self.conditions = Conditions.from_json(labels.conditions)
        self.all_anchors = labels.anchors
        rows = np.flatnonzero(labels.split != SPLITS.index("test"))
        self.anchors = labels.anchors[rows]
        self.structures = [labels.structure(int(labels.index[row])) for row in rows]
        self.codes = self.model.encode(self.structures)
        self.plausibility = Plausibility.of_codes(self.codes, 0.99)

    def simulate(self, structures: Sequence[Microstructure], name: str = "") -> np.ndarray:
        """(n, 6) anchors; NaN where not converged."""
        found = {}
        for number, label in enumerate(label_all(structures, self.conditions, self.store, self.engine), 1):
            found[label.structure_hash] = label.anchors.as_array() if label.converged else np.full(len(ANCHORS), np.nan)
            if name and number % 20 == 0:
                print(f"{name}: {number} of {len(structures)}", file=sys.stderr, flush=True)
        return np.array([found[structure.content_hash] for structure in structures])
