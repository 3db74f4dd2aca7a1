"""Grains of a map that knows an orientation at every point: connected points that are hardly misoriented.

Of measured crystals the misorientation is the least angle that turns one into the other, whatever their symmetry: in
an aligned magnet neighbours have nearly the same c axis, and are told apart by how they are turned about it. Where
nothing but an easy axis is known, which is a line, it is the angle between both lines, 0 to 90 degrees.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from simulation.errors import InputError
from simulation.formats.grain_map import ERROR, NONE, NOTHING, GrainMap, cells_of
from simulation.formats.options import ReadOptions
from simulation.microstructure import MAX_CELLS

PORTION = 500_000
"""Pairs of points that are compared at once."""

OFF_GRID = 0.25
"""Share of a step that points may lie beside their place: files round coordinates."""


@dataclass(frozen=True, eq=False)
class Points:
    """Measured points.

    Attributes:
        x_nm, y_nm: (n,) where they are, y upwards.
        axis: (n, 3) easy axis at each, a unit vector; NaN where there is none.
        phase: (n,) a number: points of different phases are never one grain.
        quaternion: (n, 4) rotation of the specimen's frame into the crystal's, scalar first; None where only axes are
            known.
        symmetry: (m, 4) rotations of the crystal into itself, by phase; of one that is missing only axes are compared.
    """

    x_nm: np.ndarray
    y_nm: np.ndarray
    axis: np.ndarray
    phase: np.ndarray
    quaternion: np.ndarray | None = None
    symmetry: Mapping[int, np.ndarray] = field(default_factory=dict)

    def close(self, a: np.ndarray, b: np.ndarray, threshold_deg: float) -> np.ndarray:
        """(k,) whether points a and b (k,) are of one phase and misoriented by no more than a threshold."""
        found = (self.phase[a] == self.phase[b]) & close_lines(self.axis[a], self.axis[b], threshold_deg)
        if self.quaternion is None:
            return found
        for number, symmetry in self.symmetry.items():  # the axes agree where the crystals do: only these are asked
            pairs = np.flatnonzero(found & (self.phase[a] == number))
            for part in np.array_split(pairs, pairs.size // PORTION + 1):
                one, other = self.quaternion[a[part]], self.quaternion[b[part]]
                found[part] = misorientation_cosine(one, other, symmetry) >= np.cos(np.radians(threshold_deg) / 2)
        return found


def close_lines(one: np.ndarray, other: np.ndarray, threshold_deg: float) -> np.ndarray:
    """(k,) whether the angle between lines (k, 3) is no larger than a threshold; never where one is NaN.

    |k x k'| is the sine of the angle, exact where it is small.
    """
    sine = np.linalg.norm(np.cross(one, other), axis=1)
    close: np.ndarray = sine <= np.sin(np.radians(threshold_deg)) * (1 + 1e-12)
    return close


def misorientation_cosine(one: np.ndarray, other: np.ndarray, symmetry: np.ndarray) -> np.ndarray:
    """(k,) cosine of half the misorientation angle: the largest |Re(p* q s)| over the rotations s of the symmetry.

    Args:
        one, other: (k, 4) unit quaternions p and q, scalar first.
        symmetry: (m, 4).
    """
    p0, q0, p, q = one[:, :1], other[:, :1], one[:, 1:], other[:, 1:]
    scalar = p0 * q0 + np.sum(p * q, axis=1, keepdims=True)
    vector = p0 * q - q0 * p - np.cross(p, q)
    cosine: np.ndarray = np.abs(scalar * symmetry[:, 0] - vector @ symmetry[:, 1:].T).max(axis=1)
    return cosine


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
    close = partial(points.close, threshold_deg=threshold_deg)
    grain, axis = label_grains(points.axis, nearest, grid.neighbours(), close)
    pixels, step_nm = grid.pixels(_without_small(grain, options.least_pixels), NONE, options.cell_nm)
    dx, dy = grid.step_nm
    said = f"hexagonal grid, {dx:.4g} nm from point to point and {dy:.4g} nm from row to row, each pixel by the nearest"
    return GrainMap(pixels, axis, step_nm, source, (said,) if grid.hexagonal else ())


def grains_of_pixels(
    axis: np.ndarray, step_nm: tuple[float, float], threshold_deg: float, options: ReadOptions, source: str
) -> GrainMap:
    """Grains of axes (ny, nx, 3) on pixels, each with four neighbours; NaN where there is none."""
    row, column = (index.ravel() for index in np.indices(axis.shape[:2]))
    grid, flat = Grid(row, column.astype(np.float64), step_nm, False), axis.reshape(-1, 3)
    nearest = grid.nearest(np.isfinite(flat).all(axis=1))
    grain, mean = label_grains(
        flat, nearest, grid.neighbours(), lambda a, b: close_lines(flat[a], flat[b], threshold_deg)
    )
    return GrainMap(_without_small(grain, options.least_pixels).reshape(axis.shape[:2]), mean, step_nm, source)


def label_grains(
    axis: np.ndarray,
    nearest: np.ndarray,
    pairs: Iterable[tuple[np.ndarray, np.ndarray]],
    close: Callable[[np.ndarray, np.ndarray], np.ndarray],
) -> tuple[np.ndarray, np.ndarray]:
    """Connected components of points that are close to a neighbour.

    A point without an axis stands for the nearest that has one, so that no grain falls apart at it.

    Args:
        axis: (n, 3) unit vectors, NaN where there is none.
        nearest: (n,) index of the nearest point with an axis.
        pairs: indices of neighbours, in portions.
        close: of indices (k,) of points and of others, whether they belong to one grain.

    Returns:
        (n,) number of the grain, `NONE` where there is no axis; (grains, 3) its mean axis: the main axis of the sum of
        k k^T over its points, which does not ask which end of an axis is its head.

    Raises:
        InputError: if no point has an axis.
    """
    measured = np.isfinite(axis).all(axis=1)
    if not measured.any():
        raise InputError(NOTHING)
    joined = [np.stack(pair)[:, close(nearest[pair[0]], nearest[pair[1]])] for pair in pairs]
    edges = np.concatenate(joined, axis=1)
    graph = coo_array((np.ones(edges.shape[1], dtype=bool), (edges[0], edges[1])), shape=(len(axis), len(axis)))
    component = connected_components(graph, directed=False)[1]
    grain = np.full(len(axis), NONE)
    known, grain[measured] = np.unique(component[measured], return_inverse=True)
    tensor = np.empty((known.size, 3, 3))
    for i in range(3):
        for j in range(3):
            product = axis[measured, i] * axis[measured, j]
            tensor[:, i, j] = np.bincount(grain[measured], product, minlength=known.size)
    return grain, np.linalg.eigh(tensor)[1][:, :, -1]


def _without_small(grain: np.ndarray, least: int) -> np.ndarray:
    """Grains of fewer points are errors."""
    cells = np.bincount(grain[grain >= 0], minlength=int(grain.max()) + 1 if grain.size else 0)
    return np.where(grain >= 0, np.where(cells[grain] >= least, grain, ERROR), NONE)


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
