"""The latent problem: which codes decode to magnets with the wanted curve, among codes that can be posterior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymoo.core.problem import Problem

from inverse_design.goals import Goal, objectives, violations

Predictor = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(n, latent) codes -> mean (n, 6) and standard deviation (n, 6) of the anchor points."""

Measure = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
"""Codes (n, latent), means and standard deviations (n, 6) of what is predicted -> (n,) how little to believe it."""

Limit = Measure
"""The same arguments -> (n,) above zero where not allowed."""


def spread(scale: np.ndarray) -> Measure:
    """The largest of the six standard deviations in units of `scale` (6,): where the ensemble disagrees."""
    return lambda codes, mean, std: np.asarray((std / scale).max(axis=1))


def drift(again: Callable[[np.ndarray], np.ndarray], scale: np.ndarray) -> Measure:
    """How far the six predictions move, at most and in units of `scale` (6,), when a code is decoded and encoded again.

    A code on the data stays where it is; one that flatters the regressor moves.

    Args:
        again: codes (n, latent) to what is predicted of them (n, 6) after decoding and encoding.
        scale: (6,) in Ms and H_A.
    """
    return lambda codes, mean, std: np.asarray((np.abs(again(codes) - mean) / scale).max(axis=1))


def limit(measure: Measure, predict: Predictor, codes: np.ndarray, share: float) -> Limit:
    """At most as large as it is for a `share` of the codes (n, latent) of real structures."""
    most = max(float(np.quantile(measure(codes, *predict(codes)), share)), 1e-12)
    return lambda codes, mean, std: measure(codes, mean, std) / most - 1


WORST = 1e6
"""What a prediction that is not a number counts as: one NaN objective would silently poison a whole front."""


@dataclass(frozen=True, eq=False)
class Plausibility:
    """Where the encoder puts real structures: a Gaussian of their latent codes.

    Far outside of it the decoder draws nonsense that the regressor has never seen and loves. The measure is the
    Mahalanobis distance; `radius` is the distance within which a given share of real codes lies.
    """

    mean: np.ndarray
    whitening: np.ndarray
    radius: float
    lower: np.ndarray
    upper: np.ndarray

    @classmethod
    def of_codes(cls, codes: np.ndarray, share: float) -> Plausibility:
        """From (n, latent) codes of real structures, of which `share` shall count as plausible."""
        mean = codes.mean(axis=0)
        covariance = np.cov(codes, rowvar=False).reshape(codes.shape[1], codes.shape[1])
        # A dimension that the encoder does not use has no spread: a floor keeps it from ruling the distance.
        values, vectors = np.linalg.eigh(covariance)
        floor = 1e-6 * max(float(values[-1]), 1e-12)
        whitening = vectors / np.sqrt(np.maximum(values, floor))
        distances = np.linalg.norm((codes - mean) @ whitening, axis=1)
        lower, upper = np.quantile(codes, [0.001, 0.999], axis=0)
        return cls(mean, whitening, float(np.quantile(distances, share)), lower, np.maximum(upper, lower + 1e-6))

    def distance(self, codes: np.ndarray) -> np.ndarray:
        """(n,) Mahalanobis distance in units of the plausible radius: at most 1 is plausible."""
        return np.asarray(np.linalg.norm((codes - self.mean) @ self.whitening, axis=1) / self.radius)


class LatentProblem(Problem):
    """Goals as objectives and constraints over the latent code; a whole population in one call.

    Objectives: |predicted - target| / tolerance, and -+predicted for maximise and minimise, in the order of the
    goals. Constraints (<= 0 is met): the bounds of the goals, then plausibility, then the limits.

    Args:
        goals: what is wanted.
        predict: the surrogate; for a whole population in one call.
        plausibility: of a code.
        derived: (n, latent) codes and their predicted anchors (n, 6) to the other columns of `PROPERTIES` (n, 5), if a
            goal asks for one of them.
        limits: further constraints: from codes, predicted means and standard deviations to (n,) numbers that must not
            be above zero.
    """

    def __init__(
        self,
        goals: Sequence[Goal],
        predict: Predictor,
        plausibility: Plausibility,
        derived: Callable[[np.ndarray, np.ndarray], np.ndarray] | None = None,
        limits: Sequence[Limit] = (),
    ) -> None:
        self.goals, self.predict, self.plausibility = tuple(goals), predict, plausibility
        self.derived, self.limits = derived, tuple(limits)
        bounds = sum((goal.at_least is not None) + (goal.at_most is not None) for goal in goals)
        super().__init__(
            n_var=plausibility.mean.size,
            n_obj=sum(goal.is_objective for goal in goals),
            n_ieq_constr=bounds + 1 + len(self.limits),
            xl=plausibility.lower,
            xu=plausibility.upper,
        )

    def _evaluate(self, x: np.ndarray, out: dict[str, Any], *args: Any, **kwargs: Any) -> None:
        mean, std = self.predict(x)
        values = self.values(x, mean)
        constraints = [violations(self.goals, values), self.plausibility.distance(x) - 1]
        constraints += [limit(x, mean, std) for limit in self.limits]
        out["F"] = np.nan_to_num(objectives(self.goals, values), nan=WORST, posinf=WORST, neginf=WORST)
        out["G"] = np.nan_to_num(np.column_stack(constraints), nan=WORST, posinf=WORST, neginf=WORST)

    def values(self, codes: np.ndarray, mean: np.ndarray) -> np.ndarray:
        """What the goals are judged by: predicted anchors, and the other properties where a goal needs them."""
        return mean if self.derived is None else np.hstack([mean, self.derived(codes, mean)])
