"""`find`: some seconds of the engine's search, from what is shown and from what is known.

Parents, the structure that is shown and the labelled ones nearest to the goals, are steered towards the goals; then
single grains of the best are turned, as long as that raises the probability that all goals are met (a hill-climb). All
that is asked of the engine are its public names: `goals`, the acquisition function and the surrogate.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inverse_design.candidates.acquisition import utility
from inverse_design.candidates.distances import axis_distance_deg
from inverse_design.candidates.error_model import OPTIMISM, Posterior
from inverse_design.candidates.sources import DEPTHS
from inverse_design.explore.atlas import Atlas
from inverse_design.explore.edits import with_axis
from inverse_design.explore.prediction import probability
from inverse_design.goals import Goal, aim, distance, hits
from simulation.anchors import ANCHORS
from simulation.errors import InputError
from simulation.microstructure import Microstructure, axis_angle

SECONDS = 8.0
ANSWERS = 6
PARENTS = 12
DISTINCT_DEG = 3.0
"""Two answers that differ by no more, in degrees of axis averaged over the cells, are one."""

BATCH = 32
"""Turned grains that are predicted at once."""


@dataclass(frozen=True, eq=False)
class Answer:
    """A structure that may meet the goals.

    Attributes:
        structure: its grains.
        words: where it comes from.
        mean, std: (6,) anchors; simulated ones, without deviation, of a known structure.
        chance: probability that it meets all goals.
        row: of the map, if it is a point of it.
    """

    structure: Microstructure
    words: str
    mean: np.ndarray
    std: np.ndarray
    chance: float
    row: int | None = None


def find(
    atlas: Atlas,
    goals: Sequence[Goal],
    shown: Microstructure | None = None,
    seconds: float = SECONDS,
    seed: int = 0,
    stop: threading.Event | None = None,
) -> list[Answer]:
    """At most `ANSWERS` distinct structures, the most probable first; what is known to meet the goals before them.

    Args:
        shown: where to start from, beside what is known.
        seconds: how long to climb; steering before it takes some more.
        seed: of the grains that are turned.
        stop: set from elsewhere to come to an end.

    Raises:
        InputError: if there are no goals.
    """
    if not goals:
        raise InputError("say what to find first: tick a goal")
    until = time.monotonic() + seconds
    known = atlas.table[: len(atlas.structures), : len(ANCHORS)]
    rows = [int(row) for row in np.argsort(distance(goals, known), kind="stable")[:PARENTS]]
    parents = [atlas.structures[row] for row in rows]
    words = [atlas.points[row].name for row in rows]
    if shown is not None:
        parents, words = [shown, *parents], ["what was shown", *words]
    pool = _Pool(atlas, goals)
    pool.add(parents[: shown is not None], words[: shown is not None])
    for depth in DEPTHS:
        mean, std = atlas.model.predict(atlas.model.encode(parents))
        wanted, scale = aim(goals, mean, std, depth)
        steered = atlas.model.steer_axes(parents, wanted, scale)
        pool.add(steered, [f"{name}, steered" for name in words])
        if stop is not None and stop.is_set():
            break
    rng = np.random.default_rng(seed)
    _climb(pool, rng, lambda: time.monotonic() < until and not (stop is not None and stop.is_set()))
    there = [_known(atlas, row) for row in rows if hits(goals, known[row][None])[0]]
    return _distinct([*there[: ANSWERS // 2], *pool.answers()])


class _Pool:
    """Structures with what is predicted of them, the best of them first asked for."""

    def __init__(self, atlas: Atlas, goals: Sequence[Goal]) -> None:
        self.atlas, self.goals = atlas, goals
        self.structures: list[Microstructure] = []
        self.words: list[str] = []
        nothing = np.zeros((0, len(ANCHORS)))
        self.mean, self.std, self.score = nothing, nothing, np.zeros(0)

    def judged(self, structures: Sequence[Microstructure]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Mean, standard deviation, each (n, 6), and utility (n,) of structures. What was made for its prediction is
        worth less than its prediction says: the deviations are those of `OPTIMISM`."""
        mean, std = self.atlas.model.predict(self.atlas.model.encode(structures))
        std = std * OPTIMISM
        return mean, std, utility(self.goals, Posterior.gaussian(mean, std))

    def add(self, structures: Sequence[Microstructure], words: Sequence[str]) -> None:
        if structures:
            self.take(structures, words, *self.judged(structures))

    def take(
        self,
        structures: Sequence[Microstructure],
        words: Sequence[str],
        mean: np.ndarray,
        std: np.ndarray,
        score: np.ndarray,
    ) -> None:
        self.structures += structures
        self.words += words
        self.mean, self.std = np.vstack([self.mean, mean]), np.vstack([self.std, std])
        self.score = np.append(self.score, score)

    def answers(self) -> list[Answer]:
        """All, the best first."""
        chance = probability(self.goals, self.mean, self.std)
        order = np.argsort(-self.score, kind="stable")
        return [Answer(self.structures[i], self.words[i], self.mean[i], self.std[i], chance[i]) for i in order]


def _climb(pool: _Pool, rng: np.random.Generator, goes_on: Callable[[], bool]) -> None:
    """Turn single grains of the best structures in turn, keeping each turn that raises the utility."""
    tops = [int(i) for i in np.argsort(-pool.score, kind="stable")[:ANSWERS]]
    while tops and goes_on():
        for at in tops:
            parent = pool.structures[at]
            turned = [_one_turned(parent, rng) for _ in range(BATCH)]
            mean, std, score = pool.judged(turned)
            best = int(score.argmax())
            if score[best] > pool.score[at]:
                pool.structures[at], pool.score[at] = turned[best], score[best]
                pool.mean[at], pool.std[at] = mean[best], std[best]
                if not pool.words[at].endswith("turned"):
                    pool.words[at] += ", grains turned"
            if not goes_on():
                break


def _one_turned(structure: Microstructure, rng: np.random.Generator) -> Microstructure:
    """One grain, a large one rather than a small one, turned by some angle."""
    area = np.bincount(structure.grain_id.ravel(), minlength=structure.grain_angle_rad.size)
    grain = int(rng.choice(area.size, p=area / area.sum()))
    angle = structure.grain_angle_rad[grain] + rng.normal(0, math.radians(25))
    return with_axis(structure, grain, float(axis_angle(np.array(angle))))


def _known(atlas: Atlas, row: int) -> Answer:
    anchors = atlas.table[row, : len(ANCHORS)]
    return Answer(atlas.structures[row], atlas.points[row].name, anchors, np.zeros(len(ANCHORS)), 1.0, row)


def _distinct(answers: Sequence[Answer]) -> list[Answer]:
    chosen: list[Answer] = []
    for one in answers:
        if all(axis_distance_deg(one.structure, other.structure) > DISTINCT_DEG for other in chosen):
            chosen.append(one)
        if len(chosen) == ANSWERS:
            break
    return chosen
