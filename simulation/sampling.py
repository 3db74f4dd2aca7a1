"""Reproducible draws from a family of grain structures.

A structure is a function of (study seed, purpose, index) alone: the result does not depend on the number of workers
or on the order of drawing, and structures drawn for one purpose never appear under another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np

from simulation.errors import InputError
from simulation.microstructure import Microstructure
from simulation.tessellation import drawable_cells, laguerre, square_cells, voronoi


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


TEXTURES = ("uniform", "gaussian", "von_mises")

SIZE_SIGMA, MOST_ASPECT = (0.05, 0.6), 5.0
"""What cells can show: a narrower spread of sizes is that of their rounding, of a wider one and of longer grains some
would be narrower than a cell."""


@dataclass(frozen=True, repr=False)
class StructureFamily:
    """Grain structures with uniformly drawn grain number and width of the texture.

    By default those of Kovacs et al. (2022, section 2): Voronoi seeds as they fall, easy axes uniform within a largest
    misorientation on both sides of the field.

    Args:
        size_nm: edge of the square, nm.
        cell_nm: edge of a cell, nm.
        grains: (fewest, most) seeds, both included.
        misorientation_rad: (least, largest) width of the texture, radians, within [0, pi]: of a uniform one theta, the
            largest angle; of the others the standard deviation, for von Mises' the circular one of axes.
        texture: how axes lie about `direction_rad`: "uniform", "gaussian", or "von_mises", of the doubled angles
            (Mardia and Jupp, Directional Statistics, section 3.6).
        direction_rad: of the alignment, from +y, the field, towards +x.
        size_sigma, aspect, elongation_rad: as in `tessellation.laguerre`.
    """

    size_nm: float = 320.0
    cell_nm: float = 2.0
    grains: tuple[int, int] = (16, 256)
    misorientation_rad: tuple[float, float] = (0.0, math.pi)
    texture: str = "uniform"
    direction_rad: float = 0.0
    size_sigma: float | None = None
    aspect: float = 1.0
    elongation_rad: float = 0.0

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
        if self.texture not in TEXTURES:
            raise InputError(f"texture must be one of {', '.join(TEXTURES)}, got {self.texture!r:.40}")
        if self.size_sigma is not None and not SIZE_SIGMA[0] <= self.size_sigma <= SIZE_SIGMA[1]:
            raise InputError(f"size_sigma must lie within {SIZE_SIGMA[0]} to {SIZE_SIGMA[1]}, got {self.size_sigma}")
        if not 1 <= self.aspect <= MOST_ASPECT:
            raise InputError(f"aspect must lie within 1 to {MOST_ASPECT:g}, got {self.aspect}")
        if not (math.isfinite(self.direction_rad) and math.isfinite(self.elongation_rad)):
            raise InputError(f"directions must be finite, got {self.direction_rad} and {self.elongation_rad}")

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in self.as_plain().items())})"

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> StructureFamily:
        """The family whose `as_plain` went through JSON, which knows lists only."""
        plain: dict[str, Any] = {n: tuple(value) if isinstance(value, list) else value for n, value in values.items()}
        return cls(**plain)

    def as_plain(self) -> dict[str, Any]:
        """By name, what a key and a file say of it: of what came later nothing where it is at its default."""
        first = ("size_nm", "cell_nm", "grains", "misorientation_rad")
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in first or getattr(self, field.name) != field.default
        }

    @property
    def cells(self) -> int:
        """Cells along an edge."""
        return square_cells(self.size_nm, self.cell_nm)

    @property
    def is_voronoi(self) -> bool:
        """Whether grains are those of seeds as they fall."""
        return self.size_sigma is None and self.aspect == 1.0

    def parameters(self, seed: int, purpose: Purpose, index: int) -> tuple[int, float, np.random.Generator]:
        """Grain number, width of the texture (rad) and the generator, ready to draw the structure itself."""
        rng = generator(seed, purpose, index)
        grains = int(rng.integers(self.grains[0], self.grains[1], endpoint=True))
        return grains, float(rng.uniform(*self.misorientation_rad)), rng

    def draw(self, seed: int, purpose: Purpose, index: int) -> Microstructure:
        """The structure of this seed, purpose and index."""
        grains, width_rad, rng = self.parameters(seed, purpose, index)
        if self.is_voronoi and self.texture == "uniform" and not self.direction_rad:
            return voronoi(self.size_nm, self.cell_nm, grains, width_rad, rng)
        return self.with_axes(axes(self.texture, width_rad, self.direction_rad, grains, rng), rng)

    def with_axes(self, angle_rad: np.ndarray, rng: np.random.Generator) -> Microstructure:
        """A structure of the family with given axes (n,), one a seed."""
        return laguerre(self.cells, self.cell_nm, angle_rad, rng, self.size_sigma, self.aspect, self.elongation_rad)

    def stream(self, seed: int, purpose: Purpose, start: int, stop: int) -> Iterator[Microstructure]:
        """Structures `start` to `stop - 1`, one at a time: they are never stored, only made again."""
        return (self.draw(seed, purpose, index) for index in range(start, stop))


def axes(texture: str, width_rad: float, direction_rad: float, count: int, rng: np.random.Generator) -> np.ndarray:
    """(count,) easy axes about a direction, radians; `texture` and the width as in `StructureFamily`."""
    if texture == "uniform":
        off = rng.uniform(-width_rad, width_rad, size=count)
    elif texture == "gaussian":
        off = width_rad * rng.standard_normal(count)
    else:
        off = rng.vonmises(0.0, concentration(width_rad), size=count) / 2
    return np.asarray(direction_rad + off)


MOST_CONCENTRATION = 1e6


def concentration(width_rad: float) -> float:
    """kappa of the von Mises distribution of doubled angles whose axes have a circular standard deviation w.

    Their mean resultant length is A(kappa) = I1(kappa) / I0(kappa) = exp(-2 w^2) (Mardia and Jupp, sections 2.3 and
    3.5.4); solved by bisection of log kappa.
    """
    from scipy.special import ive

    wanted = math.exp(-2.0 * width_rad**2)
    low, high = math.log(1e-9), math.log(MOST_CONCENTRATION)
    for _ in range(60):
        middle = (low + high) / 2
        kappa = math.exp(middle)
        low, high = (middle, high) if ive(1, kappa) / ive(0, kappa) < wanted else (low, middle)
    return math.exp((low + high) / 2)
