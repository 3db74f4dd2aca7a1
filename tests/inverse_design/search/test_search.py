"""The latent problem and its search, on a surrogate that is a formula."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest

from inverse_design.candidates.acquisition import log_feasibility, utility
from inverse_design.candidates.error_model import Posterior
from inverse_design.candidates.selection import diverse_batch
from inverse_design.goals import Goal, distance, hits, objectives, violations
from inverse_design.search.genetic import ALGORITHMS, initial_population, search
from inverse_design.search.problem import WORST, LatentProblem, Plausibility
from inverse_design.study.sections import ForOne, ForSeveral

LATENT = 8
WEIGHTS = np.random.default_rng(0).normal(size=(LATENT, 6)) * 0.15
CODES = np.random.default_rng(1).normal(size=(400, LATENT))
GOALS = (
    Goal("Mr", target=0.5, tolerance=0.01),
    Goal("Hc", target=0.62, tolerance=0.01),
    Goal("Hk90", direction="maximize", at_most=0.52),
)


def predict(latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    mean = np.sort(1 / (1 + np.exp(-latent @ WEIGHTS)), axis=1)
    return mean, np.full(mean.shape, 0.02)


def problem(goals: tuple[Goal, ...] = GOALS) -> LatentProblem:
    return LatentProblem(goals, predict, Plausibility.of_codes(CODES, 0.99))


def test_a_population_is_evaluated_in_one_call() -> None:
    calls = []

    def counting(latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        calls.append(len(latent))
        return predict(latent)

    task = LatentProblem(GOALS, counting, Plausibility.of_codes(CODES, 0.99))
    values = task.evaluate(CODES, return_as_dictionary=True)
    assert calls == [len(CODES)]
    assert values["F"].shape == (len(CODES), 3)
    assert values["G"].shape == (len(CODES), 2)


def test_objectives_are_distances_in_tolerances_and_directions() -> None:
    anchors = np.array([[0.9, 0.52, 0.3, 0.4, 0.5, 0.60]])
    np.testing.assert_allclose(objectives(GOALS, anchors), [[2.0, 2.0, -0.3]])
    np.testing.assert_allclose(violations(GOALS, anchors), [[0.3 - 0.52]])
    np.testing.assert_allclose(distance(GOALS, anchors), np.sqrt((1 + 1 + 0) / 3))


def test_a_hit_meets_every_target_and_bound_and_has_no_missing_anchor() -> None:
    inside = [0.9, 0.505, 0.3, 0.4, 0.5, 0.615]
    outside = [0.9, 0.505, 0.53, 0.54, 0.55, 0.615]
    missing = [0.9, 0.505, 0.3, 0.4, 0.5, np.nan]
    assert hits(GOALS, np.array([inside, outside, missing])).tolist() == [True, False, False]
    assert distance(GOALS, np.array([missing]))[0] == np.inf


def test_probability_is_that_of_a_gaussian_in_its_window() -> None:
    goal = (Goal("Mr", target=0.5, tolerance=0.02),)
    mean, std = np.full((3, 6), 0.5), np.full((3, 6), 0.02)
    mean[1, 1], mean[2, 1] = 0.52, 2.5
    found = np.exp(log_feasibility(goal, Posterior.gaussian(mean, std)))
    np.testing.assert_allclose(found, [0.682689, 0.477250, 0.0], atol=1e-6)
    far = log_feasibility(goal, Posterior.gaussian(mean, std))
    assert np.isfinite(far).all()
    assert far[2] < far[1] < far[0]


def test_nan_never_reaches_pymoo() -> None:
    task = LatentProblem(GOALS, lambda z: (np.full((len(z), 6), np.nan),) * 2, Plausibility.of_codes(CODES, 0.99))
    values = task.evaluate(CODES[:5], return_as_dictionary=True)
    assert (values["F"] == WORST).all()
    assert np.isfinite(values["G"]).all()


def test_plausible_are_real_codes_and_not_the_far_corner() -> None:
    plausibility = Plausibility.of_codes(CODES, 0.99)
    assert (plausibility.distance(CODES) <= 1).mean() == pytest.approx(0.99, abs=0.003)
    assert plausibility.distance(plausibility.upper[None])[0] > 1


def test_the_first_population_is_made_of_encoded_structures() -> None:
    first = initial_population(problem(), CODES, 64, seed=3)
    known = {tuple(code) for code in np.clip(CODES, problem().xl, problem().xu)}
    assert all(tuple(code) in known for code in first)
    best = objectives(GOALS[:1], predict(first)[0]).min()
    assert best == pytest.approx(objectives(GOALS[:1], predict(CODES)[0]).min(), abs=0.5)


def test_the_search_knows_the_algorithms_that_a_study_may_name() -> None:
    assert set(ALGORITHMS) == {*get_args(ForSeveral), *get_args(ForOne)}


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_every_algorithm_finds_the_goal_and_repeats_itself(algorithm: str) -> None:
    goals = GOALS[:1] if algorithm in get_args(ForOne) else GOALS
    task = problem(goals)
    first, second = (search(task, CODES, algorithm, 40, 25, seed=5) for _ in range(2))
    np.testing.assert_array_equal(first.front, second.front)
    assert first.feasible
    assert (task.plausibility.distance(first.front) <= 1 + 1e-9).all()
    assert first.objectives[:, 0].min() < 0.2  # a fifth of the tolerance
    assert first.hypervolume[-1] >= first.hypervolume[0]


def test_the_front_is_not_dominated() -> None:
    values = search(problem(), CODES, "nsga2", 40, 25, seed=5).objectives
    for point in values:
        assert not ((values <= point).all(axis=1) & (values < point).any(axis=1)).any()


def test_a_batch_is_diverse() -> None:
    codes = np.vstack([np.zeros((5, 2)) + np.arange(5)[:, None] * 1e-3, [[3.0, 0.0]], [[0.0, 3.0]]])
    score = np.array([0.0, -0.01, -0.02, -0.03, -0.04, -1.0, -1.5])
    assert diverse_batch(score, codes, 3).tolist() == [0, 5, 6]


def test_utility_prefers_the_better_direction_among_equals() -> None:
    mean = np.full((2, 6), 0.5)
    mean[:, 2] = [0.3, 0.4]
    posterior = Posterior.gaussian(mean, np.full((2, 6), 0.01))
    assert np.argmax(utility((GOALS[0], Goal("Hk90", direction="maximize")), posterior)) == 1
    assert np.argmax(utility((GOALS[0], Goal("Hk90", direction="minimize")), posterior)) == 0
