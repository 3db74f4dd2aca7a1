"""Voronoi grain structures: the paper's family of samples."""

from __future__ import annotations

import math

import numba
import numpy as np

from simulation.errors import InputError
from simulation.microstructure import Microstructure


def voronoi(
    size_nm: float, cell_nm: float, grains: int, misorientation_rad: float, rng: np.random.Generator
) -> Microstructure:
    """Draw one grain structure: seeds uniform in a square, axes uniform in [-theta, theta] from +y.

    Args:
        size_nm: edge of the square, nm; a whole number of cells.
        cell_nm: edge of a cell, nm.
        grains: number of Voronoi seeds; a seed that owns no cell gives no grain.
        misorientation_rad: theta, the largest angle between an axis and +y as drawn, 0 to pi.
        rng: what is drawn from; 2 * grains numbers for the seeds, then `grains` for the axes.

    Raises:
        InputError: if the numbers describe no such structure.
    """
    cells = square_cells(size_nm, cell_nm)
    if isinstance(grains, bool) or not isinstance(grains, (int, np.integer)) or not 1 <= grains <= cells * cells:
        raise InputError(f"voronoi: grains must be a whole number from 1 to {cells * cells} (cells), got {grains!r}")
    if not 0 <= misorientation_rad <= math.pi:
        raise InputError(f"voronoi: misorientation_rad must lie in [0, pi], got {misorientation_rad!r}")
    seeds = rng.uniform(0.0, cells, size=(int(grains), 2))
    angles = rng.uniform(-misorientation_rad, misorientation_rad, size=int(grains))
    return from_seeds(seeds, angles, (cells, cells), cell_nm)


def from_seeds(seeds: np.ndarray, angle_rad: np.ndarray, shape: tuple[int, int], cell_nm: float) -> Microstructure:
    """The Voronoi structure of given seeds.

    Args:
        seeds: (n, 2) positions (x, y) in units of cells; cell (iy, ix) has its centre at (ix + 1/2, iy + 1/2).
        angle_rad: (n,) easy axis of each seed's grain.
        shape: (ny, nx), cells.
        cell_nm: edge of a cell, nm.
    """
    owner = nearest_seed(np.ascontiguousarray(seeds, dtype=np.float64), shape[0], shape[1])
    cells = np.bincount(owner.ravel(), minlength=len(seeds))
    used = np.flatnonzero(cells)  # np.unique would sort all cells, six times slower
    number = np.cumsum(cells > 0) - 1
    return Microstructure(number[owner], np.asarray(angle_rad)[used], cell_nm)


def square_cells(size_nm: float, cell_nm: float) -> int:
    """Cells along the edge of a square.

    Raises:
        InputError: if the edge is not a whole number of cells.
    """
    if not (0 < cell_nm < math.inf and 0 < size_nm < math.inf):
        raise InputError(f"size_nm and cell_nm must be positive, got {size_nm!r} and {cell_nm!r}")
    cells = round(size_nm / cell_nm)
    if cells < 1 or not math.isclose(cells * cell_nm, size_nm, rel_tol=1e-9):
        raise InputError(f"size_nm must be a whole number of cells, got {size_nm} nm of cells of {cell_nm} nm")
    return cells


@numba.njit(cache=True)
def nearest_seed(seeds: np.ndarray, ny: int, nx: int) -> np.ndarray:  # pragma: no cover - compiled
    """(ny, nx) index of the seed nearest to each cell's centre.

    Seeds are sorted into square buckets that hold about two each; a cell looks through rings of buckets until no
    nearer one can come. Ten times faster than a k-d tree at the sizes of this project.
    """
    n = seeds.shape[0]
    width = max(1.0, math.sqrt(2.0 * ny * nx / n))
    by, bx = int(ny / width) + 1, int(nx / width) + 1
    start = np.zeros(by * bx + 1, np.int64)
    bucket = np.empty(n, np.int64)
    for i in range(n):
        b = min(max(int(seeds[i, 1] / width), 0), by - 1) * bx + min(max(int(seeds[i, 0] / width), 0), bx - 1)
        bucket[i] = b
        start[b + 1] += 1
    for b in range(by * bx):
        start[b + 1] += start[b]
    fill = start[:-1].copy()
    order = np.empty(n, np.int64)
    for i in range(n):
        order[fill[bucket[i]]] = i
        fill[bucket[i]] += 1
    owner = np.empty((ny, nx), np.int32)
    for iy in range(ny):
        y = iy + 0.5
        cy = int(y / width)
        for ix in range(nx):
            x = ix + 0.5
            cx = int(x / width)
            best, best_i = np.inf, -1
            for ring in range(max(by, bx) + 1):
                if best_i >= 0 and best <= ((ring - 1) * width) ** 2:
                    break
                for jy in range(max(cy - ring, 0), min(cy + ring, by - 1) + 1):
                    edge = jy == cy - ring or jy == cy + ring
                    step = 1 if edge else max(2 * ring, 1)
                    jx = cx - ring
                    while jx <= cx + ring:
                        if 0 <= jx < bx:
                            for s in range(start[jy * bx + jx], start[jy * bx + jx + 1]):
                                i = order[s]
                                d = (seeds[i, 0] - x) ** 2 + (seeds[i, 1] - y) ** 2
                                if d < best or (d == best and i < best_i):
                                    best, best_i = d, i
                        jx += step
            owner[iy, ix] = best_i
    return owner
