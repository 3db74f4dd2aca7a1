"""What a simulation promises: the acquisition function of constrained Bayesian optimisation.

The log of the probability that every target and bound is met, plus the log of the expected improvement of what is to
be maximised or minimised (constrained expected improvement, Gardner et al. 2014).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.special import erfcx, log_ndtr
from scipy.stats import norm

from inverse_design.candidates.error_model import Posterior
from inverse_design.goals import Goal

CAUTION = (1.0, 4.0)
"""How many times the probability of meeting the bounds counts, for one candidate of a batch and the next in turn, where
something is to be maximised or minimised. Expected improvement alone fills whole batches with long shots (varied
greed in a batch: Hutter et al. 2012)."""

SERIES_BELOW = 100.0
"""Standard deviations below the best from where on the expected improvement is its asymptotic series."""


def utilities(goals: Sequence[Goal], posterior: Posterior, best: np.ndarray | None = None) -> np.ndarray:
    """(k, n) `utility` with each `CAUTION`; with the first alone where nothing is to be maximised or minimised."""
    cautions = CAUTION if any(goal.direction for goal in goals) else CAUTION[:1]
    return np.array([utility(goals, posterior, best, caution) for caution in cautions])


def utility(
    goals: Sequence[Goal], posterior: Posterior, best: np.ndarray | None = None, caution: float = 1.0
) -> np.ndarray:
    """(n,) how much a simulation promises: log of the probability of meeting every target and bound, times the
    expected improvement of what is to be maximised or minimised (constrained expected improvement, Gardner et al.
    2014).

    Args:
        best: (13,) properties of the best hit, None if there is none: then only the probability counts, the
            wish to maximise or minimise breaking ties.
        caution: how many times the probability counts.
    """
    total = np.maximum(caution * log_feasibility(goals, posterior), -1e6)
    mean, std = posterior.mean, posterior.std
    for goal in goals:
        if goal.direction is None:
            continue
        i, sign = goal.column, 1 if goal.direction == "maximize" else -1
        scale = np.maximum(std[:, i], 1e-6)
        if not np.isfinite(std[:, i]).any():
            continue  # the choice of codes to decode knows nothing of grains
        if best is None:
            among = max(float(np.nanstd(mean[:, i])), 1e-9)
            total = total + 0.1 * sign * (mean[:, i] - np.nanmedian(mean[:, i])) / among
        else:
            total = total + log_expected_improvement(sign * (mean[:, i] - best[i]) / scale) + np.log(scale)
    return np.nan_to_num(total, nan=-1e9)


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
