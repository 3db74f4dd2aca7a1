"""The options by which every command reads a STRUCTURE, whatever program wrote it."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inverse_design.commands.completion import of_words
from inverse_design.console import warn
from simulation.formats.options import COLORS, MEASURED_DEG, MOST_OUT_OF_PLANE_DEG, UNINDEXED, ReadOptions

if TYPE_CHECKING:
    from simulation.microstructure import Microstructure

PANEL = "Reading STRUCTURE"


def _options(
    degrees: Annotated[
        bool,
        typer.Option("--degrees", help="Angles without a unit are degrees.", rich_help_panel=PANEL),
    ] = False,
    cell_nm: Annotated[
        float | None,
        typer.Option("--cell-nm", metavar="NM", help="Edge of a cell to resample to.", rich_help_panel=PANEL),
    ] = None,
    step_nm: Annotated[
        float | None,
        typer.Option(
            "--step-nm", metavar="NM", help="Edge of a pixel where the file does not say it.", rich_help_panel=PANEL
        ),
    ] = None,
    threshold_deg: Annotated[
        float | None,
        typer.Option(
            "--threshold",
            metavar="DEG",
            help=f"Neighbours are one grain up to this misorientation; {MEASURED_DEG:g} of measured maps.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    easy_axis: Annotated[
        list[str] | None,
        typer.Option(
            "--easy-axis",
            metavar="[PHASE=][uvw]",
            help="Crystal direction of the easy axis, [001] by default; PHASE=none leaves a phase out.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    project: Annotated[
        bool,
        typer.Option(
            "--project",
            help=f"Project axes that lie more than {MOST_OUT_OF_PLANE_DEG:g} degrees out of the plane in the mean.",
            rich_help_panel=PANEL,
        ),
    ] = False,
    rotate_deg: Annotated[
        float | None,
        typer.Option(
            "--rotate",
            metavar="DEG",
            help="Angle of the frame of the orientations against the map, anticlockwise; EDAX as a rule: -90.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    fill: Annotated[
        float,
        typer.Option(
            metavar="SHARE", help="Largest share of points without an orientation to fill.", rich_help_panel=PANEL
        ),
    ] = ReadOptions.fill,
    unindexed: Annotated[
        str,
        typer.Option(
            metavar="WHAT",
            help="Points without an orientation: fill from the nearest grain, or void, a phase without magnetism.",
            autocompletion=of_words(*UNINDEXED),
            rich_help_panel=PANEL,
        ),
    ] = ReadOptions.unindexed,
    least_pixels: Annotated[
        int, typer.Option(metavar="N", help="Grains of fewer points are filled, too.", rich_help_panel=PANEL)
    ] = ReadOptions.least_pixels,
    axes: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.csv",
            help="Axes of grains (id,angle_deg), where the file holds their numbers only.",
            rich_help_panel=PANEL,
        ),
    ] = None,
    colors: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"What the colours of a picture mean: {' or '.join(COLORS)}.",
            autocompletion=of_words(*COLORS),
            rich_help_panel=PANEL,
        ),
    ] = None,
) -> None:
    """As the command line has `ReadOptions`."""


def reads_structures(command: Callable[..., None]) -> Callable[..., None]:
    """A command whose argument `reading` is a `ReadOptions`, which the command line has as options of their own."""
    signature = inspect.signature(command, eval_str=True)
    own = [parameter for name, parameter in signature.parameters.items() if name != "reading"]
    more = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in _SHARED.values()]

    @functools.wraps(command)
    def spoken(**words: Any) -> None:
        said = {name: words.pop(name) for name in _SHARED}
        said["easy_axis"] = tuple(said["easy_axis"] or ())
        command(**words, reading=ReadOptions(**said))

    named = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    spoken.__signature__ = signature.replace(parameters=[*named, *more])  # type: ignore[attr-defined]
    spoken.__annotations__ = {parameter.name: parameter.annotation for parameter in (*named, *more)}
    return spoken


_SHARED = inspect.signature(_options, eval_str=True).parameters
assert set(_SHARED) == {field.name for field in fields(ReadOptions)}  # noqa: S101  one option for each attribute


def load(path: Path, reading: ReadOptions | None) -> Microstructure:
    """A structure; what may have been understood wrongly is said as a warning.

    Raises:
        InputError: see `read_structure`.
    """
    from simulation.formats.reading import read_structure  # with SciPy, which the command line does not wait for

    found = read_structure(path, reading)
    warn([f"{path}: {doubt}" for doubt in found.doubts])
    return found.structure
