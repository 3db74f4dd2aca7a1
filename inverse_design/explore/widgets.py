"""The page's buttons, sliders and texts, all of one look; and the one way in which what they do is done."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Any

from bokeh.document import Document
from bokeh.models import Button, Div, Slider
from markupsafe import escape

from inverse_design.explore import look
from simulation.errors import InputError

log = logging.getLogger("inverse_design")

REST_MS = 15
"""So long a drawing waits for further events: of a drag only the last place counts."""
AT_REST_MS = 250
"""Without a movement for so long, what is slow is drawn, too."""


class Actions:
    """Does what a widget asks for, says what is wrong with it, and has the page drawn once for many events.

    Args:
        doc: of one visitor.
        draw: draws everything that may have changed; told whether all is at rest, and what takes long can be done.
    """

    def __init__(self, doc: Document, draw: Callable[[bool], None]) -> None:
        self.doc, self._draw, self._waiting = doc, draw, False
        self._latest: dict[str, Callable[[], object]] = {}
        self._moving, self._rest = False, 0
        self.told = Div(name="told", text="", stylesheets=[look.sheet()], sizing_mode="stretch_width")

    def say(self, text: str, warning: bool = False) -> None:
        """A sentence at the foot of the page, which a screen reader reads."""
        kind = "warning" if warning else "soft"
        self.told.text = f'<p class="{kind}">{escape(text)}</p>'

    def say_from_elsewhere(self, text: str) -> None:
        """The same from another thread."""
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self.doc.add_next_tick_callback(lambda: self.say(text))

    def act(self, change: Callable[[], object]) -> None:
        """Change the session, and draw it soon."""
        self._settle()
        if self.tried(change):
            self._draw_soon()

    def move(self, what: str, change: Callable[[], object]) -> None:
        """The same of a movement of something: a later one of it that comes in before it was drawn takes its place."""
        self._latest[what], self._moving = change, True
        self._draw_soon()

    def tried(self, change: Callable[[], object]) -> bool:
        """Whether a change went well; if not, what is wrong is said."""
        try:
            change()
        except InputError as error:
            self.say(str(error), warning=True)
            return False
        return True

    def _settle(self) -> None:
        """Do what the last movements ask for."""
        latest, self._latest = self._latest, {}
        for change in latest.values():
            self.tried(change)

    def _draw_soon(self) -> None:
        if not self._waiting:
            self._waiting = True
            self.doc.add_timeout_callback(self._drawn, REST_MS)

    def _drawn(self) -> None:
        self._waiting = False
        self._settle()
        moving, self._moving = self._moving, False
        self.tried(lambda: self._draw(not moving))
        self._rest += 1
        if moving:
            self.doc.add_timeout_callback(partial(self._rested, self._rest), AT_REST_MS)

    def _rested(self, count: int) -> None:
        if count == self._rest and not self._waiting:  # nothing has moved since
            self.tried(lambda: self._draw(True))

    def when_done(self, future: Future[Any], then: Callable[[Future[Any]], None]) -> None:
        """Do something on the page's own thread when work in another is done; nothing where the page is gone."""

        def tell(done: Future[Any]) -> None:
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self.doc.add_next_tick_callback(lambda: self.act(lambda: then(done)))

        future.add_done_callback(tell)


def button(name: str, label: str, clicked: Callable[[], None], kind: str = "default") -> Button:
    """A button, by its name in the page's layout."""
    made = Button(name=name, label=label, button_type=kind, stylesheets=[look.sheet()], sizing_mode="stretch_width")
    made.on_click(clicked)
    return made


def slider(name: str, title: str, start: float, end: float, step: float, **more: Any) -> Slider:
    """A slider at its start."""
    value = more.pop("value", start)
    return Slider(name=name, title=title, start=start, end=end, step=step, value=value, stylesheets=[look.sheet()],
                  sizing_mode="stretch_width", **more)  # fmt: skip


def text(name: str) -> Div:
    """A place for words."""
    return Div(name=name, text="", stylesheets=[look.sheet()], sizing_mode="stretch_width")
