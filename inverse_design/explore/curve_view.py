"""The demagnetisation curve of what is shown: predicted with its uncertainty, simulated, and goals to be dragged."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from bokeh.events import MouseMove
from bokeh.models import BoxAnnotation, ColumnDataSource, Range1d, Span

from inverse_design.explore import look
from inverse_design.explore.state import Session
from simulation.anchors import ANCHORS, LEVELS, UNITS, curve_points

GATE = 0.05
"""Half width of a goal's mark across the curve, in Ms and in H_A."""

GRIP = 0.045
"""Half length of what a goal is dragged by, at least: the band itself may be thinner than a pointer."""

_NOTHING: dict[str, list[float]] = {"h": [], "m": []}


class CurveView:
    """Draws curves and goals.

    Args:
        session: what is shown.
        goal_dragged: told the name and the new edges of a goal.
        pointed: told the field under the pointer.
    """

    def __init__(
        self,
        session: Session,
        goal_dragged: Callable[[str, float, float], None],
        pointed: Callable[[float], None],
    ) -> None:
        self._session, self._goal_dragged, self._drawing = session, goal_dragged, False
        deepest = float(np.nanmax(session.atlas.table[:, ANCHORS.index("Hc")], initial=0.3))
        self.figure = look.plot(
            "curve", "H / H_A", "M / Ms", "pan,wheel_zoom,reset", height=380,
            x_range=Range1d(-min(deepest + 0.08, 1.02), 0.14, bounds=(-1.1, 1.1)),
            y_range=Range1d(-0.16, 1.06, bounds=(-1.1, 1.1)),
            active_drag=None, active_scroll=None,
        )  # fmt: skip
        for dimension in ("width", "height"):
            self.figure.add_layout(Span(location=0, dimension=dimension, line_color=look.RULE, level="underlay"))
        self._band = ColumnDataSource(_NOTHING)
        self._line, self._points, self._bars = (ColumnDataSource(_NOTHING) for _ in range(3))
        self._bars.data = {name: [] for name in ("x0", "y0", "x1", "y1")}
        self._simulated = ColumnDataSource(_NOTHING)
        self._checks = {words: ColumnDataSource(_NOTHING) for words in look.CHECKED}
        plot = self.figure
        plot.patch("h", "m", source=self._band, color=look.PREDICTED, fill_alpha=0.13, line_alpha=0)
        plot.line("h", "m", source=self._line, color=look.PREDICTED, line_width=1.5, line_dash=[5, 3],
                  legend_label="predicted")  # fmt: skip
        plot.segment("x0", "y0", "x1", "y1", source=self._bars, color=look.PREDICTED, line_width=2)
        plot.scatter("h", "m", source=self._points, color=look.PREDICTED, size=7)
        plot.line("h", "m", source=self._simulated, color=look.SIMULATED, line_width=2.2, legend_label="simulated")
        for words, source in self._checks.items():
            plot.line("h", "m", source=source, color=look.CHECKED[words], line_width=1.6, line_dash=[7, 4],
                      legend_label=words)  # fmt: skip
        self._items = {item.label.value: item for item in plot.legend.items}
        plot.legend.location, plot.legend.label_text_font_size = "bottom_right", "12px"
        plot.legend.background_fill_alpha, plot.legend.border_line_color = 0.8, None
        plot.legend.background_fill_color, plot.legend.label_text_color = look.RAISED, look.INK
        plot.legend.label_text_font, plot.legend.padding, plot.legend.spacing = look.FONT, 4, 0
        self._cursor = Span(dimension="height", line_color=look.INK, line_width=1, line_alpha=0.6, visible=False)
        plot.add_layout(self._cursor)
        self._goals = {name: self._goal(name) for name in ANCHORS}
        plot.on_event(MouseMove, lambda event: pointed(event.x))

    def draw(self) -> None:
        """Curves and goals anew."""
        found = self._session.prediction()
        h, m = (values[0] for values in curve_points(found.mean[None]))
        self._line.data = {"h": h, "m": m}
        self._points.data = {"h": h, "m": m}
        self._band.data, self._bars.data = uncertainty(found.mean, found.std)
        curve, known = self._session.curve(), self._session.known()
        self._simulated.data = _NOTHING if curve is None else {"h": curve[0], "m": curve[1]}
        for words, source in self._checks.items():
            label = known.checks.get(words)
            source.data = _NOTHING if label is None else {"h": label.h, "m": label.m}
            self._items[words].visible = label is not None
        self._items["simulated"].visible = curve is not None
        self.draw_goals()

    def draw_goals(self) -> None:
        """The bands where the goals are now."""
        self._drawing = True
        level = float(self._session.prediction().mean[1]) if not self._session.is_empty else 0.9
        for name, (band, grip) in self._goals.items():
            edges = self._session.goals.get(name)
            band.visible = grip.visible = edges is not None
            if edges is not None:
                middle, half = (edges[0] + edges[1]) / 2, max((edges[1] - edges[0]) / 2, GRIP)
                for box, (low, high) in ((band, edges), (grip, (middle - half, middle + half))):
                    if UNITS[name] == "Ms":
                        at = 1.0 if name == "M1" else 0.0
                        box.update(left=at - GATE, right=at + GATE, bottom=low, top=high)
                    else:
                        at = LEVELS[name] * level
                        box.update(left=-high, right=-low, bottom=at - GATE, top=at + GATE)
        self._drawing = False

    def point_at(self, h: float | None) -> None:
        """Mark a field, or none."""
        self._cursor.visible = h is not None
        if h is not None:
            self._cursor.location = h

    def _goal(self, name: str) -> tuple[BoxAnnotation, BoxAnnotation]:
        """A band, and what it is dragged by along its axis."""
        upright = UNITS[name] == "Ms"
        place = {"left": -1, "right": -1, "bottom": -1, "top": -1, "visible": False, "fill_color": look.GOAL}
        band = BoxAnnotation(name=f"band-of-{name}", **place, fill_alpha=0.55, line_color=look.GOAL, line_alpha=0.9)
        grip = BoxAnnotation(
            name=f"goal-{name}", **place, editable=True, movable="y" if upright else "x", resizable="none",
            fill_alpha=0.1, line_color=look.GOAL, line_alpha=0.5, line_dash=[2, 3], hover_fill_color=look.GOAL,
            hover_fill_alpha=0.3,
        )  # fmt: skip
        self.figure.add_layout(band)
        self.figure.add_layout(grip)

        def moved(attribute: str, old: float, new: float) -> None:
            edges = self._session.goals.get(name)
            if edges is not None and not self._drawing:
                ends = (grip.bottom, grip.top) if upright else (-grip.right, -grip.left)
                middle, half = (float(ends[0]) + float(ends[1])) / 2, (edges[1] - edges[0]) / 2
                self._goal_dragged(name, middle - half, middle + half)

        for edge in ("bottom", "top") if upright else ("left", "right"):
            grip.on_change(edge, moved)
        return band, grip


def uncertainty(mean: np.ndarray, std: np.ndarray) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A band of one standard deviation around a predicted curve, and its bars: magnetisations upright, fields level.

    Args:
        mean, std: (6,) anchor points.
    """
    up = np.array([std[i] if UNITS[name] == "Ms" else 0.0 for i, name in enumerate(ANCHORS)])
    aside = std - up
    h, m = (values[0] for values in curve_points(mean[None]))
    bars = {"x0": h - aside, "y0": m - up, "x1": h + aside, "y1": m + up}
    # Outside of the curve, where the magnet is harder, and back along the inside.
    band = {"h": np.append(h - aside, (h + aside)[::-1]), "m": np.append(m + up, (m - up)[::-1])}
    return band, bars
