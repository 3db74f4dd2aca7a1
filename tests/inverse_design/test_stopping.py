"""When the loop stops, and the sentence that says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inverse_design.candidates.candidate import KNOWN
from inverse_design.loop import Run
from inverse_design.run.verified import Verified
from inverse_design.study.reading import parse_study
from simulation import Purpose
from tests.inverse_design.report.stand_ins import SMALL, verified

STUDY = """
name: a
goals: {Mr: {target: 0.8, tolerance: 0.02}, Hc: {target: 0.36, tolerance: 0.02}}
verification: {candidates: 2, rounds: 9, max_simulations: 8, hits: 2, patience: 2}
"""


def batch(round_: int, *coercive_fields: float) -> list[Verified]:
    structure = SMALL.draw(1, Purpose.BENCHMARK, round_)
    return [replace(verified(structure, 0.8, value), round=round_) for value in coercive_fields]


@pytest.mark.parametrize(
    ("rounds", "reason"),
    [
        ([(0.30, 0.31)], ""),
        ([(0.36, 0.365)], "2 confirmed hits, 2 wanted"),
        ([(0.30, 0.31), (0.305, 0.29), (0.28, 0.30)], "2 rounds in a row brought nothing better"),
        ([(0.30, 0.31), (0.305, 0.29), (0.32, 0.30)], ""),
        ([(0.30, 0.31), (0.32, 0.2), (0.33, 0.2), (0.335, 0.2)], "the budget of 8 simulations is used up"),
        ([()], "the search found no structure that differs from what was simulated before"),
    ],
)
def test_the_reason_is_said(rounds: list[tuple[float, ...]], reason: str, tmp_path: Path) -> None:
    run = Run(parse_study(STUDY, "s.yaml"), tmp_path)
    batches = [batch(number, *values) for number, values in enumerate(rounds)]
    everything = [item for each in batches for item in each]
    assert run._stop(len(rounds), everything, batches[-1]) == reason


def test_a_climb_ends_a_run_by_its_hits_and_its_budget_alone(tmp_path: Path) -> None:
    run = Run(parse_study(STUDY, "s.yaml"), tmp_path)
    poor, good = batch(0, 0.30, 0.31), batch(0, 0.36, 0.365)
    assert run._stop(0, poor, poor, searched=False) == ""
    assert run._stop(0, poor, [], searched=False) == "", "nothing to climb to: the search is still to come"
    assert run._stop(0, [*poor, *good], good, searched=False) == "2 confirmed hits, 2 wanted"
    assert run._stop(0, 4 * poor, poor, searched=False) == "the budget of 8 simulations is used up"
    assert run._stop(8, poor, poor, searched=False) == "", "searches that brought nothing are counted after them"


def known(*coercive_fields: float) -> list[Verified]:
    """Labelled structures that meet the goals, as candidates."""
    return [replace(i, candidate=replace(i.candidate, source=KNOWN)) for i in batch(0, *coercive_fields)]


def test_what_a_further_simulation_refutes_counts_for_nothing(tmp_path: Path) -> None:
    run = Run(parse_study(STUDY, "s.yaml"), tmp_path)
    one, other = batch(0, 0.36, 0.365)
    refuted = [one, replace(other, confirmed=False)]
    assert run._stop(1, refuted, refuted) == ""
    assert run._stop(1, [one, replace(other, confirmed=True)], refuted) == "2 confirmed hits, 2 wanted"
    cells = Run(parse_study(STUDY + "labels: {discretization: cells}\n", "s.yaml"), tmp_path)
    assert cells._stop(1, [one, other], [one, other]) == "2 verified hits, 2 wanted"
    assert cells._stop(1, refuted, refuted) == ""


def test_enough_known_answers_end_a_run_but_where_something_is_to_be_as_large_as_possible(tmp_path: Path) -> None:
    run = Run(parse_study(STUDY, "s.yaml"), tmp_path)
    assert run._known_stop(known(0.36, 0.365)) == "2 confirmed hits, all of them known before, 2 wanted"
    assert run._known_stop(known(0.36)) == ""
    refuted = [replace(item, confirmed=False) for item in known(0.36, 0.365)]
    assert run._known_stop(refuted) == ""
    directed = Run(parse_study(STUDY.replace("goals: {", "goals: {Hk90: maximize, "), "s.yaml"), tmp_path)
    assert directed._known_stop(known(0.36, 0.365)) == ""


def test_what_is_known_uses_up_no_budget_and_no_patience(tmp_path: Path) -> None:
    run = Run(parse_study(STUDY.replace("hits: 2", "hits: 9"), "s.yaml"), tmp_path)
    there, found = known(*[0.36] * 8), batch(0, 0.30, 0.31)
    assert run._stop(1, [*there, *found], found) == ""
    later = batch(1, 0.30, 0.31)
    assert run._stop(2, [*there, *found, *later], later) == "2 rounds in a row brought nothing better"


def test_redraws_count_as_simulations(tmp_path: Path) -> None:
    run = Run(parse_study(STUDY.replace("hits: 2", "hits: 3"), "s.yaml"), tmp_path)
    hit, miss = batch(0, 0.36, 0.30)
    redrawn = replace(hit, redrawn=np.tile(hit.properties, (6, 1)))
    assert run._stop(1, [redrawn, miss], [redrawn, miss]) == "the budget of 8 simulations is used up"
    assert run._stop(1, [hit, miss], [hit, miss]) == ""
