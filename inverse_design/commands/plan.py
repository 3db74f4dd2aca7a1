"""What running a study would do, and what it would take: time, disk and memory."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from inverse_design.progress import duration
from inverse_design.run.memory import total_bytes, workers_of
from inverse_design.study.pairs import read_pairs
from inverse_design.study.study import Study
from inverse_design.study.wishes import goal_in_unit, shown_unit

BYTES_OF_A_FIELD, BYTES_OF_A_LABEL = 24, 1500
"""A field and its status, the magnetisation, and what a row of the store has besides; a little more than it takes."""

BYTES_OF_NETWORKS, BYTES_OF_FIGURES = 10**7, 10**7
CHECK = 4
"""Curves that a check of a hit counts as: cells of half the edge are four times as many, free spins taken as dear."""


def plan(study: Study, run: Path, measure: bool = False) -> dict[str, Any]:
    """The object of `check --json`.

    Args:
        run: where the study's run folder is, or will be: curves that it holds have their times.
        measure: simulate one curve to have one.
    """
    rule, part = study.verification, study.execution
    seconds = curve_seconds(study, run, measure)
    return {
        "name": study.name,
        "valid": True,
        "labels": 0 if study.surrogate.pretrained else study.labels.count,
        "surrogate": study.surrogate.pretrained,
        "measured_pairs": len(read_pairs(study)),
        "start": _starts(study),
        "goals": {goal.quantity: goal.describe() for goal in study.reduced_goals},
        "curve": None if (curve := study.reduced_goals.curve) is None else curve.describe(),
        "max_simulations": rule.max_simulations,
        "redraws": study.redraws,
        "confirm": list(study.checks),
        "engine": part.engine,
        "workers": workers_of(study) or None,
        "memory_bytes": total_bytes(study),
        "disk_bytes": disk_bytes(study),
        "curve_s": seconds,
        "simulation_s": None if seconds is None else simulation_seconds(study, seconds),
    }


def _starts(study: Study) -> list[str]:
    """Names of the structures that the search starts from; they are read, so that a wrong one is refused."""
    if not study.start:
        return []
    from inverse_design.run.start import own_structures

    return [each.name.partition(":")[2] for each in own_structures(study)]


def disk_bytes(study: Study) -> int:
    """About what the run folder will hold: curves, networks, a search and figures a round."""
    rule, cells = study.verification, study.family.cells**2
    fields = (study.field_sweep.start - study.field_sweep.stop) / study.field_sweep.step
    curves = rule.max_simulations + (0 if study.surrogate.pretrained else study.labels.count)
    maps = 4 * study.search.population * cells
    of_label = BYTES_OF_A_LABEL + BYTES_OF_A_FIELD * fields
    return int(curves * of_label + rule.rounds * maps + BYTES_OF_NETWORKS + BYTES_OF_FIGURES)


def curve_seconds(study: Study, run: Path, measure: bool) -> float | None:
    """What a curve of the study takes on one core: measured now, or in the median of those that the run holds; None
    where neither is there."""
    if measure:
        return _measured(study)
    from simulation.labels.store import LabelStore

    store = run / "labels.sqlite"
    if not store.is_file():
        return None
    with LabelStore(store, read_only=True) as labels:
        taken = [label.wall_s for label, _ in zip(labels.labels(), range(20), strict=False) if label.converged]
    return statistics.median(taken) if taken else None


def _measured(study: Study) -> float:
    """Simulate the first structure of the study; compiling the solver is not in the time."""
    from inverse_design.run.simulating import conditions_of, wanted_labels
    from simulation.labels.label import Job
    from simulation.labels.simulating import simulate_label

    conditions = conditions_of(study, study.labels.backend, study.labels.discretization)
    first = wanted_labels(study)[0]
    _compile(conditions.discretization, conditions.backend)
    return simulate_label(Job.of(first, conditions)).wall_s


def _compile(discretization: str, backend: str) -> None:
    import numpy as np

    from simulation.hysteresis import FieldSweep, demagnetization_curve
    from simulation.microstructure import Microstructure

    if backend == "planar":
        small = Microstructure(np.zeros((8, 8), int), np.zeros(1))
        demagnetization_curve(small, sweep=FieldSweep(1.0, 0.9, 0.1), discretization=discretization)


def simulation_seconds(study: Study, curve_s: float) -> tuple[float, float]:
    """Wall time of the simulations at least, where the first batch is enough, and at most, where every candidate is a
    hit that is confirmed."""
    workers, rule = max(workers_of(study), 1), study.verification
    labels = 0 if study.surrogate.pretrained else study.labels.count
    most = labels + rule.max_simulations * (1 + CHECK * len(study.checks))
    least = labels + min(rule.candidates, rule.max_simulations)
    return least * curve_s / workers, most * curve_s / workers


def describe(study: Study, found: dict[str, Any]) -> list[str]:
    """What running a study would do, a line a stage, and what it would take."""
    family, part, rule = study.family, study.surrogate, study.verification
    sweep = study.field_sweep
    free = ", free spins" if study.labels.spins == "free" else ""
    until = "the coercive field" if sweep.until else f"{sweep.stop:g} H_A"
    return [
        f"{study.name}: valid",
        f"  structures: {family.size_nm:g} nm squares of {family.cells} x {family.cells} cells, "
        f"{family.grains[0]} to {family.grains[1]} grains, {_texture(study)}{_grains(study)}",
        f"  labels: {study.labels.count} curves by {study.labels.backend} ({study.labels.discretization}{free}), "
        f"{sweep.start:g} H_A to {until} in steps of {sweep.step:g}; {study.labels.test} of them test"
        + (", all shipped" if part.pretrained else ""),
        f"  surrogate: {part.pretrained}, trained already"
        if part.pretrained
        else f"  surrogate: latent code of {part.latent_dim}, {part.unlabelled} structures x {part.epochs} epochs, "
        f"{part.ensemble} regressor{'s' if part.ensemble > 1 else ''}",
        *_pairs(study, found),
        *_goals(study),
        *([f"  start: {', '.join(found['start'])}, simulated first and searched from"] if found["start"] else []),
        f"  search: {study.search.algorithm}, {study.search.generations} generations of {study.search.population}",
        f"  refinement: {rule.refine} simulations from the nearest structures before each search"
        if rule.refine
        else "  refinement: none",
        f"  verification: batches of {rule.candidates} by {rule.backend}; at most {rule.rounds} rounds, "
        f"{rule.max_simulations} simulations; stops at {rule.hits} hit{'s' if rule.hits > 1 else ''}",
        f"  a hit counts {_condition(study)}; "
        + ("labelled structures that meet the goals count" if rule.known else "new structures only"),
        f"  redraws: {study.redraws} of each hit" if study.redraws else "  redraws: none",
        f"  execution: {study.execution.engine}, {_workers(found)}",
        f"  takes at most about {_size(found['memory_bytes'])} of memory, {_size(found['disk_bytes'])} of disk",
        f"  {_time(study, found)}",
    ]


def _texture(study: Study) -> str:
    part = study.microstructures
    low, high = part.misorientation_deg
    about = f" about {part.direction_deg:g} degrees" if part.direction_deg else ""
    if part.texture == "uniform":
        return f"misorientation {low:g} to {high:g} degrees{about}"
    name = {"gaussian": "Gaussian", "von_mises": "von Mises"}[part.texture]
    return f"axes {name} with a standard deviation of {low:g} to {high:g} degrees{about}"


def _grains(study: Study) -> str:
    part = study.microstructures
    words = "" if part.size_sigma is None else f", log-normal diameters of sigma {part.size_sigma:g}"
    return words + (f", {part.aspect:g} times as long at {part.elongation_deg:g} degrees" if part.aspect > 1 else "")


def _pairs(study: Study, found: dict[str, Any]) -> list[str]:
    """What is measured."""
    part, count, shift = study.labels, found["measured_pairs"], study.verification.correction
    lines = []
    if count:
        pairs = f"{count} pair{'s' * (count != 1)} of {part.measured}"
        lines.append(f"  measured: {pairs}, each as {part.weight} label{'s' * (part.weight != 1)} in the training")
    if shift:
        words = ", ".join(f"{anchor} {value:+g}" for anchor, value in shift.items())
        lines.append(f"  correction: measured less simulated is taken as {words}; goals below are of what is simulated")
    return lines


def _goals(study: Study) -> list[str]:
    lines = []
    for goal in study.reduced_goals:
        unit = shown_unit(goal.quantity, study.goals[goal.quantity])
        beside = goal_in_unit(goal, unit, study.magnet) if unit else ""
        lines.append(f"  goal: {goal.quantity} {goal.describe()}" + (f" = {beside}" if beside else ""))
    if (curve := study.reduced_goals.curve) is not None:
        lines.append(f"  goal: {curve.describe()}, measured from {curve.h[0]:.3g} to {curve.h[-1]:.3g} H_A")
    return lines


def _condition(study: Study) -> str:
    """What has to be simulated before a hit counts."""
    asked = {"finer": f"on cells of {study.family.cell_nm / 2:g} nm", "free": "with free spins"}
    if study.checks:
        return f"when it is one {' and '.join(asked[name] for name in study.checks)}, too"
    return f"as soon as it is one by {study.labels.discretization} of {study.family.cell_nm:g} nm: nothing is confirmed"


def _workers(found: dict[str, Any]) -> str:
    count = found["workers"]
    return "the workers that it was started with" if count is None else f"{count} worker{'s' * (count != 1)}"


def _size(size: float) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


def _time(study: Study, found: dict[str, Any]) -> str:
    if found["curve_s"] is None:
        return "time: --time simulates one curve and says how long all of them take"
    low, high = (duration(seconds) for seconds in found["simulation_s"])
    span = low if low == high else f"{low} to {high}"
    rest = "search" if study.surrogate.pretrained else "training and search"
    return (
        f"time: about {span} of simulations at the {found['curve_s']:.2g} s of a curve as measured here; {rest} "
        "come on top"
    )
