"""Wanted curves that no labelled structure has, for benchmarks of the search."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inverse_design.goals import Goal
from simulation import ANCHORS, Purpose
from simulation.labels.sets import SPLITS, load_label_set
from simulation.sampling import generator

TOLERANCES = {"Mr": 0.01, "Hc": 0.01, "Hk90": 0.015}
COLUMNS, SCALES = [ANCHORS.index(name) for name in TOLERANCES], np.array(list(TOLERANCES.values()))


@dataclass(frozen=True)
class Target:
    """A wanted curve.

    Attributes:
        values: Mr, Hc, Hk90.
        kind: "inside", that of a structure of the test split, or "rim".
        nearest: root mean square miss of the nearest other label, in tolerances; NaN where nobody asked.
    """

    values: tuple[float, ...]
    kind: str
    nearest: float = float("nan")

    @property
    def goals(self) -> tuple[Goal, ...]:
        wanted = zip(TOLERANCES.items(), self.values, strict=True)
        return tuple(Goal(name, value, tolerance) for (name, tolerance), value in wanted)

    @property
    def in_study(self) -> dict[str, dict[str, float]]:
        """As a study says it."""
        return {
            goal.quantity: {"target": goal.target or 0.0, "tolerance": goal.tolerance or 0.0} for goal in self.goals
        }


def targets(labels: str, count: int, seed: int) -> list[Target]:
    """`count` targets, half of them curves of test structures that no other label comes near, half at the rim: labels
    in thin surroundings, pushed 0.5 to 2 tolerances away from their neighbours.

    Args:
        labels: name of a shipped set.
        seed: targets that something was tuned on are those of another seed.
    """
    found = load_label_set(labels)
    sound = np.isfinite(found.anchors[:, COLUMNS]).all(axis=1)
    scaled, test = found.anchors[sound][:, COLUMNS] / SCALES, (found.split == SPLITS.index("test"))[sound]
    rng = generator(seed, Purpose.BENCHMARK, 0)
    inside: list[Target] = []
    rim: list[Target] = []
    for i in rng.permutation(len(scaled)):
        away = np.abs(scaled - scaled[i]).max(axis=1)
        away[i] = np.inf
        if test[i] and away.min() > 1 and len(inside) < count - count // 2:
            inside.append(_target(scaled[i], np.delete(scaled, i, axis=0), "inside"))
        near = np.argsort(np.linalg.norm(scaled - scaled[i], axis=1))[1:21]
        outward = scaled[i] - scaled[near].mean(axis=0)
        length = float(np.linalg.norm(outward))
        if length == 0 or np.linalg.norm(scaled[near[0]] - scaled[i]) < 1 or len(rim) == count // 2:
            continue
        wanted = scaled[i] + outward / length * rng.uniform(0.5, 2.0)
        mr, hc, hk90 = wanted * SCALES
        if (np.abs(scaled - wanted).max(axis=1) > 1).all() and 0 < hk90 <= hc and 0 < mr < 1:
            rim.append(_target(wanted, scaled, "rim"))
    return inside + rim


def _target(wanted: np.ndarray, others: np.ndarray, kind: str) -> Target:
    nearest = float(np.sqrt(((others - wanted) ** 2).mean(axis=1)).min())
    mr, hc, hk90 = (round(float(value), 4) for value in wanted * SCALES)
    return Target((mr, hc, hk90), kind, round(nearest, 3))
