"""What the page's script draws the front from: points, their curves and their grains, as plain JSON."""

from __future__ import annotations

from typing import Any

import numpy as np

from inverse_design.goals import objectives
from inverse_design.properties import PROPERTIES, UNITS, Column
from inverse_design.report import plots, svg
from inverse_design.report.data import ReportData, labelled
from simulation.anchors import ANCHORS
from simulation.pictures.grain_image import field_data_uri


def curve_frame_of(data: ReportData) -> svg.Frame:
    """The plane of all curves, those of further simulations included."""
    items = [*data.verified, *(again for _, again in (*data.confirmations, *data.checks))]
    return plots.curve_frame(plots.deepest_fields(items, data.goals, data.material))


def explored(data: ReportData, room: int) -> dict[str, Any]:
    """What the script draws the front from; `room` bytes are left for grain maps of Pareto points."""
    frame = curve_frame_of(data)
    mean, std = data.of_front("predicted"), data.of_front("std")
    thumbnails: list[str] = []
    for uri in map(field_data_uri, () if data.front_fields is None else data.front_fields[: len(mean)]):
        room -= len(uri) + 4
        if room < 0:
            break
        thumbnails.append(uri)
    return {
        "anchors": list(ANCHORS),
        "best": data.best_number,
        "units": [UNITS[anchor] for anchor in ANCHORS],
        "frame": {
            "y": frame.y, "box": frame.box, "pieces": frame.pieces,
            "si": (data.material.H_A_A_per_m / 1e6, data.material.Js_T),
        },
        "axes": _choices(data, mean),
        "front": {"predicted": plain(mean), "std": plain(std), "image": thumbnails},
        "verified": [
            {
                "number": f"{number:02d}", "hit": data.hits[number], "converged": item.converged,
                "predicted": plain(item.candidate.anchors), "std": plain(item.candidate.std),
                "anchors": plain(item.anchors), "h": plain(h), "m": plain(m),
            }
            for number, item in enumerate(data.verified)
            for h, m in [svg.within(frame, item.h, item.m)]
        ],
    }  # fmt: skip


def _choices(data: ReportData, front: np.ndarray) -> list[dict[str, Any]]:
    """Quantities that the axes of the front can show: what is wanted, objectives, then all other properties; each of
    the properties has its `name`."""
    predicted, verified = data.of_verified("predicted"), data.of_verified("simulated")

    def choice(label: str, sets: tuple[np.ndarray, ...], window: tuple[float, float] | None) -> dict[str, Any]:
        names = ("front", "predicted", "verified")
        edges = None if window is None else [v if np.isfinite(v) else None for v in window]
        return {"label": label, "window": edges, **{n: plain(s) for n, s in zip(names, sets, strict=True)}}

    def one_property(name: str) -> dict[str, Any]:
        column = Column[name]
        window = next((goal.window for goal in data.goals if goal.quantity == name), None)
        columns = (front[:, column], predicted[:, column], verified[:, column])
        return {"name": name} | choice(labelled(name), columns, window)

    ranked = sorted(data.goals, key=lambda goal: not goal.is_objective)
    wanted = [goal.quantity for goal in ranked]
    misses = [goal for goal in data.goals if goal.target is not None]
    sets = [[objectives([goal], points)[:, 0] for points in (front, predicted, verified)] for goal in misses]
    return [
        *(one_property(name) for name in wanted),
        *(
            choice(f"miss of {goal.quantity} in tolerances", (values[0], values[1], values[2]), (0.0, 1.0))
            for goal, values in zip(misses, sets, strict=True)
        ),
        *(one_property(name) for name in PROPERTIES if name not in wanted),
    ]


def plain(values: np.ndarray) -> Any:
    """An array as lists of numbers with five digits after the point, None where missing: what goes into JSON."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim > 1:
        return [plain(row) for row in array]
    return [round(float(v), 5) if np.isfinite(v) else None for v in array]
