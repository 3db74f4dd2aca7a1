"""Voronoi grain structures: the paper's family of samples."""

from __future__ import annotations

import math
from numbers import Real

import numpy as np

from simulation.errors import InputError
from simulation.microstructure import MAX_CELLS, Microstructure


def voronoi(
    size_nm: float, cell_nm: float, grains: int, misorientation_rad: float, rng: np.random.Generator | int
) -> Microstructure:
    """Draw one grain structure: seeds uniform in a square, axes uniform in [-theta, theta] from +y.

    Args:
        size_nm: edge of the square, nm; a whole number of cells.
        cell_nm: edge of a cell, nm.
        grains: number of Voronoi seeds; a seed that owns no cell gives no grain.
        misorientation_rad: theta, the largest angle between an axis and +y as drawn, 0 to pi.
        rng: what is drawn from, 2 * grains numbers for the seeds, then `grains` for the axes; or a whole number that
            seeds a generator of its own.

    Raises:
        InputError: if the numbers describe no such structure.

    >>> magnet = voronoi(size_nm=80, cell_nm=2, grains=16, misorientation_rad=0.5, rng=np.random.default_rng(1))
    >>> magnet.shape, magnet.grains
    ((40, 40), 16)
    """
    for name, value in (("size_nm", size_nm), ("cell_nm", cell_nm), ("misorientation_rad", misorientation_rad)):
        if isinstance(value, bool) or not isinstance(value, Real):
            raise InputError(f"voronoi: {name} must be a number, got {value!r:.80}")
    if isinstance(rng, (int, np.integer)) and not isinstance(rng, bool) and rng >= 0:
        rng = np.random.default_rng(rng)
    if not isinstance(rng, np.random.Generator):
        raise InputError(
            f"voronoi: rng must be a numpy.random.Generator, such as numpy.random.default_rng(1), or a whole number "
            f"of at least 0 that seeds one, got {rng!r:.80}"
        )
    cells = drawable_cells(size_nm, cell_nm)
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
    owner = nearest_seed(seeds, shape[0], shape[1])
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


def drawable_cells(size_nm: float, cell_nm: float) -> int:
    """The same, of a square that a structure can have.

    Raises:
        InputError: also if they are too many.
    """
    cells = square_cells(size_nm, cell_nm)
    if cells * cells > MAX_CELLS:
        raise InputError(
            f"at most {MAX_CELLS} cells are allowed, {size_nm} nm of cells of {cell_nm} nm are {cells} x {cells}"
        )
    return cells


def nearest_seed(seeds: np.ndarray, ny: int, nx: int) -> np.ndarray:
    """(ny, nx) index of the seed nearest to each cell's centre; `seeds` as in `from_seeds`."""
    from simulation import voronoi_kernel  # Numba takes half a second, and checking a study draws nothing

    owner: np.ndarray = voronoi_kernel.nearest_seed(np.ascontiguousarray(seeds, dtype=np.float64), ny, nx)
    return owner
