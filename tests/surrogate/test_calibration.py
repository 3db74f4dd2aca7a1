"""Calibrated standard deviations: coverage on errors that the fit has not seen, and which predictions are doubtful."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from surrogate.calibration import Calibration


def errors_that_depend(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Predictions, spreads that are a third of the true deviation or so, labels; the second anchor is worse where the
    first is small, which no spread shows."""
    rng = np.random.default_rng(seed)
    predicted = rng.uniform(0, 1, (n, 6))
    deviation = 0.01 * np.exp(rng.normal(0, 0.5, (n, 6)))
    spread = deviation / 3 * np.exp(rng.normal(0, 0.3, (n, 6)))
    deviation[:, 1] *= np.exp(2 * (0.5 - predicted[:, 0]))
    return predicted, spread, predicted + deviation * rng.normal(size=(n, 6))


def test_two_thirds_of_new_errors_lie_within_one_standard_deviation() -> None:
    calibration = Calibration.fit(*errors_that_depend(3000, 0))
    predicted, spread, labels = errors_that_depend(3000, 1)
    ratio = np.abs(predicted - labels) / calibration.standard_deviation(predicted, spread)
    assert np.abs((ratio <= 1).mean(axis=0) - 0.683).max() < 0.03
    assert np.abs((ratio <= calibration.quantiles[1]).mean(axis=0) - 0.95).max() < 0.02
    assert np.abs((ratio <= calibration.quantiles[0]).mean(axis=0) - 0.68).max() < 0.03


def test_doubt_follows_what_the_anchors_say_beside_the_spread() -> None:
    calibration = Calibration.fit(*errors_that_depend(3000, 0))
    predicted, spread, labels = errors_that_depend(3000, 1)
    error, std = np.abs(predicted - labels)[:, 1], calibration.standard_deviation(predicted, spread)[:, 1]
    assert spearmanr(std, error).statistic > spearmanr(spread[:, 1], error).statistic + 0.05


def test_labels_may_lack_an_anchor() -> None:
    predicted, spread, labels = errors_that_depend(200, 0)
    labels[::3, 4] = np.nan
    calibration = Calibration.fit(predicted, spread, labels)
    assert np.isfinite(calibration.weights).all()
    assert np.isfinite(calibration.standard_deviation(predicted, spread)).all()
