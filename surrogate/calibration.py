"""From what the members of an ensemble disagree about to how far their mean may be off.

Members agree more than they are right: their spread is too small, and by how much depends on the magnet (the fields of
an isotropic one are harder to tell than those of an aligned one). On labels that no member had seen, the logarithm of
the error of each anchor is fitted, by least squares with a little ridge, as

    log |error| = w . (1, log spread, log spread^2, x, x^2),        x = the six predicted anchors, standardised,

then shifted so that 68.3 % of the errors are within one of the resulting standard deviation. Conformal intervals
(Vovk et al. 2005; normalised residuals) are multiples of it within which 68 % and 95 % of those errors lay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ONE_SIGMA, LEVELS = 0.6827, (0.68, 0.95)
_RIDGE = 1e-2
_LEAST_ERROR, _LEAST_SPREAD = 1e-4, 1e-5
_FARTHEST = 3.0
"""Standardised anchors are clipped here: the fit says nothing about what lies beyond the labels."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """The fit of six anchors.

    Args:
        mean, std: (6,) that predicted anchors are standardised with.
        weights: (6, 15) of the features above, a row an anchor.
        quantiles: (2, 6) multiples of the standard deviation that hold 68 % and 95 % of the errors.
    """

    mean: np.ndarray
    std: np.ndarray
    weights: np.ndarray
    quantiles: np.ndarray

    @classmethod
    def fit(cls, predicted: np.ndarray, spread: np.ndarray, labels: np.ndarray) -> Calibration:
        """From predictions (n, 6), spreads of the members (n, 6) and labels (n, 6; NaN where missing) not seen."""
        centre, scale = predicted.mean(axis=0), np.maximum(predicted.std(axis=0), 1e-6)
        columns = predicted.shape[1]
        weights, quantiles = np.zeros((columns, 3 + 2 * columns)), np.ones((len(LEVELS), columns))
        for i in range(columns):
            known = np.isfinite(labels[:, i])
            features = _features((predicted[known] - centre) / scale, spread[known, i])
            error = np.abs(predicted[known, i] - labels[known, i])
            penalty = _RIDGE * len(error) * np.eye(features.shape[1])
            penalty[0, 0] = 0.0
            logs = np.log(np.maximum(error, _LEAST_ERROR))
            weights[i] = np.linalg.solve(features.T @ features + penalty, features.T @ logs)
            ratio = error / np.exp(features @ weights[i])
            shift = max(float(np.quantile(ratio, ONE_SIGMA)), 1e-6)
            weights[i, 0] += np.log(shift)
            # one more than there are errors: the new one is any of them (the finite-sample correction)
            levels = [min(level * (1 + 1 / len(ratio)), 1.0) for level in LEVELS]
            quantiles[:, i] = np.quantile(ratio / shift, levels)
        return cls(centre, scale, weights, quantiles)

    def standard_deviation(self, predicted: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """(n, 6) of predictions (n, 6) whose members spread so much (n, 6)."""
        x = (predicted - self.mean) / self.std
        columns = [_features(x, spread[:, i]) @ self.weights[i] for i in range(predicted.shape[1])]
        return np.exp(np.column_stack(columns))


def _features(x: np.ndarray, spread: np.ndarray) -> np.ndarray:
    """(n, 3 + 2 k) of standardised anchors (n, k) and spreads (n,)."""
    log = np.log(np.maximum(spread, _LEAST_SPREAD) / 1e-2)
    x = np.clip(x, -_FARTHEST, _FARTHEST)
    return np.column_stack([np.ones(len(log)), log, log**2, x, x**2])
