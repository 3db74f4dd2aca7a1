"""What a report is made of, and what it says about it in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from inverse_design.candidates.candidate import KNOWN
from inverse_design.goals import curve_of
from inverse_design.properties import PROPERTIES, UNITS, Column
from inverse_design.run.baseline import in_words
from inverse_design.run.design import Design
from inverse_design.run.start import apart_in_words, is_start
from inverse_design.run.verified import Verified
from inverse_design.study.study import study_text
from simulation.anchors import ANCHORS, LEVELS, curve_points, internal_anchor_points
from simulation.bhmax import internal_field as internal_field
from simulation.material import Material
from simulation.microstructure import Microstructure


@dataclass(frozen=True, eq=False)
class ReportData(Design):
    """Everything a report shows: a design, and what else its stages left.

    Attributes:
        labels: how many trained (`training`) and judged (`test`) the surrogate; `count` and `converged` of the
            simulations of this run; other entries are shown as they are.
        command: the command line that makes the run again.
        front: one row a Pareto point of the last round: objective_<anchor> ..., <anchor>_predicted, <anchor>_std.
        front_fields: (n, ny, nx) decoded axis angles (rad, y upwards) of the first rows of `front`, or None.
        hypervolume: (generations,) of each round's search.
        losses: learning curves by name, each (epochs, values).
        accuracy: mean absolute error on the test split by anchor, None where not measured.
        seconds: wall time by stage, interrupted attempts included.
        versions: releases by package.
        exports: by candidate number, names of the files in its folder that `export` wrote.
        reversals: by candidate number, the field (ny, nx) in H_A at which each cell switched, NaN where it has not.
        plane_unstable_h: by candidate number, the field in H_A from which on the plane was unstable; NaN where it never
            was.
        measured_pairs: one row a measured pair, see `study.pairs.residuals`.
        no_reversals: by candidate number, why one that might be expected could not be made.
        all_figures: draw figures of every candidate, see `figured`.
    """

    command: str = "python -m inverse_design run study.yaml"
    front: pd.DataFrame = field(default_factory=pd.DataFrame)
    front_fields: np.ndarray | None = None
    hypervolume: tuple[np.ndarray, ...] = ()
    losses: Mapping[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    accuracy: Mapping[str, float | None] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    exports: Mapping[int, Sequence[str]] = field(default_factory=dict)
    reversals: Mapping[int, np.ndarray] = field(default_factory=dict)
    plane_unstable_h: Mapping[int, float] = field(default_factory=dict)
    no_reversals: Mapping[int, str] = field(default_factory=dict)
    measured_pairs: pd.DataFrame = field(default_factory=pd.DataFrame)
    all_figures: bool = False

    @property
    def figured(self) -> set[int]:
        """Numbers of the candidates that have figures for papers: all of them if asked for, else those that count and
        the best one; the page itself draws every one, in a fraction of the time."""
        if self.all_figures:
            return set(range(len(self.verified)))
        return {number for number, counts in enumerate(self.hits) if counts} | set(self.ranking[:1])

    @property
    def study_text(self) -> str:
        """The study as run, not its file, which may have been edited meanwhile."""
        return study_text(self.study)

    def of_front(self, kind: str) -> np.ndarray:
        """(points, 13) of the front: "predicted" properties or their "std"; NaN where the table has no such column."""
        names = [f"{name}_{kind}" for name in PROPERTIES]
        return self.front.reindex(columns=names).to_numpy(dtype=np.float64)


def labelled(name: str) -> str:
    """A property with its unit, if it has one: what stands at an axis."""
    return f"{name} in {UNITS[name]}" if UNITS[name] else name


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
    curve = curve_of(data.goals)
    return listed(words if curve is None else [*words, curve.describe()])


def listed(words: Sequence[str]) -> str:
    """One, two and three."""
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def achieved(data: ReportData) -> str:
    """What came of it, in a few sentences, from simulated values only."""
    count, hit, champion = len(data.verified), sum(data.hits), data.best_number
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
        text = f"{hit} of the {simulated} {verb} every target and bound{_upheld(data)}; "
        text += f"the best is candidate {champion:02d}."
    else:
        misses = listed(_misses(data, champion))
        text = f"None of the {simulated} meets every target and bound. "
        text += f"The nearest, candidate {champion:02d}, misses {misses}." if misses else ""
    text = text.rstrip() + _refuted(data) + _known(data) + _from_starts(data, champion)
    if failed:
        text += f" {failed} did not converge and count{'s' if failed == 1 else ''} for nothing."
    but = "" if curve_of(data.goals) is None else " (That leaves the measured curve aside.)"
    return f"{text} {in_words(data.labelled)}{but}" if data.labelled else text


def foretold(data: ReportData) -> str:
    """How many were to hit by the probabilities they were chosen with, and how many did; nothing without any."""
    told = [(each.candidate.hit_probability, each.is_hit(data.goals)) for each in data.verified]
    told = [(probability, hit) for probability, hit in told if np.isfinite(probability)]
    if not told or all(goal.window is None for goal in data.goals):
        return ""
    expected, came = sum(probability for probability, _ in told), sum(hit for _, hit in told)
    one = len(told) == 1
    return (
        f"By the probabilities that the {len(told)} searched candidate{'' if one else 's'} "
        f"{'was' if one else 'were'} chosen with, {expected:.2g} of them were to meet every target and bound "
        f"when simulated; {came} did."
    )


def _upheld(data: ReportData) -> str:
    """What a hit was held against before it counted."""
    said = {"finer": "on cells half as large", "free": "with free spins"}
    if data.study.checks:
        return f", {listed([said[name] for name in data.study.checks])} too"
    paper = "the paper's mesh, " if data.study.labels.discretization == "cells" else ""
    return f" by {measure(data)}, {paper}not confirmed"


def _refuted(data: ReportData) -> str:
    """How many more are hits on the cells of the search only."""
    outdone = sum(item.outdone for item in data.verified)
    lost = sum(item.is_hit(data.goals) for item in data.verified) - sum(data.hits) - outdone
    verbs = ("does", "counts") if lost == 1 else ("do", "count")
    said = f" {lost} more {verbs[0]} by {measure(data)} but not in every further simulation, and {verbs[1]} for none."
    by = f" {outdone} more {'do' if outdone > 1 else 'does'} by {measure(data)}, outdone by confirmed ones and not "
    return (said if lost else "") + (f"{by}simulated further." if outdone else "")


def _known(data: ReportData) -> str:
    """How many of the hits nobody had to search for."""
    known = sum(hit and item.candidate.source == KNOWN for hit, item in zip(data.hits, data.verified, strict=True))
    return f" {known} of the hits {'was' if known == 1 else 'were'} known before the search." if known else ""


def _from_starts(data: ReportData, champion: int) -> str:
    """How far the best is from the structures that the study started from."""
    said = []
    best = data.verified[champion].candidate.structure
    for number, item in enumerate(data.verified):
        name = item.candidate.parent.partition(":")[2]
        if number == champion and is_start(item):
            return f" It is {name}, which the search started from."
        if is_start(item):
            said.append(f"{name}: {apart_in_words(best, item.candidate.structure)}")
    return f" From what the search started from, the best differs so: {'; '.join(said)}." if said else ""


def measure(data: ReportData) -> str:
    """What the numbers of the candidates are by: backend, discretisation and cells."""
    study = data.study
    backend = f"{study.verification.backend}, " if study.verification.backend != "planar" else ""
    free = ", free spins" if study.labels.spins == "free" else ""
    return f"{backend}{study.labels.discretization} of {study.family.cell_nm:g} nm{free}"


def how(item: Verified) -> str:
    """By what a curve was simulated, where several of one candidate stand side by side."""
    backend = f"{item.backend}, " if item.backend != "planar" else ""
    return f"{backend}{item.spins} spins, {item.discretization} of {item.candidate.structure.cell_nm:g} nm"


def further(data: ReportData, number: int) -> list[Verified]:
    """Every further simulation of a candidate, confirmations first."""
    return [again for n, again in (*data.confirmations, *data.checks) if n == number]


def verdict_on(data: ReportData, number: int) -> str:
    """What a candidate is: "hit, confirmed", "hit", "no hit", ... as badges and captions say it."""
    item = data.verified[number]
    if not item.converged:
        return "not converged"
    if not item.is_hit(data.goals):
        return "no hit"
    if item.outdone:
        return "hit, outdone"
    words = {True: "hit, confirmed", None: "hit, not confirmed", False: f"no hit: one by {measure(data)} only"}
    return words[item.confirmed]


def _misses(data: ReportData, number: int) -> list[str]:
    found = []
    for goal in data.goals:
        value = data.verified[number].properties[goal.column]
        if goal.window is not None and not goal.allows(value):
            gap = max(goal.window[0] - value, value - goal.window[1])
            found.append(f"{goal.quantity} by {gap:.2g} {UNITS[goal.quantity]}".rstrip())
    curve, apart = curve_of(data.goals), data.verified[number].apart(data.goals)
    if curve is not None and curve.tolerance is not None and not apart <= curve.tolerance:
        found.append(f"the measured curve by {apart - curve.tolerance:.2g}")
    return found


def si_value(anchor: str, value: float, material: Material) -> tuple[float, str]:
    """An anchor in SI units: mu0 M in T, H in MA/m."""
    if anchor == "BHmax":
        return value * material.maximum_energy_product_J_per_m3 / 1e3, "kJ/m³"
    if UNITS[anchor] == "Ms":
        return value * material.Js_T, "T"
    return value * material.H_A_A_per_m / 1e6, "MA/m"


def on_the_curve(anchors: np.ndarray, std: np.ndarray | None = None) -> dict[str, tuple[float, float, float, float]]:
    """Where six anchor points lie in the plane of the curve: name -> (h, m, h error, m error).

    Knees stand at their share of the remanence among the same six; missing ones (NaN) are left out.
    """
    h, m = (row[0].tolist() for row in curve_points(np.asarray(anchors)[None]))
    errors = np.zeros(len(ANCHORS)) if std is None else np.asarray(std, dtype=float)
    along_h = [float(error) if name in LEVELS else 0.0 for name, error in zip(ANCHORS, errors, strict=True)]
    along_m = [0.0 if name in LEVELS else float(error) for name, error in zip(ANCHORS, errors, strict=True)]
    places = dict(zip(ANCHORS, zip(h, m, along_h, along_m, strict=True), strict=True))
    return {name: place for name, place in places.items() if np.isfinite(place[:2]).all()}


def squareness(item: Verified, material: Material) -> str:
    """Hk90 / Hc by the applied field and by the field inside, which data sheets go by, in words."""
    inside = internal_anchor_points(internal_field(item.h, item.m, material), item.m)
    pairs = (("by the applied field", item.anchors[Column.Hk90], item.anchors[Column.Hc]),
             ("by the field inside", inside.Hk90, inside.Hc))  # fmt: skip
    return ", ".join(f"{one / other:.3f} {words}" for words, one, other in pairs if one > 0 < other) or "missing"


def alignment(structure: Microstructure) -> float:
    """Area mean of |cos| of the angle between easy axis and field: M / Ms if every cell lay along its own axis."""
    return float(np.abs(np.cos(structure.angle_rad)).mean())
