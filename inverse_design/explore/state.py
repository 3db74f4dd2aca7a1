"""What one visitor's page holds: the structure that is shown, how it came about, goals, and what was simulated."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from inverse_design.candidates.acquisition import log_feasibility
from inverse_design.candidates.error_model import Posterior, with_derived
from inverse_design.explore import edits
from inverse_design.explore.atlas import Atlas, Curve
from inverse_design.explore.history import History, Shown
from inverse_design.explore.prediction import Prediction, predict
from inverse_design.explore.ranges import ranges
from inverse_design.goals import Goal
from inverse_design.properties import grain_properties, simulated_properties
from simulation.anchors import ANCHORS
from simulation.errors import InputError
from simulation.labels.film import Film
from simulation.labels.label import Job, Label
from simulation.microstructure import Microstructure, axis_angle

_PREDICTIONS = 64
MOST_SIMULATED = 100
"""Structures whose simulations a page remembers: a film is a megabyte or two."""


@dataclass
class Simulated:
    """What was simulated of one structure here.

    Attributes:
        film: the curve and the states on its way.
        checks: further simulations, by what they were: "finer mesh", "free spins".
    """

    film: Film | None = None
    checks: dict[str, Label] = field(default_factory=dict)


class Session:
    """The state of one page; nothing of it is shared with another.

    Args:
        atlas: the map, which all pages share and none changes.
    """

    def __init__(self, atlas: Atlas) -> None:
        self.atlas = atlas
        self.ends: list[int | None] = [None, None]
        self.alpha = 0.0
        self.grain: int | None = None
        ny, nx = atlas.structures[0].shape
        self.ranges = ranges(max(ny, nx) * atlas.structures[0].cell_nm)
        self.goals = {
            goal.quantity: (max(goal.window[0], self.ranges[goal.quantity][0]),
                            min(goal.window[1], self.ranges[goal.quantity][1]))
            for goal in atlas.goals
            if goal.window and goal.quantity in self.ranges
        }  # fmt: skip
        self.simulated: dict[str, Simulated] = {}
        self.history = History()
        self._predictions: OrderedDict[str, Prediction] = OrderedDict()

    @property
    def shown(self) -> Shown:
        """What is shown.

        Raises:
            InputError: if nothing has been picked yet.
        """
        if self.history.now is None:
            raise InputError("nothing is shown yet: pick a point of the map")
        return self.history.now

    @property
    def is_empty(self) -> bool:
        return self.history.now is None

    def show(self, shown: Shown, gesture: str = "") -> None:
        """Show another structure, see `History.show`."""
        self.history.show(shown, gesture)
        self._check_grain()

    # Picking and morphing.

    def pick(self, row: int, end: int) -> None:
        """Show a point of the map and make it one end (0 or 1) of the morph."""
        if not 0 <= row < len(self.atlas.points) or end not in (0, 1):
            raise InputError(f"there is no point {row} on this map of {len(self.atlas.points)}")
        structure = self.atlas.structure(row)
        self.ends[end], self.alpha, self.grain = row, float(end), None
        self.show(Shown(structure, self.atlas.points[row].name, row))

    def row_named(self, text: str) -> int:
        """The point of a name, or the label of a number.

        Raises:
            InputError: if there is none.
        """
        name = " ".join(text.split())
        name = f"label {int(name)}" if name.isdecimal() and len(name) < 10 else name
        if name not in self.atlas.rows:
            known = next(iter(self.atlas.rows), "")
            raise InputError(f"no point {text[:40]!r} on the map; its points are named such as {known!r}")
        return self.atlas.rows[name]

    def morph(self, alpha: float) -> None:
        """Show what lies at a place of the straight line between the codes of both ends, its grains drawn sharp.

        At 0 and 1 stand the two structures themselves, not what their codes are drawn as.

        Raises:
            InputError: if there are no two ends, or alpha is not within 0 to 1.
        """
        first, last = self.ends
        if first is None or last is None:
            raise InputError("pick two points of the map to morph between")
        if not 0 <= alpha <= 1:
            raise InputError(f"a morph goes from 0 to 1, got {alpha}")
        self.alpha, at_end = alpha, {0.0: first, 1.0: last}.get(alpha)
        if at_end is not None:
            shown = Shown(self.atlas.structure(at_end), self.atlas.points[at_end].name, at_end)
        else:
            code = (1 - alpha) * self.atlas.code(first) + alpha * self.atlas.code(last)
            names = (self.atlas.points[row].name for row in (first, last))
            words = "{:.0f} % of the way from {} to {}".format(100 * alpha, *names)
            shown = Shown(self.atlas.model.draw(code[None])[0], words)
        self.grain = None
        self.show(shown, f"morph {first} {last}")

    # Grains.

    def choose_grain(self, x_nm: float, y_nm: float) -> int | None:
        """The grain at a place becomes the one that is turned; None, and nothing changes, beyond the edge."""
        grain = edits.grain_at(self.shown.structure, x_nm, y_nm)
        if grain is not None:
            self.grain = grain
            self.history.end_gesture()
        return grain

    def next_grain(self, step: int) -> int:
        """Go on to another grain, from the top left to the bottom right, as one reads."""
        middles = edits.centroids_nm(self.shown.structure)
        there = [int(i) for i in np.lexsort((middles[:, 0], -middles[:, 1])) if np.isfinite(middles[i, 0])]
        at = there.index(self.grain) + step if self.grain in there else 0 if step > 0 else -1
        self.grain = there[at % len(there)]
        self.history.end_gesture()
        return self.grain

    @property
    def axis_deg(self) -> float | None:
        """Angle of the chosen grain's axis, None if none is chosen."""
        if self.grain is None:
            return None
        return float(np.degrees(self.shown.structure.grain_angle_rad[self.grain]))

    def turn_to(self, degrees: float) -> None:
        """Turn the chosen grain's axis to an angle from +y towards +x.

        Raises:
            InputError: if no grain is chosen, or the angle is not finite.
        """
        if self.grain is None:
            raise InputError("choose a grain first: click it, or press the space bar")
        if not math.isfinite(degrees):
            raise InputError("an axis needs a finite angle")
        turned = edits.with_axis(self.shown.structure, self.grain, float(axis_angle(np.radians(degrees))))
        self.show(Shown(turned, _edited(self.shown.words)), f"turn {self.grain}")

    def turn_by(self, degrees: float) -> None:
        """Turn the chosen grain's axis further."""
        self.turn_to((self.axis_deg or 0.0) + degrees)

    def merge(self) -> None:
        """The chosen grain becomes part of the neighbour with the longest common boundary."""
        self._rearrange(edits.merged)

    def split(self) -> None:
        """The chosen grain becomes two."""
        self._rearrange(edits.split)

    def _rearrange(self, edit: Callable[[Microstructure, int], tuple[Microstructure, int]]) -> None:
        if self.grain is None:
            raise InputError("choose a grain first: click it, or press the space bar")
        structure, grain = edit(self.shown.structure, self.grain)
        if structure is not self.shown.structure:
            self.show(Shown(structure, _edited(self.shown.words)))
            self.grain = grain

    # Undo.

    def undo(self) -> None:
        """Show again what was shown before the last step."""
        self.history.undo()
        self._check_grain()

    def redo(self) -> None:
        """The step that was undone, once more."""
        self.history.redo()
        self._check_grain()

    def _check_grain(self) -> None:
        if self.grain is not None and self.grain >= self.shown.structure.grain_angle_rad.size:
            self.grain = None

    # What is known of it.

    def prediction(self) -> Prediction:
        """Of what is shown."""
        structure = self.shown.structure
        key = structure.content_hash
        if key not in self._predictions:
            self._predictions[key] = predict(self.atlas.model, structure)
            if len(self._predictions) > _PREDICTIONS:
                self._predictions.popitem(last=False)
        return self._predictions[key]

    def nearest(self) -> tuple[int, float]:
        """The simulated structure that is nearest to what is shown, by its row of the map (-1 if there is none), and
        how far it is, in degrees of axis averaged over the cells. Draws some structures, which takes its time."""
        return self.atlas.simulated.nearest(self.shown.structure, self.prediction().code)

    def known(self) -> Simulated:
        """What was simulated here of what is shown."""
        return self.simulated.get(self.shown.structure.content_hash) or Simulated()

    def curve(self) -> Curve | None:
        """The simulated curve of what is shown: of this page, or that of the map."""
        film = self.known().film
        if film is not None and film.label.h.size:
            return film.label.h, film.label.m
        row = self.shown.row
        return None if row is None else self.atlas.points[row].curve()

    def anchors(self) -> np.ndarray | None:
        """(6,) simulated anchor points of what is shown, None where there are none."""
        film, row = self.known().film, self.shown.row
        if film is not None and film.label.converged:
            return film.label.anchors.as_array()
        if row is not None and row < len(self.atlas.structures):
            return np.asarray(self.atlas.points[row].values[: len(ANCHORS)])
        return None

    def properties(self) -> np.ndarray | None:
        """(13,) of what is shown, as simulated; None where it was not."""
        curve, anchors = self.curve(), self.anchors()
        if curve is None or anchors is None:
            return None
        return simulated_properties(self.shown.structure, *curve, anchors, self.atlas.conditions.material)

    def job(self) -> Job:
        """The simulation of what is shown."""
        return Job.of(self.shown.structure, self.atlas.conditions)

    def receive(self, film: Film) -> None:
        """Take in what was simulated, of whatever is shown by now."""
        self._simulated(film.label.structure_hash).film = film

    def receive_check(self, structure_hash: str, words: str, label: Label) -> None:
        """Take in a further simulation of a structure."""
        self._simulated(structure_hash).checks[words] = label

    def _simulated(self, structure_hash: str) -> Simulated:
        if structure_hash not in self.simulated and len(self.simulated) >= MOST_SIMULATED:
            del self.simulated[next(iter(self.simulated))]
        return self.simulated.setdefault(structure_hash, Simulated())

    # Goals.

    def set_goal(self, name: str, low: float, high: float) -> None:
        """Ask for a property between two values.

        Raises:
            InputError: if there is no such property here, or the values are none.
        """
        if name not in self.ranges:
            raise InputError(f"a goal here is one of {', '.join(self.ranges)}, got {name[:20]!r}")
        low, high = min(low, high), max(low, high)
        least, most, _ = self.ranges[name]
        if name in ANCHORS:  # knees of a curve may lie before zero
            least = -most
        if not (math.isfinite(low) and math.isfinite(high)) or low < least or high > most:
            raise InputError(f"{name}: a goal lies within {least:g} to {most:g}, got {low} to {high}")
        self.goals[name] = (low, max(high, low + 1e-3 * most))

    def drop_goal(self, name: str) -> None:
        """Ask for it no more."""
        self.goals.pop(name, None)

    def wanted(self) -> list[Goal]:
        """The goals as the engine has them: the middle of each band, half its width as tolerance."""
        return [
            Goal(name, target=(low + high) / 2, tolerance=(high - low) / 2) for name, (low, high) in self.goals.items()
        ]

    def chance(self) -> float:
        """Probability, by the prediction, that what is shown meets all goals; 1 without any."""
        return float(np.exp(log_feasibility(self.wanted(), self.expected())[0]))

    def expected(self) -> Posterior:
        """Of all properties (1, 13) of what is shown: as predicted, and as its grains are."""
        found, grains = self.prediction(), grain_properties([self.shown.structure])
        posterior = Posterior.gaussian(found.mean[None], found.std[None])
        return with_derived(posterior, grains, self.atlas.conditions.material)


def _edited(words: str) -> str:
    return words if words.endswith(", edited") else f"{words}, edited"
