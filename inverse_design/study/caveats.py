"""What a study's answers cannot be trusted for, said before anything runs."""

from __future__ import annotations

import math

from inverse_design.goals import Goal
from inverse_design.properties import UNITS
from inverse_design.study.sections import Sweep
from inverse_design.study.study import Study
from simulation.anchors import ANCHORS
from simulation.bhmax import SQUARE_PRISM
from simulation.validity import resolution, warnings_for


def caveats(study: Study) -> list[str]:
    """A sentence each: what `simulation.validity` says of the labels' conditions, and goals finer than can be told."""
    magnet, cell_nm, kind = study.magnet, study.family.cell_nm, study.labels.discretization
    said = warnings_for(magnet, cell_nm, kind, study.field_sweep, study.labels.spins)
    if fields_below_zero(study.field_sweep) < 2:
        said.append("field_sweep: fewer than two fields at or below zero: the report has no maps of the reversal")
    said += _of_curve(study)
    finest = resolution(magnet, cell_nm, kind, study.field_sweep.step)
    for goal in study.reduced_goals:
        half = half_width(goal)
        if goal.quantity not in ANCHORS or half is None:
            continue
        told, why = finest[goal.quantity]
        if half < told * (1 - 1e-9):
            unit = UNITS[goal.quantity]
            said.append(
                f"goals.{goal.quantity}: {half:.3g} {unit} to either side is finer than can be told, {told:.2g} "
                f"{unit}: {why}; a hit may be one by chance"
            )
    return said


def _of_curve(study: Study) -> list[str]:
    """What is doubtful about a measured curve."""
    curve = study.curve
    if curve is None:
        return []
    said = []
    if curve.demagnetizing_factor is None:
        said.append(
            f"goals.curve: taken as measured on a specimen of demagnetising factor {SQUARE_PRISM:g}, that of a long "
            "square prism; say demagnetizing_factor: 0 for a closed circuit, 0.333 for a cube or a sphere"
        )
    h, m = (list(values) for values in zip(*(curve.points or ((0.0, 0.0),)), strict=True))
    if min(h) > 0 or min(m) > 0:
        ends = f"H = {min(h):.3g} H_A, M = {min(m):.3g} Ms"
        said.append(f"goals.curve: measured down to {ends} only; beyond that any curve will do")
    return said


def fields_below_zero(sweep: Sweep) -> int:
    """Fields of a sweep at or below zero, where a reversal can be looked for."""
    last = math.floor((sweep.start - sweep.stop) / sweep.step + 1e-9)  # as `simulation.FieldSweep` counts them
    return max(last - math.ceil(sweep.start / sweep.step - 1e-9) + 1, 0)


def half_width(goal: Goal) -> float | None:
    """Half of the window that a goal leaves, None where it is open to one side."""
    if goal.tolerance is not None:
        return goal.tolerance
    if goal.at_least is None or goal.at_most is None:
        return None
    return (goal.at_most - goal.at_least) / 2
