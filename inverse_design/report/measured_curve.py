"""A measured curve in a report: drawn behind the simulated ones, and how far they are from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes

from inverse_design.goals import Goal, curve_of
from inverse_design.properties import UNITS
from inverse_design.report import svg
from inverse_design.report.data import ReportData
from inverse_design.study.pairs import mean_residuals

MEASURED = "#2f855a"
"""Its colour in figures, that of goals."""


def curve_rows(data: ReportData, number: int | None) -> list[dict[str, Any]]:
    """The row of a measured curve in a table of goals: none where there is no such goal."""
    curve = curve_of(data.goals)
    if curve is None:
        return []
    row: dict[str, Any] = {"anchor": "curve", "unit": "rms", "goal": curve.describe(), "hit": None, "verified": None}
    row["predicted"] = "none made"
    if number is not None and data.verified[number].converged:
        apart = data.verified[number].apart(data.goals)
        row["verified"] = {"reduced": f"{apart:.4f}", "si": ""} if np.isfinite(apart) else None
        row["hit"] = None if curve.tolerance is None else apart <= curve.tolerance
    return [row]


def residual_rows(data: ReportData) -> list[dict[str, Any]]:
    """One row an anchor: how far what was measured is from what was simulated of the same maps."""
    rows = []
    for anchor, (mean, std, count) in mean_residuals(data.measured_pairs).items():
        spread = f"{std:.4f}" if count > 1 else ""
        used = data.study.verification.correction.get(anchor)  # type: ignore[call-overload]
        row = {"anchor": anchor, "unit": UNITS[anchor], "mean": f"{mean:+.4f}", "std": spread, "count": count}
        rows.append(row | {"used": "" if used is None else f"{used:+.4f}"})
    return rows


def behind(frame: svg.Frame, goals: Sequence[Goal]) -> Markup:
    """The measured curve in the plane of curves, nothing where there is none."""
    curve = curve_of(goals)
    return Markup("") if curve is None else svg.curve(frame, curve.h, curve.m, "measured")


def draw_behind(axes: Axes, goals: Sequence[Goal]) -> None:
    """The same in a figure."""
    curve = curve_of(goals)
    if curve is not None:
        left, _, bottom, top = axes.axis()
        shown = (curve.h >= left) & (curve.m >= bottom)
        axes.plot(curve.h[shown], curve.m[shown], color=MEASURED, linewidth=4, alpha=0.4, zorder=1, label="measured")
        axes.set_ylim(bottom, max(top, float(curve.m.max()) + 0.02))
