"""The local Hessian of free spins: 2 x 2 blocks in the tangent frames of a nine-point stencil, solved approximately.

Exchange of a pair is w d^2/2 of the angle d between two vectors (see `geodesic`). With p = cos d, G = d/sin d and
F = (1 - p G)/sin^2 d its second derivatives in frames e are

    at i:  G p 1 + F (e_a.m_j)(e_b.m_j),        between:  -G e_a.e_b + F (e_a.m_j)(m_i.e_b):

1 and -1 along the way from one to the other, d cot d and -d/sin d across it. Made convex, both are 1 and -1. See
`stencil` for what the solver is for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numba import njit

from simulation.compiled import compiled
from simulation.energy.coefficients import at
from simulation.energy.conjugate_gradients import ITERATIONS, LEAST_CURVATURE
from simulation.energy.geodesic import pair

REDUCTION = 0.1
"""See `stencil`."""
RIGHT_OF, ABOVE, ACROSS, BACK = 3, 7, 11, 15
"""First of the four entries of couplings (i, j) to (i, j + 1), (i + 1, j), (i + 1, j + 1) and (i + 1, j - 1)."""

TILE = 1024
"""Columns that are done at once. A constant, because compiled code has to see that many results do not overlap."""
TILES = tuple(np.uint64(TILE * n) for n in range(12))

_HALF, _ONE, _TWO = np.float32(0.5), np.float32(1), np.float32(2)


class BlockStencil:
    """The stencil (fill `blocks`: (19, rows, columns), the first three the symmetric block of the node) and its solver.

    Vectors have two components in the tangent frames, (2 rows, columns): one above the other.
    """

    def __init__(self, rows: int, columns: int) -> None:
        self.blocks = np.zeros((19, rows, columns), np.float32)
        self.work = np.zeros(10 * TILE, np.float32)
        self._work = np.zeros((3, 2 * rows, columns), np.float32)

    def solve(self, right_side: np.ndarray, out: np.ndarray) -> bool:
        """See `simulation.energy.Energy.solve_local`."""
        return bool(_solve(self.blocks, right_side, out, self._work))


class Pairs(NamedTuple):
    """Pairs of nodes that are alike: rows `top` to `bottom` - 1 with the row `down` below, columns `first` to `end` - 1
    with those `ahead`; their weight is a part of the `which`-th of several c."""

    top: int
    bottom: int
    down: int
    first: int
    end: int
    ahead: int
    slot: int
    which: int
    part: float = 1.0


def pair_table(pairs: Sequence[Pairs]) -> tuple[np.ndarray, np.ndarray]:
    """What `add_pairs` goes through: the whole numbers of each (n, 8), and their parts (n,)."""
    return np.array([each[:-1] for each in pairs], np.int64), np.array([each.part for each in pairs], np.float32)


@njit(inline="always")
def add_pairs(m, e1, e2, blocks, work, table, parts, cs, convex, geodesic):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Add the pairs of a `pair_table` and set their couplings; `cs` are numbers or arrays by the first node of a pair.

    One place where `_row_of_pairs` is inlined, because it takes seconds to compile.
    """
    for i in range(1, m.shape[1] - 1):
        for number in range(parts.size):
            top, bottom, down, first, end, ahead, slot, which = table[number]
            if top <= i < bottom:
                _add_row_of_pairs(
                    m, e1, e2, blocks, work, i, i + down, first, end, ahead, cs[which], parts[number], slot, convex,
                    geodesic,
                )  # fmt: skip


