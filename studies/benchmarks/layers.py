"""How a curve changes when the layer between the grains is another: what the climb of the solver goes by.

    python -m studies.benchmarks.layers [--parents N] [--work DIR]

Of fresh draws of the family of `studies/boundary.yaml` three children each are simulated, with free spins, whose layer
between the grains is another. Prints the slope of every anchor point by w, the growth of the layer's moment (see
`inverse_design.candidates.layers`), after what the mean polarisation changes of M1 and Mr, and how far children scatter
about that, over sqrt(|w| / UNIT). Simulations are rows of a store: what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from inverse_design.candidates.layers import SLOPE, UNIT, layer_change, with_other_layer
from inverse_design.study.reading import load_study
from simulation import ANCHORS, Conditions, FieldSweep, LabelStore, Microstructure, Nd2Fe14B, Purpose, label_all
from simulation.execution.executors import local
from simulation.sampling import generator
from studies.nd2fe14b.card import markdown
from studies.script import command

STUDY, SEED, CHILDREN = "studies/boundary.yaml", 20261127, 3


def layered(count: int) -> tuple[list[Microstructure], list[Microstructure]]:
    """Parents, each as often as it has children, and children that differ in what lies between their grains."""
    family = load_study(STUDY).family
    rng = generator(SEED, Purpose.BENCHMARK, 1)
    assert family.boundary is not None  # noqa: S101 - of this study
    pairs = []
    for parent in family.stream(SEED, Purpose.BENCHMARK, 0, count):
        for _ in range(CHILDREN):
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
    """In Markdown: slopes by w, and the scatter about them at UNIT."""
    found = [layer_change(*pair, Nd2Fe14B) for pair in zip(parents, children, strict=True)]
    w = np.array([grown for _, grown in found])
    by_moment = np.array([shift for shift, _ in found]) - SLOPE * w[:, None]
    sound = np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1) & (w != 0)
    w, change = w[sound], (after - before - by_moment)[sound]
    # as they are weighted by their scatter, least squares have the ratio of the sums
    slope = (np.sign(w)[:, None] * change).sum(axis=0) / np.abs(w).sum()
    scatter = np.sqrt(((change - slope * w[:, None]) ** 2 / (np.abs(w)[:, None] / UNIT)).mean(axis=0))
    rows = [[name, f"{a:.2f}", f"{b:.4f}"] for name, a, b in zip(ANCHORS, slope, scatter, strict=True)]
    return markdown((f"{len(w)} children", "slope by w", f"scatter at {UNIT}"), rows)


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parents", type=int, default=24)
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    print(of_layers(options.parents, options.work))
    return 0


if __name__ == "__main__":
    sys.exit(main())
