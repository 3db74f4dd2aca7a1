"""The figures of the solver's benchmark, each beside its goal."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simulation import ANCHORS
from studies.benchmarks.cases import GROUPS, Case
from studies.benchmarks.peers import FieldTiming
from studies.benchmarks.timing import CurveTiming

MOST_EVALUATIONS = {"aligned": 800, "between": 5000, "isotropic": 5000}


@dataclass(frozen=True)
class Figure:
    """A line of the table: what was measured, the goal in words, and whether it is met (None: there is none)."""

    quantity: str
    measured: str
    goal: str = ""
    met: bool | None = None


@dataclass
class Measured:
    """All that one run has measured; what could not be is None or empty.

    Args:
        cases, ours: the structures and our curves of them.
        tighter: our curves with a tolerance ten times tighter, of all structures.
        elements: our curves by elements, where `ours` are by cells.
        phases: curves by cells and by elements, with one phase and with two of the same numbers.
        fidimag: its curves, by the name of the structure.
        magnum: magnum.np's field.
        ffts_ms: CPU time of the bare transforms of one evaluation.
        labelling_s: (n, 2) wall seconds to label the structures with one process and with two.
        memory_mib: of a worker beyond its imports.
        missing: sentences about what is not installed.
    """

    cases: list[Case]
    ours: list[CurveTiming]
    tighter: list[CurveTiming] = field(default_factory=list)
    elements: list[CurveTiming] = field(default_factory=list)
    phases: list[list[tuple[CurveTiming, CurveTiming]]] = field(default_factory=list)
    fidimag: dict[str, CurveTiming] = field(default_factory=dict)
    magnum: FieldTiming | None = None
    ffts_ms: float = float("nan")
    labelling_s: list[tuple[float, float]] = field(default_factory=list)
    memory_mib: float | None = None
    missing: list[str] = field(default_factory=list)


def figures(run: Measured) -> list[Figure]:
    """Every figure of a run with its goal."""
    lost = sum(curve.unconverged for curve in run.ours)
    rows = [Figure(f"fields that did not converge, {len(run.ours)} curves", str(lost), "0", lost == 0)]
    for group in GROUPS:
        rows += _costs(run, group)
    bare = statistics.median(curve.cpu_ms_per_evaluation for curve in run.ours)
    rows.append(Figure("ms an evaluation; of these its bare FFTs", f"{bare:.2f}; {run.ffts_ms:.2f}", "near its FFTs"))
    return (
        rows
        + _elements(run)
        + _phases(run)
        + _speed(run)
        + _labelling(run)
        + _difference_from_fidimag(run)
        + _tolerance(run)
    )


def _costs(run: Measured, group: str) -> list[Figure]:
    of_group = [curve for case, curve in zip(run.cases, run.ours, strict=True) if case.group == group]
    if not of_group:
        return []
    counts = [curve.evaluations for curve in of_group]
    most = MOST_EVALUATIONS[group]
    cpu, wall = ([getattr(curve, name) for curve in of_group] for name in ("cpu_s", "wall_s"))
    time = f"{statistics.median(cpu):.2f} CPU, {statistics.median(wall):.2f} wall, at most {max(cpu):.2f} CPU"
    measured = f"{statistics.median(counts):.0f}, at most {max(counts)}"
    return [
        Figure(f"evaluations, {group} ({len(counts)})", measured, f"at most {most}", max(counts) <= most),
        Figure(f"seconds, {group}", time),
    ]


def _elements(run: Measured) -> list[Figure]:
    """What a curve by elements costs over one by cells of the same structure."""
    if not run.elements:
        return []
    lost = sum(curve.unconverged for curve in run.elements)
    rows = [Figure("elements: fields that did not converge", str(lost), "0", lost == 0)]
    for quantity, name in (("evaluations", "evaluations"), ("CPU seconds", "cpu_s")):
        pairs = zip(run.elements, run.ours, strict=True)
        ratios = [getattr(elements, name) / getattr(cells, name) for elements, cells in pairs]
        text = f"{statistics.median(ratios):.2f} in the median, {min(ratios):.2f} to {max(ratios):.2f}"
        rows.append(
            Figure(f"elements: {quantity} over those of cells", text, "at most 1", statistics.median(ratios) <= 1)
        )
    return rows


def _phases(run: Measured) -> list[Figure]:
    """What an evaluation costs with a second phase, over one without."""
    rows = []
    for kind, pairs in zip(("cells", "elements"), run.phases, strict=False):
        ratios = [two.cpu_ms_per_evaluation / one.cpu_ms_per_evaluation for one, two in pairs]
        middle = statistics.median(ratios)
        text = f"{middle:.2f} in the median, {min(ratios):.2f} to {max(ratios):.2f}"
        rows.append(
            Figure(f"CPU time of an evaluation by {kind}, two phases over one", text, "at most 1.3", middle <= 1.3)
        )
    return rows


def _speed(run: Measured) -> list[Figure]:
    """How many times faster than each peer, by CPU time on one thread."""
    rows = []
    for group in GROUPS:
        pairs = [(case, curve) for case, curve in zip(run.cases, run.ours, strict=True) if case.group == group]
        here = [run.fidimag[case.name].cpu_s / curve.cpu_s for case, curve in pairs if case.name in run.fidimag]
        if here:
            text = f"{statistics.median(here):.0f} times faster, at least {min(here):.0f} ({len(here)})"
            rows.append(Figure(f"fidimag here, {group}", text, "at least 25, aim 50", min(here) >= 25))
        stored = [case.fidimag_s / curve.cpu_s for case, curve in pairs if case.fidimag_s is not None]
        if stored:
            text = f"{statistics.median(stored):.0f} times faster, at least {min(stored):.0f} ({len(stored)})"
            rows.append(Figure(f"fidimag's stored time (another machine), {group}", text))
    if run.magnum is not None:
        ratios = [run.magnum.cpu_ms / curve.cpu_ms_per_evaluation for curve in run.ours]
        whole = run.magnum.cpu_ms * sum(c.evaluations for c in run.ours) / sum(1e3 * c.cpu_s for c in run.ours)
        text = f"{whole:.1f} times faster over all curves; by curve {min(ratios):.1f} to {max(ratios):.1f}"
        rows.append(Figure("magnum.np's field x our evaluations", text, "at least 6 over all", whole >= 6))
        text = (
            f"{run.magnum.cpu_ms:.2f} CPU, {run.magnum.wall_ms:.2f} wall; {run.magnum.difference:.1e} from our gradient"
        )
        rows.append(Figure("ms an evaluation, magnum.np", text))
    return rows


def _labelling(run: Measured) -> list[Figure]:
    rows = []
    if run.labelling_s:
        ratio = statistics.median(one / two for one, two in run.labelling_s)
        per_s = [len(run.cases) / statistics.median(column) for column in zip(*run.labelling_s, strict=True)]
        text = f"{ratio:.2f} times one ({per_s[0]:.2f} and {per_s[1]:.2f} labels/s, {len(run.labelling_s)} rounds)"
        rows.append(Figure("labelling rate, two processes", text, "at least 1.9", ratio >= 1.9))
    if run.memory_mib is not None:
        memory = run.memory_mib
        rows.append(Figure("memory of a worker beyond imports", f"{memory:.0f} MiB", "under 150 MiB", memory < 150))
    return rows


def from_fidimag(run: Measured) -> np.ndarray:
    """(n, 6) |our anchor - fidimag's|, stored or else from here, NaN where there is none."""
    rows = []
    for case, curve in zip(run.cases, run.ours, strict=True):
        theirs = case.anchors
        if theirs is None and case.name in run.fidimag:
            theirs = np.array(run.fidimag[case.name].anchors)
        rows.append(np.full(6, np.nan) if theirs is None else np.abs(np.array(curve.anchors) - theirs))
    return np.array(rows)


