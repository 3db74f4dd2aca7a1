"""How a curve changes when a few axes are turned: what the climb of the solver goes by.

    python -m studies.benchmarks.climb [--parents N] [--work DIR]

Of shipped labels by elements with free spins (test ones left out) some children each are simulated: with one axis
turned, or two, or up to 32 of them, or all brought nearer to the field or taken away from it. Prints, by how much of a
magnet was turned (u of `inverse_design.candidates.turned`), what M1, Mr, Hk90, Hk80, Hk70 and Hc do beside what the
climb expects: how often an anchor point stays about what it was, and what its posterior is off by. Simulations are rows
of a store: what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from inverse_design.candidates.climb import ROTATION_RAD, Simulated, axis_model
from inverse_design.candidates.turned import DRIFT, UNIT, changes, posterior_of_turned
from simulation import ANCHORS, Conditions, FieldSweep, LabelStore, Microstructure, Nd2Fe14B, Purpose, label_all
from simulation.execution.executors import local
from simulation.labels.sets import SPLITS, load_label_set
from simulation.microstructure import axis_angle
from simulation.sampling import generator
from studies.nd2fe14b.card import markdown
from studies.script import command

LABELS, SEED, PARTS = "nd2fe14b-free", 20261127, 4
TURNED = (1, 2, 4, 8, 32)
STRETCHED = (0.15, 0.4)
"""Axes that are turned in a child, and standard deviations of the factors that all are stretched by in another."""


def pairs(count: int) -> tuple[list[Microstructure], np.ndarray, list[Microstructure]]:
    """Parents, each as often as it has children, their anchors (n, 6), and the children."""
    labels = load_label_set(LABELS)
    rng = generator(SEED, Purpose.BENCHMARK, 0)
    rows = rng.choice(np.flatnonzero(labels.split == SPLITS.index("train")), count, replace=False)
    parents, children = [], []
    for row in rows:
        parent = labels.structure(int(labels.index[row]))
        angles = axis_angle(parent.grain_angle_rad)
        for count in TURNED:
            turned = angles.copy()
            which = rng.choice(angles.size, size=min(count, angles.size), replace=False)
            turned[which] += rng.normal(scale=ROTATION_RAD, size=which.size)
            children.append(replace(parent, grain_angle_rad=turned))
        children += [replace(parent, grain_angle_rad=angles * (1 + scale * rng.normal())) for scale in STRETCHED]
        parents += [parent] * (len(TURNED) + len(STRETCHED))
    return parents, labels.anchors[np.repeat(rows, len(TURNED) + len(STRETCHED))], children


def table(parents: list[Microstructure], before: np.ndarray, children: list[Microstructure], after: np.ndarray) -> str:
    """In Markdown, by quarters of u: shares that stayed about what they were, and the rms of what the climb misses them
    by, in H_A or Ms and in standard deviations of its posterior."""
    sound = np.flatnonzero(np.isfinite(before).all(axis=1) & np.isfinite(after).all(axis=1))
    labels = load_label_set(LABELS)
    rows = np.flatnonzero((labels.split == SPLITS.index("train")) & np.isfinite(labels.anchors).all(axis=1))
    known = Simulated(
        [labels.structure(int(labels.index[row])) for row in rows], labels.anchors[rows], [""] * len(rows)
    )
    model = axis_model(known, np.arange(len(rows)))
    turned = [children[row].grain_angle_rad[None] for row in sound]
    apart = np.array([changes(parents[row], axes)[1][0] for row, axes in zip(sound, turned, strict=True)])
    expected = [
        posterior_of_turned(model, parents[row], before[row], axes) for row, axes in zip(sound, turned, strict=True)
    ]
    mean, std, stays, persists = (
        np.concatenate([getattr(each, name) for each in expected])
        for name in ("mean", "std", "persist_mean", "persist_probability")
    )
    after = after[sound]
    found = []
    for part in np.array_split(np.argsort(apart), PARTS):
        u = apart[part]
        stayed = (np.abs(after - stays)[part] <= 2 * DRIFT * np.sqrt(u / UNIT)[:, None]).mean(axis=0)
        miss = (after - mean)[part]
        rms, deviations = (np.sqrt((each**2).mean(axis=0)) for each in (miss, miss / std[part]))
        cells = [f"{a:.2f}, {b:.4f}, {c:.1f}" for a, b, c in zip(stayed, rms, deviations, strict=True)]
        found.append([f"{u.mean():.4f}", f"{persists[part].mean():.2f}", *cells])
    return markdown(("u", "expected to stay", *(f"{name}: stayed, rms, in std" for name in ANCHORS)), found)


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parents", type=int, default=40)
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"))
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    parents, before, children = pairs(options.parents)
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization="elements", spins="free")
    with LabelStore(options.work / "climb.sqlite") as store, local() as engine:
        found = {label.structure_hash: label for label in label_all(children, conditions, store, engine)}
    nothing = np.full(len(ANCHORS), np.nan)
    of = [found[child.content_hash] for child in children]
    after = np.array([label.anchors.as_array() if label.converged else nothing for label in of])
    print(table(parents, before, children, after))
    return 0


if __name__ == "__main__":
    sys.exit(main())
