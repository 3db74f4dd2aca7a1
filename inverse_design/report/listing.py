"""The table of all candidates, best first: what the page begins with."""

from __future__ import annotations

from typing import Any

import numpy as np

from inverse_design.candidates.candidate import KNOWN
from inverse_design.properties import PROPERTIES, UNITS
from inverse_design.report.data import ReportData, verdict_on
from simulation.anchors import ANCHORS

HEADINGS = {"grain_size_nm": "grain size", "axis_spread_deg": "axis spread", "low_angle_share": "low angle share"}


def columns(data: ReportData) -> list[dict[str, Any]]:
    """The properties of the table: the anchor points, then all others; `wanted` or an anchor stays on paper."""
    wanted = {goal.quantity for goal in data.goals}
    return [
        {
            "name": HEADINGS.get(name, name),
            "unit": UNITS[name] if len(UNITS[name]) < 5 else "",
            "screen": name not in ANCHORS and name not in wanted,
        }
        for name in PROPERTIES
    ]


def listed(data: ReportData) -> list[dict[str, Any]]:
    """A row a candidate in the order of `Design.ranking`, hits first; a missing value is None."""
    goals = {goal.quantity: goal for goal in data.goals if goal.window is not None}
    rows = []
    for rank, number in enumerate(data.ranking, start=1):
        item = data.verified[number]
        source = item.candidate.source
        values = []
        for name, value in zip(PROPERTIES, item.properties.tolist(), strict=True):
            known = np.isfinite(value)
            shown = f"{value:.1f}" if UNITS[name] in ("nm", "deg") else f"{value:.3f}"
            meets = name in goals and item.converged and goals[name].allows(value)
            values.append({"value": f"{value:.5g}" if known else None, "shown": shown, "meets": meets})
        rows.append({
            "rank": rank, "number": f"{number:02d}", "index": number, "hit": data.hits[number],
            "verdict": verdict_on(data, number), "failed": not item.converged, "source": source,
            "when": "" if source == KNOWN else f"round {item.round}", "values": values,
        })  # fmt: skip
    return rows
