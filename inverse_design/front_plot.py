"""The picture of a Pareto front and of what came of it, for the report and for `design.plot_front()`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inverse_design.goals import Goal
from inverse_design.properties import UNITS, Column
from simulation.anchors import ANCHORS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PREDICTED, GOAL = "#c05a12", "#3a8f5c"


@dataclass(frozen=True, eq=False)
class Pairs:
    """What was predicted of candidates and what came out.

    Attributes:
        predicted, simulated: (n, 13) properties.
        converged, hit: (n,) bool.
    """

    predicted: np.ndarray
    simulated: np.ndarray
    converged: np.ndarray
    hit: np.ndarray


def front_axes(goals: Sequence[Goal]) -> tuple[str, str]:
    """The two anchors that a picture of the front shows: objectives first, then bounds, then Hc and Mr."""
    wanted = [goal.quantity for goal in sorted(goals, key=lambda goal: not goal.is_objective)]
    names = list(dict.fromkeys([*wanted, "Hc", "Mr"]))[:2]
    return names[0], names[1]


def draw_front(axes: Axes, goals: Sequence[Goal], front: np.ndarray, pairs: Pairs) -> None:
    """Predicted properties (points, 13) of the Pareto front, candidates joined to their predictions."""
    from simulation.pictures.plots import SIMULATED  # Matplotlib is there where axes are

    x_name, y_name = front_axes(goals)
    for goal in goals:
        if goal.window is not None and goal.quantity in (x_name, y_name):
            low, high = np.clip(goal.window, 0, 1 if goal.quantity in ANCHORS else np.inf)
            (axes.axvspan if goal.quantity == x_name else axes.axhspan)(low, high, color=GOAL, alpha=0.15, linewidth=0)
    x, y = Column[x_name], Column[y_name]
    axes.plot(
        front[:, x], front[:, y], "o", color="0.55", markersize=3.5, markeredgewidth=0, label="Pareto front, predicted"
    )
    predicted, simulated = pairs.predicted, pairs.simulated
    for before, after in zip(predicted, simulated, strict=True):
        axes.plot([before[x], after[x]], [before[y], after[y]], color=SIMULATED, linewidth=0.8, alpha=0.6)
    if len(simulated):
        axes.plot(predicted[:, x], predicted[:, y], "D", color=PREDICTED, markersize=4.5, markerfacecolor="white",
                  label="candidate, predicted")  # fmt: skip
        kinds = (
            (pairs.converged & ~pairs.hit, "o", SIMULATED, "simulated"), (pairs.hit, "*", GOAL, "simulated: a hit"),
            (~pairs.converged, "x", SIMULATED, "not converged"),
        )  # fmt: skip
        for chosen, marker, color, words in kinds:
            if chosen.any():
                points = simulated[chosen]
                size = 11 if marker == "*" else 6
                axes.plot(points[:, x], points[:, y], marker, color=color, markersize=size, label=f"candidate, {words}")
    axes.set_xlabel(_labelled(x_name))
    axes.set_ylabel(_labelled(y_name))
    axes.legend(frameon=False, fontsize=8)


def _labelled(name: str) -> str:
    return f"{name} in {_unit(name)}" if name in ANCHORS else f"{name} ({UNITS[name]})" if UNITS[name] else name


def _unit(anchor: str) -> str:
    return r"$M_\mathrm{s}$" if UNITS[anchor] == "Ms" else r"$H_\mathrm{A}$"
