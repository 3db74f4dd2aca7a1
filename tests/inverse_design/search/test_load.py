"""A long search and a large one take no more memory than their results."""

from __future__ import annotations

import os
import tracemalloc

import numpy as np
import pytest

import inverse_design.search.genetic as module
from inverse_design.goals import Goal
from inverse_design.run.memory import needed_bytes
from inverse_design.search.genetic import search
from inverse_design.search.problem import LatentProblem, Plausibility
from inverse_design.study.reading import parse_study

FULL = bool(os.environ.get("FULL_LOAD"))
"""Set, it does 500 generations of 512 and five of 4,096: many minutes."""

LATENT = 32


def predict(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A made-up surrogate: each anchor is a smooth function of a few coordinates."""
    anchors = 0.5 + 0.4 * np.tanh(codes[:, :6] + 0.1 * codes[:, 6:12])
    return anchors, np.full_like(anchors, 0.01)


def searched(population: int, generations: int) -> tuple[int, int]:
    """Peak of the memory that a search takes, and codes that it hands on."""
    codes = np.random.default_rng(1).normal(size=(500, LATENT))
    goals = (Goal("Mr", 0.8, 0.01), Goal("Hc", 0.4, 0.01))
    problem = LatentProblem(goals, predict, Plausibility.of_codes(codes, 0.99))
    tracemalloc.start()
    try:
        result = search(problem, codes, "nsga2", population, generations, seed=1)
        return tracemalloc.get_traced_memory()[1], len(result.visited)
    finally:
        tracemalloc.stop()


def test_memory_does_not_grow_with_the_generations(monkeypatch: pytest.MonkeyPatch) -> None:
    """More generations take less than a tenth of the memory of the codes that they visit."""
    if not FULL:
        monkeypatch.setattr(module, "KEPT", 64)
    population, few, many = (512, 100, 500) if FULL else (64, 40, 160)
    searched(population, 2)  # what is imported and compiled at first is not growth
    short, _ = searched(population, few)
    long, visited = searched(population, many)
    codes = 8 * LATENT * population * (many - few)
    assert long - short < codes / 10
    assert 0 < visited <= module.KEPT


def test_a_population_of_4096_is_searched_in_the_memory_that_was_checked() -> None:
    peak, visited = searched(4096, 5 if FULL else 1)
    assert 0 < visited <= module.KEPT
    study = parse_study("name: a\ngoals: {Mr: maximize}\nsearch: {population: 4096}\n", "s.yaml")
    stated, _ = needed_bytes(study)["comparisons of the population"]
    assert 0.5 * stated < peak < 1.2 * stated
