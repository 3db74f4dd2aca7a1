"""A label together with the states that its magnet went through: a film of the reversal, small enough to be sent."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from simulation.labels.label import Job, Label
from simulation.labels.simulating import attempt, simulate_curve

TURN = 256
"""Steps of a whole turn that an angle is kept in: 1.4 degrees."""

EVERY = 10
"""Of the fields above zero, where little happens, one in so many is kept; below zero each."""


@dataclass(frozen=True, eq=False)
class Film:
    """The label of one structure and the magnetisation on its way.

    Attributes:
        label: as a labelling makes it; one that did not converge or failed has its reason.
        h: (k,) kept fields, falling; none of a simulation that failed.
        turn: (k, ny, nx) uint8, angle of each cell's magnetisation from +y towards +x in steps of a turn / `TURN`.
        plane_unstable_h: see `DemagnetizationCurve`.
    """

    label: Label
    h: np.ndarray = field(default_factory=lambda: np.zeros(0))
    turn: np.ndarray = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8))
    plane_unstable_h: float = math.nan

    def frame(self, h: float) -> int:
        """Which of the kept fields is nearest."""
        return int(np.abs(self.h - h).argmin())

    def along(self, frame: int) -> np.ndarray:
        """(ny, nx) magnetisation along the field, in Ms, of one kept state."""
        return np.cos(self.turn[frame] * (2 * np.pi / TURN))


def film(job: Job) -> Film:
    """Simulate a job and keep what happens; this runs in a worker.

    Raises:
        InputError: if the solver here is not the one that the job's conditions name, or the machine fails.
    """
    h = job.conditions.sweep.h
    keep = h[(h <= 0) | (np.arange(h.size) % EVERY == 0)]
    films: list[Film] = []

    def simulate(job: Job) -> Label:
        label, curve = simulate_curve(job, keep.tolist())
        turn = np.rint(np.mod(curve.angle_rad, 2 * np.pi) * (TURN / (2 * np.pi))).astype(np.int64) % TURN
        films.append(Film(label, curve.kept_h, turn.astype(np.uint8), curve.plane_unstable_h))
        return label

    label = attempt(simulate, job)
    return films[0] if films and label.h.size else Film(label)
