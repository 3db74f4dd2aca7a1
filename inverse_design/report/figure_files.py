"""The figures of a report as files: PNG to look at, SVG to put into a paper."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from inverse_design.report import figures
from inverse_design.report.data import ReportData

_STYLE = {"svg.hashsalt": "inverse_design", "svg.fonttype": "none", "font.size": 9.0, "axes.linewidth": 0.8}


def write_figures(data: ReportData, folder: Path) -> None:
    """Write every figure of a report; those of candidates that an older run of this name had are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(_STYLE):
        if len(data.front) or data.verified:
            save_figure(figures.front_figure(data), folder / "front")
        if any(len(values) for values in data.hypervolume):
            save_figure(figures.hypervolume_figure(data.hypervolume), folder / "hypervolume")
        for number, item in enumerate(data.verified):
            save_figure(figures.candidate_figure(number, item, data), folder / f"candidate-{number:02d}")
    for path in folder.glob("candidate-*.*"):
        found = re.fullmatch(r"candidate-(\d+)\.(png|svg)", path.name)
        if found and int(found[1]) >= len(data.verified):
            path.unlink()


def save_figure(figure: Figure, path: Path, kinds: tuple[str, ...] = ("png", "svg")) -> None:
    """Write a figure as `path`.png and `path`.svg, each whole or not at all."""
    for kind in kinds:
        partial = path.with_name(f".{path.name}.{kind}.partial")
        # Without a date the same run gives the same bytes.
        metadata = {"Date": None} if kind == "svg" else None
        figure.savefig(partial, format=kind, dpi=160, metadata=metadata)
        partial.replace(path.with_name(f"{path.name}.{kind}"))