@njit(inline="always")
def _add_row_of_pairs(m, e1, e2, blocks, work, i, k, first, end, ahead, c, part, slot, convex, geodesic):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Nodes (i, j) and (k, j + ahead), `first` <= j < `end`."""
    for low in range(first, end, TILE):
        columns = min(end - low, TILE)
        if convex:
            _row_of_convex_pairs(m, e1, e2, work, i, k, low, columns, low + ahead, c, part)
        else:
            _row_of_pairs(m, e1, e2, work, i, k, low, columns, low + ahead, c, part, geodesic)
        for n in range(3):
            _add(blocks[n, i], low, work, n * TILE, columns)
            _add(blocks[n, k], low + ahead, work, (3 + n) * TILE, columns)
        for n in range(4):
            _set(blocks[slot + n, i], low, work, (6 + n) * TILE, columns)


@njit(inline="always")
def _add(row, at, work, start, columns):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for n in range(np.uint64(columns)):
        row[n + np.uint64(at)] += work[n + np.uint64(start)]


@njit(inline="always")
def _set(row, at, work, start, columns):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for n in range(np.uint64(columns)):
        row[n + np.uint64(at)] = work[n + np.uint64(start)]


@njit(inline="always")
def _seen(m, e1, e2, i, j, k, o):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """cos of the angle of nodes (i, j) and (k, o), e.m of the frame of each with the other, and e.e of both frames."""
    x0, y0, z0, x1, y1, z1 = m[0, i, j], m[1, i, j], m[2, i, j], m[0, k, o], m[1, k, o], m[2, k, o]
    ax, ay, az, bx, by, bz = e1[0, i, j], e1[1, i, j], e1[2, i, j], e2[0, i, j], e2[1, i, j], e2[2, i, j]
    cx, cy, cz, dx, dy, dz = e1[0, k, o], e1[1, k, o], e1[2, k, o], e2[0, k, o], e2[1, k, o], e2[2, k, o]
    return (
        x0 * x1 + y0 * y1 + z0 * z1,
        ax * x1 + ay * y1 + az * z1, bx * x1 + by * y1 + bz * z1,
        cx * x0 + cy * y0 + cz * z0, dx * x0 + dy * y0 + dz * z0,
        ax * cx + ay * cy + az * cz, ax * dx + ay * dy + az * dz,
        bx * cx + by * cy + bz * cz, bx * dx + by * dy + bz * dz,
    )  # fmt: skip


@njit(inline="always")
def _row_of_pairs(m, e1, e2, work, i, k, low, columns, other, c, part, geodesic):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Second derivatives of w d^2/2, or of -w cos d."""
    for n in range(np.uint64(columns)):
        j, o = n + np.uint64(low), n + np.uint64(other)
        w = part * at(c, i, j)
        p, a1, a2, b1, b2, e11, e12, e21, e22 = _seen(m, e1, e2, i, j, k, o)
        _, g = pair(m[0, i, j], m[1, i, j], m[2, i, j], m[0, k, o], m[1, k, o], m[2, k, o])
        rest, sin2 = _ONE - p, _ONE - p * p
        near = np.float32(1 / 3) + np.float32(4 / 15) * rest
        f = near if sin2 < np.float32(0.01) else (_ONE - p * g) / sin2
        f, g = (w * f, w * g) if geodesic else (np.float32(0), w)
        work[n], work[n + TILES[1]], work[n + TILES[2]] = g * p + f * a1 * a1, f * a1 * a2, g * p + f * a2 * a2
        work[n + TILES[3]], work[n + TILES[4]] = g * p + f * b1 * b1, f * b1 * b2
        work[n + TILES[5]] = g * p + f * b2 * b2
        work[n + TILES[6]], work[n + TILES[7]] = f * a1 * b1 - g * e11, f * a1 * b2 - g * e12
        work[n + TILES[8]], work[n + TILES[9]] = f * a2 * b1 - g * e21, f * a2 * b2 - g * e22


@njit(inline="always")
def _row_of_convex_pairs(m, e1, e2, work, i, k, low, columns, other, c, part):  # type: ignore[no-untyped-def]  # pragma: no cover
    """1 and -1 along the way and across it: frames of one transported to the other."""
    for n in range(np.uint64(columns)):
        j, o = n + np.uint64(low), n + np.uint64(other)
        w = part * at(c, i, j)
        p, a1, a2, b1, b2, e11, e12, e21, e22 = _seen(m, e1, e2, i, j, k, o)
        turn = _ONE / (_ONE + p + np.float32(1e-3))
        work[n], work[n + TILES[1]], work[n + TILES[2]] = w, np.float32(0), w
        work[n + TILES[3]], work[n + TILES[4]], work[n + TILES[5]] = w, np.float32(0), w
        work[n + TILES[6]], work[n + TILES[7]] = w * (turn * a1 * b1 - e11), w * (turn * a1 * b2 - e12)
        work[n + TILES[8]], work[n + TILES[9]] = w * (turn * a2 * b1 - e21), w * (turn * a2 * b2 - e22)


@njit(inline="always")
def local_blocks(m, e1, e2, axes, area, b, half_q, i, end, blocks):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Blocks of the nodes of row i alone, of -1/2 (k.m)^2 - q/4 m_z^2 - b.m; k kT (`axes`) and b times their areas, q/2
    a number or that of each node."""
    for j in range(np.uint64(1), np.uint64(end)):
        x, y, z = m[0, i, j], m[1, i, j], m[2, i, j]
        kxx, kxy, kyy, zz = axes[0, i, j], axes[1, i, j], axes[2, i, j], at(half_q, i, j) * area[i, j]
        ax, ay, az, bx, by, bz = e1[0, i, j], e1[1, i, j], e1[2, i, j], e2[0, i, j], e2[1, i, j], e2[2, i, j]
        along = kxx * x * x + _TWO * kxy * x * y + kyy * y * y + zz * z * z + b[0, i, j] * x + b[1, i, j] * y
        blocks[0, i, j] = along - (kxx * ax * ax + _TWO * kxy * ax * ay + kyy * ay * ay + zz * az * az)
        blocks[1, i, j] = -(kxx * ax * bx + kxy * (ax * by + ay * bx) + kyy * ay * by + zz * az * bz)
        blocks[2, i, j] = along - (kxx * bx * bx + _TWO * kxy * bx * by + kyy * by * by + zz * bz * bz)


@compiled(fastmath=True, error_model="numpy")
def make_convex(blocks, area):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Curvatures of the nodes alone count as curving upwards, and at least a little per area."""
    for i in range(1, area.shape[0] - 1):
        for j in range(1, area.shape[1] - 1):
            a, b, c = blocks[0, i, j], blocks[1, i, j], blocks[2, i, j]
            mean, half = _HALF * (a + c), _HALF * (a - c)
            r = np.float32(math.sqrt(half * half + b * b))
            floor = np.float32(LEAST_CURVATURE) * area[i, j]
            high, low = max(abs(mean + r), floor), max(abs(mean - r), floor)
            mean, part = _HALF * (high + low), _HALF * (high - low) / max(r, np.float32(1e-12))
            blocks[0, i, j], blocks[1, i, j], blocks[2, i, j] = mean + part * half, part * b, mean - part * half


