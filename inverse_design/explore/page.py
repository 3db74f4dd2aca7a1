"""One visitor's page: views and panels around one session."""

from __future__ import annotations

import json
from concurrent.futures import Executor
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.core.templates import get_env
from bokeh.document import Document
from bokeh.events import ValueSubmit
from bokeh.models import RadioButtonGroup, TextInput

from inverse_design.explore import look, words
from inverse_design.explore.atlas import COLUMNS, KINDS, Atlas
from inverse_design.explore.curve_view import CurveView
from inverse_design.explore.goals_panel import GoalsPanel
from inverse_design.explore.grains_view import GrainsView
from inverse_design.explore.map_view import MapView
from inverse_design.explore.prediction import anchors_in_words
from inverse_design.explore.ranges import ranges
from inverse_design.explore.simulate_panel import SimulatePanel
from inverse_design.explore.simulations import Simulations
from inverse_design.explore.state import Session
from inverse_design.explore.widgets import Actions, button, slider, text
from inverse_design.report import plots


class Page:
    """Everything that one visitor sees.

    Args:
        doc: their document.
        atlas, simulations, background, folder: shared by all: the map, the workers, a thread for searches, and where
            files are saved.
    """

    def __init__(
        self, doc: Document, atlas: Atlas, simulations: Simulations, background: Executor, folder: Path
    ) -> None:
        self.session = session = Session(atlas)
        self.actions = actions = Actions(doc, self.draw)
        self._setting = False
        self.map = MapView(session, lambda row: self.pick(row))
        self.grains = GrainsView(session, actions)
        self.goals = GoalsPanel(session, actions, background, simulations)
        self.curve = CurveView(session, self.goals.dragged, lambda h: self.simulate.point(h))
        self.simulate = SimulatePanel(session, actions, self.curve, simulations, folder)
        self.end = RadioButtonGroup(name="end", labels=["pick A", "pick B"], active=0, stylesheets=[look.sheet()])
        self.names = [
            TextInput(name=f"end-{name}", title=name, value="", placeholder="label 1234", stylesheets=[look.sheet()],
                      sizing_mode="stretch_width")
            for name in "AB"
        ]  # fmt: skip
        for end, named in enumerate(self.names):
            named.on_event(ValueSubmit, lambda event, end=end: self._named(end, event.value))
        self.morph = slider("morph", "morph from A to B", 0.0, 1.0, 0.01)
        self.morph.on_change("value", lambda attribute, old, new: self._morphed(new))
        self.axis = slider("axis", "axis of the chosen grain in degrees", -90.0, 90.0, 1.0, value=0.0)
        self.axis.on_change("value", lambda attribute, old, new: self._axis(new))
        self.undo = button("undo", "Undo", lambda: actions.act(session.undo))
        self.redo = button("redo", "Redo", lambda: actions.act(session.redo))
        self.merge = button("merge", "Merge", lambda: actions.act(session.merge))
        self.split = button("split", "Split", lambda: actions.act(session.split))
        self.texts = {name: text(name) for name in ("origin", "worth", "values", "chosen")}
        self.keys = TextInput(name="keys", visible=False)
        self.keys.on_change("value", lambda attribute, old, new: self.key(new))
        for root in self.roots:
            doc.add_root(root)
        doc.title = f"{atlas.name} · explore"
        doc.template = template()
        doc.template_variables.update(context(atlas))
        doc.on_session_destroyed(lambda context: self.goals.close())
        self.start()

    @property
    def roots(self) -> list[Any]:
        of_map = [self.map.x, self.map.y, self.map.color, self.map.figure, self.end, *self.names, self.morph]
        of_grains = [self.grains.figure, self.axis, self.undo, self.redo, self.merge, self.split, *self.texts.values()]
        more = [self.curve.figure, *self.simulate.roots, *self.goals.roots, self.actions.told, self.keys]
        return [*of_map, *of_grains, *more]

    def start(self) -> None:
        """Two points to begin with: one as most are, and one of the most square."""
        product = self.session.atlas.table[: len(self.session.atlas.structures), COLUMNS.index("BHmax")]
        order = np.argsort(product, kind="stable")
        if order.size:
            self.session.pick(int(order[int(0.9 * (order.size - 1))]), 1)
            self.session.pick(int(order[order.size // 2]), 0)
            self.session.history.forget_steps()
            self.actions.tried(self.draw)

    def draw(self, at_rest: bool = True) -> None:
        """All that depends on what is shown; what takes long only where nothing moves."""
        session = self.session
        self.grains.draw()
        self.curve.draw()
        self.map.mark()
        self.simulate.draw()
        self.goals.draw()
        self.texts["worth"].text = words.worth(session, at_rest)
        for name, said in (("origin", words.origin), ("values", words.values_table), ("chosen", words.axis)):
            self.texts[name].text = said(session)
        self._setting = True
        self.undo.disabled, self.redo.disabled = not session.history.can_undo, not session.history.can_redo
        for tool in (self.axis, self.merge, self.split):
            tool.disabled = session.grain is None
        self.axis.value = round(session.axis_deg or 0.0, 1)
        self.morph.disabled = None in session.ends
        if self.morph.value != session.alpha:
            self.morph.value = session.alpha
        for named, row in zip(self.names, session.ends, strict=True):
            named.value = "" if row is None else session.atlas.points[row].name
        self._setting = False

    def pick(self, row: int, end: int | None = None) -> None:
        """A point of the map becomes the end that is to be picked."""
        self.actions.act(lambda: self.session.pick(row, self.end.active if end is None else end))

    def _named(self, end: int, name: str) -> None:
        if name.strip():
            self.actions.act(lambda: self.session.pick(self.session.row_named(name), end))

    def _morphed(self, alpha: float) -> None:
        if not self._setting:
            self.actions.move("morph", lambda: self.session.morph(float(alpha)))

    def _axis(self, degrees: float) -> None:
        if not self._setting:
            self.actions.move("axis", lambda: self.session.turn_to(float(degrees)))

    def key(self, message: str) -> None:
        """A key that was pressed on one of the plots: which plot, which key, with or without shift, and a count that
        makes each message another."""
        place, name, shift, *_ = [*message.split(" "), "", "", ""]
        session, far = self.session, 10 if shift == "shift" else 1
        step = {"ArrowLeft": -1, "ArrowDown": -1, "ArrowRight": 1, "ArrowUp": 1}.get(name, 0)
        if name == "u":
            self.actions.act(session.undo)
        elif place == "map" and step:
            self.pick(self.map.beside(session.ends[self.end.active], far * step))
        elif place == "map" and name in ("a", "b"):
            self.end.active = "ab".index(name)
        elif place == "curve" and step:
            self.actions.tried(lambda: self.simulate.step(-far * step))
        elif place == "grains":
            changes = {"Space": lambda: session.next_grain(-1 if shift else 1), "m": session.merge, "s": session.split}
            change = changes.get(name) or ((lambda: session.turn_by(far * step)) if step else None)
            if change:
                self.actions.act(change)
                self.actions.say(f"{words.plain_axis(session)} {anchors_in_words(session.prediction().mean)} predicted")


def template() -> Any:
    """The page's layout."""
    return get_env().from_string(_shipped("page.html.j2"))


def context(atlas: Atlas) -> dict[str, Any]:
    """What the layout says beside the models."""
    counts = [(kind, sum(point.kind == kind for point in atlas.points)) for kind in KINDS]
    plural = {"label": "labelled structures", "candidate": "candidates of the run", "front": "Pareto points"}
    said = ", ".join(f"{count:,} {plural[kind]}" for kind, count in counts if count)
    ny, nx = atlas.structures[0].shape
    c = atlas.conditions
    return {
        "heading": atlas.name,
        "about": f"{said}; {nx} × {ny} cells of {atlas.structures[0].cell_nm:g} nm, simulated by {c.discretization}",
        "marks": " Diamonds: candidates of the run; circles: its Pareto points." if atlas.run is not None else "",
        "wanted": list(ranges(1.0)),
        "style": _shipped("page.css"),
        "script": _shipped("page.js"),
        "dark": json.dumps(look.DARK),
        "disc": plots.direction_disc(),
    }


def _shipped(name: str) -> str:
    return (files("inverse_design.explore") / name).read_text(encoding="utf-8")
