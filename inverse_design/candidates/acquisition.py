"""What a simulation promises: the acquisition function of constrained Bayesian optimisation.

The log of the probability that every target and bound is met, plus the log of the expected improvement of what is to
be maximised or minimised (constrained expected improvement, Gardner et al. 2014); of several such goals that of the
hypervolume below the Pareto front, which is no sum of them: a magnet that is best at neither can still be new.

With y_i how much better than a reference point the i-th of k goals is, in units of the front's range, the hypervolume
that a set of magnets commands is, but for a constant (Zhang and Golovin 2020, arXiv 2006.04655, lemma 5),

    E max_magnets s(y),      s(y) = min_i max(0, y_i / u_i)^k,

over directions u drawn evenly on the unit sphere where all u_i > 0. So the expected improvement of a magnet with
independent y_i is, with t the largest s^(1/k) on the front in each direction,

    E_u  integral from t to infinity of  k x^(k - 1)  prod_i P(y_i > x u_i)  dx.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import erfcx, log_ndtr, ndtr
from scipy.stats import norm

from inverse_design.candidates.error_model import Posterior
from inverse_design.goals import Goal
from inverse_design.properties import PROPERTIES

CAUTION = (1.0, 4.0)
"""How many times the probability of meeting the bounds counts, for one candidate of a batch and the next in turn, where
something is to be maximised or minimised. Expected improvement alone fills whole batches with long shots (varied
greed in a batch: Hutter et al. 2012)."""

DIRECTIONS, NODES = 48, 8
"""Directions u, and nodes of the integral (Gauss and Legendre) in each."""

MARGIN, REACH = 0.1, 4.0
"""The reference point lies below the front by this share of its range, where no bound says what is of no use (Ishibuchi
et al. 2018, doi 10.1162/evco_a_00226); the integral ends so many standard deviations above the mean."""

OF_ONE = 0.1
"""Range of a front of one hit, as a part of what it has."""

SERIES_BELOW = 100.0
"""Standard deviations below the best from where on the expected improvement is its asymptotic series."""


NOTHING = np.zeros((0, len(PROPERTIES)))
"""No hit so far."""


def utilities(goals: Sequence[Goal], posterior: Posterior, front: np.ndarray = NOTHING) -> np.ndarray:
    """(k, n) `utility` with each `CAUTION`; with the first alone where nothing is to be maximised or minimised."""
    cautions = CAUTION if any(goal.direction for goal in goals) else CAUTION[:1]
    likely, better = log_feasibility(goals, posterior), _log_improvement(goals, posterior, front)
    return np.array([_sum(caution * likely, better) for caution in cautions])


def utility(
    goals: Sequence[Goal], posterior: Posterior, front: np.ndarray = NOTHING, caution: float = 1.0
) -> np.ndarray:
    """(n,) how much a simulation promises: log of the probability of meeting every target and bound, times the
    expected improvement of what is to be maximised or minimised (constrained expected improvement, Gardner et al.
    2014).

    Args:
        front: (m, 13) properties of the hits so far that none outdoes, see `goals.front`. If there is none only the
            probability counts, the wish to maximise or minimise breaking ties.
        caution: how many times the probability counts.
    """
    return _sum(caution * log_feasibility(goals, posterior), _log_improvement(goals, posterior, front))


def _sum(likely: np.ndarray, better: np.ndarray) -> np.ndarray:
    return np.nan_to_num(np.maximum(likely, -1e6) + better, nan=-1e9)


def depends_on_others(goals: Sequence[Goal], front: np.ndarray) -> bool:
    """Whether a utility depends on what else it is told of: without a hit a wish breaks ties among what is there."""
    return not len(front) and any(goal.direction for goal in goals)


def _log_improvement(goals: Sequence[Goal], posterior: Posterior, front: np.ndarray) -> np.ndarray:
    """(n,) log of the expected improvement; without a hit something small that breaks ties."""
    total = np.zeros(len(posterior.change_mean))
    mean, std = posterior.mean, posterior.std
    directed = [goal for goal in goals if goal.direction is not None and np.isfinite(std[:, goal.column]).any()]
    signs = np.array([1 if goal.direction == "maximize" else -1 for goal in directed])
    columns = [int(goal.column) for goal in directed]
    if not directed:
        pass  # or the choice of codes to decode, which knows nothing of grains
    elif not len(front):
        worth = signs * mean[:, columns]
        among = np.maximum(np.nanstd(worth, axis=0), 1e-9)
        total = total + np.sum(0.1 * (worth - np.nanmedian(worth, axis=0)) / among, axis=1)
    elif len(directed) == 1:
        scale = np.maximum(std[:, columns[0]], 1e-6)
        better = signs[0] * (mean[:, columns[0]] - front[0, columns[0]])
        total = total + log_expected_improvement(better / scale) + np.log(scale)
    else:
        bounds = [goal.at_least if goal.direction == "maximize" else goal.at_most for goal in directed]
        useless = signs * np.array([np.nan if bound is None else bound for bound in bounds])
        spread = np.maximum(std[:, columns], 1e-6)
        better, than = signs * mean[:, columns], signs * front[:, columns]
        total = total + log_hypervolume_improvement(better, spread, than, useless)
    return total


def log_hypervolume_improvement(
    mean: np.ndarray, std: np.ndarray, front: np.ndarray, useless: np.ndarray
) -> np.ndarray:
    """(n,) log of the expected gain in the hypervolume of the front, see above, all k goals to be maximised.

    Args:
        mean, std: (n, k) of independent Gaussians.
        front: (m, k) there already, m at least 1.
        useless: (k,) what is of no use and so the reference point; NaN where the front's range says it.
    """
    low, high = front.min(axis=0), front.max(axis=0)
    scale = np.where(high > low, high - low, np.maximum(OF_ONE * np.abs(high), 1e-6))
    reference = np.where(np.isnan(useless), low - MARGIN * scale, np.fmin(useless, low))
    mean, std, front = (mean - reference) / scale, std / scale, (front - reference) / scale
    count = front.shape[1]
    directions = np.abs(np.random.default_rng(0).normal(size=(DIRECTIONS, count)))
    directions = np.maximum(directions / np.linalg.norm(directions, axis=1, keepdims=True), 1e-3)
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    gain = np.zeros(len(mean))
    for direction in directions:
        start = max(float((front / direction).min(axis=1).max()), 0.0)
        end = np.maximum(((mean + REACH * std) / direction).min(axis=1), start)
        x = start + (end - start)[:, None] * (nodes + 1) / 2
        beyond = count * x ** (count - 1)
        for i in range(count):
            beyond = beyond * ndtr((mean[:, i, None] - x * direction[i]) / std[:, i, None])
        gain += (end - start) / 2 * (beyond @ weights)
    return np.log(np.maximum(gain / DIRECTIONS, 1e-300))


def log_feasibility(goals: Sequence[Goal], posterior: Posterior) -> np.ndarray:
    """(n,) log probability that all windows are met, the properties independent.

    The probability of feasibility of constrained Bayesian optimisation (Gardner et al. 2014).
    """
    total = np.zeros(len(posterior.change_mean))
    for goal in goals:
        if goal.window is not None:
            i = goal.column
            low, high = goal.window
            with np.errstate(divide="ignore"):
                persists, changes = (
                    np.log(posterior.persist_probability[:, i]),
                    np.log1p(-posterior.persist_probability[:, i]),
                )
            total += np.logaddexp(
                persists + _log_within(posterior.persist_mean[:, i], posterior.persist_std[:, i], low, high),
                changes + _log_within(posterior.change_mean[:, i], posterior.change_std[:, i], low, high),
            )
    return total


def _log_within(mean: np.ndarray, std: np.ndarray, low: float, high: float) -> np.ndarray:
    """(n,) log probability that a Gaussian lies within low to high."""
    scale = np.maximum(std, 1e-6)
    below, above = (low - mean) / scale, (high - mean) / scale
    # Far outside, the difference of two cdfs is 0 - 0: mirror to the side where the logarithm keeps its digits.
    below, above = np.where(below > 0, -above, below), np.where(below > 0, -below, above)
    upper, lower = log_ndtr(above), log_ndtr(below)
    with np.errstate(divide="ignore"):
        return np.asarray(upper + np.log1p(-np.exp(np.minimum(lower - upper, -1e-12))))


def log_expected_improvement(z: np.ndarray) -> np.ndarray:
    """log(z Phi(z) + phi(z)), of Ament et al. 2023 (arXiv 2310.20708), equation 9, exact to rounding at any z.

    Below zero the sum cancels, so that phi(z) is taken out: what is left is 1 + z sqrt(pi/2) erfcx(-z / sqrt 2).
    Further down that cancels, too, and its own series 1/z^2 - 3/z^4 + 15/z^6 - 105/z^8 + ... takes over.
    """
    middle, low = np.clip(z, -SERIES_BELOW, 0.0), np.minimum(z, -SERIES_BELOW)
    ratio = middle * np.sqrt(np.pi / 2) * erfcx(-middle / np.sqrt(2))
    square = 1 / low**2
    series = square * (1 - 3 * square * (1 - 5 * square * (1 - 7 * square * (1 - 9 * square))))
    high = np.maximum(z, 0.0)
    below = norm.logpdf(z) + np.where(z < -SERIES_BELOW, np.log(series), np.log1p(ratio))
    return np.where(z < 0, below, np.log(high * norm.cdf(high) + norm.pdf(high)))
