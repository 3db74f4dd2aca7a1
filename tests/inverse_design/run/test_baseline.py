"""What labelled structures hold before a search."""

from __future__ import annotations

import numpy as np

from inverse_design.goals import Goal
from inverse_design.properties import Column
from inverse_design.run.baseline import baseline, in_words
from simulation import Nd2Fe14B, Purpose, StructureFamily
from simulation.labels.labelled import LabelledStructures

STRUCTURES = tuple(StructureFamily(40, 2, (4, 9), (0.0, 1.0)).stream(1, Purpose.BENCHMARK, 0, 4))
ANCHORS = np.tile([0.97, 0.80, 0.20, 0.25, 0.30, 0.36], (4, 1))
ANCHORS[:, Column.Hc] = [0.36, 0.42, 0.38, np.nan]
LABELS = LabelledStructures(tuple("abcd"), STRUCTURES, ANCHORS, np.zeros(4, bool))


def test_it_counts_what_meets_the_goals_and_finds_the_best() -> None:
    found = baseline((Goal("Hc", direction="maximize", at_most=0.40), Goal("Mr", at_least=0.7)), LABELS, Nd2Fe14B)
    assert (found.count, found.hits, found.rows) == (4, 2, (2, 0)), "the best first"
    assert found.best is not None
    assert found.best[Column.Hc] == 0.38
    words = in_words(found.as_dict((Goal("Hc", direction="maximize"),)))
    assert words == "Of the 4 structures labelled before, 2 meet every target and bound, the best with Hc of 0.38 H_A."


def test_goals_on_grains_are_judged_by_the_grains() -> None:
    goals = (Goal("axis_spread_deg", direction="minimize"), Goal("Hc", at_least=0.3))
    spreads = [baseline((goals[0],), LABELS, Nd2Fe14B).best]
    one = baseline(goals, LABELS, Nd2Fe14B)
    assert one.hits == 3  # a curve without a coercive field meets no bound on it
    assert one.best is not None
    assert spreads[0] is not None
    assert one.best[Column.axis_spread_deg] >= spreads[0][Column.axis_spread_deg] > 0


def test_none_meets_a_goal_beyond_all_labels() -> None:
    goals = (Goal("Mr", 0.9, 0.01),)
    found = baseline(goals, LABELS, Nd2Fe14B)
    assert found.best is None
    assert in_words(found.as_dict(goals)) == "Of the 4 structures labelled before, none meets every target and bound."


def test_without_bounds_only_the_best_counts() -> None:
    goals = (Goal("Mr", direction="maximize"),)
    words = in_words(baseline(goals, LABELS, Nd2Fe14B).as_dict(goals))
    assert words == "The best of the 4 structures labelled before has Mr of 0.8 Ms."