def _difference_from_fidimag(run: Measured) -> list[Figure]:
    error = from_fidimag(run)
    error = error[~np.isnan(error).all(axis=1)]
    if not len(error):
        return []
    largest = error.max(axis=0)
    rows = [Figure("M1, Mr from fidimag, largest", _list(largest[:2]), "0.001", bool((largest[:2] <= 0.001).all()))]
    medians, ninety_fifth = np.median(error[:, 2:], axis=0), np.percentile(error[:, 2:], 95, axis=0)
    named = ", ".join(ANCHORS[2:])
    rows.append(Figure(f"{named} from fidimag, median", _list(medians), "0.002", bool((medians <= 0.002).all())))
    met = bool((ninety_fifth <= 0.012).all())
    return [*rows, Figure("the same, 95th percentile", _list(ninety_fifth), "0.012", met)]


def _tolerance(run: Measured) -> list[Figure]:
    if not run.tighter:
        return []
    a, b = (np.array([curve.anchors for curve in curves]) for curves in (run.ours, run.tighter))
    moves = np.abs(a - b)
    medians, worst = np.median(moves, axis=0), moves.max(axis=0)
    lost = sum(curve.unconverged for curve in run.tighter)
    return [
        Figure("ten times tighter tolerance, fields not converged", str(lost), "0", lost == 0),
        Figure("anchors move by, median", _list(medians), "0.002", bool((medians <= 0.002).all())),
        Figure("anchors move by, worst", _list(worst), "0.01", bool((worst <= 0.01).all())),
    ]


def _list(values: Sequence[float] | np.ndarray) -> str:
    return " ".join(f"{value:.5f}" for value in values)
