"""What a structure is, and what was done to the file that it came from: in words, as JSON, as a picture."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from inverse_design.properties import grain_diameters_nm, structure_properties
from simulation.formats.grain_map import Imported
from simulation.formats.options import ReadOptions
from simulation.formats.reading import read_structure
from simulation.microstructure import Microstructure
from simulation.pictures.axis_colors import axis_color
from simulation.pictures.plots import SIMULATED, draw_grains

BIN_DEG = 5.0
"""Width of the bars of the distribution of axes."""


def show_file(path: Path, reading: ReadOptions, output: Path | None = None) -> tuple[dict[str, Any], list[str]]:
    """Facts of a structure file, JSON-able, and the same as lines; draws them where an output is named.

    Raises:
        InputError: if it cannot be read, or the picture cannot be written.
    """
    found = read_structure(path, reading)
    facts = facts_of(found)
    if output is not None:
        from inverse_design.report.style import own_style
        from simulation.files import replacing

        with own_style(), replacing(output) as partial:
            structure_figure(found.structure, path.name).savefig(partial, dpi=150)
    return facts, in_words(path.name, found, facts)


def facts_of(found: Imported) -> dict[str, Any]:
    """Size, grains, texture, and what was done to the file."""
    structure = found.structure
    (ny, nx), cell_nm = structure.shape, structure.cell_nm
    diameter = grain_diameters_nm(structure)
    size, spread, low = structure_properties(structure)[:3]
    turned = float(np.angle(np.exp(2j * structure.angle_rad).mean())) / 2
    return {
        "source": found.source,
        "points": list(found.points),
        "step_nm": list(found.step_nm),
        "size_nm": [nx * cell_nm, ny * cell_nm],
        "cells": [ny, nx],
        "cell_nm": cell_nm,
        "grains": structure.grains,
        "grain_size_nm": {
            "mean": float(size),
            "median": float(np.median(diameter)),
            "least": float(diameter.min()),
            "largest": float(diameter.max()),
            "std_ln": float(np.log(diameter).std()),
        },
        "axis_spread_deg": float(spread),
        "mean_axis_deg": math.degrees(turned),
        "alignment": float(np.abs(np.cos(structure.angle_rad)).mean()),
        "low_angle_share": float(low),
        "filled": found.filled,
        "void": found.void,
        "out_of_plane_deg": {"mean": found.out_of_plane_deg[0], "largest": found.out_of_plane_deg[1]},
        "notes": list(found.notes),
        "doubts": list(found.doubts),
    }


def in_words(name: str, found: Imported, facts: dict[str, Any]) -> list[str]:
    """The facts as lines."""
    (width, height), (ny, nx), size = facts["size_nm"], facts["cells"], facts["grain_size_nm"]
    rows, columns = found.points
    dx, dy = found.step_nm
    points = f", {columns} x {rows} points of {dx:.4g} x {dy:.4g} nm" if not _own(found) else ""
    grains = facts["grains"]
    lines = [
        f"{name}: {found.source}{points}",
        f"  {width:.5g} x {height:.5g} nm, {nx} x {ny} cells of {facts['cell_nm']:.4g} nm, "
        f"{grains} grain{'s' * (grains != 1)}",
        f"  grain size {size['mean']:.4g} nm in the mean, {size['median']:.4g} in the median, {size['least']:.4g} to "
        f"{size['largest']:.4g}; standard deviation of ln d {size['std_ln']:.3g}",
        f"  easy axes {facts['mean_axis_deg']:+.3g} degrees from +y (the field) in the mean, spread "
        f"{facts['axis_spread_deg']:.3g} degrees; M / Ms = {facts['alignment']:.3f} if every cell lay along its own",
        f"  {100 * facts['low_angle_share']:.3g} % of the boundaries below 15 degrees",
    ]
    if found.out_of_plane_deg[1] > 0.05:
        mean, largest = found.out_of_plane_deg
        lines.append(f"  axes {mean:.3g} degrees out of the plane in the mean, {largest:.3g} at most, and projected")
    if found.filled:
        lines.append(f"  {100 * found.filled:.3g} % of the points had no orientation: filled from the nearest grain")
    if found.void:
        lines.append(f"  {100 * found.void:.3g} % of the points had no orientation: void, a phase without magnetism")
    return [*lines, *(f"  {note}" for note in found.notes), *(f"  doubtful: {doubt}" for doubt in found.doubts)]


def _own(found: Imported) -> bool:
    return found.points == found.structure.shape and found.source.endswith("(.npz)")


def structure_figure(structure: Microstructure, title: str) -> Figure:
    """The map, and how its area is shared out among grain sizes and axes."""
    figure = Figure(figsize=(14.0, 4.6), layout="constrained")
    figure.suptitle(title, fontsize=11, parse_math=False)  # a file name may hold a dollar sign
    grains, sizes, axes = figure.subplots(1, 3, width_ratios=(1.4, 1, 1))
    draw_grains(grains, structure)
    _draw_sizes(sizes, structure)
    _draw_axes(axes, structure)
    return figure


def _draw_sizes(axes: Axes, structure: Microstructure) -> None:
    diameter = grain_diameters_nm(structure)
    edges = np.linspace(0, diameter.max() * 1.0001, min(max(int(np.sqrt(diameter.size)) + 3, 6), 40))
    axes.hist(diameter, edges.tolist(), color=SIMULATED, edgecolor="white", linewidth=0.5)
    axes.axvline(float(diameter.mean()), color="#c05a12", linewidth=1.4)
    axes.set_title(f"{diameter.size} grains, mean {diameter.mean():.4g} nm", fontsize=9)
    axes.set_xlabel("diameter of a circle of the grain's area, nm")
    axes.set_ylabel("grains")
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))


def _draw_axes(axes: Axes, structure: Microstructure) -> None:
    edges = np.arange(-90.0, 90.0 + BIN_DEG, BIN_DEG)
    degrees = np.degrees(structure.angle_rad.ravel())
    share, _ = np.histogram(np.where(degrees >= 90, -90, degrees), edges)
    middles = edges[:-1] + BIN_DEG / 2
    axes.bar(middles, 100 * share / degrees.size, BIN_DEG, color=axis_color(np.radians(middles)), edgecolor="0.3",
             linewidth=0.4)  # fmt: skip
    axes.set_xlabel("easy axis from +y (the field), degrees")
    axes.set_ylabel(f"% of the area per {BIN_DEG:g} degrees")
    axes.set_title(f"spread {structure_properties(structure)[1]:.3g} degrees", fontsize=9)
    axes.set_xticks(np.arange(-90, 91, 45))
    axes.set_xlim(-90, 90)
