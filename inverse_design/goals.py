"""What is wanted of a curve: targets, bounds and directions on its anchor points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulation.anchors import ANCHORS

UNITS = {name: ("Ms" if name.startswith("M") else "H_A") for name in ANCHORS}


@dataclass(frozen=True)
class Goal:
    """One wish on one anchor point, in reduced units (Ms, H_A).

    Exactly one of these: a `target` with its `tolerance`; bounds (`at_least`, `at_most`); a `direction`, which may
    come with bounds. Targets and directions are objectives, bounds are constraints.
    """

    anchor: str
    target: float | None = None
    tolerance: float | None = None
    at_least: float | None = None
    at_most: float | None = None
    direction: str | None = None  # "maximize" or "minimize"

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

    def describe(self) -> str:
        """As a person would say it, with its unit."""
        unit = UNITS[self.anchor]
        if self.target is not None:
            return f"{self.target:.4g} ± {self.tolerance:.3g} {unit}"
        words = [self.direction] if self.direction else []
        if self.at_least is not None:
            words.append(f"≥ {self.at_least:.4g} {unit}")
        if self.at_most is not None:
            words.append(f"≤ {self.at_most:.4g} {unit}")
        return ", ".join(words)


def objectives(goals: Sequence[Goal], anchors: np.ndarray) -> np.ndarray:
    """Values to minimise: |value - target| / tolerance for a target, -+value for a direction.

    Args:
        anchors: (n, 6) anchor points in the order of `ANCHORS`.

    Returns:
        (n, number of targets and directions).
    """
    columns = []
    for goal in goals:
        value = anchors[:, ANCHORS.index(goal.anchor)]
        if goal.target is not None and goal.tolerance is not None:
            columns.append(np.abs(value - goal.target) / goal.tolerance)
        elif goal.direction is not None:
            columns.append(-value if goal.direction == "maximize" else value)
    return np.column_stack(columns) if columns else np.zeros((len(anchors), 0))


def violations(goals: Sequence[Goal], anchors: np.ndarray) -> np.ndarray:
    """How far each bound is missed: <= 0 where it is met (pymoo's sign); (n, number of one-sided bounds)."""
    columns = []
    for goal in goals:
        value = anchors[:, ANCHORS.index(goal.anchor)]
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
            value = anchors[:, ANCHORS.index(goal.anchor)]
            met &= (value >= goal.window[0]) & (value <= goal.window[1])
    return met


def distance(goals: Sequence[Goal], anchors: np.ndarray) -> np.ndarray:
    """(n,) root mean square miss of the windows, in tolerances for targets (0.01 for bounds); inf where NaN.

    Zero for a hit: it measures how far a curve is outside of what is allowed.
    """
    misses = []
    for goal in goals:
        if goal.window is not None:
            value = anchors[:, ANCHORS.index(goal.anchor)]
            low, high = goal.window
            misses.append(np.maximum(np.maximum(low - value, value - high), 0) / (goal.tolerance or 0.01))
    if not misses:
        return np.zeros(len(anchors))
    total = np.sqrt(np.mean(np.square(misses), axis=0))
    return np.where(np.isfinite(total), total, np.inf)


def probability(goals: Sequence[Goal], mean: np.ndarray, std: np.ndarray) -> np.ndarray:
    """(n,) log probability that all windows are met under independent Gaussian predictions.

    The probability of feasibility of constrained Bayesian optimisation (Gardner et al. 2014).
    """
    from scipy.special import log_ndtr  # a quarter of a second that checking a study does not pay

    total = np.zeros(len(mean))
    for goal in goals:
        if goal.window is not None:
            column = ANCHORS.index(goal.anchor)
            scale = np.maximum(std[:, column], 1e-6)
            low, high = ((edge - mean[:, column]) / scale for edge in goal.window)
            # Far outside, the difference of two cdfs is 0 - 0: mirror to the side where the logarithm keeps its digits.
            low, high = np.where(low > 0, -high, low), np.where(low > 0, -low, high)
            upper, lower = log_ndtr(high), log_ndtr(low)
            with np.errstate(divide="ignore"):
                total += upper + np.log1p(-np.exp(np.minimum(lower - upper, -1e-12)))
    return total
