"""`report.html`: one file with everything in it, and the same figures as files beside it."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup, escape

from inverse_design.candidates.candidate import KNOWN
from inverse_design.properties import PROPERTIES, STRUCTURE, UNITS, Column, grain_diameters_nm
from inverse_design.report import plots, svg, switching
from inverse_design.report.data import (
    ReportData,
    achieved,
    alignment,
    asked,
    foretold,
    further,
    measure,
    si_value,
    squareness,
    verdict_on,
)
from inverse_design.report.explorer import curve_frame_of, explored
from inverse_design.report.figure_files import write_figures
from inverse_design.report.listing import columns, listed
from inverse_design.report.measured_curve import curve_rows, residual_rows
from inverse_design.report.tables import write_tables
from inverse_design.run.folder import GOES_ON
from inverse_design.run.verified import Verified, in_words
from inverse_design.study.caveats import caveats
from simulation.anchors import ANCHORS
from simulation.bhmax import maximum_energy_product
from simulation.files import write_text
from simulation.pictures.grain_image import png_data_uri
from simulation.validity import plane_in_words
from surrogate.metrics import PAPER_MAE

MAX_BYTES = 8_000_000
"""The page stays below this whatever the run; maps of Pareto points are left out first."""

SCRIPTS = ("drawing.js", "page.js", "zoom.js", "candidates.js", "curves.js", "parallel.js", "keep.js", "begin.js")
"""In the order in which they stand in the page."""

RELOAD_S = 60
"""How often the page of a run that goes on loads itself again."""

LABEL_WORDS = {
    "training": "trained with",
    "test": "tested with",
    "count": "simulated in this run",
    "converged": "of them converged",
}


def write_report(data: ReportData, folder: Path) -> Path:
    """Write `report.html`, `figures/` and `tables/` into a folder, each file whole or not at all.

    Returns:
        The path of the page.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    write_figures(data, folder / "figures")
    write_tables(data, folder / "tables")
    page = folder / "report.html"
    write_text(page, render(data))
    return page


def render(data: ReportData) -> str:
    """The page as text, at most `MAX_BYTES` long."""
    script = _script()
    context = _context(data)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    template, style = page_template("page.html.j2")
    whole = {"style": style, "script": Markup(script), "script_hash": digest}  # noqa: S704 - a file of this package
    room = MAX_BYTES - len(template.render(context, interactive=explored(data, 0), **whole).encode())
    return template.render(context, interactive=explored(data, max(room, 0)), **whole)


def page_template(name: str) -> tuple[Template, Markup]:
    """A template of this package, escaping what it is given, and the style sheet."""
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["symbols"] = symbols
    return environment.from_string(_shipped(name)), Markup(_shipped("page.css"))  # noqa: S704 - likewise


def _script() -> str:
    """The scripts of the page in one function, so that none of their names is global."""
    return '"use strict";\n(() => {\n' + "".join(map(_shipped, SCRIPTS)) + "})();\n"


def _shipped(name: str) -> str:
    return (files("inverse_design.report") / name).read_text(encoding="utf-8")


def _context(data: ReportData) -> dict[str, Any]:
    champion = data.best_number
    frame = curve_frame_of(data)
    return {
        "data": data,
        "asked": asked(data),
        "measure": measure(data),
        "caveats": caveats(data.study),
        "achieved": achieved(data),
        "best": champion,
        "reload_s": RELOAD_S if data.reason == GOES_ON else None,
        "columns": columns(data),
        "listed": listed(data),
        "work": data.work,
        "foretold": foretold(data),
        "goal_rows": [*(_goal_row(data, goal, champion) for goal in data.goals), *curve_rows(data, champion)],
        "cards": [_card(data, number, item, frame) for number, item in enumerate(data.verified)],
        "disc": plots.direction_disc(),
        "preview": _empty_plane(data, frame, "Curve of the chosen point", "preview-marks"),
        "overlay": _empty_plane(data, frame, "Curves of the ticked candidates", "overlay-marks"),
        "labels": [(LABEL_WORDS.get(key, key), f"{value:g}") for key, value in data.labels.items()],
        "accuracy": _accuracy(data),
        "residuals": residual_rows(data),
        "learning": plots.learning(data.losses),
        "hypervolume": plots.traces(
            {f"round {i}": (np.arange(1, len(h) + 1), h) for i, h in enumerate(data.hypervolume)},
            "generation", "hypervolume", log_y=False,
        ),
        "seconds": [(stage, duration(s)) for stage, s in data.seconds.items()],
        "total_seconds": duration(sum(data.seconds.values())),
    }  # fmt: skip


