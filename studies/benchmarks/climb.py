"""How a curve changes when a few axes are turned: what the climb of the solver goes by.

    python -m studies.benchmarks.climb [--parents N] [--work DIR]
    python -m studies.benchmarks.climb --boundary [--parents N] [--work DIR]

Of shipped labels by elements (test ones left out) five children each are simulated, with one, two or four axes turned.
Prints, by how much of a magnet was turned (u of `inverse_design.candidates.climb`), what M1, Mr, Hk90, Hk80, Hk70 and
Hc do beside what the climb expects: how often an anchor point stays about what it was, and the scatter of all.
Simulations are rows of a store: what was interrupted goes on.

With `--boundary` the parents are fresh draws of the family of `studies/boundary.yaml`, each with three children whose
layer between the grains is another. Prints the slope of every anchor point by w, the growth of the layer's moment (see
there), by least squares after what the mean polarisation changes of M1 and Mr, and how far children scatter about that,
over sqrt(|w| / LAYER_UNIT).
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from inverse_design.candidates.climb import (
    DRIFT,
    LAYER_SLOPE,
    LAYER_UNIT,
    UNIT,
    changes,
    layer_change,
    posterior_of_children,
    with_other_layer,
)
from inverse_design.study.reading import load_study
from simulation import ANCHORS, Conditions, FieldSweep, LabelStore, Microstructure, Nd2Fe14B, Purpose, label_all
from simulation.execution.executors import local
from simulation.labels.sets import SPLITS, load_label_set
from simulation.sampling import generator
from studies.nd2fe14b.card import markdown
from studies.script import command

LABELS, SEED, CHILDREN, PARTS = "nd2fe14b-elements", 20261127, 5, 4
STUDY, LAYERS = "studies/boundary.yaml", 3


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


def layered(count: int) -> tuple[list[Microstructure], list[Microstructure]]:
    """Parents, each as often as it has children, and children that differ in what lies between their grains."""
    family = load_study(STUDY).family
    rng = generator(SEED, Purpose.BENCHMARK, 1)
    assert family.boundary is not None  # noqa: S101 - of this study
    pairs = []
    for parent in family.stream(SEED, Purpose.BENCHMARK, 0, count):
        for _ in range(LAYERS):
            child = with_other_layer(parent, family.boundary, rng)
            if child != parent:
                pairs.append((parent, child))
    return [parent for parent, _ in pairs], [child for _, child in pairs]


def of_layers(count: int, work: Path) -> str:
    """The table of children with another layer."""
    parents, children = layered(count)
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization="elements", spins="free")
    with LabelStore(work / "layers.sqlite") as store, local() as engine:
        every = {one.content_hash: one for one in (*parents, *children)}
        found = {label.structure_hash: label for label in label_all(every.values(), conditions, store, engine)}
    nothing = np.full(len(ANCHORS), np.nan)
    before, after = (
        np.array(
            [
                label.anchors.as_array() if label.converged else nothing
                for label in (found[one.content_hash] for one in of)
            ]
        )
        for of in (parents, children)
    )
    return layer_table(parents, before, children, after)


def layer_table(
    parents: list[Microstructure], before: np.ndarray, children: list[Microstructure], after: np.ndarray
) -> str:
    """In Markdown: slopes by w, and the scatter about them at LAYER_UNIT."""
    found = [layer_change(*pair, Nd2Fe14B) for pair in zip(parents, children, strict=True)]
    w = np.array([grown for _, grown in found])
    by_moment = np.array([shift for shift, _ in found]) - LAYER_SLOPE * w[:, None]
    sound = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1) & (w != 0)
    w, change = w[sound], (after - before - by_moment)[sound]
    # as they are weighted by their scatter, least squares have the ratio of the sums
    slope = (np.sign(w)[:, None] * change).sum(axis=0) / np.abs(w).sum()
    scatter = np.sqrt(((change - slope * w[:, None]) ** 2 / (np.abs(w)[:, None] / LAYER_UNIT)).mean(axis=0))
    rows = [[name, f"{a:.2f}", f"{b:.4f}"] for name, a, b in zip(ANCHORS, slope, scatter, strict=True)]
    return markdown((f"{len(w)} children", "slope by w", f"scatter at {LAYER_UNIT}"), rows)


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parents", type=int, default=40)
    parser.add_argument("--boundary", action="store_true", help="children with another layer between their grains")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    if options.boundary:
        print(of_layers(options.parents, options.work))
        return 0
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
