"""A bilinear square element by the four modes of its corners: one point in its middle, and factors for the rest.

Corners of a cell are numbered along x first: 0 1 in the row of lower y, 2 3 in the next. Their angles are those of the
middle, psi = (v0 + v1 + v2 + v3)/4, of the slopes X = (v1 - v0 + v3 - v2)/2 and Y = (v2 - v0 + v3 - v1)/2 across the
cell, and of the twist Z = v0 - v1 - v2 + v3. Where the angle phi is linear, the means over the cell of sin phi and cos
phi are those in the middle times f, and of sin 2 phi and cos 2 phi those in the middle times g,

    f = sinc(X/2) sinc(Y/2),        g = sinc(X) sinc(Y),        sinc x = sin(x)/x,

and f and g stand for the means everywhere. Means weighted by how far the middle lies from the edges, 6 s (1 - s) of a
place s between them, have the factors 2/5 + 3/5 f and 2/5 + 3/5 g, right in second order.

A function of psi, X, Y and Z has the derivatives by the corners

    1/4 (1, 1, 1, 1) d/dpsi + 1/2 (-1, 1, -1, 1) d/dX + 1/2 (-1, -1, 1, 1) d/dY + (1, -1, -1, 1) d/dZ.

(The loops are short and over few arrays, because others are not vectorised.)
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from simulation.energy.coefficients import at

RIGHT, RIGHT2 = np.uint64(1), np.uint64(2)
"""To the next columns: compiled code need not ask whether an unsigned index counts from the end."""
_HALF, _QUARTER, _ONE, _TWO, _THREE = (np.float32(x) for x in (1 / 2, 1 / 4, 1, 2, 3))
_MIDDLE, _MEAN = np.float32(2 / 5), np.float32(3 / 5)
_F2, _F4, _F6, _F8, _F10 = (1 / (4**n * math.factorial(2 * n + 1)) for n in (1, 2, 3, 4, 5))
SERIES = tuple(np.float32(a) for a in (_F2, _F4, _F6, _F8, _F10))
SLOPE = tuple(np.float32(a) for a in (2 * _F2, 4 * _F4, 6 * _F6, 8 * _F8, 10 * _F10))
_BEND = tuple(np.float32(a) for a in (2 * _F2, 12 * _F4, 30 * _F6, 56 * _F8, 90 * _F10))


@njit(inline="always")
def modes(angle, i, j):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """X, Y and Z of cell (i, j) in single precision, from differences in that of the angles."""
    v0, v1, v2, v3 = (
        angle[i + 1, j + RIGHT],
        angle[i + 1, j + RIGHT2],
        angle[i + 2, j + RIGHT],
        angle[i + 2, j + RIGHT2],
    )
    low, high = np.float32(v1 - v0), np.float32(v3 - v2)
    return _HALF * (low + high), _HALF * (np.float32(v2 - v0) + np.float32(v3 - v1)), high - low


@njit(inline="always")
def sinc_half(x):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sinc(x/2) and its derivative over x: series, good to 1e-7 up to pi and to 2e-4 up to 2 pi."""
    u = x * x
    a, b = SERIES, SLOPE
    return (
        _ONE - u * (a[0] - u * (a[1] - u * (a[2] - u * (a[3] - u * a[4])))),
        u * (b[1] - u * (b[2] - u * (b[3] - u * b[4]))) - b[0],
    )


@njit(inline="always")
def sinc_half_bend(x):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Second derivative of sinc(x/2)."""
    u = x * x
    b = _BEND
    return u * (b[1] - u * (b[2] - u * (b[3] - u * b[4]))) - b[0]


@njit(inline="always")
def weighted(factor):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """f or g of means that are weighted towards the middle of the cell."""
    return _MIDDLE + _MEAN * factor


@njit(inline="always")
def in_middle(middle, axis, b, i, j):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sin and cos of 2 (psi - a), and the field b across and along the magnetisation, b.t and b.m, of cell (i, j)."""
    sin, cos = middle[0, i, j], middle[1, i, j]
    sin2, cos2 = _TWO * sin * cos, _ONE - _TWO * sin * sin
    return (
        sin2 * axis[1, i, j] - cos2 * axis[0, i, j],
        cos2 * axis[1, i, j] + sin2 * axis[0, i, j],
        b[0, i, j] * cos - b[1, i, j] * sin,
        b[0, i, j] * sin + b[1, i, j] * cos,
    )


@njit(inline="always")
def row_torques(angle, middle, axis, b, c, bulge, i, first, end, corners):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Derivatives by the corners of the cells `first` to `end` - 1 of row i in the field b; cell j in column j + 1.

    Those of c/2 (X^2 + Y^2 + Z^2/3) - g/4 cos 2(psi - a) - f b.m - bulge/2 T^2, see `simulation.energy.elements`.
    """
    for j in range(np.uint64(first), np.uint64(end)):
        x, y, z = modes(angle, i, j)
        (fx, fx_), (fy, fy_) = sinc_half(x), sinc_half(y)
        (gx, gx_), (gy, gy_) = sinc_half(_TWO * x), sinc_half(_TWO * y)
        off_axis, on_axis, across_field, along_field = in_middle(middle, axis, b, i, j)
        f, g = fx * fy, gx * gy
        stiffness = at(c, i, j)
        bend = at(bulge, i, j) * (_HALF * weighted(g) * off_axis - weighted(f) * across_field)
        by_f = bend * _MEAN * across_field - along_field
        by_gx_ = -(on_axis + bend * _TWO * _MEAN * off_axis)  # by g, times 4 as the argument of g is twice x
        by_psi = _HALF * g * off_axis - f * across_field - bend * (weighted(g) * on_axis + weighted(f) * along_field)
        turn = _QUARTER * by_psi
        along_x = _HALF * x * (stiffness + by_f * fy * fx_ + by_gx_ * gy * gx_)
        along_y = _HALF * y * (stiffness + by_f * fx * fy_ + by_gx_ * gx * gy_)
        twist = stiffness / _THREE * z
        corners[0, j + RIGHT] = turn - along_x - along_y + twist
        corners[1, j + RIGHT] = turn + along_x - along_y - twist
        corners[2, j + RIGHT] = turn - along_x + along_y - twist
        corners[3, j + RIGHT] = turn + along_x + along_y + twist


@njit(inline="always")
def add_row(corners, i, first, end, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add what row i of cells contributes to columns `first` to `end` - 1 of the rows of corners below and above it."""
    for j in range(np.uint64(first), np.uint64(end)):
        out[i + 1, j] += corners[0, j] + corners[1, j - RIGHT]
    for j in range(np.uint64(first), np.uint64(end)):
        out[i + 2, j] += corners[2, j] + corners[3, j - RIGHT]
