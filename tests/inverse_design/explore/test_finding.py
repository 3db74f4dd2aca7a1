"""`find`: some seconds of the engine's search from what is shown and what is known; the solver decides."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

from inverse_design.candidates.distances import axis_distance_deg
from inverse_design.explore.finding import ANSWERS, BATCH, DISTINCT_DEG, SHOWN, STEERED, Answer, Search, find
from inverse_design.goals import Goal, distance
from inverse_design.properties import Column
from simulation import InputError, Microstructure, demagnetization_curve
from simulation.labels.film import Film, film
from simulation.labels.label import Job
from tests.inverse_design.explore.stand_ins import CONDITIONS, atlas

FAR = [Goal("Mr", target=0.97, tolerance=0.003)]
"""More remanence than any of the labelled squares has."""

NEW = [Goal("Mr", target=0.8, tolerance=0.004), Goal("Hc", target=0.6, tolerance=0.03)]


class Workers:
    """A thread that simulates; counts what it was asked for, and says stop after so many."""

    def __init__(self, work: Callable[[Job], Film], most: int) -> None:
        self._pool, self._work, self._most = ThreadPoolExecutor(1), work, most
        self.asked: list[Microstructure] = []
        self.stop, self.told = threading.Event(), list[tuple[int, int]]()

    def simulate(self, structure: Microstructure) -> Future[Any]:
        self.asked.append(structure)
        return self._pool.submit(self._work, Job.of(structure, CONDITIONS))

    def tell(self, count: int, met: int) -> None:
        self.told.append((count, met))
        if count >= self._most:
            self.stop.set()

    def find(self, goals: list[Goal], shown: Microstructure | None = None, **more: Any) -> list[Answer]:
        values = {"seconds": 600.0, "stop": self.stop, "tell": self.tell, **more}
        try:
            return find(Search(atlas(), goals, self.simulate, lambda future: future.result(), shown, **values))
        finally:
            self._pool.shutdown(cancel_futures=True)


@pytest.fixture
def workers() -> Callable[..., Workers]:
    return lambda most, work=film: Workers(work, most)


def test_every_answer_was_simulated_and_they_are_distinct(workers: Callable[..., Workers]) -> None:
    answers = workers(12).find(FAR, atlas().structures[0])
    assert 1 <= len(answers) <= ANSWERS
    misses = [distance(FAR, one.properties[None])[0] for one in answers]
    assert misses == sorted(misses)
    assert any(one.film is not None for one in answers)
    for i, one in enumerate(answers):
        assert all(axis_distance_deg(one.structure, other.structure) > DISTINCT_DEG for other in answers[:i])
        curve = demagnetization_curve(one.structure, sweep=CONDITIONS.sweep)
        np.testing.assert_allclose(one.properties[:6], curve.anchors.as_array(), atol=1e-9)
        assert one.hit == (misses[i] == 0)


def test_the_solver_climbs_to_where_nothing_is_known(workers: Callable[..., Workers]) -> None:
    known = float(distance(NEW, atlas().table[:, :6]).min())
    first, more = (workers(most).find(NEW)[0] for most in (1, 40))
    start, end = (distance(NEW, one.properties[None])[0] for one in (first, more))
    assert end < 0.7 * start <= 0.7 * known


def test_half_of_the_children_are_of_what_is_shown(workers: Callable[..., Workers]) -> None:
    """It has its own curve already, and is not simulated again; its grains are those of its children."""
    used, shown = workers(STEERED + 2 * BATCH), atlas().structures[3]
    values = atlas().properties(structural=True)[3]
    used.find(FAR, shown, shown_properties=values)
    assert not any(one == shown for one in used.asked)
    children = used.asked[STEERED : STEERED + BATCH]
    assert sum(np.array_equal(one.grain_id, shown.grain_id) for one in children) >= BATCH // 2
    unknown = workers(1)
    unknown.find(FAR, shown)
    assert unknown.asked[0] == shown


def test_what_is_known_to_meet_the_goals_comes_first_as_it_is(workers: Callable[..., Workers]) -> None:
    mr = float(atlas().table[5, 1])
    first = workers(1).find([Goal("Mr", target=mr, tolerance=1e-4)], seconds=0.0)[0]
    assert (first.row, first.hit, first.words) == (5, True, atlas().points[5].name)
    assert first.structure == atlas().structures[5]


def test_a_direction_goes_on_from_the_best_that_meets_the_rest(workers: Callable[..., Workers]) -> None:
    goals = [Goal("Mr", at_least=0.7), Goal("Hc", direction="maximize")]
    table = atlas().table[:, :6]
    best = float(table[table[:, Column.Mr] >= 0.7][:, Column.Hc].max())
    first = workers(24).find(goals)[0]
    assert first.hit
    assert first.properties[Column.Hc] > best


def test_grains_are_goals_too(workers: Callable[..., Workers]) -> None:
    spread = float(atlas().properties(structural=True)[:, Column.axis_spread_deg].min())
    goals = [Goal("axis_spread_deg", at_most=spread - 1.0), Goal("Mr", direction="maximize")]
    assert not any(one.hit for one in workers(1).find(goals, seconds=0.0))
    assert workers(40).find(goals)[0].hit


def test_what_does_not_converge_is_no_answer(workers: Callable[..., Workers]) -> None:
    def failing(job: Job) -> Film:
        return Film(job.failed("no curve", 0.0))

    used = workers(8, failing)
    assert all(one.row is not None for one in used.find(FAR))
    assert used.told[-1] == (8, 0)


def test_a_search_is_stopped_from_elsewhere(workers: Callable[..., Workers]) -> None:
    used = workers(1)
    used.stop.set()
    answers = used.find(FAR, atlas().structures[0])
    assert answers
    assert all(one.words != SHOWN for one in answers)
    assert not used.told


def test_without_goals_nothing_is_sought(workers: Callable[..., Workers]) -> None:
    with pytest.raises(InputError, match="tick a goal"):
        workers(1).find([])


def test_a_worker_that_dies_is_said(workers: Callable[..., Workers]) -> None:
    def dies(job: Job) -> Film:
        raise InputError("the process that simulated died")

    with pytest.raises(InputError, match="died"):
        workers(9, dies).find(FAR)
