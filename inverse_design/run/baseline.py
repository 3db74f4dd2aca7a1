"""What the labelled structures hold already: a search is worth its simulations where it beats this."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from inverse_design.goals import UNITS, Goal, front, hits, ranking
from inverse_design.properties import PROPERTIES, STRUCTURE, derived_from_anchors, structure_properties
from simulation.labels.labelled import LabelledStructures
from simulation.material import Material


@dataclass(frozen=True)
class Baseline:
    """The labelled structures whose own map meets every target and bound.

    Attributes:
        count: labelled structures.
        hits: how many of them meet the goals.
        front: (m, 13) properties of those that none outdoes in what is to be maximised or minimised: its ends, the best
            first, and then what lies evenly between.
        rows: which meet the goals: those of the front, and the others after them, the best first.
    """

    count: int
    hits: int
    front: np.ndarray
    rows: tuple[int, ...] = ()

    @property
    def best(self) -> np.ndarray | None:
        """(13,) properties of the one that does best; None if none does."""
        return self.front[0] if len(self.front) else None

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
    best = rows[_spaced(front(goals, values[rows]))]
    rest = rows[~np.isin(rows, best)]
    return Baseline(len(values), len(rows), values[best], (*best.tolist(), *rest.tolist()))


def _spaced(front: np.ndarray) -> np.ndarray:
    """A front from end to end, put such that its first few are spread over all of it: its ends, then by halves."""
    last, parts, order = len(front) - 1, 2, [0, len(front) - 1]
    while parts < 2 * len(front):
        order += [round(i * last / parts) for i in range(1, parts, 2)]
        parts *= 2
    return front[list(dict.fromkeys([*order, *range(len(front))]))] if len(front) else front


def in_words(found: Mapping[str, Any]) -> str:
    """`Baseline.as_dict` as a sentence."""
    count, met = f"{found['count']} structures labelled before", found["hits"]
    best = ", ".join(f"{name} of {value:.4g} {UNITS[name]}".rstrip() for name, value in found["best"].items())
    if met == found["count"]:
        return f"The best of the {count} has {best}."
    text = f"Of the {count}, {met or 'none'} {'meet' if met > 1 else 'meets'} every target and bound"
    return f"{text}, the best with {best}." if best else f"{text}."