@njit(inline="always")
def _product(blocks, p, i, j, rows):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Both components of the stencil's product at node (i, j)."""
    k = rows + i
    x = blocks[0, i, j] * p[i, j] + blocks[1, i, j] * p[k, j]
    y = blocks[1, i, j] * p[i, j] + blocks[2, i, j] * p[k, j]
    x += blocks[3, i, j] * p[i, j + 1] + blocks[4, i, j] * p[k, j + 1]
    y += blocks[5, i, j] * p[i, j + 1] + blocks[6, i, j] * p[k, j + 1]
    x += blocks[3, i, j - 1] * p[i, j - 1] + blocks[5, i, j - 1] * p[k, j - 1]
    y += blocks[4, i, j - 1] * p[i, j - 1] + blocks[6, i, j - 1] * p[k, j - 1]
    x += blocks[7, i, j] * p[i + 1, j] + blocks[8, i, j] * p[k + 1, j]
    y += blocks[9, i, j] * p[i + 1, j] + blocks[10, i, j] * p[k + 1, j]
    x += blocks[7, i - 1, j] * p[i - 1, j] + blocks[9, i - 1, j] * p[k - 1, j]
    y += blocks[8, i - 1, j] * p[i - 1, j] + blocks[10, i - 1, j] * p[k - 1, j]
    x += blocks[11, i, j] * p[i + 1, j + 1] + blocks[12, i, j] * p[k + 1, j + 1]
    y += blocks[13, i, j] * p[i + 1, j + 1] + blocks[14, i, j] * p[k + 1, j + 1]
    x += blocks[11, i - 1, j - 1] * p[i - 1, j - 1] + blocks[13, i - 1, j - 1] * p[k - 1, j - 1]
    y += blocks[12, i - 1, j - 1] * p[i - 1, j - 1] + blocks[14, i - 1, j - 1] * p[k - 1, j - 1]
    x += blocks[15, i, j] * p[i + 1, j - 1] + blocks[16, i, j] * p[k + 1, j - 1]
    y += blocks[17, i, j] * p[i + 1, j - 1] + blocks[18, i, j] * p[k + 1, j - 1]
    x += blocks[15, i - 1, j + 1] * p[i - 1, j + 1] + blocks[17, i - 1, j + 1] * p[k - 1, j + 1]
    y += blocks[16, i - 1, j + 1] * p[i - 1, j + 1] + blocks[18, i - 1, j + 1] * p[k - 1, j + 1]
    return x, y


@compiled(fastmath=True, error_model="numpy")
def _solve(blocks, right_side, x, work):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Conjugate gradients from zero with the diagonal as preconditioner. False on negative curvature."""
    rows, columns = blocks.shape[1], blocks.shape[2]
    r, p, ap = work[0], work[1], work[2]
    floor, zero = np.float32(LEAST_CURVATURE), np.float32(0)
    rz = zero
    for i in range(2 * rows):
        on, k = blocks[0 if i < rows else 2, i % rows], i % rows
        if k == 0 or k == rows - 1:
            continue
        row = zero
        for j in range(1, columns - 1):
            x[i, j] = zero
            r[i, j] = right_side[i, j]
            p[i, j] = r[i, j] / max(on[j], floor)
            row += p[i, j] * r[i, j]
        rz += row
    target = rz * np.float32(REDUCTION * REDUCTION)
    for _ in range(ITERATIONS):
        pap = zero
        for i in range(1, rows - 1):
            row = zero
            for j in range(1, columns - 1):
                first, second = _product(blocks, p, i, j, rows)
                ap[i, j], ap[rows + i, j] = first, second
                row += first * p[i, j] + second * p[rows + i, j]
            pap += row
        if pap <= np.float32(1e-3) * rz:
            return False
        alpha = rz / pap
        rz_new = zero
        for i in range(2 * rows):
            on, k = blocks[0 if i < rows else 2, i % rows], i % rows
            if k == 0 or k == rows - 1:
                continue
            row = zero
            for j in range(1, columns - 1):
                x[i, j] += alpha * p[i, j]
                r[i, j] -= alpha * ap[i, j]
                ap[i, j] = r[i, j] / max(on[j], floor)
                row += ap[i, j] * r[i, j]
            rz_new += row
        if rz_new <= target:
            return True
        beta = rz_new / rz
        rz = rz_new
        for i in range(2 * rows):
            for j in range(1, columns - 1):
                p[i, j] = ap[i, j] + beta * p[i, j]
    return True
