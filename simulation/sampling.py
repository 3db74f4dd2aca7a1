"""Reproducible draws from a family of grain structures.

A structure is a function of (study seed, purpose, index) alone: the result does not depend on the number of workers
or on the order of drawing, and structures drawn for one purpose never appear under another.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from typing import Any

import numpy as np

from simulation.errors import InputError
from simulation.material import Phase
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
class Boundary:
    """A layer of a second phase between the grains, its thickness and polarisation drawn for each structure.

    Args:
        thickness_nm: (least, most), whole numbers of cells, which are drawn alike; 0 is no layer.
        Js_T: (least, most) spontaneous polarisation of the phase, T, drawn uniformly.
        A_J_per_m, K1_J_per_m3: its exchange stiffness, and its anisotropy along the axis of the grain it lies in.
    """

    thickness_nm: tuple[float, float]
    Js_T: tuple[float, float]
    A_J_per_m: float
    K1_J_per_m3: float = 0.0

    def __post_init__(self) -> None:
        for name in ("thickness_nm", "Js_T"):
            low, high = getattr(self, name)
            if not 0 <= low <= high < math.inf:
                raise InputError(f"Boundary: {name} must be a range of at least 0, got {(low, high)}")
        self.phase(self.Js_T[1])  # says what is wrong with it

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Boundary:
        """The one whose `dataclasses.asdict` went through JSON, which knows lists only."""
        return cls(**_with_tuples(values))

    def phase(self, Js_T: float) -> Phase:
        """The phase of that polarisation."""
        return Phase(self.A_J_per_m, Js_T, self.K1_J_per_m3)

    def cells(self, cell_nm: float) -> tuple[int, int]:
        """(least, most) thickness in cells.

        Raises:
            InputError: if one is not a whole number of them.
        """
        low, high = (round(value / cell_nm) for value in self.thickness_nm)
        for value, cells in zip(self.thickness_nm, (low, high), strict=True):
            if not math.isclose(cells * cell_nm, value, rel_tol=1e-9, abs_tol=1e-9):
                raise InputError(f"boundary_nm must be whole numbers of cells, got {value:g} nm of {cell_nm:g} nm")
        return low, high

    def between(self, grains: Microstructure, rng: np.random.Generator) -> Microstructure:
        """The grains with a layer that is drawn here."""
        low, high = self.cells(grains.cell_nm)
        thickness, phase = int(rng.integers(low, high, endpoint=True)), self.phase(float(rng.uniform(*self.Js_T)))
        return grains.with_boundary(thickness * grains.cell_nm, phase) if thickness else grains


@dataclass(frozen=True)
class StructureFamily:
    """Voronoi structures with uniformly drawn grain number and largest misorientation (Kovacs et al. 2022, section 2).

    Args:
        size_nm: edge of the square, nm.
        cell_nm: edge of a cell, nm.
        grains: (fewest, most) Voronoi seeds, both included.
        misorientation_rad: (least, largest) theta, radians, within [0, pi].
        boundary: what lies between the grains; None if nothing does.
    """

    size_nm: float = 320.0
    cell_nm: float = 2.0
    grains: tuple[int, int] = (16, 256)
    misorientation_rad: tuple[float, float] = (0.0, math.pi)
    boundary: Boundary | None = None

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
        if self.boundary is not None:
            self.boundary.cells(self.cell_nm)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> StructureFamily:
        """The family whose `as_plain` went through JSON, which knows lists only."""
        plain = _with_tuples(values)
        if plain.get("boundary") is not None:
            plain["boundary"] = Boundary.from_plain(plain["boundary"])
        return cls(**plain)

    def as_plain(self) -> dict[str, Any]:
        """By name, what a key and a file say of it: of what came later nothing where it is at its default."""
        first = ("size_nm", "cell_nm", "grains", "misorientation_rad")
        plain = {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name in first or getattr(self, field.name) != field.default
        }
        return plain if self.boundary is None else plain | {"boundary": asdict(self.boundary)}

    @property
    def phases(self) -> tuple[Phase, ...]:
        """The strongest of each phase that its structures may have beside the main one."""
        return () if self.boundary is None else (self.boundary.phase(self.boundary.Js_T[1]),)

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
        drawn = voronoi(self.size_nm, self.cell_nm, grains, misorientation_rad, rng)
        return drawn if self.boundary is None else self.boundary.between(drawn, rng)

    def stream(self, seed: int, purpose: Purpose, start: int, stop: int) -> Iterator[Microstructure]:
        """Structures `start` to `stop - 1`, one at a time: they are never stored, only made again."""
        return (self.draw(seed, purpose, index) for index in range(start, stop))


def _with_tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
