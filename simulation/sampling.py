"""Reproducible draws from a family of grain structures.

A structure is a function of (study seed, purpose, index) alone: the result does not depend on the number of workers
or on the order of drawing, and structures drawn for one purpose never appear under another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np

from simulation.errors import InputError
from simulation.microstructure import Microstructure
from simulation.tessellation import drawable_cells, square_cells, voronoi


class Purpose(IntEnum):
    """What a random stream is for; the numbers are part of every seed and never change."""

    LABELS = 0
    UNLABELLED = 1
    SEARCH = 2
    BENCHMARK = 3
    REDRAW = 4
    TRAINING = 5
    CHOICE = 6


def generator(seed: int, purpose: Purpose, *index: int) -> np.random.Generator:
    """The random generator of one purpose and index of a study."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(int(purpose), *index)))


@dataclass(frozen=True)
class StructureFamily:
    """Voronoi structures with uniformly drawn grain number and largest misorientation (Kovacs et al. 2022, section 2).

    Args:
        size_nm: edge of the square, nm.
        cell_nm: edge of a cell, nm.
        grains: (fewest, most) Voronoi seeds, both included.
        misorientation_rad: (least, largest) theta, radians, within [0, pi].
    """

    size_nm: float = 320.0
    cell_nm: float = 2.0
    grains: tuple[int, int] = (16, 256)
    misorientation_rad: tuple[float, float] = (0.0, math.pi)

    def __post_init__(self) -> None:
        cells = drawable_cells(self.size_nm, self.cell_nm)
        fewest, most = self.grains
        if not 1 <= fewest <= most <= cells * cells:
            raise InputError(
                f"grains must be a range [fewest, most] within 1 to {cells * cells} (one cell each), got {self.grains}"
            )
        low, high = self.misorientation_rad
        if not 0 <= low <= high <= math.pi:
            raise InputError(f"misorientation must be a range within 0 to 180 degrees, got {self.misorientation_rad}")

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> StructureFamily:
        """The family whose `dataclasses.asdict` went through JSON, which knows lists only."""
        plain: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in values.items()}
        return cls(**plain)

    @property
    def cells(self) -> int:
        """Cells along an edge."""
        return square_cells(self.size_nm, self.cell_nm)

    def parameters(self, seed: int, purpose: Purpose, index: int) -> tuple[int, float, np.random.Generator]:
        """Grain number, misorientation (rad) and the generator, ready to draw the structure itself."""
        rng = generator(seed, purpose, index)
        grains = int(rng.integers(self.grains[0], self.grains[1], endpoint=True))
        return grains, float(rng.uniform(*self.misorientation_rad)), rng

    def draw(self, seed: int, purpose: Purpose, index: int) -> Microstructure:
        """The structure of this seed, purpose and index."""
        grains, misorientation_rad, rng = self.parameters(seed, purpose, index)
        return voronoi(self.size_nm, self.cell_nm, grains, misorientation_rad, rng)

    def stream(self, seed: int, purpose: Purpose, start: int, stop: int) -> Iterator[Microstructure]:
        """Structures `start` to `stop - 1`, one at a time: they are never stored, only made again."""
        return (self.draw(seed, purpose, index) for index in range(start, stop))
