"""How far grain structures are from one another: axes turned grain by grain, and averaged over the cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulation.microstructure import Microstructure, axis_angle
from simulation.phases import phase_table

TURNED_DEG = 0.1
"""By less no axis counts as turned: what is steered changes every axis by a little."""

NEAREST = 16
"""Structures of the nearest codes among which the nearest structure is looked for."""


def axis_distance_deg(one: Microstructure, other: Microstructure) -> float:
    """Mean over the cells of the angle between both easy axes, 0 to 90 degrees; infinite on another grid.

    Cells of different phases are as far apart as axes can be, 90 degrees, if one of them is of the main phase, and else
    by that times the largest part of itself by which A, Js or K1 is smaller in one than in the other.
    """
    if one.shape != other.shape:
        return float("inf")
    away = np.abs(axis_angle(one.angle_rad - other.angle_rad))
    if one.phases or other.phases:
        away = np.maximum(away, np.pi / 2 * _phase_difference(one, other))
    return float(np.degrees(away.mean()))


def _phase_difference(one: Microstructure, other: Microstructure) -> np.ndarray:
    """(ny, nx) 0 to 1, how different the phases of both are in each cell."""
    between = np.ones((len(one.phases) + 1, len(other.phases) + 1))
    between[0, 0] = 0.0
    rows, columns = phase_table(one.phases)[:, None], phase_table(other.phases)[None]
    largest = np.maximum(rows, columns)
    parts = np.divide(np.abs(rows - columns), largest, out=np.zeros_like(largest), where=largest > 0)
    between[1:, 1:] = parts.max(axis=-1)
    return np.asarray(between[one.phase_map, other.phase_map])


def rotation_deg(structure: Microstructure, parent: Microstructure) -> np.ndarray:
    """(grains,) by how many degrees each easy axis of the parent was turned, -90 to 90; none if the grains differ."""
    same = np.array_equal(structure.grain_id, parent.grain_id)
    if not same or structure.grain_angle_rad.shape != parent.grain_angle_rad.shape:
        return np.zeros(0)
    return np.degrees(axis_angle(structure.grain_angle_rad - parent.grain_angle_rad))


@dataclass(frozen=True)
class Change:
    """What was done to the grains of a parent.

    Attributes:
        turned: number of grains whose axis was turned by at least `TURNED_DEG`.
        grains: number of grains.
        largest_deg: the largest angle of them.
        area: share of the area that they have.
    """

    turned: int
    grains: int
    largest_deg: float
    area: float

    @classmethod
    def of(cls, structure: Microstructure, rotated_deg: np.ndarray) -> Change | None:
        """Of a structure whose axes were turned by these angles (grains,); None where they are not known."""
        if not len(rotated_deg):
            return None
        cells = np.bincount(structure.grain_id.ravel(), minlength=len(rotated_deg))
        turned = (np.abs(rotated_deg) >= TURNED_DEG) & (cells > 0)
        largest = float(np.abs(rotated_deg[turned]).max(initial=0.0))
        return cls(int(turned.sum()), int((cells > 0).sum()), largest, float(cells[turned].sum() / cells.sum()))

    def in_words(self) -> str:
        """As a clause: 3 of 24 grains turned, by at most 22.5 degrees, 11 % of the area."""
        if not self.turned:
            return "no grain turned"
        percent = 100 * self.area
        how = "by" if self.turned == 1 else "by at most"
        return (
            f"{self.turned} of {self.grains} grains turned, {how} {self.largest_deg:.3g} degrees, "
            f"{f'{percent:.0f}' if percent >= 9.95 else f'{percent:.2g}'} % of the area"
        )


@dataclass(frozen=True, eq=False)
class Nearby:
    """Structures with their codes, to be asked for the nearest.

    Attributes:
        structures: n of them; those that are asked for are drawn.
        codes: (n, latent) codes.
    """

    structures: Sequence[Microstructure]
    codes: np.ndarray

    def nearest(self, structure: Microstructure, code: np.ndarray) -> tuple[int, float]:
        """Row of the nearest structure in degrees of axis, and the distance; (-1, infinity) if there is none.

        Looked for among the `NEAREST` whose codes (latent,) are nearest, so that not all have to be drawn.
        """
        if not len(self.structures):
            return -1, float("inf")
        squared = np.sum((self.codes - code) ** 2, axis=1)
        rows = np.argsort(squared, kind="stable")[:NEAREST]
        far = [axis_distance_deg(structure, self.structures[int(row)]) for row in rows]
        best = int(np.argmin(far))
        return int(rows[best]), far[best]
