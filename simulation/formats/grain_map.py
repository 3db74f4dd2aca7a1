"""A map of grains as it was read, and the structure that becomes of it: holes filled, resampled, axes in the plane."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from simulation import material
from simulation.errors import InputError
from simulation.formats.options import MOST_OUT_OF_PLANE_DEG, VOID, ReadOptions
from simulation.microstructure import MAX_CELLS, Microstructure

NOTHING = "not a single point has an orientation"

NONE, ERROR = -1, -2
"""In place of a grain's number: nothing is known there, or something wrong."""

SQUARE = 1e-3
"""Pixels whose edges differ by a smaller share are square."""


@dataclass(frozen=True, eq=False)
class GrainMap:
    """Grains of a file, on its own pixels.

    Attributes:
        grain: (ny, nx) number of the grain of each pixel, row 0 at the bottom; `NONE` or `ERROR` where there is none.
        axis: (n, 3) easy axis of each grain, a unit vector: x to the right, y upwards, z out of the picture.
        step_nm: (dx, dy) edges of a pixel.
        source: what the file is, in words.
        notes: what was understood, a sentence each.
        doubts: what may have been understood wrongly, a sentence each.
    """

    grain: np.ndarray
    axis: np.ndarray
    step_nm: tuple[float, float]
    source: str
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Imported:
    """A structure, and what was done to what the file holds.

    Attributes:
        structure: the grains.
        source: what the file is, in words.
        points: (rows, columns) of the file.
        step_nm: (dx, dy) of these.
        filled: share of the points that had no orientation and were filled from the nearest grain.
        void: share of those that had none and are a phase of their own.
        out_of_plane_deg: mean over the area, and largest, angle of the easy axes out of the plane before they were
            projected into it.
        notes, doubts: see `GrainMap`.
    """

    structure: Microstructure
    source: str
    points: tuple[int, int]
    step_nm: tuple[float, float]
    filled: float = 0.0
    void: float = 0.0
    out_of_plane_deg: tuple[float, float] = (0.0, 0.0)
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def structure_of(found: GrainMap, options: ReadOptions) -> Imported:
    """Fill, or leave void, resample and project a map of grains.

    The grains are numbered in the order in which the cells name them, row by row from the bottom, so that a map has the
    same numbers whatever file it comes from.

    Raises:
        InputError: if too much has to be filled, the pixels are not square and no cell is named, there would be too
            many cells, or the axes lie too far out of the plane.
    """
    empty = (found.grain == NONE) & (options.unindexed == VOID)
    grain, filled = fill(found.grain, found.step_nm, options.fill, empty)
    pixel, cell_nm = _resampled(grain.shape, found.step_nm, options.cell_nm)
    grain, phase = grain[pixel], empty[pixel].astype(np.uint8)
    used, first, index = np.unique(grain.ravel(), return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(order.size, dtype=np.int64)
    number[order] = np.arange(order.size)
    axis = found.axis[used[order]]
    cells = np.bincount(number[index], phase.ravel() == 0, minlength=order.size)
    if not cells.any():
        raise InputError(NOTHING)
    out_deg = np.degrees(np.arcsin(np.clip(np.abs(axis[:, 2]), 0, 1)))
    mean_deg, largest_deg = float(np.average(out_deg, weights=cells)), float(out_deg.max())
    if mean_deg > MOST_OUT_OF_PLANE_DEG and not options.project:
        raise InputError(
            f"the easy axes lie {mean_deg:.0f} degrees out of the plane in the mean ({largest_deg:.0f} at most), and "
            f"the model has them in it: {MOST_OUT_OF_PLANE_DEG:g} at most are allowed; cut the specimen along its "
            "alignment, or take their projection all the same by --project"
        )
    # An axis at angle a from +y towards +x goes to a - r where the frame is turned anticlockwise by r.
    angle_rad = np.arctan2(axis[:, 0], axis[:, 1]) - math.radians(options.rotate_deg or 0.0)
    phases = (material.VOID,) if phase.any() else ()
    structure = Microstructure(number[index].reshape(grain.shape), angle_rad, cell_nm, phase, phases)
    rows, columns = found.grain.shape
    return Imported(
        structure, found.source, (rows, columns), found.step_nm, filled, float(empty.mean()),
        (mean_deg, largest_deg), found.notes, found.doubts,
    )  # fmt: skip


def fill(
    grain: np.ndarray, step_nm: tuple[float, float], most: float, void: np.ndarray | None = None
) -> tuple[np.ndarray, float]:
    """Pixels without a grain get the nearest one's; the map and the share of them, of which `void` (ny, nx) are none.

    Raises:
        InputError: if they are more than a share of `most`.
    """
    holes = grain < 0
    share = float((holes if void is None else holes & ~void).mean())
    if not holes.any():
        return grain, 0.0
    if holes.all():
        raise InputError(NOTHING)
    if share > most:
        raise InputError(
            f"{100 * share:.1f} % of the points have no orientation (not indexed, void, or in grains below "
            f"--least-pixels), and at most {100 * most:g} % are filled from their neighbours; allow more by "
            f"--fill {math.ceil(100 * share) / 100:g}, leave them void by --unindexed void, or crop the map"
        )
    nearest = ndimage.distance_transform_edt(
        holes, sampling=(step_nm[1], step_nm[0]), return_distances=False, return_indices=True
    )
    return grain[tuple(nearest)], share


def whole(values: np.ndarray, what: str) -> np.ndarray:
    """Numbers of grains as integers.

    Raises:
        InputError: if they are none.
    """
    if not np.isfinite(values).all() or (values != np.rint(values)).any() or np.abs(values).max(initial=0) > 2**31:
        raise InputError(f"{what} must be whole numbers of grains")
    return values.astype(np.int64)


def cells_of(width_nm: float, height_nm: float, cell_nm: float) -> tuple[int, int]:
    """(ny, nx) whole cells that fit into a map.

    Raises:
        InputError: if none do, or too many.
    """
    nx, ny = (int(edge / cell_nm * (1 + 1e-9) + 1e-9) for edge in (width_nm, height_nm))
    if min(nx, ny) < 1:
        raise InputError(f"a cell of {cell_nm:g} nm is larger than the map of {width_nm:.4g} x {height_nm:.4g} nm")
    if nx * ny > MAX_CELLS:
        least = math.sqrt(width_nm * height_nm / MAX_CELLS)
        raise InputError(
            f"{nx} x {ny} cells of {cell_nm:g} nm are more than the {MAX_CELLS} allowed; take --cell-nm {least:.2g} or "
            "more, crop the map, or say --step-nm if its step is in another unit"
        )
    return ny, nx


def _resampled(
    shape: tuple[int, int], step_nm: tuple[float, float], cell_nm: float | None
) -> tuple[tuple[np.ndarray, np.ndarray], float]:
    """Which pixel the middle of each square cell lies in, as an index of maps of pixels; and the edge of the cells."""
    dx, dy = step_nm
    rows, columns = shape
    if cell_nm is None:
        if abs(dx - dy) > SQUARE * max(dx, dy):
            raise InputError(f"its pixels are not square, {dx:.4g} x {dy:.4g} nm: name the edge of a cell by --cell-nm")
        return (np.arange(rows)[:, None], np.arange(columns)), dx
    ny, nx = cells_of(columns * dx, rows * dy, cell_nm)
    iy, ix = (
        np.minimum(((np.arange(n) + 0.5) * cell_nm / step).astype(np.int64), most - 1)
        for n, step, most in ((ny, dy, rows), (nx, dx, columns))
    )
    return (iy[:, None], ix), cell_nm
