"""The gradient flow of elements: explicit steps of those corners that move; see `flow` for what all flows share."""

from __future__ import annotations

import numpy as np
from numba import njit

from simulation.compiled import compiled
from simulation.energy.bilinear import RIGHT, RIGHT2, add_row, row_torques
from simulation.energy.flow import QUIET, extrapolate
from simulation.energy.trigonometry import turned

LOOK_EVERYWHERE = 64
"""Steps between those that look at all corners."""
VECTOR = 16
"""Columns of a loop that compiled code takes at once; what is left over takes as long, one by one."""

_QUARTER = np.float32(0.25)


@compiled(fastmath=True)
def flow(  # type: ignore[no-untyped-def]
    angle, middle, axis, b, last_b, ahead, c, bulge, time_step, begin_step, end_step, one_over_area, turn, corners,
    first, last, start, stop,
):  # fmt: skip  # pragma: no cover - compiled
    """Step the angles at the corners and the unit vectors in the middles of the cells.

    Args:
        angle: (ny + 3, nx + 3) float32, changed.
        middle: (2, ny, nx) sin and cos of the angles in the middles, changed.
        axis: (2, ny, nx) sin and cos of twice the axis angle.
        b, last_b: (2, ny, nx) field at the last evaluation and at the one before; b becomes the field of the flow,
            last_b that of the last evaluation.
        ahead: by which part of their difference b is extrapolated.
        c, bulge: exchange number, and how far a cell bulges under a torque.
        time_step: of the explicit scheme.
        begin_step, end_step: which of its steps to do; those before have left the arrays as they are.
        one_over_area: of the patch of each corner, in cells.
        turn, corners, first, last, start, stop: work arrays, the last four (ny + 3) int64.
    """
    ny, nx = middle.shape[1], middle.shape[2]
    if begin_step == 0:
        extrapolate(b, last_b, ahead)
        turn[:] = np.float32(0)
        first[:], last[:], start[:], stop[:] = nx + 2, 0, nx + 2, 0
    for step in range(begin_step, end_step):
        for i in range(1, ny + 2):
            _clear(turn, i, start[i], stop[i])
        wake(first, last, start, stop, nx, step % LOOK_EVERYWHERE == 0)
        for i in range(ny):
            begin, end = min(start[i + 1], start[i + 2]), max(stop[i + 1], stop[i + 2])
            if begin < end:
                left, right = cells_around(begin, end, nx)
                row_torques(angle, middle, axis, b, c, bulge, i, left, right, corners)
                add_row(corners, i, begin, end, turn)
        for i in range(1, ny + 2):
            # Torques were added as far as the cells of the rows beside it reach.
            _clear(turn, i, min(start[i - 1], start[i + 1]), start[i])
            _clear(turn, i, stop[i], max(stop[i - 1], stop[i + 1]))
            _turn_corners(angle, turn, one_over_area, i, start[i], stop[i], time_step)
            _note_moved(turn, i, start[i], stop[i], np.float32(QUIET) * time_step, first, last)
        for i in range(ny):
            begin, end = min(start[i + 1], start[i + 2]), max(stop[i + 1], stop[i + 2])
            if begin < end:
                left, right = cells_around(begin, end, nx)
                _turn_middles(middle, turn, i, left, right)


@compiled()
def wake(first, last, start, stop, nx, everywhere):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Columns `start` to `stop` - 1 of each row are awake: between those that moved there and in the rows beside it."""
    for i in range(1, first.size - 1):
        start[i] = max(1, min(first[i - 1], first[i], first[i + 1]) - 1)
        stop[i] = min(nx + 2, max(last[i - 1], last[i], last[i + 1]) + 2)
        if start[i] > nx + 1:
            stop[i] = 0
        if everywhere:
            start[i], stop[i] = 1, nx + 2


@njit(inline="always")
def cells_around(begin, stop, nx):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """First and end of the cells around corners `begin` to `stop` - 1: a multiple of `VECTOR`, if the row has it."""
    first, end = max(begin - 2, 0), min(stop - 1, nx)
    width = (end - first + VECTOR - 1) // VECTOR * VECTOR
    first = max(min(first, nx - width), 0)
    return first, min(first + width, nx)


@njit(inline="always")
def _clear(turn, i, start, stop):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Columns `start` to `stop` - 1 of row i turn no more."""
    for j in range(np.uint64(start), np.uint64(max(start, stop))):
        turn[i, j] = np.float32(0)


@njit(inline="always")
def _turn_corners(angle, turn, one_over_area, i, start, stop, time_step):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Step columns `start` to `stop` - 1 of row i of corners and make `turn` what they turned."""
    for j in range(np.uint64(start), np.uint64(max(start, stop))):
        t = -time_step * one_over_area[i, j] * turn[i, j]
        turn[i, j] = t
        angle[i, j] += t


@njit(inline="always")
def _note_moved(turn, i, start, stop, quiet, first, last):  # type: ignore[no-untyped-def]  # pragma: no cover
    """First and last column of row i that turned by more than `quiet`; beyond the grid and 0 if none did."""
    left, right = start, stop - 1
    while left <= right and abs(turn[i, left]) <= quiet:
        left += 1
    while right >= left and abs(turn[i, right]) <= quiet:
        right -= 1
    first[i], last[i] = (left, right) if left <= right else (turn.shape[1] - 1, 0)


@njit(inline="always")
def _turn_middles(middle, turn, i, first, end):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Turn the unit vectors of cells `first` to `end` - 1 of row i by what their corners turned."""
    for j in range(np.uint64(first), np.uint64(end)):
        t = _QUARTER * (
            turn[i + 1, j + RIGHT] + turn[i + 1, j + RIGHT2] + turn[i + 2, j + RIGHT] + turn[i + 2, j + RIGHT2]
        )
        middle[0, i, j], middle[1, i, j] = turned(middle[0, i, j], middle[1, i, j], t)
