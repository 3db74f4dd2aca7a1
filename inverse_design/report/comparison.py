"""Runs side by side: one page from what their reports are made of."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from inverse_design.front_plot import front_axes
from inverse_design.properties import PROPERTIES, UNITS, Column
from inverse_design.report import plots, svg
from inverse_design.report.data import ReportData, achieved, asked, labelled, listed, measure
from inverse_design.report.page import duration, measured, page_template, with_error
from simulation.anchors import ANCHORS
from simulation.files import write_text
from simulation.pictures.grain_image import png_data_uri

SIDES = ("first", "second", "third", "fourth", "fifth", "sixth")
"""Classes of what belongs to each run: blue and orange, which no colour blindness mixes up, then others; each of them
has dashes of its own. More runs than these cannot be told apart."""

COUNTS = {2: "Two", 3: "Three", 4: "Four", 5: "Five", 6: "Six"}


def write_comparison(runs: Sequence[ReportData], places: Sequence[str], path: Path) -> Path:
    """Write the page, whole or not at all; see `render_comparison`."""
    write_text(path, render_comparison(runs, places))
    return path


def render_comparison(runs: Sequence[ReportData], places: Sequence[str]) -> str:
    """The page as text.

    Args:
        runs: what is set side by side, two to six.
        places: what each is called, a folder; distinct.
    """
    template, style = page_template("comparison.html.j2")
    champions = [data.best_number for data in runs]
    return template.render(
        style=style,
        places=places,
        sides=SIDES[: len(runs)],
        count=COUNTS[len(runs)],
        title=listed(places),
        asked=[asked(data) for data in runs],
        achieved=[achieved(data) for data in runs],
        maps=[_map(data, champion) for data, champion in zip(runs, champions, strict=True)],
        anchors=[_anchor_row(anchor, runs, champions) for anchor in _shown(runs)],
        curves=_curves(runs, champions),
        fronts=_fronts(runs),
        facts=_facts(runs),
        accuracy=_accuracy(runs),
        differences=differences([data.study_text for data in runs]),
    )


def _map(data: ReportData, champion: int | None) -> dict[str, str] | None:
    if champion is None:
        return None
    structure = data.verified[champion].candidate.structure
    return {"image": png_data_uri(structure), "number": f"{champion:02d}", "grains": str(structure.grains)}


def _shown(runs: Sequence[ReportData]) -> list[str]:
    """The anchors, and what else one of the runs asked for."""
    wanted = {goal.quantity for data in runs for goal in data.goals}
    return [name for name in PROPERTIES if name in ANCHORS or name in wanted]


def _anchor_row(anchor: str, runs: Sequence[ReportData], champions: Sequence[int | None]) -> dict[str, Any]:
    """Of each run: what was wanted of an anchor, what its best candidate has, what was predicted of that."""
    cells = []
    for data, champion in zip(runs, champions, strict=True):
        goal = next((goal for goal in data.goals if goal.quantity == anchor), None)
        cell: dict[str, Any] = {
            "goal": goal.describe() if goal else "",
            "verified": None,
            "predicted": None,
            "hit": None,
        }
        if champion is not None:
            item, column = data.verified[champion], Column[anchor]
            value = float(item.properties[column])
            cell["verified"] = measured(data, anchor, value)
            std = item.candidate.std[column] if anchor in ANCHORS else np.nan
            cell["predicted"] = with_error(item.candidate.predicted[column], std)
            if goal is not None and goal.window is not None:
                cell["hit"] = goal.allows(value)
        cells.append(cell)
    return {"anchor": anchor, "unit": UNITS[anchor], "cells": cells}


def _curves(runs: Sequence[ReportData], champions: Sequence[int | None]) -> Markup:
    """The curves of all best candidates in one frame; the windows are those of the first run."""
    shown = [
        (data, data.verified[n], side) for data, n, side in zip(runs, champions, SIDES, strict=False) if n is not None
    ]
    if not shown:
        return Markup("")
    deepest = [v for data, item, _ in shown for v in plots.deepest_fields([item], data.goals, data.material)]
    frame = plots.curve_frame(deepest)
    same = all(data.material == runs[0].material for data in runs)
    axes = plots.curve_axes(frame, runs[0].material) if same else svg.axes(frame, "H / H_A", "M / Ms")
    return svg.figure(
        frame, "Demagnetisation curves of the best candidates",
        plots.goal_bands(frame, runs[0].goals, float(shown[0][1].anchors[Column.Mr])),
        axes,
        *(svg.curve(frame, item.h, item.m, f"simulated {side}") for _, item, side in shown),
    )  # fmt: skip


def _fronts(runs: Sequence[ReportData]) -> Markup:
    """Predicted fronts and simulated candidates of all runs, on the two anchors that the first asked for."""
    names = front_axes(runs[0].goals)
    columns = [Column[name] for name in names]
    sets = [(data.of_front("predicted")[:, columns], data.of_verified("simulated")[:, columns]) for data in runs]
    points = np.concatenate([part for pair in sets for part in pair])
    points = points[np.isfinite(points).all(axis=1)]
    if not len(points):
        return Markup("")
    x, y = (svg.padded(points[:, i].tolist()) for i in (0, 1))
    frame = svg.Frame(x, y, 470, 320, left=62, right=14)
    marks = []
    for side, (front, simulated) in zip(SIDES, sets, strict=False):
        marks += [svg.dot(frame, a, b, f"front-dot {side}", 2.5) for a, b in front if np.isfinite((a, b)).all()]
        marks += [svg.dot(frame, a, b, f"verified-dot {side}", 5) for a, b in simulated if np.isfinite((a, b)).all()]
    x_label, y_label = map(labelled, names)
    axes = svg.axes(frame, x_label, y_label)
    return svg.figure(frame, f"Pareto fronts of the runs: {names[1]} against {names[0]}", axes, *marks)


def _facts(runs: Sequence[ReportData]) -> list[tuple[str, list[str]]]:
    def row(name: str, values: Sequence[Any]) -> tuple[str, list[str]]:
        return name, [str(value) for value in values]

    return [
        row("rounds", [data.rounds for data in runs]),
        row("candidates", [data.work for data in runs]),
        row("simulated by", [measure(data) for data in runs]),
        row("hits, confirmed where the study asks for it", [sum(data.hits) for data in runs]),
        row("points of the front", [len(data.front) for data in runs]),
        row("labels that trained", [f"{data.labels.get('training', 0):g}" for data in runs]),
        row("wall time", [duration(sum(data.seconds.values())) if data.seconds else "not known" for data in runs]),
        row("of it for labels", [duration(data.seconds.get("labels", 0)) for data in runs]),
        row("seed", [data.study.seed for data in runs]),
        row("stopped", [data.reason for data in runs]),
    ]


def _accuracy(runs: Sequence[ReportData]) -> list[tuple[str, list[str]]]:
    """Mean absolute errors on each run's own test split."""
    found = []
    for anchor in ANCHORS:
        values = [data.accuracy.get(anchor) for data in runs]
        words = ["not measured" if v is None or not np.isfinite(v) else f"{v:.4f}" for v in values]
        found.append((f"{anchor} in {UNITS[anchor]}", words))
    return found


def differences(texts: Sequence[str]) -> list[tuple[str, ...]]:
    """Keys in which study files differ, each with the value of every file; "not set" where a file lacks the key."""
    flat = [_flat(text) for text in texts]
    keys = dict.fromkeys(key for part in flat for key in part)
    rows = [(key, *(part.get(key, "not set") for part in flat)) for key in keys]
    return [row for row in rows if len(set(row[1:])) > 1]


def _flat(text: str) -> dict[str, str]:
    """The leaves of a study file by dotted key, as text."""
    try:
        data = YAML(typ="safe", pure=True).load(io.StringIO(text))
    except (YAMLError, ValueError):
        return {}
    found: dict[str, str] = {}

    def walk(prefix: str, node: Any) -> None:
        if isinstance(node, Mapping):
            for key, value in node.items():
                walk(f"{prefix}.{key}" if prefix else str(key), value)
        else:
            found[prefix] = str(node)

    walk("", data)
    return found
