"""When the loop stops, and the sentence that says why."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

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
        ([(0.36, 0.365)], "2 verified hits, 2 wanted"),
        ([(0.30, 0.31), (0.305, 0.29), (0.28, 0.30)], "2 rounds in a row brought nothing better"),
        ([(0.30, 0.31), (0.305, 0.29), (0.32, 0.30)], ""),
        ([(0.30, 0.31), (0.32, 0.2), (0.33, 0.2), (0.335, 0.2)], "the budget of 8 simulations is used up"),
        ([()], "the search found no structure that was not simulated before"),
    ],
)
def test_the_reason_is_said(rounds: list[tuple[float, ...]], reason: str, tmp_path: Path) -> None:
    run = Run(parse_study(STUDY, "s.yaml"), tmp_path)
    batches = [batch(number, *values) for number, values in enumerate(rounds)]
    everything = [item for each in batches for item in each]
    assert run._stop(len(rounds) - 1, everything, batches[-1]) == reason


def test_redraws_count_as_simulations(tmp_path: Path) -> None:
    run = Run(parse_study(STUDY.replace("hits: 2", "hits: 3"), "s.yaml"), tmp_path)
    hit, miss = batch(0, 0.36, 0.30)
    redrawn = replace(hit, redrawn=np.tile(hit.properties, (6, 1)))
    assert run._stop(0, [redrawn, miss], [redrawn, miss]) == "the budget of 8 simulations is used up"
    assert run._stop(0, [hit, miss], [hit, miss]) == ""
