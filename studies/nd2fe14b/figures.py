"""The figures of the card: how the anchors are distributed, and how the two discretisations differ."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from simulation import ANCHORS

SIZE_NM = 320.0
LEAST = 1e-3
"""Differences below this fill no figure: they are rounding."""
COLORS = {"cells": "#c05a12", "elements": "#1f5f99", "free": "#2f8f5b"}
BANDS = (("below 45°", 0, 45, "#2f8f5b"), ("45° to 90°", 45, 90, "#7a5aa6"), ("above 90°", 90, 181, "#8a8a8a"))
"""Name, bounds (degrees) and colour of ranges of the largest misorientation."""


def save(figure: Figure, path: Path) -> None:
    """Write a figure as a PNG of 256 colours: clouds of points in true colour would take three times the space."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    Image.open(drawn).convert("RGB").quantize(256).save(path, optimize=True)


def unit(anchor: str) -> str:
    """Reduced unit of an anchor in a figure's label."""
    return "$M_s$" if anchor in ("M1", "Mr") else "$H_A$"


def mean_grain_nm(table: pd.DataFrame) -> np.ndarray:
    """(n,) edge of a square of the mean area of a grain, nm."""
    return np.asarray(SIZE_NM / np.sqrt(table["grains"].to_numpy(float)))


def draw_anchors(tables: dict[str, pd.DataFrame]) -> Figure:
    """Histograms of the six anchors, one line a kind of labels."""
    figure = Figure(figsize=(9.6, 5.2), layout="constrained")
    for axes, anchor in zip(figure.subplots(2, 3).flat, ANCHORS, strict=True):
        values = {name: table[anchor].to_numpy() for name, table in tables.items()}
        low, high = (end(np.concatenate(list(values.values()))) for end in (np.min, np.max))
        edges = np.linspace(low, high, 41)
        for name, found in values.items():
            shares = 100 * np.histogram(found, edges)[0] / found.size
            axes.stairs(shares, edges, color=COLORS[name], linewidth=1.3, label=f"{name}, {found.size:,} labels")
        axes.set(xlabel=f"{anchor}, {unit(anchor)}", ylabel="labels, %")
    _legend_below(figure)
    return figure


def draw_difference(before: pd.DataFrame, after: pd.DataFrame, words: str) -> Figure:
    """After minus before (`words`), each anchor against the mean grain size, with medians by range of
    misorientation."""
    both = before.index.intersection(after.index)
    figure = Figure(figsize=(9.6, 5.6), layout="constrained")
    for axes, anchor in zip(figure.subplots(2, 3).flat, ANCHORS, strict=True):
        _draw_anchor(axes, before.loc[both], after.loc[both, anchor] - before.loc[both, anchor])
        axes.set_ylabel(f"{anchor}: {words}, {unit(anchor)}")
        axes.set_xlabel("mean grain size, nm")
    _legend_below(figure, "largest misorientation; lines: medians")
    return figure


def _legend_below(figure: Figure, title: str = "") -> None:
    """What the first of a figure's axes has names for, below all of them."""
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=3, frameon=False, title=title or None)


def _draw_anchor(axes: Axes, table: pd.DataFrame, difference: pd.Series) -> None:
    grain_nm, degrees = mean_grain_nm(table), np.degrees(table["misorientation_rad"].to_numpy())
    edges = np.geomspace(grain_nm.min(), grain_nm.max() * 1.001, 8)
    place = np.digitize(grain_nm, edges) - 1
    values = difference.to_numpy()
    axes.axhline(0, color="#444444", linewidth=0.8)
    for name, low, high, color in BANDS:
        inside = (degrees >= low) & (degrees < high)
        axes.plot(grain_nm[inside], values[inside], ".", color=color, markersize=1.5, alpha=0.4)
        bins = [b for b in range(len(edges) - 1) if (inside & (place == b)).sum() >= 5]
        medians = [np.median(values[inside & (place == b)]) for b in bins]
        axes.plot(
            [np.sqrt(edges[b] * edges[b + 1]) for b in bins], medians, "-o", color=color, markersize=3, label=name
        )
    lowest, highest = axes.get_ylim()
    axes.set_ylim(min(lowest, -LEAST), max(highest, LEAST))
    axes.set_xscale("log")
    axes.set_xticks([20, 30, 40, 60, 80], ["20", "30", "40", "60", "80"])
    axes.minorticks_off()