def _empty_plane(data: ReportData, frame: svg.Frame, title: str, marks: str) -> Markup:
    """The plane of curves with the goals, and a group by an id for what the script draws."""
    goals = plots.goal_bands(frame, data.goals, _wanted_remanence(data))
    return svg.figure(
        frame, title, goals, plots.curve_axes(frame, data.material), Markup('<g id="{}"></g>').format(marks)
    )


def _wanted_remanence(data: ReportData) -> float:
    """Where the knees' goal marks stand while no curve is chosen."""
    for goal in data.goals:
        if goal.quantity == "Mr" and goal.target is not None:
            return goal.target
    return float(np.median(data.of_front("predicted")[:, Column.Mr])) if len(data.front) else np.nan


def _goal_row(data: ReportData, goal: Any, champion: int | None) -> dict[str, Any]:
    row: dict[str, Any] = {"anchor": goal.quantity, "unit": UNITS[goal.quantity], "goal": goal.describe(), "hit": None}
    if champion is None:
        return row
    item, column = data.verified[champion], goal.column
    value = float(item.properties[column])
    row["verified"] = measured(data, goal.quantity, value)
    row["predicted"] = _predicted(item, column)
    if goal.window is not None:
        row["hit"] = goal.allows(value)
    return row


def _predicted(item: Verified, column: int) -> str | None:
    std = item.candidate.std[column] if column < len(ANCHORS) else np.nan
    if item.part == KNOWN:
        return "none made"
    return with_error(item.candidate.predicted[column], std)


def _card(data: ReportData, number: int, item: Verified, frame: svg.Frame) -> dict[str, Any]:
    structure = item.candidate.structure
    wanted = {goal.quantity: goal for goal in data.goals}
    checks = further(data, number)
    rows = []
    for anchor in (*ANCHORS, *(name for name in PROPERTIES[len(ANCHORS) :] if name in wanted)):
        goal, i = wanted.get(anchor), Column[anchor]
        value = float(item.properties[i])
        rows.append({
            "anchor": anchor, "unit": UNITS[anchor], "predicted": _predicted(item, i),
            "verified": measured(data, anchor, value), "goal": goal.describe() if goal else "",
            # An unconverged value is no evidence, wherever it lies.
            "hit": goal.allows(value) if goal and goal.window and item.converged else None,
        })  # fmt: skip
    diameters = grain_diameters_nm(structure)
    ny, nx = structure.shape
    product = maximum_energy_product(item.h, item.m, data.material)
    return {
        "number": f"{number:02d}",
        "figured": number in data.figured,
        "item": item,
        "hit": data.hits[number],
        "verdict": verdict_on(data, number),
        "origin": in_words(item.candidate),
        "rows": [*rows, *curve_rows(data, number)],
        "redraws": _redraws(item),
        "image": png_data_uri(structure),
        "size": f"{nx * structure.cell_nm:g} nm × {ny * structure.cell_nm:g} nm",
        "width_nm": nx * structure.cell_nm,
        "grains": structure.grains,
        "diameter": f"{diameters.mean():.1f} ± {diameters.std():.1f} nm",
        "alignment": f"{alignment(structure):.3f}",
        "squareness": squareness(item, data.material),
        "energy_product": f"{product / 1e3:.0f} kJ/m³" if np.isfinite(product) else "missing",
        "curve": plots.candidate_curve(frame, number, item, data.goals, data.material, checks),
        "sizes": plots.grain_sizes(structure),
        "axes": plots.axis_distribution(structure),
        "files": ["structure.npz", "curve.csv", "anchors.json", "origin.json", *data.exports.get(number, ())],
        "reversal": _reversal(data, number, item),
        "checks": [_check(data, one) for one in (item, *checks)],
        "plane": _plane(data, number, item),
        "no_reversal": data.no_reversals.get(number),
    }


