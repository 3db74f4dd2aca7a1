"""Grains of a map that knows an orientation at every point: connected points whose easy axes agree.

An easy axis is a line, and in a crystal with one the physics sees nothing else of its orientation: the misorientation
of neighbours is the angle between both lines, 0 to 90 degrees, before anything is projected. Two crystals that are
turned about a common c axis are therefore one grain.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from simulation.errors import InputError
from simulation.formats.grain_map import NOTHING, GrainMap, cells_of
from simulation.formats.options import ReadOptions
from simulation.microstructure import MAX_CELLS

OFF_GRID = 0.25
"""Share of a step that points may lie beside their place: files round coordinates."""


@dataclass(frozen=True, eq=False)
class Points:
    """Measured points.

    Attributes:
        x_nm, y_nm: (n,) where they are, y upwards.
        axis: (n, 3) easy axis at each, a unit vector; NaN where there is none.
        phase: (n,) a number: points of different phases are never one grain.
    """

    x_nm: np.ndarray
    y_nm: np.ndarray
    axis: np.ndarray
    phase: np.ndarray


@dataclass(frozen=True, eq=False)
class Grid:
    """Where points lie.

    Attributes:
        row, column: (n,) from 0 at the bottom and at the left; columns are half-integers in every other row of a
            hexagonal grid.
        step_nm: (dx, dy) from point to point in a row, and from row to row.
        hexagonal: whether it is one.
    """

    row: np.ndarray
    column: np.ndarray
    step_nm: tuple[float, float]
    hexagonal: bool

    @property
    def shape(self) -> tuple[int, int]:
        """(rows, columns)."""
        return int(self.row.max()) + 1, int(np.floor(self.column.max() + OFF_GRID)) + 1

    @property
    def place_nm(self) -> np.ndarray:
        """(n, 2) x and y of the points."""
        return np.column_stack([self.column * self.step_nm[0], self.row * self.step_nm[1]])

    def pixels(self, values: np.ndarray, empty: int, cell_nm: float | None) -> tuple[np.ndarray, tuple[float, float]]:
        """Integers of the points (n,) on pixels (ny, nx), and the edges of these; `empty` where there is no point.

        On a square grid each point is a pixel. On a hexagonal one each pixel, as high as a row or a cell of `cell_nm`,
        has the value of the nearest point.
        """
        (ny, nx), (dx, dy) = self.shape, self.step_nm
        if not self.hexagonal:
            found = np.full((ny, nx), empty, dtype=np.int64)
            found[self.row, np.rint(self.column).astype(np.int64)] = values
            return found, self.step_nm
        edge = cell_nm or dy
        rows, columns = cells_of(nx * dx, ny * dy, edge)
        y, x = ((np.arange(n) + 0.5) * edge - step / 2 for n, step in ((rows, dy), (columns, dx)))
        away, nearest = cKDTree(self.place_nm).query(np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2))
        return np.where(away < max(dx, dy), values[nearest], empty).reshape(rows, columns), (edge, edge)

    def nearest(self, known: np.ndarray) -> np.ndarray:
        """(n,) index of the nearest point that is known (n,); its own of each where all are, or none is."""
        index = np.arange(len(known))
        if known.all() or not known.any():
            return index
        place = self.place_nm
        index[~known] = np.flatnonzero(known)[cKDTree(place[known]).query(place[~known])[1]]
        return index

    def neighbours(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Indices of neighbouring points: four of each, on a hexagonal grid six."""
        dx, dy = self.step_nm
        if self.hexagonal:
            pairs = cKDTree(self.place_nm).query_pairs(1.2 * max(dx, np.hypot(dx / 2, dy)), output_type="ndarray")
            return [(pairs[:, 0], pairs[:, 1])]
        index, _ = self.pixels(np.arange(len(self.row)), -1, None)
        pairs = [(a.ravel(), b.ravel()) for a, b in ((index[:, 1:], index[:, :-1]), (index[1:], index[:-1]))]
        return [(a[there], b[there]) for a, b in pairs for there in [(a >= 0) & (b >= 0)]]


def grid_of(x_nm: np.ndarray, y_nm: np.ndarray, step_nm: float | None = None) -> Grid:
    """The grid that points (n,) lie on; `step_nm` says how far they are apart in a row where their coordinates do not.

    Raises:
        InputError: if it is neither square, rectangular nor hexagonal, or too large.
    """
    row, dy = _rows(y_nm)
    column, dx, hexagonal = _columns(x_nm, row)
    if step_nm is not None:
        dy, dx = dy / dx * step_nm, step_nm
    grid = Grid(row, column, (dx, dy), hexagonal)
    rows, columns = grid.shape
    if rows * columns > MAX_CELLS:
        raise InputError(f"a grid of {columns} x {rows} points, more than the {MAX_CELLS} allowed")
    return grid


def grains_of_points(points: Points, threshold_deg: float, options: ReadOptions, source: str) -> GrainMap:
    """Grains of points on a square, rectangular or hexagonal grid, found on the points as measured.

    Raises:
        InputError: if they lie on no such grid, or on too large a one.
    """
    grid = grid_of(points.x_nm, points.y_nm, options.step_nm)
    nearest = grid.nearest(np.isfinite(points.axis).all(axis=1))
    grain, axis = label_grains(points.axis, points.phase, nearest, grid.neighbours(), threshold_deg)
    pixels, step_nm = grid.pixels(_without_small(grain, options.least_pixels), -1, options.cell_nm)
    dx, dy = grid.step_nm
    said = f"hexagonal grid, {dx:.4g} nm from point to point and {dy:.4g} nm from row to row, each pixel by the nearest"
    return GrainMap(pixels, axis, step_nm, source, (said,) if grid.hexagonal else ())


