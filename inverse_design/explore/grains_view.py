"""The grains of what is shown, turned by dragging; and beside them the magnetisation at a field."""

from __future__ import annotations

import math

import numpy as np
from bokeh.events import Pan, PanEnd, PanStart, Tap
from bokeh.models import ColumnDataSource, LinearColorMapper, Range1d

from inverse_design.explore import edits, look
from inverse_design.explore.state import Session
from inverse_design.explore.widgets import Actions
from simulation.labels.film import Film
from simulation.microstructure import Microstructure
from simulation.pictures.axis_colors import palette
from simulation.pictures.grain_image import LINE_RGB, enlarged, indexed_map

_PIXELS = 320
_LEVELS = 64
"""Shades of the magnetisation along the field."""

_SMALLEST_MARK_NM = 6.0


def _hex(rgb: tuple[int, int, int] | np.ndarray) -> str:
    red, green, blue = (int(value) for value in rgb)
    return f"#{red:02x}{green:02x}{blue:02x}"


AXES = [*(_hex(one) for one in palette()), _hex(LINE_RGB)]
"""A colour a degree, as everywhere, and that of the lines between grains."""


def _moment_palette() -> list[str]:
    """From against the field, dark blue, to along it, nearly white; and that of the lines."""
    low, high = np.array([16, 52, 92]), np.array([245, 243, 236])
    middle = np.array([120, 150, 180])
    t = np.linspace(0, 1, _LEVELS)[:, None]
    shades = np.where(t < 0.5, low + 2 * t * (middle - low), middle + (2 * t - 1) * (high - middle))
    return [*(_hex(one) for one in shades.round()), _hex(LINE_RGB)]


MOMENT = _moment_palette()


class _Picture:
    """A square with an image of cells in it."""

    def __init__(self, name: str, size_nm: tuple[float, float], colors: list[str]) -> None:
        width, height = size_nm
        self.figure = look.plot(
            name, "x in nm", "y in nm (field upwards)", x_range=Range1d(0, width), y_range=Range1d(0, height),
            aspect_ratio=width / height * 0.94,
        )  # fmt: skip
        self._size = size_nm
        self.source = ColumnDataSource({"image": [], "dw": [], "dh": []})
        mapper = LinearColorMapper(colors, low=-0.5, high=len(colors) - 0.5)
        self.figure.image("image", source=self.source, x=0, y=0, dw="dw", dh="dh", color_mapper=mapper)

    def draw(self, image: np.ndarray) -> None:
        """An image with row 0 at the top."""
        width, height = self._size
        self.source.data = {"image": [np.ascontiguousarray(image[::-1])], "dw": [width], "dh": [height]}


