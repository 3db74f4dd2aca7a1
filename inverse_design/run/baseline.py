"""What the labelled structures hold already: a search is worth its simulations where it beats this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inverse_design.goals import UNITS, Goal, hits, ranking
from inverse_design.properties import PROPERTIES, STRUCTURE, derived_from_anchors, structure_properties
from simulation.labels.labelled import LabelledStructures
from simulation.material import Material


@dataclass(frozen=True)
class Baseline:
    """The labelled structures whose own map meets every target and bound.

    Attributes:
        count: labelled structures.
        hits: how many of them meet the goals.
        best: (13,) properties of the one that does best; None if none does.
        rows: which they are, the best first.
    """

    count: int
    hits: int
    best: np.ndarray | None
    rows: tuple[int, ...] = ()

    def as_dict(self, goals: Sequence[Goal]) -> dict[str, Any]:
        """JSON-able, with the best's values of what is to be maximised or minimised."""
        directed = [goal for goal in goals if goal.direction is not None]
        best = {goal.quantity: float(self.best[goal.column]) for goal in directed if self.best is not None}
        return {"count": self.count, "hits": self.hits, "best": best}


def baseline(goals: Sequence[Goal], labels: LabelledStructures, material: Material) -> Baseline:
    """Go through simulated structures; BHmax is that of the straight lines through the anchor points."""
    values = np.full((len(labels.keys), len(PROPERTIES)), np.nan)
    curve = len(PROPERTIES) - len(STRUCTURE)
    values[:, :curve] = np.hstack([labels.anchors, derived_from_anchors(labels.anchors, material)])
    rows = np.flatnonzero(hits([goal for goal in goals if goal.quantity not in STRUCTURE], values))
    if any(goal.quantity in STRUCTURE for goal in goals):
        for row in rows:
            values[row, curve:] = structure_properties(labels.structures[int(row)])
    rows = rows[hits(goals, values[rows])]
    rows = rows[ranking(goals, values[rows])]
    return Baseline(len(values), len(rows), values[rows[0]] if len(rows) else None, tuple(rows.tolist()))


def in_words(found: Mapping[str, Any]) -> str:
    """`Baseline.as_dict` as a sentence."""
    count, met = f"{found['count']} structures labelled before", found["hits"]
    best = ", ".join(f"{name} of {value:.4g} {UNITS[name]}".rstrip() for name, value in found["best"].items())
    if met == found["count"]:
        return f"The best of the {count} has {best}."
    text = f"Of the {count}, {met or 'none'} {'meet' if met > 1 else 'meets'} every target and bound"
    return f"{text}, the best with {best}." if best else f"{text}."
