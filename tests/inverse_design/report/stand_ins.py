"""A report of drawn structures and invented curves, for tests."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inverse_design.candidates.candidate import Candidate
from inverse_design.goals import Goal, objectives
from inverse_design.properties import PROPERTIES, simulated_properties
from inverse_design.report.data import ReportData
from inverse_design.run.verified import Verified
from inverse_design.study.study import Study
from simulation import Microstructure, Nd2Fe14B, Purpose, StructureFamily, anchor_points
from simulation.anchors import ANCHORS

GOALS = (Goal("Mr", 0.80, 0.02), Goal("Hc", 0.36, 0.02), Goal("Hk90", direction="maximize"))
SMALL = StructureFamily(40, 2, (4, 9))


def verified(structure: Microstructure, remanence: float, coercive_field: float, **changes: Any) -> Verified:
    """A candidate with an invented curve: a smooth fall from 1 through `remanence` to 0 at -`coercive_field`."""
    h = np.round(1 - 0.01 * np.arange(201), 2)
    m = np.where(h > 0, remanence + (0.98 - remanence) * h, remanence * (1 - (-np.minimum(h, 0) / coercive_field) ** 3))
    anchors = anchor_points(h, m).as_array()
    predicted = np.concatenate([anchors + 0.01, np.full(len(PROPERTIES) - len(ANCHORS), np.nan)])
    candidate = Candidate(structure, np.zeros(2), predicted, np.full(6, 0.012))
    properties = simulated_properties(structure, h, m, anchors, Nd2Fe14B)
    whole = Verified(0, candidate, "key", "planar", "cells", True, h, np.maximum(m, -1), properties)
    return dataclasses.replace(whole, **changes)


def study_of(goals: Sequence[Goal] = GOALS, **keys: Any) -> Study:
    """A study with these goals; keys such as `name` replace what stands in its file, unchecked."""
    written = {
        goal.quantity: {
            **{key: value for key in ("target", "tolerance", "at_least", "at_most") if (value := getattr(goal, key))},
            **({goal.direction: True} if goal.direction else {}),
            **({"robust": True} if goal.robust else {}),
        }
        for goal in goals
    }
    return Study.model_validate({"name": "demo", "goals": written}).model_copy(update=keys)


def report_data(items: tuple[Verified, ...] | None = None, points: int = 12, **changes: Any) -> ReportData:
    """A whole report: a hit, a miss and an unconverged candidate unless others are given."""
    rng = np.random.default_rng(1)
    draw = [SMALL.draw(1, Purpose.BENCHMARK, i) for i in range(3 + points)]
    if items is None:
        items = (verified(draw[0], 0.75, 0.30), verified(draw[1], 0.80, 0.36, confirmed=True),
                 verified(draw[2], 0.80, 0.36, converged=False))  # fmt: skip
    mean = np.array([0.97, 0.8, 0.2, 0.25, 0.3, 0.36]) + 0.02 * rng.normal(size=(points, 6))
    front = pd.DataFrame(objectives(GOALS, mean), columns=[f"objective_{goal.quantity}" for goal in GOALS])
    for i, anchor in enumerate(ANCHORS):
        front[f"{anchor}_predicted"], front[f"{anchor}_std"] = mean[:, i], 0.01
    whole = ReportData(
        study_of(), Path("demo"), verified=items, front=front,
        front_fields=np.array([structure.angle_rad for structure in draw[3:]]) if points else None,
        hypervolume=(np.linspace(0.1, 0.9, 20), np.linspace(0.3, 0.95, 20)),
        losses={"regressor": (np.arange(1, 11), np.geomspace(0.1, 0.01, 10))},
        labels={"count": 100, "converged": 99, "test": 20}, accuracy={"Mr": 0.016, "Hc": None},
        rounds=2, reason="1 hit was wanted.", seconds={"labels": 12.0, "vae": 3.0},
        versions={"numpy": "2"},
    )  # fmt: skip
    return dataclasses.replace(whole, **changes)
