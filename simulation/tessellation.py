"""Grain structures: Voronoi, the paper's family of samples, and Laguerre, of wanted sizes and elongation."""

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
    return _of_owners(owner, cells, angle_rad, cell_nm)


def _of_owners(owner: np.ndarray, cells: np.ndarray, angle_rad: np.ndarray, cell_nm: float) -> Microstructure:
    """The structure of the seeds that own a cell; `cells` (n,) says how many each has."""
    used = np.flatnonzero(cells)  # np.unique would sort all cells, six times slower
    number = np.cumsum(cells > 0) - 1
    return Microstructure(number[owner], np.asarray(angle_rad)[used], cell_nm)


STEPS, PLACES = 12, 8
"""Of `laguerre_kernel.relaxed`, and places that each seed has to choose from beforehand. 32 grains on 40 x 40 cells
then have the wanted spread of sizes within 4 %, and 1,000 structures take less than a second."""


def laguerre(
    cells: int,
    cell_nm: float,
    angle_rad: np.ndarray,
    rng: np.random.Generator,
    size_sigma: float | None = None,
    aspect: float = 1.0,
    elongation_rad: float = 0.0,
) -> Microstructure:
    """Draw a square of grains whose equivalent diameters are log-normal, or of Voronoi grains, longer in one direction.

    Args:
        cells: along an edge.
        cell_nm: edge of a cell, nm.
        angle_rad: (n,) easy axis of each seed's grain.
        rng: what is drawn from: without `size_sigma` the positions, else n normal numbers and 2 PLACES n for places.
        size_sigma: standard deviation of the logarithm of a grain's diameter (of the circle of its area): areas are
            those of the sample, exact within a cell or two; None: seeds as they fall, a Poisson-Voronoi diagram.
        aspect: mean length over width of the grains.
        elongation_rad: direction of their length, from +y towards +x.

    >>> rng = np.random.default_rng(1)
    >>> laguerre(40, 2.0, np.zeros(16), rng, size_sigma=0.1).grains
    16
    """
    from simulation import laguerre_kernel  # as in `nearest_seed`

    n, metric = len(angle_rad), stretching(aspect, elongation_rad)
    if size_sigma is None:
        owner = laguerre_kernel.stretched_power_diagram(
            rng.uniform(0.0, cells, size=(n, 2)), np.zeros(n), cells, cells, *metric
        )
    else:
        areas = np.exp(2.0 * size_sigma * rng.standard_normal(n))
        areas *= cells * cells / areas.sum()
        seeds = laguerre_kernel.packed(rng.uniform(0.0, cells, size=(n, PLACES, 2)), areas, *metric)
        owner = laguerre_kernel.relaxed(seeds, areas, cells, cells, *metric, STEPS)
    return _of_owners(owner, np.bincount(owner.ravel(), minlength=n), angle_rad, cell_nm)


def stretching(aspect: float, elongation_rad: float) -> tuple[float, float, float]:
    """The metric (G_xx, G_xy, G_yy) in which grains of that aspect ratio r are round: with u along their length and v
    across, G = u u / r + r v v, of determinant 1."""
    ux, uy = math.sin(elongation_rad), math.cos(elongation_rad)
    along, across = 1.0 / aspect, aspect
    return along * ux * ux + across * uy * uy, (along - across) * ux * uy, along * uy * uy + across * ux * ux


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
