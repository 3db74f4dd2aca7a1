"""Calibrated standard deviations: coverage on errors that the fit has not seen, and which predictions are doubtful."""

from __future__ import annotations

import numpy as np
from scipy.stats import spearmanr

from surrogate.calibration import Calibration, code_statistics


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


def test_statistics_of_the_code_tell_what_no_anchor_does() -> None:
    def restless(seed: int) -> tuple[np.ndarray, ...]:
        predicted, spread, labels = errors_that_depend(3000, seed)
        statistics = np.random.default_rng(seed + 10).normal(size=(len(predicted), 2))
        return predicted, spread, predicted + (labels - predicted) * np.exp(statistics[:, :1]), statistics

    predicted, spread, labels, statistics = restless(0)
    without = Calibration.fit(predicted, spread, labels)
    with_them = Calibration.fit(predicted, spread, labels, statistics)
    predicted, spread, labels, statistics = restless(1)
    error = np.abs(predicted - labels)
    told = with_them.standard_deviation(predicted, spread, statistics)
    assert np.abs((error <= told).mean(axis=0) - 0.683).max() < 0.03
    blind = without.standard_deviation(predicted, spread, statistics)  # an older one has no use for them
    np.testing.assert_array_equal(blind, without.standard_deviation(predicted, spread))
    for i in range(6):
        assert spearmanr(told[:, i], error[:, i]).statistic > spearmanr(blind[:, i], error[:, i]).statistic + 0.1


def test_a_better_ensemble_has_smaller_deviations() -> None:
    predicted, spread, labels = errors_that_depend(500, 0)
    gain = np.linspace(0.8, 1, 6)
    plain, better = (Calibration.fit(predicted, spread, labels, gain=g) for g in (None, gain))
    ratio = better.standard_deviation(predicted, spread) / plain.standard_deviation(predicted, spread)
    np.testing.assert_allclose(ratio, np.broadcast_to(gain, ratio.shape))


def test_statistics_of_a_code_belong_to_its_channels_and_know_a_restless_one() -> None:
    code = np.zeros((2, 4, 5, 2), np.float32)
    code[0, ..., 0] = 2.0
    code[1, ..., 1] = [1, -1, 1, -1, 1]  # restless in x alone
    mean, size, square, in_y, in_x = code_statistics(code.reshape(2, -1), (4, 5)).reshape(2, 5, 2).transpose(1, 0, 2)
    np.testing.assert_allclose(mean, np.array([[2, 0], [0, 0.2]]), atol=1e-6)
    np.testing.assert_allclose(size, [[2, 0], [0, 1]])
    np.testing.assert_allclose(square, [[4, 0], [0, 1]])
    np.testing.assert_allclose(in_y, 0)
    np.testing.assert_allclose(in_x, [[0, 0], [0, 4]])
    assert code_statistics(np.ones((3, 12)), None).shape == (3, 0)
