"""Simulate, confirm, play and save what is shown."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from bokeh.models import Select, TextInput

from inverse_design.explore import look, saving, words
from inverse_design.explore.curve_view import CurveView
from inverse_design.explore.grains_view import MomentView
from inverse_design.explore.simulations import FINER, FREE, Simulations, check_job, checks_of
from inverse_design.explore.state import Session
from inverse_design.explore.widgets import Actions, button, slider, text
from simulation.errors import InputError
from simulation.formats import remanence
from simulation.labels.film import Film, film
from simulation.labels.simulating import attempt, simulate_label
from simulation.microstructure import Microstructure

FRAME_MS = 90
"""Of the film."""


class SimulatePanel:
    """The part of the page that asks the solver.

    Args:
        session, actions: of the page.
        curve: its plot, on which the field is marked.
        simulations: the workers.
        folder: where files are saved.
    """

    def __init__(
        self, session: Session, actions: Actions, curve: CurveView, simulations: Simulations, folder: Path
    ) -> None:
        self._session, self._actions, self._curve = session, actions, curve
        self._simulations, self._folder = simulations, folder
        self._playing: Any = None
        self._h: float | None = None
        self._setting = False
        self._drawn_film: Film | None = None
        self.moment = MomentView(session)
        self.simulate = button("simulate", "Simulate", self._simulate, "primary")
        offered = checks_of(session.atlas.conditions)
        self.finer = button("finer", "By a finer mesh", partial(self._check, FINER))
        self.free = button("free", "By free spins", partial(self._check, FREE))
        self.free.disabled = FREE not in offered
        self.field = slider("field", "field in H_A", -1.0, 1.0, 0.01, value=0.0)
        self.field.on_change("value", lambda attribute, old, new: self._slid(new))
        self.play = button("play", "Play the reversal", self._play)
        self.state = text("state")
        self.name = TextInput(name="file-name", title="name", value="magnet", stylesheets=[look.sheet()],
                              sizing_mode="stretch_width")  # fmt: skip
        formats = [("npz", "npz, this package's"), ("ovf", "OVF 2, OOMMF"), ("mumax3", "mumax3 script")]
        self.format = Select(name="format", title="format", value="npz", options=formats, stylesheets=[look.sheet()],
                             sizing_mode="stretch_width")  # fmt: skip
        self.save = button("save", f"Save into {folder.name}/", self._save)
        self.keep = button("keep", "Keep as a label of the run", self._keep)
        self.keep.visible = session.atlas.run is not None

    @property
    def roots(self) -> list[Any]:
        return [self.simulate, self.finer, self.free, self.field, self.play, self.state, self.moment.figure, self.name,
                self.format, self.save, self.keep]  # fmt: skip

    def draw(self) -> None:
        """The state at the field, of what is shown now."""
        found = self._session.known().film
        if found is not self._drawn_film and found is not None and found.h.size:
            self.field.update(start=float(found.h.min()), end=float(found.h.max()))
        self._drawn_film = found
        self._draw_state()

    def point(self, h: float) -> None:
        """Show the state at a field; of nothing simulated its magnetisation on the curve alone."""
        self._actions.move("field", lambda: self._point(h))

    def _slid(self, h: float) -> None:
        if not self._setting:
            self.point(float(h))

    def _point(self, h: float) -> None:
        self._h = h
        self._curve.point_at(h)
        self._setting = True
        self.field.value = min(max(h, self.field.start), self.field.end)
        self._setting = False

    def step(self, fields: int) -> None:
        """Some fields of the sweep further."""
        self.point(round((self._h or 0.0) - fields * self._session.atlas.conditions.sweep.step, 6))

    def _draw_state(self) -> None:
        session, found = self._session, self._session.known().film
        curve, h = session.curve(), self._h
        frame = found.frame(0.0 if h is None else h) if found is not None and found.h.size else 0
        self.moment.draw(session.shown.structure, found, frame)
        said = []
        if h is not None and curve is not None and curve[0][-1] <= h <= curve[0][0]:
            m = float(np.interp(h, curve[0][::-1], curve[1][::-1]))
            said.append(f"H = {h:.3f} H_A, M = {m:.3f} Ms".replace("-", "−"))
        if found is None:
            said.append("Simulate to see the magnetisation at the field under the pointer.")
        elif not found.h.size:
            said.append(f"Nothing came of the simulation: {found.label.reason}")
        else:
            said.append(f"shown: the state at {found.h[frame]:.2f} H_A".replace("-", "−"))
        self.state.text = "".join(f"<p class='soft'>{words.escaped(one)}</p>" for one in said)

    def _simulate(self) -> None:
        def start() -> None:
            future = self._simulations.submit(film, self._session.job())
            self._busy(self.simulate, "simulating …")
            self._actions.when_done(future, self._simulated)

        self._actions.act(start)

    def _simulated(self, future: Future[Any]) -> None:
        self.simulate.update(label="Simulate", disabled=False)
        found: Film = self._simulations.result_of(future)
        self._session.receive(found)
        self._actions.say(words.outcome(found.label, "simulated"), warning=not found.label.converged)

    def _check(self, what: str) -> None:
        asked = self.finer if what == FINER else self.free

        def start() -> None:
            session = self._session
            job = check_job(session.shown.structure, session.atlas.conditions, what)
            future = self._simulations.submit(attempt, simulate_label, job)
            label, structure = asked.label, session.shown.structure.content_hash
            self._busy(asked, f"{what} …")
            self._actions.when_done(future, partial(self._checked, what, label, structure))

        self._actions.act(start)

    def _checked(self, what: str, label: str, structure: str, future: Future[Any]) -> None:
        (self.finer if what == FINER else self.free).update(label=label, disabled=False)
        found = self._simulations.result_of(future)
        self._session.receive_check(structure, what, found)
        self._actions.say(words.outcome(found, what), warning=not found.converged)

    def _busy(self, asked: Any, label: str) -> None:
        asked.update(label=label, disabled=True)
        self._actions.say(f"{label.removesuffix(' …')} in a process of its own; the page stays free meanwhile")

    def _play(self) -> None:
        if self._playing is not None:
            self._stop()
            return
        found = None if self._session.is_empty else self._session.known().film
        if found is None or not found.h.size:
            self._actions.say("nothing to play yet: simulate what is shown first", warning=True)
            return
        self.point(min(0.0, float(found.h.max())))
        self.play.label = "Stop"
        self._playing = self._actions.doc.add_periodic_callback(self._next_frame, FRAME_MS)

    def _next_frame(self) -> None:
        found = self._session.known().film
        here = found.frame(self._h or 0.0) if found is not None and found.h.size else -1
        if found is None or here < 0 or here + 1 >= found.h.size:
            self._stop()
        else:
            self.point(float(found.h[here + 1]))

    def _stop(self) -> None:
        if self._playing is not None:
            self._actions.doc.remove_periodic_callback(self._playing)
        self._playing, self.play.label = None, "Play the reversal"

    def _save(self) -> None:
        def start() -> None:
            structure, form = self._session.shown.structure, self.format.value
            saving.target(self._folder, self.name.value, form)
            if form != "ovf":
                self._write(structure, self.name.value, form, None)
                return
            c = self._session.atlas.conditions
            spins = str(c.options.get("spins", "planar"))
            future = self._simulations.submit(remanence, structure, c.material, spins)
            self._busy(self.save, "the remanent state …")
            self._actions.when_done(future, partial(self._remanent, structure, self.name.value))

        self._actions.tried(start)

    def _remanent(self, structure: Microstructure, name: str, future: Future[Any]) -> None:
        self.save.update(label=f"Save into {self._folder.name}/", disabled=False)
        self._write(structure, name, "ovf", self._simulations.result_of(future))

    def _write(self, structure: Microstructure, name: str, form: str, remanent: np.ndarray | None) -> None:
        try:
            written = saving.save(structure, self._folder, name, form, self._session.atlas.conditions, remanent)
        except OSError as error:
            raise InputError(f"{self._folder}: cannot be written: {error.strerror}") from None
        self._actions.say(f"wrote {', '.join(path.name for path in written)} into {self._folder.name}/")

    def _keep(self) -> None:
        def keep() -> None:
            found = self._session.known().film
            said = saving.keep_label(self._session.atlas.run, None if found is None else found.label)
            self._actions.say(said)

        self._actions.tried(keep)
