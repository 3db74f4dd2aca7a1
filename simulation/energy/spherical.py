"""A square element of unit vectors at its corners: its energy's derivatives, and what it looks like in its middle.

The energy is that of `free_elements`, which has the formulas; `bilinear` is the same of angles in the plane. (One loop
over the cells of a row, without a branch and with results in one array, because others are not vectorised.)
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from simulation.compiled import compiled
from simulation.energy.bilinear import RIGHT, RIGHT2, SERIES, SLOPE, weighted
from simulation.energy.block_stencil import TILE, TILES
from simulation.energy.coefficients import at
from simulation.energy.geodesic import pair

_HALF, _QUARTER, _ONE, _TWO, _FOUR, _EIGHTH = (np.float32(x) for x in (1 / 2, 1 / 4, 1, 2, 4, 1 / 8))
_MEAN, _THIRD, _SIXTH, _EIGHTEENTH, _SIXTEENTH = (np.float32(x) for x in (3 / 5, 1 / 3, 1 / 6, 1 / 18, 1 / 16))
_TINY = np.float32(1e-12)
FIRST = np.int64(0)
"""First cell of a row: a literal 0 would have `add_torques` compiled once more, for that number alone."""


@njit(inline="always")
def sinc_of_square(u):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sinc(x/2), its derivative by u = x^2, and 1 - sinc(x/2) without cancellation."""
    short = u * (SERIES[0] - u * (SERIES[1] - u * (SERIES[2] - u * (SERIES[3] - u * SERIES[4]))))
    slope = _HALF * (u * (SLOPE[1] - u * (SLOPE[2] - u * (SLOPE[3] - u * SLOPE[4]))) - SLOPE[0])
    return _ONE - short, slope, short


