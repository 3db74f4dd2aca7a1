"""What the grains of a structure look like: their sizes, their shape and the texture of their axes."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from simulation.microstructure import Microstructure

FEWEST_INSIDE = 30
"""Grains away from the border that are enough to go by; those that it cuts are smaller than they were."""


@dataclass(frozen=True)
class Morphology:
    """Statistics of the grains of a structure.

    Attributes:
        grains: how many.
        area_nm2: mean area of a grain.
        size_sigma: standard deviation of the logarithm of the diameter of the circle of a grain's area.
        width_rad: circular standard deviation of the axes, weighted by area (Mardia and Jupp, Directional Statistics,
            section 2.3, for axes: half that of the doubled angles).
        direction_rad: their mean direction, from +y.
        aspect: length over width of the mean grain, of the tensor below.
        elongation_rad: direction of its length, from +y.
    """

    grains: int
    area_nm2: float
    size_sigma: float
    width_rad: float
    direction_rad: float
    aspect: float
    elongation_rad: float


def morphology(structure: Microstructure) -> Morphology:
    """The statistics of a structure.

    The shape is that of the mean of the grains' inertia tensors C_g / A_g, C_g the covariance of the positions of a
    grain's points and A_g its area: round grains, all stretched alike, have its ratio of axes exactly.
    """
    grain, sizes = structure.grain_id.ravel(), np.bincount(structure.grain_id.ravel()).astype(float)
    there = sizes > 0
    iy, ix = np.indices(structure.shape)
    x, y, area = ix.ravel().astype(float), iy.ravel().astype(float), np.maximum(sizes, 1.0)
    mx, my = (np.bincount(grain, v, len(sizes)) / area for v in (x, y))
    dx, dy = x - mx[grain], y - my[grain]
    cxx, cxy, cyy = (
        np.bincount(grain, v, len(sizes)) / area + cell
        for v, cell in ((dx * dx, 1 / 12), (dx * dy, 0), (dy * dy, 1 / 12))
    )  # 1/12: the cells themselves
    counted = _inside(structure, there)
    tensor = np.array([[np.mean((c / area)[counted]) for c in row] for row in ((cxx, cxy), (cxy, cyy))])
    (low, high), vectors = np.linalg.eigh(tensor)
    resultant = np.sum(sizes[there] * np.exp(2j * structure.grain_angle_rad[: len(sizes)][there])) / sizes.sum()
    return Morphology(
        grains=int(there.sum()),
        area_nm2=float(sizes.sum() / there.sum() * structure.cell_nm**2),
        size_sigma=float(np.log(np.sqrt(sizes[counted])).std()),
        width_rad=math.sqrt(max(-2 * math.log(max(min(abs(resultant), 1.0), 1e-9)), 0.0)) / 2,
        direction_rad=float(np.angle(resultant)) / 2,
        aspect=math.sqrt(high / low),
        elongation_rad=math.atan2(*vectors[:, 1]) % math.pi,
    )


def _inside(structure: Microstructure, there: np.ndarray) -> np.ndarray:
    """(n,) which grains to go by: those that the border does not cut, all where these are few."""
    grid, inside = structure.grain_id, there.copy()
    inside[np.concatenate([grid[0], grid[-1], grid[:, 0], grid[:, -1]])] = False
    return inside if inside.sum() >= FEWEST_INSIDE else there
