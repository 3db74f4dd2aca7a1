"""Bilinear square elements with 2 x 2 Gauss points: from corners to points and back.

Corners and points of a cell are numbered along x first: 0 1 in the row of lower y, 2 3 in the next. A bilinear function
is a product of two linear ones, which at the two points of an edge are NEAR = (1 + 1/sqrt 3)/2 on their own side and
FAR = 1 - NEAR on the other.

Nothing is stored at the points: the angle there is that in the middle of the cell and an `offset`, whose sine and
cosine are short series. They are good to single precision up to 1 rad and to 1e-4 up to 1.8 rad, where two corners of
the cell differ by pi. (The loops are short and over few arrays, because others are not vectorised.)
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

NEAR, FAR = (1 + 1 / math.sqrt(3)) / 2, (1 - 1 / math.sqrt(3)) / 2
_NEAR, _FAR = np.float32(NEAR), np.float32(FAR)
RIGHT, RIGHT2 = np.uint64(1), np.uint64(2)
"""To the next columns: compiled code need not ask whether an unsigned index counts from the end."""
_SIXTH, _QUARTER, _HALF, _ONE, _TWO = (np.float32(x) for x in (1 / 6, 1 / 4, 1 / 2, 1, 2))
_SLOPE, _TWIST = np.float32(1 / (4 * math.sqrt(3))), np.float32(1 / 12)
_S3, _S5, _S7, _S9 = (np.float32(1 / math.factorial(n)) for n in (3, 5, 7, 9))
_C2, _C4, _C6, _C8 = (np.float32(1 / math.factorial(n)) for n in (2, 4, 6, 8))


@njit(inline="always")
def interpolated(v0, v1, v2, v3, near, far):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Values at the four points of a cell from those at its corners; the transposed map is the same."""
    low0, low1 = near * v0 + far * v1, far * v0 + near * v1
    high0, high1 = near * v2 + far * v3, far * v2 + near * v3
    return near * low0 + far * high0, near * low1 + far * high1, far * low0 + near * high0, far * low1 + near * high1


def at_points(corner_values: np.ndarray) -> np.ndarray:
    """(4, ny, nx) values at the points of each cell from (ny + 1, nx + 1) values at the corners."""
    v = corner_values
    points = interpolated.py_func(v[:-1, :-1], v[:-1, 1:], v[1:, :-1], v[1:, 1:], NEAR, FAR)
    return np.stack(points)


@njit(inline="always")
def offsets(angle, i, j):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """What the angles at the four points of cell (i, j) differ by from that in its middle."""
    v0, v1, v2, v3 = (
        angle[i + 1, j + RIGHT],
        angle[i + 1, j + RIGHT2],
        angle[i + 2, j + RIGHT],
        angle[i + 2, j + RIGHT2],
    )
    low, high = v1 - v0, v3 - v2
    x, y, twist = _SLOPE * (low + high), _SLOPE * ((v2 - v0) + (v3 - v1)), _TWIST * (high - low)
    return twist - x - y, x - y - twist, y - x - twist, x + y + twist


@njit(inline="always")
def sin_cos_offset(offset):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sin and cos of an offset."""
    x = offset * offset
    return (
        offset * (_ONE - x * (_S3 - x * (_S5 - x * (_S7 - x * _S9)))),
        _ONE - x * (_C2 - x * (_C4 - x * (_C6 - x * _C8))),
    )


@njit(inline="always")
def torque_in_middle(middle, axis, b, i, j):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """A quarter of 1/2 sin 2(phi - a), 1/2 cos 2(phi - a), -b.t and b.m in the middle of cell (i, j)."""
    sin, cos = middle[0, i, j], middle[1, i, j]
    sin2, cos2 = _QUARTER * sin * cos, _QUARTER * (_HALF - sin * sin)
    return (
        sin2 * axis[1, i, j] - cos2 * axis[0, i, j],
        cos2 * axis[1, i, j] + sin2 * axis[0, i, j],
        _QUARTER * (b[1, i, j] * sin - b[0, i, j] * cos),
        _QUARTER * (b[1, i, j] * cos + b[0, i, j] * sin),
    )


@njit(inline="always")
def torque_beside(p, p_, q, q_, offset):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Torque at an offset from where it is p + q, with p' = 2 p_, q' = q_: p turns with twice the angle, q with it."""
    sin, cos = sin_cos_offset(offset)
    return p + _TWO * sin * (p_ * cos - p * sin) + q * cos + q_ * sin


@njit(inline="always")
def curvature_beside(p, p_, q, q_, offset):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The derivative of `torque_beside` by the offset."""
    sin, cos = sin_cos_offset(offset)
    return _TWO * (p_ - _TWO * sin * (p * cos + p_ * sin)) + q_ * cos - q * sin


@njit(inline="always")
def row_torques(angle, middle, axis, b, i, first, end, corners):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Torques but for exchange of the cells `first` to `end` - 1 of row i on their corners; cell j in column j + 1."""
    for j in range(np.uint64(first), np.uint64(end)):
        p, p_, q, q_ = torque_in_middle(middle, axis, b, i, j)
        o0, o1, o2, o3 = offsets(angle, i, j)
        g0, g1, g2, g3 = interpolated(
            torque_beside(p, p_, q, q_, o0), torque_beside(p, p_, q, q_, o1),
            torque_beside(p, p_, q, q_, o2), torque_beside(p, p_, q, q_, o3), _NEAR, _FAR,
        )  # fmt: skip
        corners[0, j + RIGHT], corners[1, j + RIGHT], corners[2, j + RIGHT], corners[3, j + RIGHT] = g0, g1, g2, g3


@njit(inline="always")
def add_row_exchange(angle, c, i, first, end, corners):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add c K phi of these cells: 2/3 on the diagonal, -1/6 along an edge, -1/3 across the cell.

    It is written in differences of angles, which single precision can hold.
    """
    sixth = c * _SIXTH
    for j in range(np.uint64(first), np.uint64(end)):
        v0, v1, v2, v3 = (
            angle[i + 1, j + RIGHT],
            angle[i + 1, j + RIGHT2],
            angle[i + 2, j + RIGHT],
            angle[i + 2, j + RIGHT2],
        )
        x_low, x_high = np.float32(v1 - v0), np.float32(v3 - v2)
        y_left, y_right = np.float32(v2 - v0), np.float32(v3 - v1)
        up, down = _TWO * (x_low + y_right), _TWO * (y_left - x_low)  # across the cell: 0 to 3 and 1 to 2, doubled
        corners[0, j + RIGHT] -= sixth * (x_low + y_left + up)
        corners[1, j + RIGHT] -= sixth * (y_right - x_low + down)
        corners[2, j + RIGHT] += sixth * (y_left - x_high + down)
        corners[3, j + RIGHT] += sixth * (x_high + y_right + up)


@njit(inline="always")
def add_row(corners, i, first, end, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add what row i of cells contributes to columns `first` to `end` - 1 of the rows of corners below and above it."""
    for j in range(np.uint64(first), np.uint64(end)):
        out[i + 1, j] += corners[0, j] + corners[1, j - RIGHT]
    for j in range(np.uint64(first), np.uint64(end)):
        out[i + 2, j] += corners[2, j] + corners[3, j - RIGHT]