@njit(inline="always")
def row_torques(m, axis, b, cs, bulges, half_qs, i, first, end, corners):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Derivatives by the corners (four of x, of y, of z) of cells `first` to `end` - 1 of row i, at most a `TILE`."""
    for n in range(np.uint64(end - first)):
        j = n + np.uint64(first)
        c, bulge, half_q = at(cs, i, j), at(bulges, i, j), at(half_qs, i, j)
        x0, y0, z0 = m[0, i + 1, j + RIGHT], m[1, i + 1, j + RIGHT], m[2, i + 1, j + RIGHT]
        x1, y1, z1 = m[0, i + 1, j + RIGHT2], m[1, i + 1, j + RIGHT2], m[2, i + 1, j + RIGHT2]
        x2, y2, z2 = m[0, i + 2, j + RIGHT], m[1, i + 2, j + RIGHT], m[2, i + 2, j + RIGHT]
        x3, y3, z3 = m[0, i + 2, j + RIGHT2], m[1, i + 2, j + RIGHT2], m[2, i + 2, j + RIGHT2]
        d01, g01 = pair(x0, y0, z0, x1, y1, z1)
        d23, g23 = pair(x2, y2, z2, x3, y3, z3)
        d02, g02 = pair(x0, y0, z0, x2, y2, z2)
        d13, g13 = pair(x1, y1, z1, x3, y3, z3)
        up, g03 = pair(x0, y0, z0, x3, y3, z3)
        down, g12 = pair(x1, y1, z1, x2, y2, z2)
        edges, across = _HALF * (d01 + d23 - d02 - d13), _HALF * (up + down)
        xx, yy, twist = _HALF * (across + edges), _HALF * (across - edges), up - down
        # M, a and b
        sx, sy, sz = x0 + x1 + x2 + x3, y0 + y1 + y2 + y3, z0 + z1 + z2 + z3
        over = _ONE / np.float32(math.sqrt(sx * sx + sy * sy + sz * sz + _TINY))
        mx, my, mz = over * sx, over * sy, over * sz
        ax, ay, az = _HALF * (x1 - x0 + x3 - x2), _HALF * (y1 - y0 + y3 - y2), _HALF * (z1 - z0 + z3 - z2)
        bx, by, bz = _HALF * (x2 - x0 + x3 - x1), _HALF * (y2 - y0 + y3 - y1), _HALF * (z2 - z0 + z3 - z1)
        fx, fx_, _ = sinc_of_square(xx)
        fy, fy_, _ = sinc_of_square(yy)
        gx, gx_, short_x = sinc_of_square(_FOUR * xx)
        gy, gy_, short_y = sinc_of_square(_FOUR * yy)
        f, g = fx * fy, gx * gy
        f1, g1 = weighted(f), weighted(g)
        kx, ky, hx, hy = axis[0, i, j], axis[1, i, j], b[0, i, j], b[1, i, j]
        km, ka, kb = kx * mx + ky * my, kx * ax + ky * ay, kx * bx + ky * by
        over_q = _ONE / (ax * ax + ay * ay + az * az + bx * bx + by * by + bz * bz + _TINY)
        spread = over_q * (ka * ka + kb * kb + half_q * (az * az + bz * bz))
        square = km * km + half_q * mz * mz
        hm = hx * mx + hy * my
        # T
        vx, vy, vz = g1 * km * kx + f1 * hx, g1 * km * ky + f1 * hy, g1 * half_q * mz
        vm = vx * mx + vy * my + vz * mz
        tx, ty, tz = vx - vm * mx, vy - vm * my, vz - vm * mz
        kt = kx * tx + ky * ty
        # by f, g, then by the squares
        by_f = -hm - bulge * _MEAN * (hx * tx + hy * ty)
        by_g = -_QUARTER * (square - spread) - bulge * _MEAN * (km * kt + half_q * mz * tz)
        by_xx = by_f * fx_ * fy + _FOUR * by_g * gx_ * gy + c * _EIGHTEENTH * yy
        by_yy = by_f * fx * fy_ + _FOUR * by_g * gx * gy_ + c * _EIGHTEENTH * xx
        along = _HALF * (by_xx - by_yy)
        on_x, on_y, on_d = c * _THIRD + along, c * _THIRD - along, c * _SIXTH + _HALF * (by_xx + by_yy)
        area = _EIGHTH * c * _EIGHTEENTH * twist
        # pairs: the derivative of w d^2/2 is -w G (v' - v), of which the part along v means nothing
        p01, p23, p02, p13 = on_x * g01, on_x * g23, on_y * g02, on_y * g13
        p03, p12 = (on_d - _TWO * area) * g03, (on_d + _TWO * area) * g12
        # by M, through its length too
        inner = -_HALF * (_ONE + g)
        px = inner * km * kx - f * hx - bulge * (g1 * kt * kx - vm * vx)
        py = inner * km * ky - f * hy - bulge * (g1 * kt * ky - vm * vy)
        pz = inner * half_q * mz - bulge * (g1 * half_q * tz - vm * vz)
        pm = px * mx + py * my + pz * mz
        px, py, pz = over * (px - pm * mx), over * (py - pm * my), over * (pz - pm * mz)
        # by a and b
        outer = -_QUARTER * (short_x + gx * short_y) * over_q
        qax, qay, qaz = outer * (ka * kx - spread * ax), outer * (ka * ky - spread * ay), outer * (half_q - spread) * az
        qbx, qby, qbz = outer * (kb * kx - spread * bx), outer * (kb * ky - spread * by), outer * (half_q - spread) * bz
        corners[n + TILES[0]] = px - qax - qbx - p01 * (x1 - x0) - p02 * (x2 - x0) - p03 * (x3 - x0)
        corners[n + TILES[1]] = px + qax - qbx + p01 * (x1 - x0) - p13 * (x3 - x1) - p12 * (x2 - x1)
        corners[n + TILES[2]] = px - qax + qbx - p23 * (x3 - x2) + p02 * (x2 - x0) + p12 * (x2 - x1)
        corners[n + TILES[3]] = px + qax + qbx + p23 * (x3 - x2) + p13 * (x3 - x1) + p03 * (x3 - x0)
        corners[n + TILES[4]] = py - qay - qby - p01 * (y1 - y0) - p02 * (y2 - y0) - p03 * (y3 - y0)
        corners[n + TILES[5]] = py + qay - qby + p01 * (y1 - y0) - p13 * (y3 - y1) - p12 * (y2 - y1)
        corners[n + TILES[6]] = py - qay + qby - p23 * (y3 - y2) + p02 * (y2 - y0) + p12 * (y2 - y1)
        corners[n + TILES[7]] = py + qay + qby + p23 * (y3 - y2) + p13 * (y3 - y1) + p03 * (y3 - y0)
        corners[n + TILES[8]] = pz - qaz - qbz - p01 * (z1 - z0) - p02 * (z2 - z0) - p03 * (z3 - z0)
        corners[n + TILES[9]] = pz + qaz - qbz + p01 * (z1 - z0) - p13 * (z3 - z1) - p12 * (z2 - z1)
        corners[n + TILES[10]] = pz - qaz + qbz - p23 * (z3 - z2) + p02 * (z2 - z0) + p12 * (z2 - z1)
        corners[n + TILES[11]] = pz + qaz + qbz + p23 * (z3 - z2) + p13 * (z3 - z1) + p03 * (z3 - z0)


@compiled(fastmath=True, error_model="numpy")
def add_torques(m, axis, b, c, bulge, half_q, i, first, end, corners, torque):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add what cells `first` to `end` - 1 of row i contribute to the corners around them.

    A function of its own, and no part of its callers: it takes seconds to compile.
    """
    for low in range(first, end, TILE):
        cells = min(end - low, TILE)
        row_torques(m, axis, b, c, bulge, half_q, i, low, low + cells, corners)
        for xyz in range(3):
            for corner in range(4):
                _add(corners, TILE * (4 * xyz + corner), cells, torque[xyz, i + 1 + corner // 2], low + 1 + corner % 2)


@njit(inline="always")
def _add(corners, start, cells, row, at):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for n in range(np.uint64(cells)):
        row[n + np.uint64(at)] += corners[n + np.uint64(start)]


@njit(inline="always")
def middle_of(m, i, j):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """f, g and M of cell (i, j)."""
    x0, y0, z0 = m[0, i + 1, j + RIGHT], m[1, i + 1, j + RIGHT], m[2, i + 1, j + RIGHT]
    x1, y1, z1 = m[0, i + 1, j + RIGHT2], m[1, i + 1, j + RIGHT2], m[2, i + 1, j + RIGHT2]
    x2, y2, z2 = m[0, i + 2, j + RIGHT], m[1, i + 2, j + RIGHT], m[2, i + 2, j + RIGHT]
    x3, y3, z3 = m[0, i + 2, j + RIGHT2], m[1, i + 2, j + RIGHT2], m[2, i + 2, j + RIGHT2]
    along_x = pair(x0, y0, z0, x1, y1, z1)[0] + pair(x2, y2, z2, x3, y3, z3)[0]
    along_y = pair(x0, y0, z0, x2, y2, z2)[0] + pair(x1, y1, z1, x3, y3, z3)[0]
    edges = _HALF * (along_x - along_y)
    across = _HALF * (pair(x0, y0, z0, x3, y3, z3)[0] + pair(x1, y1, z1, x2, y2, z2)[0])
    xx, yy = _HALF * (across + edges), _HALF * (across - edges)
    f = sinc_of_square(xx)[0] * sinc_of_square(yy)[0]
    g = sinc_of_square(_FOUR * xx)[0] * sinc_of_square(_FOUR * yy)[0]
    sx, sy, sz = x0 + x1 + x2 + x3, y0 + y1 + y2 + y3, z0 + z1 + z2 + z3
    over = _ONE / np.float32(math.sqrt(sx * sx + sy * sy + sz * sz + _TINY))
    return f, g, over * sx, over * sy, over * sz
