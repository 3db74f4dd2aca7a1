"""The map: every structure by two of its properties, coloured by a third."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bokeh.core.properties import value
from bokeh.events import Tap
from bokeh.models import ColorBar, ColumnDataSource, HoverTool, Range1d, Select
from bokeh.palettes import Viridis256
from bokeh.transform import linear_cmap

from inverse_design.explore import look
from inverse_design.explore.atlas import CANDIDATE, COLUMN_UNITS, COLUMNS, FRONT, KINDS, LABEL
from inverse_design.explore.state import Session
from simulation.anchors import ANCHORS

REACH = 0.05
"""A click that is farther from every point, in widths of the plot, picks none."""


def label_of(column: str) -> str:
    """A column with its unit."""
    unit = COLUMN_UNITS[column]
    return f"{column.removesuffix('_deg')} in {unit}" if unit else column


class MapView:
    """Draws the map.

    Args:
        session: its atlas, what is picked and what is shown.
        picked: told the row of the point that was clicked.
    """

    def __init__(self, session: Session, picked: Callable[[int], None]) -> None:
        self._session, self._picked = session, picked
        self.figure = look.plot("map", "", "", "pan,wheel_zoom,box_zoom,reset", height=420, active_drag=None,
                                x_range=Range1d(0, 1), y_range=Range1d(0, 1))  # fmt: skip
        options = [(column, label_of(column)) for column in COLUMNS]
        self.x, self.y, self.color = (
            Select(title=title, value=value, options=options, name=f"map-{title}", stylesheets=[look.sheet()],
                   sizing_mode="stretch_width")
            for title, value in (("x", "Hc"), ("y", "Mr"), ("colour", "grains"))
        )  # fmt: skip
        self._sources = {kind: ColumnDataSource({"x": [], "y": [], "color": [], "name": []}) for kind in KINDS}
        self._mapper = linear_cmap("color", Viridis256, 0, 1, nan_color=look.POINT)
        colored = {"x": "x", "y": "y", "fill_color": self._mapper}
        points = [
            self.figure.scatter(**colored, source=self._sources[LABEL], size=6, line_color=look.SOFT, line_alpha=0.5,
                                line_width=0.5, fill_alpha=0.75),
            self.figure.scatter("x", "y", source=self._sources[FRONT], size=8, fill_color=None,
                                line_color=look.PREDICTED, line_width=1.5),
            self.figure.scatter(**colored, source=self._sources[CANDIDATE], size=12, marker="diamond",
                                line_color=look.INK, line_width=1.2),
        ]  # fmt: skip
        self._bar = ColorBar(color_mapper=self._mapper.transform, height=8, padding=0, margin=4,
                             title_text_font=look.FONT, title_text_font_style="normal", title_text_font_size="12px",
                             title_text_color=look.INK, major_label_text_font=look.FONT,
                             major_label_text_font_size="12px", major_label_text_color=look.SOFT,
                             background_fill_color=None)  # fmt: skip
        self.figure.add_layout(self._bar, "below")
        self.figure.add_tools(HoverTool(renderers=points, tooltips=[("", "@name"), ("x", "@x"), ("y", "@y")]))
        self._ends = ColumnDataSource({"x": [], "y": [], "text": []})
        self.figure.scatter("x", "y", source=self._ends, size=17, fill_color=None, line_color=look.INK, line_width=2.2)
        self.figure.text("x", "y", "text", source=self._ends, x_offset=9, y_offset=-8, text_font=value(look.FONT),
                         text_font_size="14px", text_font_style="bold", text_color=look.INK)  # fmt: skip
        self._here = {kind: ColumnDataSource({"x": [], "y": []}) for kind in ("predicted", "simulated")}
        for kind, color in (("predicted", look.PREDICTED), ("simulated", look.SIMULATED)):
            self.figure.scatter("x", "y", source=self._here[kind], size=12, fill_color=color, line_color="white",
                                line_width=2.5)  # fmt: skip
        for select in (self.x, self.y, self.color):
            select.on_change("value", lambda attribute, old, new: self.draw())
        self.figure.on_event(Tap, lambda event: self._tapped(event.x, event.y))
        self.draw()

    def column(self, name: str) -> np.ndarray:
        """(n,) of all points."""
        return np.asarray(self._session.atlas.table[:, COLUMNS.index(name)])

    def draw(self) -> None:
        """All points anew, after another choice of axes."""
        x, y, color = (self.column(select.value) for select in (self.x, self.y, self.color))
        kinds = np.array([point.kind for point in self._session.atlas.points])
        names = np.array([point.name for point in self._session.atlas.points])
        for kind, source in self._sources.items():
            rows = kinds == kind
            source.data = {"x": x[rows], "y": y[rows], "color": color[rows], "name": names[rows]}
        mapper = self._mapper.transform
        mapper.low, mapper.high = _span(color, 0.0)
        self._bar.title = label_of(self.color.value)
        for view, values, label in (("x", x, self.x.value), ("y", y, self.y.value)):
            view_range = getattr(self.figure, f"{view}_range")
            view_range.update(**dict(zip(("start", "end"), _span(values, 0.06), strict=True)))
            view_range.reset_start, view_range.reset_end = view_range.start, view_range.end
            getattr(self.figure, f"{view}axis").axis_label = label_of(label)
        self.mark()

    def mark(self) -> None:
        """Both ends of the morph, and where what is shown stands."""
        session = self._session
        ends = [(row, name) for row, name in zip(session.ends, "AB", strict=True) if row is not None]
        x, y = (self.column(select.value)[[row for row, _ in ends]] for select in (self.x, self.y))
        self._ends.data = {"x": x, "y": y, "text": [name for _, name in ends]}
        on_map = {"x": self.x.value, "y": self.y.value}
        for kind, anchors in (("predicted", None if session.is_empty else session.prediction().mean),
                              ("simulated", None if session.is_empty else session.anchors())):  # fmt: skip
            place: dict[str, list[float]] = {"x": [], "y": []}
            if anchors is not None and all(name in ANCHORS for name in on_map.values()):
                place = {axis: [float(anchors[ANCHORS.index(name)])] for axis, name in on_map.items()}
            self._here[kind].data = place

    def _tapped(self, x: float, y: float) -> None:
        row = self.nearest(x, y)
        if row is not None:
            self._picked(row)

    def nearest(self, x: float, y: float) -> int | None:
        """The point that is nearest to a place, as it looks; None if none is near."""
        far = np.zeros(len(self._session.atlas.points))
        for at, view, select in ((x, self.figure.x_range, self.x), (y, self.figure.y_range, self.y)):
            far = far + ((self.column(select.value) - at) / (view.end - view.start)) ** 2
        if not np.isfinite(far).any():
            return None
        row = int(np.nanargmin(far))
        return row if far[row] <= REACH**2 else None

    def beside(self, row: int | None, step: int) -> int:
        """The point that follows another along x."""
        order = np.argsort(self.column(self.x.value), kind="stable")
        at = -1 if row is None else int(np.flatnonzero(order == row)[0])
        return int(order[(at + step) % len(order)])


def _span(values: np.ndarray, margin: float) -> tuple[float, float]:
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = float(finite.min()), float(finite.max())
    more = margin * (high - low) or 0.5 * (high == low)
    return low - more, high + more
