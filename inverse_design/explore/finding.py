"""`find`: some seconds of the engine's search, from what is shown and from what is known; the solver decides.

What is shown, and the structures of the map nearest to the goals, are steered towards them, and of what the surrogate
says the likeliest are simulated. From there on the solver climbs as a run does (`candidates.climb`): half of each batch
are children of what is shown and of its offspring, the others of whatever promises most.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from typing import Any

import numpy as np

from inverse_design.candidates.acquisition import utility
from inverse_design.candidates.candidate import BatchRequest
from inverse_design.candidates.climb import Simulated, climb
from inverse_design.candidates.distances import axis_distance_deg
from inverse_design.candidates.error_model import OPTIMISM, Posterior, with_derived
from inverse_design.candidates.sources import DEPTHS
from inverse_design.explore.atlas import Atlas
from inverse_design.goals import Goal, aim, distance, front, hits, ranking
from inverse_design.properties import STRUCTURE, grain_properties, simulated_properties
from simulation.anchors import ANCHORS
from simulation.errors import InputError
from simulation.labels.film import Film
from simulation.microstructure import Microstructure

SECONDS = 20.0
ANSWERS = 6
PARENTS = 12
STEERED, BATCH = 4, 4
"""Structures that the surrogate proposes, simulated first, and children of a batch after them."""

DISTINCT_DEG = 3.0
"""Two answers that differ by no more, in degrees of axis averaged over the cells, are one."""

SHOWN, CLIMBED = "what was shown", ", axes turned"
POLL_S = 0.1

Named = tuple[Microstructure, str]
"""A structure, and where it comes from."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A structure that was simulated.

    Attributes:
        structure: its grains.
        words: where it comes from.
        properties: (13,) as simulated.
        hit: whether it meets all goals.
        film: of its reversal, if it was simulated in this search.
        row: of the map, if it is a point of it.
    """

    structure: Microstructure
    words: str
    properties: np.ndarray
    hit: bool
    film: Film | None = None
    row: int | None = None


@dataclass(frozen=True, eq=False)
class Search:
    """What to find, and with what.

    Attributes:
        atlas: what is known.
        goals: what is wanted.
        simulate: begins a simulation in a worker.
        result_of: what came of it.
        shown: where to start from, beside what is known.
        shown_properties: (13,) of it, where it was simulated already.
        seconds: after so many nothing new is begun.
        seed: of the axes that are turned.
        stop: set from elsewhere to come to an end at once.
        tell: is told how many were simulated, and how many of these meet the goals.
    """

    atlas: Atlas
    goals: Sequence[Goal]
    simulate: Callable[[Microstructure], Future[Any]]
    result_of: Callable[[Future[Any]], Film]
    shown: Microstructure | None = None
    shown_properties: np.ndarray | None = None
    seconds: float = SECONDS
    seed: int = 0
    stop: threading.Event | None = None
    tell: Callable[[int, int], object] = lambda count, met: None


def find(search: Search) -> list[Answer]:
    """At most `ANSWERS` distinct structures, each of them simulated, the best first by the engine's own ranking.

    Raises:
        InputError: if there are no goals, or a worker died.
    """
    if not search.goals:
        raise InputError("say what to find first: tick a goal")
    return _Finding(search).run()


class _Finding:
    """The state of one search: what was known, and what was simulated since."""

    def __init__(self, search: Search) -> None:
        self.search, self.until = search, time.monotonic() + search.seconds
        self.goals, self.material = search.goals, search.atlas.conditions.material
        self.known = search.atlas.properties(any(goal.quantity in STRUCTURE for goal in search.goals))
        self.found: list[Answer] = []
        self.count = 0

    def run(self) -> list[Answer]:
        first, shown, values = list[Named](), self.search.shown, self.search.shown_properties
        if shown is not None and values is not None:
            self.found.append(Answer(shown, SHOWN, values, self._is_hit(values)))
        elif shown is not None:
            first.append((shown, SHOWN))
        self._simulate([*first, *self._steered()])
        batch = 0
        while self._goes_on() and sum(one.hit for one in self.found) < ANSWERS:
            children = self._children(batch)
            if not children:
                break
            self._simulate(children)
            batch += 1
        return self._best()

    def _steered(self) -> list[Named]:
        """What the surrogate would do: parents steered towards the goals, the likeliest to meet them."""
        atlas = self.search.atlas
        rows = np.argsort(distance(self.goals, self.known), kind="stable")[:PARENTS]
        parents = [(atlas.structures[int(row)], atlas.points[int(row)].name) for row in rows]
        if self.search.shown is not None:
            parents.insert(0, (self.search.shown, SHOWN))
        structures = [structure for structure, _ in parents]
        mean, std = atlas.model.predict(atlas.model.encode(structures))
        steered = list[Named]()
        for depth in DEPTHS:
            if not self._goes_on():
                return []
            turned = atlas.model.steer_axes(structures, *aim(self.goals, mean, std, depth))
            steered += [(one, f"{name}, steered") for one, (_, name) in zip(turned, parents, strict=True)]
        structures = [structure for structure, _ in steered]
        mean, std = atlas.model.predict(atlas.model.encode(structures))
        posterior = with_derived(Posterior.gaussian(mean, std * OPTIMISM), grain_properties(structures), self.material)
        chosen = list[Named]()
        for row in np.argsort(-utility(self.goals, posterior), kind="stable"):
            if len(chosen) < STEERED and _is_new(steered[row][0], [one for one, _ in chosen]):
                chosen.append(steered[row])
        return chosen

    def _children(self, batch: int) -> list[Named]:
        """A batch of the engine's climb."""
        atlas, found = self.search.atlas, self.found
        near = [one for one in found if one.words.startswith(SHOWN)]
        labels = Simulated(atlas.structures, self.known, [point.name for point in atlas.points[: len(self.known)]])
        nothing = Simulated([], self.known[:0], [])
        children = list[Named]()
        for part, (known, until) in enumerate(((_with(nothing, near), BATCH // 2), (_with(labels, found), BATCH))):
            done = [*(one.structure for one in self.found if one.hit), *(structure for structure, _ in children)]
            request = BatchRequest(
                self.goals, until - len(children), self.material, front=self._front(), distinct_deg=DISTINCT_DEG
            )
            seed = np.random.SeedSequence((self.search.seed, batch, part)).generate_state(1)
            children += [
                (one.structure, one.parent.removesuffix(CLIMBED) + CLIMBED)
                for one in climb(request, known, done, int(seed[0]))
            ]
        return children

    def _simulate(self, wanted: Sequence[Named]) -> None:
        """Simulate structures; what converges is found. Those at work when the time is out are waited for."""
        waiting = {self.search.simulate(structure): (structure, words) for structure, words in wanted}
        try:
            while waiting and not self._is_stopped():
                for future in wait(waiting, POLL_S, FIRST_COMPLETED).done:
                    self._take(*waiting.pop(future), self.search.result_of(future))
                if not self._goes_on():
                    waiting = {future: named for future, named in waiting.items() if not future.cancel()}
        finally:
            for future in waiting:
                future.cancel()

    def _take(self, structure: Microstructure, words: str, film: Film) -> None:
        label = film.label
        self.count += 1
        if label.converged:
            values = simulated_properties(structure, label.h, label.m, label.anchors.as_array(), self.material)
            self.found.append(Answer(structure, words, values, self._is_hit(values), film))
        self.search.tell(self.count, sum(one.hit for one in self.found))

    def _is_hit(self, values: np.ndarray) -> bool:
        return bool(hits(self.goals, values[None])[0])

    def _front(self) -> np.ndarray:
        """(m, 13) properties of what meets the goals so far and is outdone by none."""
        values = np.vstack([self.known, *(one.properties for one in self.found)])
        met = values[hits(self.goals, values)]
        return met[front(self.goals, met)]

    def _best(self) -> list[Answer]:
        """The best of what is known and of what was found, all distinct."""
        atlas, every = self.search.atlas, list[Answer]()
        for row in map(int, ranking(self.goals, self.known)[:PARENTS]):
            values = self.known[row]
            every.append(Answer(atlas.structures[row], atlas.points[row].name, values, self._is_hit(values), None, row))
        every += self.found
        chosen = list[Answer]()
        for i in ranking(self.goals, np.array([one.properties for one in every])) if every else ():
            if len(chosen) < ANSWERS and _is_new(every[i].structure, [one.structure for one in chosen]):
                chosen.append(every[i])
        return chosen

    def _is_stopped(self) -> bool:
        return self.search.stop is not None and self.search.stop.is_set()

    def _goes_on(self) -> bool:
        return time.monotonic() < self.until and not self._is_stopped()


def _with(known: Simulated, more: Sequence[Answer]) -> Simulated:
    """What is known, of which all properties may be given, and what was found."""
    return Simulated(
        known.structures + [one.structure for one in more],  # type: ignore[operator]  # a list or `Structures`
        np.vstack([known.anchors, *(one.properties for one in more)])[:, : len(ANCHORS)],
        [*known.names, *(one.words for one in more)],
    )


def _is_new(structure: Microstructure, others: Sequence[Microstructure]) -> bool:
    return all(axis_distance_deg(structure, other) > DISTINCT_DEG for other in others)