class GrainsView:
    """Draws the grains; a click chooses one, a drag turns its axis.

    Args:
        session: what is shown.
        actions: take what a gesture does to the session, and have the page drawn anew.
    """

    def __init__(self, session: Session, actions: Actions) -> None:
        self._session, self._actions = session, actions
        shape = session.atlas.structures[0].shape
        cell_nm = session.atlas.structures[0].cell_nm
        self._picture = _Picture("grains", (shape[1] * cell_nm, shape[0] * cell_nm), AXES)
        self.figure = self._picture.figure
        self._axes = ColumnDataSource({name: [] for name in ("x0", "y0", "x1", "y1")})
        self._outline = ColumnDataSource({name: [] for name in ("x0", "y0", "x1", "y1")})
        self._chosen = ColumnDataSource({name: [] for name in ("x0", "y0", "x1", "y1")})
        ends = {"x0": "x0", "y0": "y0", "x1": "x1", "y1": "y1"}
        self.figure.segment(
            **ends, source=self._axes, color=look.INK, line_width=1.6, line_alpha=0.75, line_cap="round"
        )
        self.figure.segment(**ends, source=self._outline, color="#ffffff", line_width=5)
        self.figure.segment(**ends, source=self._outline, color=look.FAILED, line_width=2.5)
        self.figure.segment(**ends, source=self._chosen, color="#ffffff", line_width=7, line_cap="round")
        self.figure.segment(**ends, source=self._chosen, color=look.FAILED, line_width=3.5, line_cap="round")
        self._from: tuple[float, float] | None = None
        self.figure.on_event(Tap, lambda event: self._choose(event.x, event.y))
        self.figure.on_event(PanStart, lambda event: self._start(event.x, event.y))
        self.figure.on_event(Pan, lambda event: self._drag(event.x, event.y))
        self.figure.on_event(PanEnd, lambda event: self._end())

    def draw(self) -> None:
        """Everything anew."""
        session = self._session
        structure = session.shown.structure
        self._picture.draw(indexed_map(structure, _PIXELS))
        middle, reach = edits.centroids_nm(structure), 0.55 * edits.radii_nm(structure)
        angle = structure.grain_angle_rad
        shown = reach > _SMALLEST_MARK_NM * 0.55
        self._axes.data = _bars(middle[shown], angle[shown], reach[shown])
        grain = session.grain
        if grain is None:
            empty: dict[str, list[float]] = {name: [] for name in ("x0", "y0", "x1", "y1")}
            self._outline.data, self._chosen.data = empty, dict(empty)
            return
        self._outline.data = _boundary(structure, grain)
        one = np.array([grain])
        self._chosen.data = _bars(middle[one], angle[one], np.maximum(reach[one], _SMALLEST_MARK_NM))

    def _choose(self, x: float, y: float) -> None:
        self._actions.act(lambda: self._session.choose_grain(x, y))

    def _start(self, x: float, y: float) -> None:
        self._from = None

        def begin() -> None:
            if self._session.choose_grain(x, y) is not None:
                self._from = self._pointer(x, y), self._session.axis_deg or 0.0

        self._actions.act(begin)

    def _drag(self, x: float, y: float) -> None:
        if self._from is not None:
            pointer, axis = self._from
            self._actions.move("axis", lambda: self._session.turn_to(axis + self._pointer(x, y) - pointer))

    def _end(self) -> None:
        self._from = None
        self._actions.act(self._session.history.end_gesture)

    def _pointer(self, x: float, y: float) -> float:
        """Degrees from +y towards +x in which a place lies from the middle of the chosen grain."""
        middle = edits.centroids_nm(self._session.shown.structure)[self._session.grain]
        return math.degrees(math.atan2(x - middle[0], y - middle[1]))


class MomentView:
    """Draws the magnetisation along the field of one state of a film."""

    def __init__(self, session: Session) -> None:
        structure = session.atlas.structures[0]
        ny, nx = structure.shape
        self._picture = _Picture("moment", (nx * structure.cell_nm, ny * structure.cell_nm), MOMENT)
        self.figure = self._picture.figure

    def draw(self, structure: Microstructure, film: Film | None, frame: int) -> None:
        """One state; of none an empty square."""
        if film is None or not film.h.size:
            self._picture.source.data = {"image": [], "dw": [], "dh": []}
            return
        shade = np.rint((film.along(frame) + 1) / 2 * (_LEVELS - 1)).astype(np.uint8)
        self._picture.draw(enlarged(structure, shade, _LEVELS, _PIXELS))


def _bars(middle: np.ndarray, angle: np.ndarray, reach: np.ndarray) -> dict[str, np.ndarray]:
    dx, dy = reach * np.sin(angle), reach * np.cos(angle)
    x, y = middle[:, 0], middle[:, 1]
    return {"x0": x - dx, "y0": y - dy, "x1": x + dx, "y1": y + dy}


def _boundary(structure: Microstructure, grain: int) -> dict[str, np.ndarray]:
    """The outline of a grain as segments between cells."""
    inside = np.pad(structure.grain_id == grain, 1)
    iy, ix = np.nonzero(inside[:, 1:] != inside[:, :-1])
    upright = np.column_stack([ix, iy - 1, ix, iy])
    iy, ix = np.nonzero(inside[1:] != inside[:-1])
    level = np.column_stack([ix - 1, iy, ix, iy])
    ends = np.vstack([upright, level]) * structure.cell_nm
    return {name: ends[:, i] for i, name in enumerate(("x0", "y0", "x1", "y1"))}
