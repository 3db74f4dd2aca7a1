"""What is believed near structures that were simulated."""

from __future__ import annotations

import numpy as np
from scipy.stats import norm

from inverse_design.candidates.acquisition import log_feasibility
from inverse_design.candidates.error_model import LENGTHS, PERSISTENT, Discrepancy, Posterior, correlation
from inverse_design.goals import Goal, aim

RNG = np.random.default_rng(0)
CODES = RNG.normal(size=(60, 10)).astype(np.float32)
PREDICTED = RNG.uniform(0.2, 0.8, (60, 6))
ANCHORS = PREDICTED + RNG.normal(0, 0.02, (60, 6))
STD = np.full((60, 6), 0.02)


def test_a_simulated_structure_is_known() -> None:
    posterior = Discrepancy.of(CODES, ANCHORS, PREDICTED).correct(CODES, PREDICTED, STD)
    np.testing.assert_allclose(posterior.mean, ANCHORS, atol=1e-4)
    assert (posterior.std < 1e-3).all()


def test_far_from_all_the_surrogate_is_believed() -> None:
    far = CODES[:5] + 1000
    posterior = Discrepancy.of(CODES, ANCHORS, PREDICTED).correct(far, PREDICTED[:5], STD[:5])
    np.testing.assert_allclose(posterior.mean, PREDICTED[:5], atol=1e-9)
    np.testing.assert_allclose(posterior.std, STD[:5], rtol=1e-6)


def test_nearby_smooth_anchors_inherit_the_error_and_others_jump() -> None:
    known = Discrepancy.of(CODES[:1], ANCHORS[:1], PREDICTED[:1])
    known = Discrepancy(known.codes, known.anchors, known.errors, unit=1.0)
    step = np.zeros((1, 10), np.float32)
    step[0, 0] = 0.1
    mean = PREDICTED[:1] + 0.1
    posterior = known.correct(CODES[:1] + step, mean, STD[:1])
    share = np.where(PERSISTENT, np.exp(-0.1 / LENGTHS), correlation(0.1 / LENGTHS))
    np.testing.assert_allclose(posterior.persist_probability[0], np.where(PERSISTENT, share, 0), rtol=1e-5)
    smooth = ~PERSISTENT
    np.testing.assert_allclose(posterior.mean[0, smooth], (mean + share * known.errors)[0, smooth], rtol=1e-4)
    mixed = share * ANCHORS[0] + (1 - share) * mean[0]
    np.testing.assert_allclose(posterior.mean[0, PERSISTENT], mixed[PERSISTENT], rtol=1e-4)


def test_a_structure_without_anchors_says_nothing() -> None:
    missing = ANCHORS.copy()
    missing[3:, 5] = np.nan
    assert len(Discrepancy.of(CODES, missing, PREDICTED).codes) == 3
    nothing = Discrepancy.of(CODES, np.full_like(ANCHORS, np.nan), PREDICTED)
    np.testing.assert_array_equal(nothing.correct(CODES, PREDICTED, STD).mean, PREDICTED)


def test_probability_of_what_stays_or_jumps() -> None:
    goal = (Goal("Hc", target=0.5, tolerance=0.01),)
    mean, std = np.full((2, 6), 0.7), np.full((2, 6), 0.01)
    kept, persist_std = np.array([[0.505] * 6, [0.52] * 6]), np.full((2, 6), 1e-4)
    posterior = Posterior(mean, std, kept, persist_std, np.full((2, 6), 0.6))
    np.testing.assert_allclose(np.exp(log_feasibility(goal, posterior)), [0.6, 0.0], atol=1e-9)
    wiggling = Posterior(mean, std, kept, np.full((2, 6), 0.01), np.full((2, 6), 0.6))
    chance = norm.cdf(-1) - norm.cdf(-3)  # 0.52 of one that wiggles by 0.01 lies in 0.49 to 0.51
    np.testing.assert_allclose(np.exp(log_feasibility(goal, wiggling))[1], 0.6 * chance, rtol=1e-6)


def test_the_aim_is_inside_the_windows_and_what_is_there_stays() -> None:
    goals = (Goal("Mr", target=0.8, tolerance=0.01), Goal("Hc", at_least=0.3), Goal("Hk90", direction="maximize"))
    mean = np.array([[0.9, 0.75, 0.2, 0.3, 0.3, 0.28], [0.9, 0.801, 0.2, 0.3, 0.3, 0.4]])
    wanted, scale = aim(goals, mean, np.full((2, 6), 0.02))
    np.testing.assert_allclose(wanted[:, [1, 5, 2]], [[0.798, 0.32, 0.22], [0.801, 0.4, 0.22]])
    assert np.isnan(wanted[:, [0, 3, 4]]).all()
    assert (scale > 0).all()
