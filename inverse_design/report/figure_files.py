"""The figures of a report as files: PNG to look at, SVG to put into a paper."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from inverse_design.goals import curve_of
from inverse_design.report import figures
from inverse_design.report.data import ReportData, further, how
from inverse_design.report.style import own_style
from inverse_design.run.verified import Verified
from simulation.files import replacing

KINDS = ("png", "svg")

DRAWING = 7
"""Bumped by hand when figures change their looks, so that those of an older run are drawn again."""
_STYLE: dict[Any, Any] = {
    "svg.hashsalt": "inverse_design", "svg.fonttype": "none", "font.size": 9.0, "axes.linewidth": 0.8,
}  # fmt: skip


def write_figures(data: ReportData, folder: Path) -> None:
    """Write every figure of a report; those of candidates that an older run of this name had are removed.

    A figure that is there with the same content is left as it is: a report is written after every round, and drawing
    takes longer than all the rest of it. Of candidates those in `ReportData.figured` are drawn.
    """
    folder.mkdir(parents=True, exist_ok=True)
    curve = curve_of(data.goals)
    goals = repr((data.goals, data.material)) + ("" if curve is None else repr(curve.as_plain()))
    shown = data.figured
    told = [repr((item.converged, item.confirmed, _key(item))) for item in data.verified]
    if len(data.front) or data.verified:
        key = _digest("front", goals, data.front.to_csv(index=False), *told)
        _draw(folder / "front", key, lambda: figures.front_figure(data))
    if any(len(values) for values in data.hypervolume):
        key = _digest("hypervolume", *(np.asarray(values).tobytes().hex() for values in data.hypervolume))
        _draw(folder / "hypervolume", key, lambda: figures.hypervolume_figure(data.hypervolume))
    if data.losses:
        key = _digest(
            "learning", *(repr((name, *map(np.ndarray.tolist, curve))) for name, curve in data.losses.items())
        )
        _draw(folder / "learning", key, lambda: figures.learning_figure(data.losses))
    for number, item in enumerate(data.verified):
        checks = [f"{how(again)} {_key(again)}" for again in further(data, number)]
        key = _digest(str(number), goals, str(item.round), told[number], *checks)

        def draw(number: int = number, item: Verified = item) -> Figure:
            return figures.candidate_figure(number, item, data)

        def draw_structure(number: int = number, item: Verified = item) -> Figure:
            return figures.structure_figure(number, item, data.reversals.get(number))

        draw_or_drop = _draw if number in shown else _drop_old
        draw_or_drop(folder / f"candidate-{number:02d}", key, draw)
        reversal = np.asarray(data.reversals.get(number, ()), np.float32).tobytes().hex()
        key = _digest(str(number), item.candidate.structure.content_hash, reversal)
        draw_or_drop(folder / f"candidate-{number:02d}-structure", key, draw_structure)
    for path in folder.glob("candidate-*.*"):
        found = re.fullmatch(r"candidate-(\d+)(-structure)?\.(png|svg)", path.name)
        if found and int(found[1]) >= len(data.verified):
            path.unlink()


def _draw(path: Path, key: str, figure: Callable[[], Figure]) -> None:
    """Draw a figure unless it is there."""
    if not _is_drawn(path, key):
        with own_style(_STYLE):
            save_figure(figure(), path, key=key)


def _drop_old(path: Path, key: str, figure: Callable[[], Figure]) -> None:
    """Remove a figure that is not asked for and shows something else."""
    if not _is_drawn(path, key):
        for kind in KINDS:
            path.with_name(f"{path.name}.{kind}").unlink(missing_ok=True)


def _is_drawn(path: Path, key: str) -> bool:
    """Whether both files of a figure are there and its SVG, written last, carries this key."""
    drawn = path.with_name(path.name + ".svg")
    if not (path.with_name(path.name + ".png").is_file() and drawn.is_file()):
        return False
    with drawn.open(encoding="utf-8", errors="replace") as file:
        return key in file.read(4000)


def save_figure(figure: Figure, path: Path, kinds: tuple[str, ...] = KINDS, key: str | None = None) -> None:
    """Write a figure as `path`.png and `path`.svg, each whole or not at all.

    Args:
        key: identifier of its content, for the metadata of the SVG.
    """
    layout = figure.get_layout_engine()
    if layout is not None:
        layout.execute(figure)
    with mpl.rc_context({"figure.autolayout": False, "figure.constrained_layout.use": False}):
        figure.set_layout_engine(None)  # laid out once for both kinds; "none" would draw each of them twice
    for kind in kinds:
        # Without a date the same run gives the same bytes.
        metadata = {"Date": None, "Identifier": key} if kind == "svg" else None
        with replacing(path.with_name(f"{path.name}.{kind}")) as partial:
            figure.savefig(partial, format=kind, dpi=160, metadata=metadata)


def _key(item: Verified) -> str:
    candidate = item.candidate
    arrays = (item.h, item.m, item.anchors, candidate.predicted, candidate.std)
    return _digest(
        candidate.structure.content_hash, *(np.asarray(array, np.float64).tobytes().hex() for array in arrays)
    )


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join((str(DRAWING), *parts)).encode()).hexdigest()
