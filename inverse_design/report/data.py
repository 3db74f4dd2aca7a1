"""What a report is made of, and what it says about it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from inverse_design.goals import Goal, distance, objectives
from inverse_design.properties import PROPERTIES, UNITS
from inverse_design.run.baseline import in_words
from inverse_design.run.verified import Verified
from simulation.anchors import ANCHORS
from simulation.bhmax import SQUARE_PRISM
from simulation.material import MU0_T_M_PER_A, Material
from simulation.microstructure import Microstructure

PAPER_MAE = {"M1": 0.0030, "Mr": 0.0152, "Hk90": 0.0184, "Hk80": 0.0245, "Hk70": 0.0234, "Hc": 0.0206}
"""Mean absolute errors of Kovacs et al. (arXiv 2203.16676), Table 3, in Ms and H_A."""

LEVELS = {"Hk90": 0.9, "Hk80": 0.8, "Hk70": 0.7, "Hc": 0.0}
"""Where M stands at each field anchor, as a share of the remanence."""


@dataclass(frozen=True, eq=False)
class ReportData:
    """Everything a report shows.

    Attributes:
        name: of the study.
        study_text: the study file as run.
        command: the command line that makes the run again.
        goals: what was wanted, reduced units.
        material: gives the SI units.
        verified: every simulated candidate in the order of choice; their place is their number.
        front: one row a Pareto point of the last round: objective_<anchor> ..., <anchor>_predicted, <anchor>_std.
        front_structures: grain structures of the first rows of `front`; may be shorter than it, or empty.
        front_fields: (n, ny, nx) decoded axis angles (rad, y upwards) of the first rows of `front`, or None; shown, and
            called what they are, for points that have no grain structure.
        hypervolume: (generations,) of each round's search.
        losses: learning curves by name, each (epochs, values).
        labels: how many trained (`training`) and judged (`test`) the surrogate; `count` and `converged` of the
            simulations of this run; other entries are shown as they are.
        labelled: what the labelled structures held before the search, see `look_up`; empty if not known.
        pretrained: the shipped surrogate that the run started from, empty if it trained its own.
        accuracy: mean absolute error on the test split by anchor, None where not measured.
        paper: the same of the paper.
        rounds: rounds done.
        simulations: full simulations of candidates.
        reason: why the loop stopped, a sentence.
        seconds: wall time by stage, interrupted attempts included.
        versions: releases by package.
        seed: of the study.
        checks: candidate number and its simulation by another solver or on another mesh.
        exports: by candidate number, names of the files in its folder that `export` wrote.
        reversals: by candidate number, the field (ny, nx) in H_A at which each cell switched, NaN where it has not.
    """

    name: str
    study_text: str
    command: str
    goals: tuple[Goal, ...]
    material: Material
    verified: tuple[Verified, ...]
    front: pd.DataFrame
    front_structures: tuple[Microstructure, ...] = ()
    front_fields: np.ndarray | None = None
    hypervolume: tuple[np.ndarray, ...] = ()
    losses: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    labels: Mapping[str, float] = field(default_factory=dict)
    labelled: Mapping[str, Any] = field(default_factory=dict)
    accuracy: Mapping[str, float | None] = field(default_factory=dict)
    paper: Mapping[str, float] = field(default_factory=lambda: dict(PAPER_MAE))
    rounds: int = 0
    simulations: int = 0
    reason: str = ""
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    seed: int = 1
    checks: tuple[tuple[int, Verified], ...] = ()
    pretrained: str = ""
    exports: Mapping[int, Sequence[str]] = field(default_factory=dict)
    reversals: Mapping[int, np.ndarray] = field(default_factory=dict)

    @property
    def hits(self) -> tuple[bool, ...]:
        """Of each candidate: converged, and every target and bound met by the simulated values."""
        return tuple(item.is_hit(self.goals) for item in self.verified)

    def of_front(self, kind: str) -> np.ndarray:
        """(points, 11) of the front: "predicted" properties or their "std"; NaN where the table has no such column."""
        names = [f"{name}_{kind}" for name in PROPERTIES]
        return self.front.reindex(columns=names).to_numpy(dtype=np.float64)

    def of_verified(self, kind: str) -> np.ndarray:
        """(candidates, 11): "predicted" or "simulated" properties."""
        rows = [item.properties if kind == "simulated" else item.candidate.properties for item in self.verified]
        return np.array(rows, dtype=np.float64).reshape(-1, len(PROPERTIES))


def best(data: ReportData) -> int | None:
    """Number of the candidate that does best: a hit before any other, then the least miss of the windows, then the
    best of what is to be as large or small as possible, then the nearest to the targets. Unconverged ones are passed
    over; None where nothing is left."""
    if not data.verified:
        return None
    simulated = data.of_verified("simulated")
    miss, values = distance(data.goals, simulated), objectives(data.goals, simulated)
    wishes = [goal for goal in data.goals if goal.is_objective]
    directed = np.array([goal.direction is not None for goal in wishes], dtype=bool)
    direction, target = (values[:, part].sum(axis=1) for part in (directed, ~directed))
    ranked = [i for i, item in enumerate(data.verified) if item.converged and np.isfinite(miss[i])]
    return min(ranked, key=lambda i: (miss[i], _last(direction[i]), _last(target[i]), i), default=None)


def labelled(name: str) -> str:
    """A property with its unit, if it has one: what stands at an axis."""
    return f"{name} in {UNITS[name]}" if UNITS[name] else name


def _last(value: float) -> float:
    return float(value) if np.isfinite(value) else np.inf


def asked(data: ReportData) -> str:
    """The goals as one phrase."""
    words = []
    for goal in data.goals:
        if goal.direction is not None:
            bounds = goal.describe().removeprefix(goal.direction).lstrip(", ")
            extreme = "large" if goal.direction == "maximize" else "small"
            words.append(f"{goal.quantity} as {extreme} as possible{f' ({bounds})' if bounds else ''}")
        else:
            words.append(f"{goal.quantity} {goal.describe()}")
    return _listed(words)


def _listed(words: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def achieved(data: ReportData) -> str:
    """What came of it, in a few sentences, from simulated values only."""
    count, hit, champion = len(data.verified), sum(data.hits), best(data)
    if count == 0:
        return "No candidate has been simulated yet."
    failed = sum(not item.converged for item in data.verified)
    windows = any(goal.window is not None for goal in data.goals)
    simulated = f"{count} simulated candidate{'s' if count != 1 else ''}"
    if champion is None:
        return f"None of the {simulated} has a converged curve with every anchor asked for."
    if not windows:
        text = f"{simulated[0].upper()}{simulated[1:]}; the best is candidate {champion:02d}."
    elif hit:
        verb = "meets" if hit == 1 else "meet"
        text = f"{hit} of the {simulated} {verb} every target and bound; the best is candidate {champion:02d}."
    else:
        misses = _listed(_misses(data, champion))
        text = f"None of the {simulated} meets every target and bound. The nearest, candidate {champion:02d}, misses "
        text += f"{misses}."
    if failed:
        text += f" {failed} did not converge and count{'s' if failed == 1 else ''} for nothing."
    return f"{text} {in_words(data.labelled)}" if data.labelled else text


def _misses(data: ReportData, number: int) -> list[str]:
    found = []
    for goal in data.goals:
        value = data.verified[number].properties[goal.column]
        if goal.window is not None and not goal.window[0] <= value <= goal.window[1]:
            gap = max(goal.window[0] - value, value - goal.window[1])
            found.append(f"{goal.quantity} by {gap:.2g} {UNITS[goal.quantity]}".rstrip())
    return found


def si_value(anchor: str, value: float, material: Material) -> tuple[float, str]:
    """An anchor in SI units: mu0 M in T, H in MA/m."""
    if anchor == "BHmax":
        return value * MU0_T_M_PER_A * material.Ms_A_per_m**2 / 4e3, "kJ/m³"
    if UNITS[anchor] == "Ms":
        return value * material.Js_T, "T"
    return value * material.H_A_A_per_m / 1e6, "MA/m"


def on_the_curve(anchors: np.ndarray, std: np.ndarray | None = None) -> dict[str, tuple[float, float, float, float]]:
    """Where six anchor points lie in the plane of the curve: name -> (h, m, h error, m error).

    Knees stand at their share of the remanence among the same six; missing ones (NaN) are left out.
    """
    values = dict(zip(ANCHORS, np.asarray(anchors, dtype=float), strict=True))
    errors = dict(zip(ANCHORS, np.zeros(6) if std is None else np.asarray(std, dtype=float), strict=True))
    places = {"M1": (1.0, values["M1"], 0.0, errors["M1"]), "Mr": (0.0, values["Mr"], 0.0, errors["Mr"])}
    for name, level in LEVELS.items():
        height = level * values["Mr"] if level else 0.0
        places[name] = (-values[name], height, errors[name], 0.0)
    return {name: place for name, place in places.items() if np.isfinite(place[:2]).all()}


def internal_field(h: np.ndarray, m: np.ndarray, material: Material) -> np.ndarray:
    """The field inside the magnet, H / H_A: the applied field less N M, N = 1/2 of the infinitely long square."""
    return np.asarray(h) - SQUARE_PRISM * np.asarray(m) * material.Ms_A_per_m / material.H_A_A_per_m


def alignment(structure: Microstructure) -> float:
    """Area mean of |cos| of the angle between easy axis and field: M / Ms if every cell lay along its own axis."""
    return float(np.abs(np.cos(structure.angle_rad)).mean())
