"""Which cells of a grain map lie in a layer between the grains."""

from __future__ import annotations

import math

import numpy as np

OFF_THE_FACES = 0.25
"""How far inside of the grain of the higher number the boundary counts as lying, in cells."""


def boundary_layer(grain_id: np.ndarray, thickness: float) -> np.ndarray:
    """(ny, nx) whether the middle of each cell is nearer than half of a thickness to a boundary between grains.

    The faces between cells of different grains are the boundary. From there the middles of cells are half a cell away
    on both sides, so that a layer would have an even number of cells across. Therefore the boundary counts as lying a
    quarter of a cell inside of the grain of the higher number: a layer of n cells is then n cells across.

    Args:
        grain_id: (ny, nx) integers.
        thickness: of the layer, in cells.

    >>> boundary_layer(np.array([[0, 0, 0, 1, 1, 1]]), 3.0).astype(int)
    array([[0, 0, 1, 1, 1, 0]])
    """
    ny, nx = grain_id.shape
    reach = math.ceil(thickness + 2 * OFF_THE_FACES)
    highest = np.pad(_highest_at_boundary(grain_id), reach, constant_values=-1)
    inside = np.zeros((ny, nx), bool)
    for dy, dx in np.ndindex(2 * reach + 1, 2 * reach + 1):  # in half cells, from the middle of each cell
        distance = math.hypot(dy - reach, dx - reach) / 2
        if distance - OFF_THE_FACES < thickness / 2:
            there = highest[dy + 1 : dy + 1 + 2 * ny : 2, dx + 1 : dx + 1 + 2 * nx : 2]
            inside |= there == grain_id
            if distance + OFF_THE_FACES < thickness / 2:
                inside |= there >= 0
    return inside


def _highest_at_boundary(grain_id: np.ndarray) -> np.ndarray:
    """(2 ny + 1, 2 nx + 1) highest grain number at the middles and at the ends of faces between grains, -1 elsewhere.

    On a grid twice as fine, where the middles of cells are the odd points; every point of a face that is nearest to the
    middle of a cell is one of these.
    """
    ny, nx = grain_id.shape
    highest = np.full((2 * ny + 1, 2 * nx + 1), -1, np.int64)
    left, right, low, high = grain_id[:, :-1], grain_id[:, 1:], grain_id[:-1], grain_id[1:]
    highest[1::2, 2:-1:2] = np.where(left != right, np.maximum(left, right), -1)
    highest[2:-1:2, 1::2] = np.where(low != high, np.maximum(low, high), -1)
    for ends, of, axis in (
        (highest[::2, 2:-1:2], highest[1::2, 2:-1:2], 0),
        (highest[2:-1:2, ::2], highest[2:-1:2, 1::2], 1),
    ):
        beyond = [(1, 1) if a == axis else (0, 0) for a in range(2)]
        faces = np.pad(of, beyond, constant_values=-1)
        np.maximum(ends, np.maximum(np.delete(faces, -1, axis), np.delete(faces, 0, axis)), out=ends)
    return highest
