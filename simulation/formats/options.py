"""How a structure is read from a file of another program: one value that every command passes on."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from pathlib import Path

from simulation.errors import InputError
from simulation.microstructure import CELL_NM

MEASURED_DEG = 5.0
"""Points of a measured map belong to one grain up to this misorientation of neighbours."""

EQUAL_DEG = 0.01
"""The same of a computed map, whose grains have one axis each: what files round their numbers by, and no more."""

MOST_OUT_OF_PLANE_DEG = 30.0
"""Axes that lie further out of the plane in the mean are no magnet of the model, unless they are to be projected."""

COLORS = ("axis", "hue")

FILL, VOID = UNINDEXED = ("fill", "void")


@dataclass(frozen=True)
class ReadOptions:
    """What a file does not say, or says otherwise.

    Attributes:
        degrees: angles whose unit the file does not say are degrees, not radians.
        cell_nm: edge of a cell of the structure; that of a pixel if None. The map is resampled by the nearest point, so
            that no boundary moves by more than half a cell.
        step_nm: distance of neighbouring points, or edge of a pixel, where the file does not say it, or in a unit that
            is not its format's.
        threshold_deg: neighbouring points belong to one grain up to this misorientation, or angle between their easy
            axes where no more is known; `MEASURED_DEG` of measured orientations, `EQUAL_DEG` of axes that were
            computed, if None.
        easy_axis: crystal directions such as "[001]", or "PHASE=[001]" of one phase; "PHASE=none" leaves its points
            out. [001] where nothing is said.
        project: take the projection of easy axes into the plane however far out of it they lie.
        rotate_deg: by how much the frame of the orientations is turned against that of the map, anticlockwise as the
            map is seen (x to the right, y upwards).
        fill: largest share of points without an orientation that is filled from the nearest grain.
        unindexed: what becomes of points without an orientation: "fill", or "void", a second phase without magnetism,
            however large its share is.
        least_pixels: grains of fewer points are taken for errors of the indexing, and filled from the nearest grain.
        axes: table of the axes by grain (CSV), for maps that hold numbers of grains only.
        colors: what the colours of a picture mean: "axis", those of this package's own pictures, or "hue", red to red
            over 180 degrees from +y towards +x; grey levels or palette indices are numbers of grains.
    """

    degrees: bool = False
    cell_nm: float | None = None
    step_nm: float | None = None
    threshold_deg: float | None = None
    easy_axis: tuple[str, ...] = ()
    project: bool = False
    rotate_deg: float | None = None
    fill: float = 0.1
    unindexed: str = FILL
    least_pixels: int = 1
    axes: Path | None = None
    colors: str | None = None

    def __post_init__(self) -> None:
        for name in ("cell_nm", "step_nm"):
            value = getattr(self, name)
            if value is not None and not CELL_NM[0] <= value <= CELL_NM[1]:
                raise InputError(f"{flag(name)} must lie within {CELL_NM[0]:g} to {CELL_NM[1]:g} nm, got {value}")
        if self.threshold_deg is not None and not 0 < self.threshold_deg <= 90:
            raise InputError(f"--threshold must lie above 0 and be at most 90 degrees, got {self.threshold_deg}")
        if self.rotate_deg is not None and not math.isfinite(self.rotate_deg):
            raise InputError(f"--rotate must be a finite number of degrees, got {self.rotate_deg}")
        if not 0 <= self.fill < 1:
            raise InputError(f"--fill must be a share of at least 0 and below 1, got {self.fill}")
        if self.unindexed not in UNINDEXED:
            raise InputError(f"--unindexed must be one of {', '.join(UNINDEXED)}, got {self.unindexed!r}")
        if self.least_pixels < 1:
            raise InputError(f"--least-pixels must be at least 1, got {self.least_pixels}")
        if self.colors is not None and self.colors not in COLORS:
            raise InputError(f"--colors must be one of {', '.join(COLORS)}, got {self.colors!r}")

    @property
    def given(self) -> set[str]:
        """Names of the options that are not at their defaults."""
        return {field.name for field in fields(self) if getattr(self, field.name) != field.default}


def flag(name: str) -> str:
    """What an option is called on the command line."""
    return "--" + name.removesuffix("_deg").replace("_", "-")
