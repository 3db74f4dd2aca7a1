"""How a curve changes when a few axes are turned: what the climb of the solver goes by.

    python -m studies.benchmarks.climb [--parents N] [--work DIR]

Of shipped labels by elements (test ones left out) five children each are simulated, with one, two or four axes turned.
Prints, by how much of a magnet was turned (u of `inverse_design.candidates.climb`), what M1, Mr, Hk90, Hk80, Hk70 and
Hc do beside what the climb expects: how often an anchor point stays about what it was, and the scatter of all.
Simulations are rows of a store: what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from inverse_design.candidates.climb import DRIFT, UNIT, changes, posterior_of_children
from simulation import ANCHORS, Conditions, FieldSweep, LabelStore, Microstructure, Nd2Fe14B, Purpose, label_all
from simulation.execution.executors import local
from simulation.labels.sets import SPLITS, load_label_set
from simulation.sampling import generator
from studies.nd2fe14b.card import markdown
from studies.script import command

LABELS, SEED, CHILDREN, PARTS = "nd2fe14b-elements", 20261127, 5, 4


def pairs(count: int) -> tuple[list[Microstructure], np.ndarray, list[Microstructure]]:
    """Parents, each as often as it has children, their anchors (n, 6), and the children."""
    labels = load_label_set(LABELS)
    rng = generator(SEED, Purpose.BENCHMARK, 0)
    rows = rng.choice(np.flatnonzero(labels.split == SPLITS.index("train")), count, replace=False)
    parents, children = [], []
    for row in rows:
        parent = labels.structure(int(labels.index[row]))
        for _ in range(CHILDREN):
            angles = parent.grain_angle_rad.copy()
            which = rng.choice(angles.size, size=min(int(rng.choice([1, 1, 2, 4])), angles.size), replace=False)
            angles[which] += rng.normal(scale=0.6, size=which.size)
            parents.append(parent)
            children.append(Microstructure(parent.grain_id, angles, parent.cell_nm))
    return parents, labels.anchors[np.repeat(rows, CHILDREN)], children


def table(parents: list[Microstructure], before: np.ndarray, children: list[Microstructure], after: np.ndarray) -> str:
    """In Markdown: shares that stayed, expected shares, and scatter, by quarters of u."""
    sound = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1)
    posterior = posterior_of_children(parents, before, children)
    apart = changes(parents, children)[1]
    off = after - posterior.persist_mean
    rows = []
    for part in np.array_split(np.argsort(apart[sound]), PARTS):
        u, miss, p = apart[sound][part], off[sound][part], posterior.persist_probability[sound][part]
        stayed = (np.abs(miss) <= 2 * DRIFT * np.sqrt(u / UNIT)[:, None]).mean(axis=0)
        scatter = np.sqrt((miss**2).mean(axis=0))
        cells = [f"{a:.2f}, {b:.4f}" for a, b in zip(stayed, scatter, strict=True)]
        rows.append([f"{u.mean():.4f}", f"{p.mean():.2f}", *cells])
    return markdown(("u", "expected to stay", *(f"{name}: stayed, rms" for name in ANCHORS)), rows)


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parents", type=int, default=40)
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    parents, before, children = pairs(options.parents)
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization="elements")
    with LabelStore(options.work / "climb.sqlite") as store, local() as engine:
        found = {label.structure_hash: label for label in label_all(children, conditions, store, engine)}
    nothing = np.full(len(ANCHORS), np.nan)
    of = [found[child.content_hash] for child in children]
    after = np.array([label.anchors.as_array() if label.converged else nothing for label in of])
    print(table(parents, before, children, after))
    return 0


if __name__ == "__main__":
    sys.exit(main())
