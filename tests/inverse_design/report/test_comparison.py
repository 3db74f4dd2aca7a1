"""Runs side by side."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import numpy as np
import pytest

from inverse_design.goals import Goal
from inverse_design.outputs import compare
from inverse_design.report.comparison import SIDES, differences, render_comparison
from simulation import Purpose
from simulation.errors import InputError
from tests.inverse_design.report.stand_ins import GOALS, SMALL, report_data, study_of, verified

EVIL = "<script>alert('x')</script>\"&{{ 7*7 }}"


def test_both_runs_are_told_apart_and_each_has_its_best_candidate() -> None:
    one = report_data()
    other = verified(SMALL.draw(1, Purpose.BENCHMARK, 7), 0.70, 0.30)
    two = report_data((other,), study=study_of((Goal("Hc", 0.30, 0.01),), name="b", seed=9))
    html = render_comparison((one, two), ("a", "b"))
    row = html.split('<th scope="row">Hc ')[1].split("</tr>")[0]
    assert [part.split("<")[0] for part in row.split('class="strong">')[1:]] == ["0.360", "0.300"]
    assert row.count("✓ hit") == 2
    assert html.count('<polyline class="simulated first"') == html.count('<polyline class="simulated second"') == 2
    assert html.count("front-dot first") == len(one.front)
    assert html.count("verified-dot second") == 1
    assert "the best is candidate 01" in html
    assert ">goals.Mr.target<" in html


def test_keys_that_only_one_study_has_are_differences() -> None:
    one, two = "a: 1\nb: {c: 2, d: x}\n", "a: 1\nb: {c: 3}\ne: [1, 2]\n"
    assert differences([one, two]) == [("b.c", "2", "3"), ("b.d", "x", "not set"), ("e", "not set", "[1, 2]")]
    assert differences([one, one]) == []
    three = [("b.c", "2", "3", "2"), ("b.d", "x", "not set", "x"), ("e", "not set", "[1, 2]", "not set")]
    assert differences([one, two, one]) == three


def test_three_runs_and_more_are_compared_each_in_its_own_style() -> None:
    runs = [report_data(study=study_of(seed=seed)) for seed in range(6)]
    html = render_comparison(runs[:3], ("a", "b", "c"))
    assert "Three runs side by side" in html
    assert "<h1>a, b and c</h1>" in html
    for side in SIDES[:3]:
        assert html.count(f'<polyline class="simulated {side}"') == 2
        assert html.count(f"front-dot {side}") == len(runs[0].front)
    assert '<polyline class="simulated fourth"' not in html
    row = html.split('<th scope="row">seed</th>')[1].split("</tr>")[0]
    assert re.findall("<td>(.*?)</td>", row) == ["0", "1", "2"]
    assert '<polyline class="simulated sixth"' in render_comparison(runs, "abcdef")


def test_text_of_either_run_is_escaped() -> None:
    one = report_data(study=study_of(name=EVIL), reason=EVIL)
    html = render_comparison((one, report_data(reason=EVIL)), (EVIL, "b"))
    assert EVIL not in html
    assert "<script" not in html
    assert "{{ 7*7 }}" in html


def test_a_run_without_candidates_is_compared_too() -> None:
    empty = report_data((), points=0)
    html = render_comparison((empty, report_data()), ("a", "b"))
    assert "No candidate has been simulated yet." in html
    assert html.count('<polyline class="simulated first"') == 0
    nothing = render_comparison((empty, empty), ("a", "b"))
    assert "<polyline" not in nothing


def test_a_candidate_that_misses_an_anchor_has_no_value_there() -> None:
    item = verified(SMALL.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)
    item.anchors[0] = np.nan
    one = report_data((item,))
    html = render_comparison((one, dataclasses.replace(one, study=study_of(GOALS[:1]))), ("a", "b"))
    row = html.split('<th scope="row">M1 ')[1].split("</tr>")[0]
    assert row.count("missing") == 2


def test_more_runs_than_can_be_told_apart_are_refused() -> None:
    with pytest.raises(InputError, match=r"^g: at most 6 runs can be set side by side, not 7$"):
        compare([Path(name) for name in "abcdefg"])
