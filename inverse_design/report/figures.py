"""Figures for files and notebooks, by Matplotlib's object interface: no global state, no display."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from inverse_design.front_plot import GOAL, PREDICTED, draw_front
from inverse_design.goals import Goal
from inverse_design.properties import UNITS, grain_diameters_nm
from inverse_design.report import switching
from inverse_design.report.data import ReportData, further, how, internal_field, on_the_curve, verdict_on
from inverse_design.report.measured_curve import draw_behind
from inverse_design.run.verified import Verified
from simulation.anchors import ANCHORS
from simulation.material import Material
from simulation.microstructure import Microstructure
from simulation.pictures.axis_colors import axis_color
from simulation.pictures.plots import AXIS_COLORS, SIMULATED, draw_grains, draw_si_axes

CHECKS = ("#7a4fa3", "#9a7b00", "#4b5563", "#8b2f3f")
"""Colours of further simulations of a candidate."""


def grain_map(structure: Microstructure) -> Figure:
    """The grains, each in the colour of its easy axis, with the legend of directions."""
    figure = Figure(figsize=(4.6, 3.6), layout="constrained")
    draw_grains(figure.add_subplot(), structure)
    return figure


def curve_figure(
    curve_h: np.ndarray,
    curve_m: np.ndarray,
    anchors: np.ndarray | None = None,
    predicted: np.ndarray | None = None,
    std: np.ndarray | None = None,
    goals: Sequence[Goal] = (),
    material: Material | None = None,
    title: str = "",
) -> Figure:
    """A demagnetisation curve with its anchor points, and what was predicted and wanted of it.

    Args:
        curve_h, curve_m: (n,) H / H_A and M / Ms.
        anchors: (6,) simulated anchor points, NaN where missing.
        predicted, std: (6,) predicted anchor points and their standard deviations.
        goals: their windows are drawn as bands.
        material: gives the second pair of axes, MA/m and T.
    """
    figure = Figure(figsize=(6.0, 4.2), layout="constrained")
    axes = figure.add_subplot()
    draw_curve(axes, curve_h, curve_m, anchors, predicted, std, goals, material)
    if title:
        figure.suptitle(title, fontsize=10, parse_math=False)  # a file name may hold a dollar sign
    return figure


def draw_curve(
    axes: Axes,
    curve_h: np.ndarray,
    curve_m: np.ndarray,
    anchors: np.ndarray | None,
    predicted: np.ndarray | None,
    std: np.ndarray | None,
    goals: Sequence[Goal],
    material: Material | None,
    name: str = "simulated",
) -> None:
    """What `curve_figure` shows, on given axes; the curve is called `name` in the legend."""
    axes.axhline(0, color="0.75", linewidth=0.7)
    axes.axvline(0, color="0.75", linewidth=0.7)
    axes.plot(curve_h, curve_m, color=SIMULATED, linewidth=1.6, label=name)
    if anchors is not None:
        points = np.array([place[:2] for place in on_the_curve(anchors).values()]).reshape(-1, 2)
        axes.plot(*points.T, "o", color=SIMULATED, markersize=4, label="its anchor points")
    if predicted is not None:
        places = np.array(list(on_the_curve(predicted, std).values())).reshape(-1, 4)
        h, m, dh, dm = places.T
        axes.errorbar(
            h, m, xerr=dh, yerr=dm, fmt="D", color=PREDICTED, markersize=4.5, markerfacecolor="none", capsize=2,
            linewidth=1, label="predicted ± 1 std",
        )  # fmt: skip
    _draw_goals(axes, goals)
    axes.set_xlabel(r"$H / H_\mathrm{A}$")
    axes.set_ylabel(r"$M / M_\mathrm{s}$")
    axes.legend(loc="lower right", frameon=False, fontsize=8)
    if material is not None:
        draw_si_axes(axes, material.H_A_A_per_m, material.Js_T)


def _draw_goals(axes: Axes, goals: Sequence[Goal]) -> None:
    """Bands over what is drawn already; one without an end goes to the edge of the figure. A measured curve behind."""
    draw_behind(axes, goals)
    label: str | None = "goal"
    goals = [goal for goal in goals if goal.quantity in ANCHORS]
    margin = 0.03
    for goal in goals:
        edges = [edge for edge in goal.window or () if np.isfinite(edge)]
        if UNITS[goal.quantity] == "H_A" and edges:
            axes.set_xlim(left=min(axes.get_xlim()[0], -max(edges) - margin))
        elif edges:
            axes.set_ylim(top=max(axes.get_ylim()[1], max(edges) + margin))
    left, _, _, top = axes.axis(axes.axis())  # fixed from here on: a band shall not stretch them
    for goal in goals:
        if goal.window is None:
            continue
        low, high = np.clip(goal.window, 0, top if UNITS[goal.quantity] == "Ms" else -left)
        if UNITS[goal.quantity] == "Ms":
            axes.axhspan(low, high, color=GOAL, alpha=0.18, linewidth=0, label=label)
        else:
            axes.axvspan(-high, -low, color=GOAL, alpha=0.18, linewidth=0, label=label)
        label = None


def candidate_figure(number: int, item: Verified, data: ReportData) -> Figure:
    """Grains and curve of one candidate side by side, the curve also against the field inside."""
    figure = Figure(figsize=(10.0, 4.0), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(1, 1.25))
    draw_grains(left, item.candidate.structure)
    candidate = item.candidate
    inside = internal_field(item.h, item.m, data.material)
    right.plot(inside, item.m, ":", color=SIMULATED, linewidth=1.1, label="against the field inside, H − M/2")
    checks = further(data, number)
    for again, color in zip(checks, cycle(CHECKS)):
        right.plot(again.h, again.m, "--", color=color, linewidth=1.3, label=how(again))
    draw_curve(
        right, item.h, item.m, item.anchors, candidate.anchors, candidate.std, data.goals, data.material,
        how(item) if checks else "simulated",
    )  # fmt: skip
    verdict = verdict_on(data, number)
    figure.suptitle(f"Candidate {number:02d} (round {item.round}, {verdict})", fontsize=10)
    return figure


def structure_figure(number: int, item: Verified, field: np.ndarray | None) -> Figure:
    """Grain sizes, axes and, where its field is known, the start of the reversal of one candidate."""
    structure = item.candidate.structure
    known = field is not None and switching.ends(field) is not None
    figure = Figure(figsize=(10.0 if known else 6.4, 3.2), layout="constrained")
    sizes, directions, *rest = figure.subplots(1, 3 if known else 2, width_ratios=(1, 1, 1.25) if known else (1, 1))
    _draw_distributions(sizes, directions, structure)
    if field is not None and known:
        draw_switching(rest[0], structure, field)
    figure.suptitle(f"Candidate {number:02d}", fontsize=10)
    return figure


def draw_switching(axes: Axes, structure: Microstructure, field: np.ndarray) -> None:
    """Cells by the field at which they switch, with the scale."""
    ny, nx = structure.shape
    last, first = switching.ends(field) or (-1.0, 0.0)
    axes.imshow(
        switching.switching_rgb(structure, field, 640),
        extent=(0.0, nx * structure.cell_nm, 0.0, ny * structure.cell_nm),
    )  # fmt: skip
    axes.set_xlabel("x in nm")
    axes.set_ylabel("y in nm")
    axes.set_title("where the reversal starts", fontsize=9)
    scale = ScalarMappable(Normalize(last, first if first > last else last + 0.01), switching.COLORS)
    axes.figure.colorbar(scale, ax=axes, label=r"switched at $H / H_\mathrm{A}$ (white: not at all)")


def _draw_distributions(sizes: Axes, directions: Axes, structure: Microstructure) -> None:
    """Grain diameters, and the share of the area by direction of the easy axis."""
    sizes.hist(grain_diameters_nm(structure), bins=12, color="0.6", edgecolor="white", linewidth=0.5)
    sizes.set_xlabel("grain diameter in nm")
    sizes.set_ylabel("grains")
    share, edges = np.histogram(np.degrees(structure.angle_rad), bins=18, range=(-90, 90))
    middle = (edges[:-1] + edges[1:]) / 2
    directions.bar(middle, 100 * share / share.sum(), 9.0, color=axis_color(np.radians(middle)), edgecolor="0.5",
                   linewidth=0.4)  # fmt: skip
    directions.set_xticks((-90, -45, 0, 45, 90))
    directions.set_xlabel("axis from field in degrees")
    directions.set_ylabel("area in %")


def learning_figure(losses: Mapping[str, tuple[np.ndarray, np.ndarray]]) -> Figure:
    """Training losses by epoch, one line a network and round."""
    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for name, (epochs, values) in losses.items():
        axes.semilogy(epochs, values, linewidth=1.4, label=name)
    axes.set_xlabel("epoch")
    axes.set_ylabel("training loss (no unit)")
    axes.legend(frameon=False, fontsize=8)
    return figure


def front_figure(data: ReportData) -> Figure:
    """Predicted anchors of the Pareto front, verified candidates joined to their predictions."""
    figure = Figure(figsize=(6.0, 4.6), layout="constrained")
    draw_front(figure.add_subplot(), data.goals, data.of_front("predicted"), data.pairs)
    return figure


def hypervolume_figure(rounds: Sequence[np.ndarray]) -> Figure:
    """Hypervolume by generation, one line a round."""
    figure = Figure(figsize=(5.0, 3.4), layout="constrained")
    axes = figure.add_subplot()
    for number, values in enumerate(rounds):
        axes.plot(np.arange(1, len(values) + 1), values, linewidth=1.4, label=f"round {number}")
    axes.set_xlabel("generation")
    axes.set_ylabel("hypervolume (scaled objectives, no unit)")
    axes.legend(frameon=False, fontsize=8)
    return figure


__all__ = [
    "AXIS_COLORS", "candidate_figure", "curve_figure", "front_figure", "grain_map", "hypervolume_figure",
    "learning_figure", "structure_figure",
]  # fmt: skip