def grains_of_pixels(
    axis: np.ndarray, phase: np.ndarray, step_nm: tuple[float, float], threshold_deg: float, least: int, source: str
) -> GrainMap:
    """Grains of axes (ny, nx, 3) on pixels, each with four neighbours; NaN where there is none."""
    ny, nx = phase.shape
    index = np.arange(ny * nx).reshape(ny, nx)
    pairs = ((a.ravel(), b.ravel()) for a, b in ((index[:, 1:], index[:, :-1]), (index[1:], index[:-1])))
    holes = ~np.isfinite(axis).all(axis=-1)
    nearest = index
    if holes.any() and not holes.all():
        where = ndimage.distance_transform_edt(
            holes, sampling=step_nm[::-1], return_distances=False, return_indices=True
        )  # fmt: skip
        nearest = index[tuple(where)]
    grain, mean = label_grains(axis.reshape(-1, 3), phase.ravel(), nearest.ravel(), pairs, threshold_deg)
    return GrainMap(_without_small(grain, least).reshape(ny, nx), mean, step_nm, source)


def label_grains(
    axis: np.ndarray,
    phase: np.ndarray,
    nearest: np.ndarray,
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
    threshold_deg: float,
) -> tuple[np.ndarray, np.ndarray]:
    """Connected components of points whose axes differ by at most a threshold from a neighbour's.

    A point without an axis stands for the nearest that has one, so that no grain falls apart at it.

    Args:
        axis: (n, 3) unit vectors, NaN where there is none.
        phase: (n,) numbers.
        nearest: (n,) index of the nearest point with an axis.
        pairs: indices of neighbours, in portions.
        threshold_deg: largest angle between the axes of neighbours in one grain.

    Returns:
        (n,) number of the grain, -1 where there is no axis; (grains, 3) its mean axis: the main axis of the sum of
        k k^T over its points, which does not ask which end of an axis is its head.
    """
    measured = np.isfinite(axis).all(axis=1)
    if not measured.any():
        raise InputError(NOTHING)
    joined = []
    for one, other in pairs:
        a, b = nearest[one], nearest[other]
        # |k_a x k_b| is the sine of the angle between two lines, exact where the angle is small.
        sine = np.linalg.norm(np.cross(axis[a], axis[b]), axis=1)
        close = sine <= np.sin(np.radians(threshold_deg)) * (1 + 1e-12)  # NaN is close to nothing
        joined.append(np.stack([one, other])[:, close & (phase[a] == phase[b])])
    edges = np.concatenate(joined, axis=1)
    graph = coo_array((np.ones(edges.shape[1], dtype=bool), (edges[0], edges[1])), shape=(len(axis), len(axis)))
    component = connected_components(graph, directed=False)[1]
    grain = np.full(len(axis), -1)
    known, grain[measured] = np.unique(component[measured], return_inverse=True)
    tensor = np.empty((known.size, 3, 3))
    for i in range(3):
        for j in range(3):
            product = axis[measured, i] * axis[measured, j]
            tensor[:, i, j] = np.bincount(grain[measured], product, minlength=known.size)
    return grain, np.linalg.eigh(tensor)[1][:, :, -1]


def _without_small(grain: np.ndarray, least: int) -> np.ndarray:
    """Grains of fewer points are none."""
    cells = np.bincount(grain[grain >= 0], minlength=int(grain.max()) + 1 if grain.size else 0)
    return np.where(grain >= 0, np.where(cells[grain] >= least, grain, -1), -1)


def _rows(y: np.ndarray) -> tuple[np.ndarray, float]:
    """(n,) row of each point, from 0 at the bottom, and how far they are apart."""
    if not np.isfinite(y).all():
        raise InputError("its coordinates are not all numbers")
    values = np.sort(y)
    span = float(values[-1] - values[0])
    gaps = np.diff(values)
    gaps = gaps[gaps > 1e-5 * span]
    if not gaps.size:
        raise InputError("its points lie on one line: a map has rows and columns")
    count = round(span / float(np.median(gaps)))
    step = span / max(count, 1)
    place = (y - values[0]) / step
    row = np.rint(place).astype(np.int64)
    if count > MAX_CELLS or np.abs(place - row).max() > OFF_GRID:
        raise InputError("its points lie on no regular grid: rows are not equally far apart")
    return row, step


def _columns(x: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, float, bool]:
    """(n,) column of each point, half-integers in every other row of a hexagonal grid; how far columns are apart; and
    whether it is one."""
    if not np.isfinite(x).all():
        raise InputError("its coordinates are not all numbers")
    order = np.lexsort((x, row))
    gaps = np.diff(x[order])[np.diff(row[order]) == 0]
    gaps = gaps[gaps > 1e-5 * max(float(np.ptp(x)), 1e-300)]
    if not gaps.size:
        raise InputError("its points lie on one line: a map has rows and columns")
    least = float(x.min())
    step = float(np.median(gaps))
    halves = round(float(np.ptp(x)) / step * 2)
    step = 2 * float(np.ptp(x)) / max(halves, 1)
    column = (x - least) / step
    if np.abs(column - np.rint(column)).max() <= OFF_GRID / 2:
        return column, step, False
    twice = 2 * column
    parity = np.rint(twice).astype(np.int64) % 2
    alternating = np.ptp((row + parity) % 2) == 0  # whole columns in every other row, halves in those between
    if np.abs(twice - np.rint(twice)).max() > OFF_GRID or not alternating:
        raise InputError("its points lie on no regular grid, neither square nor hexagonal")
    return column, step, True
