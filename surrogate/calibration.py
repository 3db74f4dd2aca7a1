"""From what the members of an ensemble disagree about to how far their mean may be off.

Members agree more than they are right: their spread is too small, and by how much depends on the magnet (the fields of
an isotropic one are harder to tell than those of an aligned one). On labels that no member had seen, the error of each
anchor is taken for a draw from Student's t with four degrees of freedom (a few errors are much larger than the rest),
whose scale is fitted, by maximum likelihood with a little ridge, as

    log scale = w . (1, log spread, log spread^2, x, x^2),

x the six predicted anchors and what `code_statistics` says of the code, standardised; then shifted so that 68.3 % of
the errors are within one of the resulting standard deviation. Conformal intervals (Vovk et al. 2005; normalised
residuals) are multiples of it within which 68 % and 95 % of those errors lay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ONE_SIGMA, LEVELS = 0.6827, (0.68, 0.95)
_RIDGE = 1e-2
_LEAST_ERROR, _LEAST_SPREAD = 1e-4, 1e-5
_FARTHEST = 3.0
"""Standardised features are clipped here: the fit says nothing about what lies beyond the labels."""
_FREEDOM = 4.0
_STEPS = 100

STATISTICS = 5
"""Numbers that `code_statistics` gives for each channel of a code."""


def code_statistics(latent: np.ndarray, grid: tuple[int, int] | None) -> np.ndarray:
    """(n, 5 channels) of codes that are grids, (n, 0) of others.

    Of each channel the means over the places of value, size and square, and of the squared difference of neighbours in
    y and in x: fine grains and scattered axes give a restless code, and a curve that is hard to tell.
    """
    if grid is None:
        return np.zeros((len(latent), 0))
    code = np.asarray(latent, np.float32).reshape(len(latent), *grid, -1)
    maps = (code, np.abs(code), code**2, np.diff(code, axis=1) ** 2, np.diff(code, axis=2) ** 2)
    return np.concatenate([values.mean(axis=(1, 2)) for values in maps], axis=1).astype(np.float64)


@dataclass(frozen=True, eq=False)
class Calibration:
    """The fit of six anchors, with k statistics of the code.

    Args:
        mean, std: (6 + k,) that predicted anchors and statistics are standardised with.
        weights: (6, 3 + 2 (6 + k)) of the features above, a row an anchor.
        quantiles: (2, 6) multiples of the standard deviation that hold 68 % and 95 % of the errors.
    """

    mean: np.ndarray
    std: np.ndarray
    weights: np.ndarray
    quantiles: np.ndarray

    @classmethod
    def fit(
        cls,
        predicted: np.ndarray,
        spread: np.ndarray,
        labels: np.ndarray,
        statistics: np.ndarray | None = None,
        gain: np.ndarray | None = None,
    ) -> Calibration:
        """From predictions, spreads of the members and labels not seen, each (n, 6), labels NaN where missing.

        Args:
            statistics: (n, k) of the codes.
            gain: (6,) errors of the ensemble that is calibrated in units of those of the one that predicted, if it is
                another.
        """
        x = predicted if statistics is None else np.concatenate([predicted, statistics], axis=1)
        centre, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
        columns = predicted.shape[1]
        weights, quantiles = np.zeros((columns, 3 + 2 * x.shape[1])), np.ones((len(LEVELS), columns))
        for i in range(columns):
            known = np.isfinite(labels[:, i])
            features = _features((x[known] - centre) / scale, spread[known, i])
            error = np.abs(predicted[known, i] - labels[known, i])
            weights[i] = _scale_weights(features, np.maximum(error, _LEAST_ERROR))
            ratio = error / np.exp(features @ weights[i])
            shift = max(float(np.quantile(ratio, ONE_SIGMA)), 1e-6)
            weights[i, 0] += np.log(shift)
            # one more than there are errors: the new one is any of them (the finite-sample correction)
            levels = [min(level * (1 + 1 / len(ratio)), 1.0) for level in LEVELS]
            quantiles[:, i] = np.quantile(ratio / shift, levels)
        if gain is not None:
            weights[:, 0] += np.log(gain)
        return cls(centre, scale, weights, quantiles)

    def standard_deviation(
        self, predicted: np.ndarray, spread: np.ndarray, statistics: np.ndarray | None = None
    ) -> np.ndarray:
        """(n, 6) of predictions (n, 6) whose members spread so much (n, 6), with the statistics of their codes."""
        columns = predicted.shape[1]
        if statistics is not None:
            predicted = np.concatenate([predicted, statistics], axis=1)[:, : len(self.mean)]
        x = (predicted - self.mean) / self.std
        return np.exp(np.column_stack([_features(x, spread[:, i]) @ self.weights[i] for i in range(columns)]))


def _scale_weights(features: np.ndarray, error: np.ndarray) -> np.ndarray:
    """Fisher scoring: with z = error / scale, the log-likelihood's slope in log scale is (f + 1) z^2 / (f + z^2) - 1,
    and the information of an error 2 f / (f + 3)."""
    penalty = _RIDGE * len(error) * np.eye(features.shape[1])
    penalty[0, 0] = 0.0
    information = 2 * _FREEDOM / (_FREEDOM + 3) * features.T @ features + penalty
    weights = np.zeros(features.shape[1])
    weights[0] = np.log(error).mean()
    for _ in range(_STEPS):
        square = (error / np.exp(features @ weights)) ** 2
        slope = (_FREEDOM + 1) * square / (_FREEDOM + square) - 1
        step = np.linalg.solve(information, features.T @ slope - penalty @ weights)
        weights += step
        if np.abs(step).max() < 1e-6:
            break
    return weights


def _features(x: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(n, 3 + 2 k) of standardised numbers (n, k) and spreads (n,)."""
    log = np.log(np.maximum(spread, _LEAST_SPREAD) / 1e-2)
    x = np.clip(x, -_FARTHEST, _FARTHEST)
    return np.column_stack([np.ones(len(log)), log, log**2, x, x**2])