def _redraws(item: Verified) -> dict[str, Any] | None:
    """Mean and spread over structures with the candidate's statistics, None where none was simulated."""
    sound = item.redrawn[np.isfinite(item.redrawn[:, 0])]
    if not len(sound):
        return None
    mean, std = sound.mean(axis=0), sound.std(axis=0, ddof=1 if len(sound) > 1 else 0)
    values = [with_error(mean[i], std[i]) for i in range(len(ANCHORS))]
    return {"count": len(sound), "values": list(zip(ANCHORS, values, strict=True))}


def _reversal(data: ReportData, number: int, item: Verified) -> dict[str, Any] | None:
    """Where the reversal of a candidate starts, None where that is not known."""
    field = data.reversals.get(number)
    found = None if field is None else switching.ends(field)
    if field is None or found is None:
        return None
    half = switching.half(field)
    return {
        "image": switching.switching_data_uri(item.candidate.structure, field),
        "scale": plots.switching_scale(field),
        "first": svg.number(round(found[1], 4)),
        "half": None if half is None else svg.number(round(half, 4)),
    }


def _plane(data: ReportData, number: int, item: Verified) -> str | None:
    """Where the plane became unstable, None where it did not or nobody looked."""
    unstable_h = data.plane_unstable_h.get(number, np.nan)
    return None if np.isnan(unstable_h) else plane_in_words(unstable_h, item.spins)


def _check(data: ReportData, item: Verified) -> dict[str, Any]:
    """One line of what different solvers and meshes say of a candidate."""
    return {
        "solver": f"{item.backend}, {item.discretization}{', free spins' if item.spins == 'free' else ''}",
        "cell": f"{item.candidate.structure.cell_nm:g} nm",
        "converged": item.converged,
        "values": ["missing" if not np.isfinite(value) else f"{value:.3f}" for value in item.anchors],
        "hit": item.map_hits(data.goals),
    }


def _accuracy(data: ReportData) -> list[dict[str, Any]]:
    rows = []
    for anchor in ANCHORS:
        found, paper = data.accuracy.get(anchor), PAPER_MAE[anchor]
        found = None if found is None or not np.isfinite(found) else found
        rows.append({
            "anchor": anchor, "unit": UNITS[anchor], "found": None if found is None else f"{found:.4f}",
            "paper": f"{paper:.4f}",
            "ratio": None if found is None else f"{found / paper:.2f}",
        })  # fmt: skip
    return rows


def symbols(words: str) -> Markup:
    """Escaped text in which the units H_A and Ms have their subscripts."""
    return escape(words).replace("H_A", Markup("H<sub>A</sub>")).replace("Ms", Markup("M<sub>s</sub>"))


def measured(data: ReportData, anchor: str, value: float) -> dict[str, str] | None:
    """A value in reduced and SI units, None where it is missing."""
    if not np.isfinite(value):
        return None
    if anchor in STRUCTURE or anchor == "squareness":
        return {"reduced": f"{value:.3f}", "si": ""}
    amount, unit = si_value(anchor, value, data.material)
    return {"reduced": f"{value:.3f}", "si": f"{amount:.3f} {unit}"}


def with_error(mean: float, std: float) -> str | None:
    """mean ± standard deviation, None where missing."""
    if not np.isfinite(mean):
        return None
    return f"{mean:.3f} ± {std:.3f}" if np.isfinite(std) else f"{mean:.3f}"


def duration(seconds: float) -> str:
    """As people say it: 8.2 s, 3 min 20 s, 2 h 5 min."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"
