"""`find`: some seconds of search from what is shown and what is known."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from inverse_design.candidates.distances import axis_distance_deg
from inverse_design.explore.finding import ANSWERS, DISTINCT_DEG, find
from inverse_design.goals import Goal
from simulation import InputError
from tests.inverse_design.explore.stand_ins import atlas

FAR = [Goal("Mr", target=0.94, tolerance=0.005)]
"""More remanence than any of the labelled squares has, by the formula."""


def test_answers_are_distinct_and_the_likeliest_come_first() -> None:
    answers = find(atlas(), FAR, atlas().structures[0], seconds=0.3)
    assert 1 <= len(answers) <= ANSWERS
    for i, one in enumerate(answers):
        assert all(axis_distance_deg(one.structure, other.structure) > DISTINCT_DEG for other in answers[:i])
        code = atlas().model.encode([one.structure])
        np.testing.assert_allclose(one.mean, atlas().model.predict(code)[0][0], err_msg="of the structure itself")


def test_climbing_makes_a_goal_likelier() -> None:
    """Steering goes the wrong way here: the stand-in only ever aligns axes."""
    least = float(atlas().model.predict(atlas().codes)[0][:, 1].min())
    low = [Goal("Mr", target=least - 0.05, tolerance=0.005)]

    def best(seconds: float) -> float:
        return max(one.chance for one in find(atlas(), low, seconds=seconds))

    assert best(0.5) > 2 * best(0.0)


def test_what_is_known_to_meet_the_goals_comes_first_as_it_is() -> None:
    mr = float(atlas().table[5, 1])
    first = find(atlas(), [Goal("Mr", target=mr, tolerance=1e-4)], seconds=0.0)[0]
    assert (first.row, first.chance) == (5, 1.0)
    assert first.structure == atlas().structures[5]


def test_a_search_is_stopped_from_elsewhere() -> None:
    stop = threading.Event()
    stop.set()
    assert find(atlas(), FAR, seconds=600.0, stop=stop)


def test_without_goals_nothing_is_sought() -> None:
    with pytest.raises(InputError, match="tick a goal"):
        find(atlas(), [], seconds=0.0)
