"""The one ranking: what "best" means to the loop, the API, the report and the look at the labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inverse_design.goals import Goal, ranking
from inverse_design.properties import PROPERTIES
from inverse_design.run.verified import best, best_first
from simulation import Purpose
from tests.inverse_design.report.stand_ins import SMALL, report_data, study_of, verified

BASE = [0.97, 0.80, 0.20, 0.25, 0.30, 0.36]


def rows(*changes: dict[str, float]) -> np.ndarray:
    """(n, 6) anchor points, each row the base with some of them changed."""
    values = np.tile(BASE, (len(changes), 1))
    for row, change in zip(values, changes, strict=True):
        for name, value in change.items():
            row[PROPERTIES.index(name)] = value
    return values


def test_confirmed_hits_come_first_then_hits_then_the_nearest() -> None:
    goals = [Goal("Mr", 0.80, 0.01), Goal("Hc", direction="maximize")]
    values = rows({"Mr": 0.84}, {"Mr": 0.82, "Hc": 0.9}, {"Hc": 0.5}, {"Hc": 0.3}, {"Mr": np.nan})
    assert ranking(goals, values).tolist() == [2, 3, 1, 0, 4]
    confirmed = np.array([False, False, False, True, False])
    assert ranking(goals, values, confirmed=confirmed).tolist() == [3, 2, 1, 0, 4]


def test_directions_count_in_the_order_of_the_goals_and_are_never_added() -> None:
    """A smaller spread of the axes by a degree is no match for a larger coercive field, whatever its unit."""
    values = np.full((2, len(PROPERTIES)), np.nan)
    values[:, :6] = rows({"Hc": 0.40}, {"Hc": 0.38})
    values[:, PROPERTIES.index("axis_spread_deg")] = [21.0, 20.0]
    hc, spread = Goal("Hc", direction="maximize"), Goal("axis_spread_deg", direction="minimize")
    assert ranking([hc, spread], values)[0] == 0
    assert ranking([spread, hc], values)[0] == 1


def test_among_hits_the_nearest_to_the_targets_comes_first_and_then_the_first() -> None:
    goals = [Goal("Mr", 0.80, 0.02), Goal("Hc", 0.36, 0.02)]
    assert ranking(goals, rows({"Mr": 0.815}, {"Mr": 0.805}, {"Mr": 0.805})).tolist() == [1, 2, 0]


@pytest.mark.parametrize("direction", ["maximize", "minimize"])
def test_what_is_missing_comes_last(direction: str) -> None:
    goals = [Goal("Hc", direction=direction)]
    assert ranking(goals, rows({"Hc": np.nan}, {"Hc": 0.2}))[0] == 1
    assert ranking(goals, rows()).tolist() == []


def test_a_hit_whose_redraws_miss_stands_behind_a_real_one() -> None:
    """A robust goal is met by the mean over redraws: a map that hits alone is none, and everything here says so."""
    goals = (Goal("Hc", at_least=0.34, robust=True), Goal("Mr", direction="maximize"))
    grains = SMALL.draw(1, Purpose.BENCHMARK, 0)
    miss, hit = verified(grains, 0.85, 0.36), verified(grains, 0.80, 0.36)
    worse = verified(grains, 0.80, 0.30).properties
    miss = replace(miss, redrawn=np.tile(worse, (3, 1)))
    hit = replace(hit, redrawn=np.tile(hit.properties, (3, 1)))
    assert [item.is_hit(goals) for item in (miss, hit)] == [False, True]
    assert best_first(goals, [miss, hit]) == [1, 0]
    assert best(goals, [miss, hit]) == report_data((miss, hit), study=study_of(goals)).best_number == 1
