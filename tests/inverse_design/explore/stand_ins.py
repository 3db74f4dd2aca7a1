"""A map of a few small squares with curves that were simulated, and a surrogate that is a formula."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any

import numpy as np

from inverse_design.explore.atlas import LABEL, Atlas, Point
from inverse_design.goals import Goal
from inverse_design.properties import derived_from_curve
from simulation import Conditions, FieldSweep, Microstructure, Nd2Fe14B, Purpose, StructureFamily
from simulation.labels.film import film
from simulation.labels.label import Job

FAMILY = StructureFamily(40, 2, (3, 8), (0.2, 1.6))
CONDITIONS = Conditions.of(Nd2Fe14B, FieldSweep(1.0, -1.0, 0.05, "coercivity"))
BLOCKS, CELLS = 5, 4
LABELS = 12


class Formula:
    """The code is the mean double-angle vector of 5 x 5 blocks; aligned axes have more remanence and coercive field."""

    label_std = np.array([0.05, 0.1, 0.08, 0.08, 0.08, 0.1])
    strange = 1.4
    """Mean size of the code's vectors below which a structure is unlike what is known; the novelty is its share."""

    def encode(self, structures: Iterable[Microstructure]) -> np.ndarray:
        codes = []
        for structure in structures:
            angle = structure.angle_rad.reshape(BLOCKS, CELLS, BLOCKS, CELLS)
            codes.append(np.stack([np.sin(2 * angle), np.cos(2 * angle)], -1).mean(axis=(1, 3)).ravel())
        return np.array(codes, np.float32).reshape(-1, 2 * BLOCKS**2)

    def predict(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        aligned = np.asarray(latent, float).reshape(len(latent), -1, 2)[..., 1].mean(axis=1)
        mean = [0.93 + 0.05 * aligned, 0.75 + 0.2 * aligned, *(k + 0.1 * aligned for k in (0.15, 0.2, 0.24, 0.3))]
        return np.stack(mean, axis=1), np.full((len(latent), 6), 0.01)

    def novelty(self, structures: Iterable[Microstructure]) -> np.ndarray:
        return np.array([self.strange * (structure.grains == 1) for structure in structures], float)

    def draw(self, latent: np.ndarray) -> list[Microstructure]:
        grain = np.kron(np.arange(BLOCKS**2).reshape(BLOCKS, BLOCKS), np.ones((CELLS, CELLS), int))
        vectors = np.asarray(latent, float).reshape(len(latent), -1, 2)
        return [Microstructure(grain, 0.5 * np.arctan2(one[:, 0], one[:, 1])) for one in vectors]

    def steer_axes(
        self, structures: Sequence[Microstructure], wanted: np.ndarray, scale: np.ndarray
    ) -> list[Microstructure]:
        return [Microstructure(one.grain_id, 0.9 * one.grain_angle_rad, one.cell_nm) for one in structures]


def _pair(h: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return h, m


@functools.cache
def atlas() -> Atlas:
    """A dozen squares of 40 nm, simulated in some tenths of a second."""
    structures = list(FAMILY.stream(1, Purpose.BENCHMARK, 0, LABELS))
    points = []
    for number, structure in enumerate(structures):
        label = film(Job.of(structure, CONDITIONS)).label
        assert label.converged
        anchors = label.anchors.as_array()
        derived = derived_from_curve(label.h, label.m, anchors, Nd2Fe14B)
        values = np.concatenate([anchors, derived, [structure.grains, math.degrees(0.5)]])
        points.append(Point(LABEL, f"label {number}", values, partial(_pair, label.h, label.m)))
    model: Any = Formula()
    return Atlas("stand-in", model, CONDITIONS, points, structures, model.encode(structures))


def atlas_of_run(run: Any, goals: Sequence[Goal] = ()) -> Atlas:
    """The same as the map of a run."""
    one = atlas()
    return Atlas("a-run", one.model, one.conditions, one.points, one.structures, one.codes, goals, run)
