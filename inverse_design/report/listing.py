"""The table of all candidates, best first: what the page begins with."""

from __future__ import annotations

from typing import Any

import numpy as np

from inverse_design.candidates.candidate import KNOWN
from inverse_design.properties import BOUNDARY, PROPERTIES, UNITS, Column
from inverse_design.report.data import ReportData, verdict_on
from simulation.anchors import ANCHORS

HEADINGS = {
    "grain_size_nm": "grain size",
    "axis_spread_deg": "axis spread",
    "low_angle_share": "low angle share",
    "boundary_nm": "boundary",
    "boundary_Js_T": "Js of boundary",
}


def shown(data: ReportData) -> list[str]:
    """Names of the properties that the table has: those of boundaries only where a candidate has one."""
    between = any(item.candidate.structure.phases for item in data.verified)
    return [name for name in PROPERTIES if between or name not in BOUNDARY]


def columns(data: ReportData) -> list[dict[str, Any]]:
    """The properties of the table: the anchor points, then all others; `wanted` or an anchor stays on paper."""
    wanted = {goal.quantity for goal in data.goals}
    return [
        {
            "name": HEADINGS.get(name, name),
            "unit": UNITS[name] if len(UNITS[name]) < 5 else "",
            "screen": name not in ANCHORS and name not in wanted,
        }
        for name in shown(data)
    ]


def listed(data: ReportData) -> list[dict[str, Any]]:
    """A row a candidate in the order of `Design.ranking`, hits first; a missing value is None."""
    goals = {goal.quantity: goal for goal in data.goals if goal.window is not None}
    rows, names = [], shown(data)
    for rank, number in enumerate(data.ranking, start=1):
        item = data.verified[number]
        source = item.candidate.source
        values = []
        for name in names:
            value = float(item.properties[Column[name]])
            known = np.isfinite(value)
            text = f"{value:.1f}" if UNITS[name] in ("nm", "deg") else f"{value:.3f}"
            meets = name in goals and item.converged and goals[name].allows(value)
            values.append({"value": f"{value:.5g}" if known else None, "shown": text, "meets": meets})
        rows.append({
            "rank": rank, "number": f"{number:02d}", "index": number, "hit": data.hits[number],
            "verdict": verdict_on(data, number), "failed": not item.converged, "source": source,
            "when": "" if source == KNOWN else f"round {item.round}", "values": values,
        })  # fmt: skip
    return rows
