"""Goals as bands, and answers that are found for them."""

from __future__ import annotations

import threading
from concurrent.futures import Executor, Future
from dataclasses import replace
from functools import partial
from typing import Any

from bokeh.layouts import column
from bokeh.models import CheckboxGroup, RangeSlider

from inverse_design.explore import look, words
from inverse_design.explore.finding import ANSWERS, SECONDS, Answer, Search, find
from inverse_design.explore.history import Shown
from inverse_design.explore.simulations import Simulations
from inverse_design.explore.state import Session
from inverse_design.explore.widgets import Actions, button, text
from inverse_design.properties import UNITS, Column
from simulation.labels.film import Film, film
from simulation.labels.label import Job
from simulation.microstructure import Microstructure

HALF_BAND = 0.01
"""Of a goal that was just ticked, around what is predicted of what is shown, as a part of the slider."""


class GoalsPanel:
    """The part of the page that says what is wanted.

    Args:
        session, actions: of the page.
        background: where searches run.
        simulations: the workers that they ask.
    """

    seconds = SECONDS
    """Of a search."""

    def __init__(self, session: Session, actions: Actions, background: Executor, simulations: Simulations) -> None:
        self._session, self._actions = session, actions
        self._background, self._simulations = background, simulations
        self._stop: threading.Event | None = None
        self._answers: list[Answer] = []
        self._setting = False
        self.wanted = CheckboxGroup(name="wanted", labels=list(session.ranges), inline=True,
                                    sizing_mode="stretch_width", stylesheets=[look.sheet()],
                                    active=[list(session.ranges).index(name) for name in session.goals])  # fmt: skip
        self.wanted.on_change("active", lambda attribute, old, new: self._ticked(new))
        self.bands = {name: self._band(name) for name in session.ranges}
        self.find = button("find", "Find", self._find, "primary")
        self.texts = [text(f"answer-text-{i}") for i in range(ANSWERS)]
        self.buttons = [button(f"show-{i}", f"Show {i + 1}", partial(self._show, i)) for i in range(ANSWERS)]
        self.places = [
            column(said, pressed, name=f"answer-{i}", visible=False, sizing_mode="stretch_width")
            for i, (said, pressed) in enumerate(zip(self.texts, self.buttons, strict=True))
        ]

    @property
    def roots(self) -> list[Any]:
        return [self.wanted, *self.bands.values(), self.find, *self.places]

    def draw(self) -> None:
        """The sliders where the goals are."""
        self._setting = True
        for name, band in self.bands.items():
            edges = self._session.goals.get(name)
            band.visible = edges is not None
            if edges is not None:
                band.value = edges
        self._setting = False

    def dragged(self, name: str, low: float, high: float) -> None:
        """A band of the plot was moved."""
        self._actions.move(name, lambda: self._session.set_goal(name, low, high))

    def close(self) -> None:
        """The page is gone."""
        if self._stop is not None:
            self._stop.set()

    def _band(self, name: str) -> RangeSlider:
        start, end, step = self._session.ranges[name]
        unit = f" in {UNITS[name]}" if UNITS[name] else ""
        made = RangeSlider(
            name=f"band-{name}", title=f"{name}{unit}", start=start, end=end, step=step, value=(start, end),
            format="0.000" if step < 0.1 else "0.0", visible=False, stylesheets=[look.sheet()],
            sizing_mode="stretch_width",
        )  # fmt: skip

        def moved(attribute: str, old: object, new: tuple[float, float]) -> None:
            if not self._setting and name in self._session.goals:
                self._actions.move(name, lambda: self._session.set_goal(name, *new))

        made.on_change("value", moved)
        return made

    def _ticked(self, active: list[int]) -> None:
        known = self._session.ranges
        asked = {list(known)[i] for i in active}

        def change() -> None:
            for name in set(self._session.goals) - asked:
                self._session.drop_goal(name)
            for name in asked - set(self._session.goals):
                here, (start, end, _) = float(self._session.expected().mean[0, Column[name]]), known[name]
                here = min(max(here, start), end)
                half = HALF_BAND * (end - start)
                self._session.set_goal(name, max(here - half, start), min(here + half, end))

        self._actions.act(change)

    def _find(self) -> None:
        if self._stop is not None:
            self._stop.set()
            return

        def start() -> None:
            search = replace(self._search(), stop=threading.Event())
            future = self._background.submit(find, search)
            self._stop, self.find.label = search.stop, "Stop"
            self._actions.say("searching from what is shown and what is known …")
            self._actions.when_done(future, self._found)

        self._actions.tried(start)

    def _search(self) -> Search:
        """For what is wanted now, from what is shown."""
        session, simulations = self._session, self._simulations

        def simulate(structure: Microstructure) -> Future[Film]:
            return simulations.submit(film, Job.of(structure, session.atlas.conditions))

        def tell(count: int, met: int) -> None:
            self._actions.say_from_elsewhere(f"simulated {count}, {met} of them meet all goals …")

        shown, values = (None, None) if session.is_empty else (session.shown.structure, session.properties())
        return Search(session.atlas, session.wanted(), simulate, simulations.result_of, shown, values, self.seconds,
                      tell=tell)  # fmt: skip

    def _found(self, future: Future[list[Answer]]) -> None:
        self._stop, self.find.label = None, "Find"
        self._answers = future.result()
        for one in self._answers:
            if one.film is not None:
                self._session.receive(one.film)
        for i, place in enumerate(self.places):
            place.visible = i < len(self._answers)
            if place.visible:
                self.texts[i].text = words.answer(i + 1, self._answers[i], self._session.wanted())
        count, met = len(self._answers), sum(one.hit for one in self._answers)
        self._actions.say(f"{count} answer{'s' * (count != 1)}, all simulated, {met} of them meet all goals")

    def _show(self, number: int) -> None:
        def change() -> None:
            chosen = self._answers[number]
            self._session.show(Shown(chosen.structure, chosen.words, chosen.row))
            self._session.grain = None

        self._actions.act(change)
