"""What is wanted: targets, bounds and directions on the properties of a curve and of its structure.

Arrays of values have a column for each of `PROPERTIES`; six columns, the anchor points alone, will do where no goal
asks for more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from inverse_design.curve_goal import CurveGoal
from inverse_design.properties import UNITS, Column
from simulation.anchors import ANCHORS


@dataclass(frozen=True, repr=False)
class Goal:
    """What is asked of one of the `PROPERTIES`, in reduced units (Ms, H_A).

    Exactly one of these: a `target` with its `tolerance`; bounds (`at_least`, `at_most`); a `direction`, which may
    come with bounds. Targets and directions are objectives, bounds are constraints.

    >>> goals = [Goal("Mr", target=0.8, tolerance=0.01), Goal("Hc", at_least=0.3)]
    >>> [goal.describe() for goal in goals]
    ['0.8 ± 0.01 Ms', '≥ 0.3 H_A']
    >>> curves = np.array([[0.95, 0.805, 0.2, 0.25, 0.28, 0.31], [0.95, 0.805, 0.2, 0.22, 0.25, 0.29]])
    >>> hits(goals, curves).tolist()
    [True, False]
    """

    quantity: str
    target: float | None = None
    tolerance: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    direction: str | None = None  # "maximize" or "minimize"
    robust: bool = False  # a hit also needs the mean over structures of the same statistics to meet it

    def __repr__(self) -> str:
        return f"<Goal {self.quantity} {self.describe()}>"

    @property
    def column(self) -> Column:
        """Of arrays of values."""
        return Column[self.quantity]

    @property
    def is_objective(self) -> bool:
        return self.target is not None or self.direction is not None

    @property
    def window(self) -> tuple[float, float] | None:
        """(low, high) that a verified value must lie in to be a hit; None where any value will do."""
        if self.target is not None and self.tolerance is not None:
            return self.target - self.tolerance, self.target + self.tolerance
        if self.at_least is None and self.at_most is None:
            return None
        low = -np.inf if self.at_least is None else self.at_least
        return low, np.inf if self.at_most is None else self.at_most

    def allows(self, value: float) -> bool:
        """Whether a verified value is in the window; any is where there is none, but a missing one (NaN)."""
        low, high = self.window or (-np.inf, np.inf)
        return bool(low <= value <= high)

    def describe(self) -> str:
        """As a person would say it, with its unit."""
        mean = "mean over redraws " if self.robust else ""
        return mean + self._words()

    def _words(self) -> str:
        unit = f" {UNITS[self.quantity]}".rstrip()
        if self.target is not None:
            return f"{self.target:.4g} ± {self.tolerance:.3g}{unit}"
        words = [self.direction] if self.direction else []
        if self.at_least is not None:
            words.append(f"≥ {self.at_least:.4g}{unit}")
        if self.at_most is not None:
            words.append(f"≤ {self.at_most:.4g}{unit}")
        return ", ".join(words)


class Goals(tuple[Goal, ...]):
    """Goals on properties, and the measured curve, if any, that simulated curves are to follow besides.

    >>> goals = Goals([Goal("Mr", target=0.8, tolerance=0.01)])
    >>> len(goals), goals.curve
    (1, None)
    """

    curve: CurveGoal | None

    def __new__(cls, goals: Iterable[Goal] = (), curve: CurveGoal | None = None) -> Goals:
        made = super().__new__(cls, goals)
        made.curve = curve
        return made


def curve_of(goals: Sequence[Goal]) -> CurveGoal | None:
    """The measured curve among the goals."""
    return goals.curve if isinstance(goals, Goals) else None


def objectives(goals: Sequence[Goal], anchors: np.ndarray) -> np.ndarray:
    """Values to minimise: |value - target| / tolerance for a target, -+value for a direction.

    Args:
        anchors: (n, 6 or 13) values.

    Returns:
        (n, number of targets and directions).
    """
    columns = []
    for goal in goals:
        value = anchors[:, goal.column]
        if goal.target is not None and goal.tolerance is not None:
            columns.append(np.abs(value - goal.target) / goal.tolerance)
        elif goal.direction is not None:
            columns.append(-value if goal.direction == "maximize" else value)
    return np.column_stack(columns) if columns else np.zeros((len(anchors), 0))


def violations(goals: Sequence[Goal], anchors: np.ndarray) -> np.ndarray:
    """How far each bound is missed: <= 0 where it is met (pymoo's sign); (n, number of one-sided bounds)."""
    columns = []
    for goal in goals:
        value = anchors[:, goal.column]
        if goal.at_least is not None:
            columns.append(goal.at_least - value)
        if goal.at_most is not None:
            columns.append(value - goal.at_most)
    return np.column_stack(columns) if columns else np.zeros((len(anchors), 0))


def hits(goals: Sequence[Goal], anchors: np.ndarray) -> np.ndarray:
    """(n,) whether every target and bound is met; a missing anchor (NaN) meets none."""
    met = np.ones(len(anchors), dtype=bool)
    for goal in goals:
        if goal.window is not None:
            value = anchors[:, goal.column]
            met &= (value >= goal.window[0]) & (value <= goal.window[1])
    return met


def distance(goals: Sequence[Goal], anchors: np.ndarray) -> np.ndarray:
    """(n,) root mean square miss of the windows, in tolerances for targets (0.01 for bounds); inf where NaN.

    Zero for a hit: it measures how far a curve is outside of what is allowed.
    """
    misses = []
    for goal in goals:
        if goal.window is not None:
            value = anchors[:, goal.column]
            low, high = goal.window
            misses.append(np.maximum(np.maximum(low - value, value - high), 0) / (goal.tolerance or 0.01))
    if not misses:
        return np.zeros(len(anchors))
    total = np.sqrt(np.mean(np.square(misses), axis=0))
    return np.where(np.isfinite(total), total, np.inf)


def ranking(
    goals: Sequence[Goal],
    values: np.ndarray,
    hit: np.ndarray | None = None,
    confirmed: np.ndarray | None = None,
    apart: np.ndarray | None = None,
) -> np.ndarray:
    """Rows from the best to the worst; the one order that everything here calls "best" by.

    Confirmed hits come first, then other hits, then the rest by their distance from the windows. Among equals decides
    what is to be maximised or minimised, the first of the goals first; then the distance from the targets, in
    tolerances; then the order in which they are given. Directions have different units and are never added.

    Args:
        goals: what is wanted, in the order of the study.
        values: (n, 6 or 13) simulated properties; NaN where there is none, all of them where nothing may be believed.
        hit: (n,) what counts as a hit, where that is more than the values of the row itself tell; default `hits`.
        confirmed: (n,) hits that every further check upholds; default none.
        apart: (n,) distances of the curves from a measured one, where that is a goal: what one misses its tolerance by
            is added to the distance from the windows, and among equals it comes first if it is to be minimised, else
            with the targets.

    Returns:
        (n,) row numbers.

    >>> goals = [Goal("Mr", at_least=0.8), Goal("Hc", direction="maximize")]
    >>> row = [1, 0.85, 0.2, 0.3, 0.35, 0.4]
    >>> ranking(goals, np.array([row, [*row[:5], 0.5], [1, 0.7, 0.2, 0.3, 0.4, 0.6]])).tolist()
    [1, 0, 2]
    """
    hit = hits(goals, values) if hit is None else np.asarray(hit, bool)
    confirmed = np.zeros(len(values), bool) if confirmed is None else np.asarray(confirmed, bool)
    curve = curve_of(goals)
    miss, more, first = distance(goals, values), np.zeros(len(values)), np.zeros(len(values))
    if curve is not None and apart is not None:
        scale = curve.tolerance or 0.01
        far = np.where(np.isfinite(apart), np.asarray(apart, float), np.inf)
        miss = np.hypot(miss, 0.0 if curve.tolerance is None else np.maximum(far - scale, 0) / scale)
        first, more = (far, more) if curve.minimize else (first, np.square(far / scale))
    miss = np.where(hit, 0.0, miss)
    directed = objectives([goal for goal in goals if goal.direction is not None], values)
    targets = np.square(objectives([goal for goal in goals if goal.target is not None], values)).sum(axis=1)
    # The last key of lexsort decides first; it keeps the order of what is equal.
    keys = np.column_stack([~confirmed, ~hit, miss, first, directed, targets + more])
    return np.lexsort(np.where(np.isfinite(keys), keys, np.inf).T[::-1])


def has_front(goals: Sequence[Goal]) -> bool:
    """Whether one hit can outdo another: something is to be maximised or minimised, no measured curve beside it."""
    return any(goal.direction for goal in goals) and curve_of(goals) is None


def front(goals: Sequence[Goal], values: np.ndarray) -> np.ndarray:
    """Rows that none outdoes in what is to be maximised or minimised, the Pareto front; the best of `ranking` first.

    Args:
        goals: what is wanted; without a direction among them the front is the best alone.
        values: (n, 6 or 13) properties of hits.

    >>> goals = [Goal("Mr", direction="maximize"), Goal("Hc", direction="maximize")]
    >>> row = [1, 0.8, 0.2, 0.3, 0.35]
    >>> front(goals, np.array([[*row, 0.40], [1, 0.9, *row[2:], 0.3], [*row, 0.35], [*row, 0.40]])).tolist()
    [1, 0]
    """
    rows = ranking(goals, values)
    found: list[int] = []
    worth = objectives([goal for goal in goals if goal.direction is not None], values)
    for row in rows:  # what outdoes another ranks before it
        if not (worth[found] <= worth[row]).all(axis=1).any():
            found.append(int(row))
    return np.array(found, dtype=int)


def aim(goals: Sequence[Goal], mean: np.ndarray, std: np.ndarray, depth: float = 0.8) -> tuple[np.ndarray, np.ndarray]:
    """Where to steer predictions (n, 6) with their standard deviations, and the scale of a miss, each (n, 6).

    Only anchor points can be steered. Into the windows by one standard deviation, but at most by `depth` of the way to
    the middle; a value that is there already shall stay. What is to be maximised or minimised goes by one standard
    deviation. NaN where any value will do.
    """
    wanted, scale = np.full(mean.shape, np.nan), np.ones(mean.shape)
    for goal in goals:
        i = goal.column
        if i >= len(ANCHORS):
            continue
        wanted[:, i], scale[:, i] = mean[:, i], np.maximum(std[:, i], 1e-6)
        if goal.direction is not None:
            wanted[:, i] += std[:, i] * (1 if goal.direction == "maximize" else -1)
        if goal.window is not None:
            low, high = goal.window
            inside = np.minimum(std[:, i], depth * (high - low) / 2)
            wanted[:, i] = np.clip(wanted[:, i], low + inside, high - inside)
            if goal.tolerance is not None:
                scale[:, i] = goal.tolerance
    return wanted, scale
