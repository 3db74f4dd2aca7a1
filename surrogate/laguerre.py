"""Sharp grains of weighted seeds: their Laguerre (power) diagram on the cells of a structure.

Seed i at s_i with weight w_i owns the points x where its power |x - s_i|^2 - w_i is least (Aurenhammer 1987): a convex
cell, or none. Neighbouring cells that tell the same grain are then one grain, by Ward's (1963) rule: two regions of
areas A, B with mean double-angle vectors u, v may be merged if that raises the squared error of the picture,

    A B / (A + B) |u - v|^2  <  PRICE_CELLS,

cheapest first, or if their axes are the same within `SAME_RAD`.
"""

from __future__ import annotations

import math

import numba
import numpy as np

SAME_RAD = math.radians(3.0)
"""Neighbours whose axes differ by less are one grain."""

PRICE_CELLS = 2.0
"""What a grain must be worth: by how much, summed over cells, the squared error of the axes' double-angle picture must
grow without it."""


def grains_of_seeds(
    seeds: np.ndarray, weights: np.ndarray, vectors: np.ndarray, ny: int, nx: int
) -> tuple[np.ndarray, np.ndarray]:
    """The diagram's grains, merged by the rule above.

    Args:
        seeds: (n, 2) positions (x, y) in cells; cell (iy, ix) has its centre at (ix + 1/2, iy + 1/2).
        weights: (n,) in squared cells.
        vectors: (n, 2) unit double-angle vector of each seed's axis.
        ny, nx: cells.

    Returns:
        (ny, nx) int32 grains, numbered from 0, and their (m, 2) mean vectors.
    """
    owner = power_diagram(seeds, weights, ny, nx)
    grain_id, means = merged(owner, vectors, PRICE_CELLS, (2 * math.sin(SAME_RAD)) ** 2)
    return grain_id, means


@numba.njit(cache=True)
def power_diagram(seeds: np.ndarray, weights: np.ndarray, ny: int, nx: int) -> np.ndarray:  # pragma: no cover
    """(ny, nx) index of the seed of least power at each cell's centre.

    Args:
        seeds: (n, 2) positions (x, y) in cells; cell (iy, ix) has its centre at (ix + 1/2, iy + 1/2).
        weights: (n,) in squared cells.

    Seeds that can own a cell of a tile are picked first: those whose power at its centre is within twice its radius
    times their distance. At two cells of the tile the powers differ by no more.
    """
    n, tile = len(seeds), 8
    owner = np.empty((ny, nx), np.int32)
    power, near = np.empty(n), np.empty(n, np.int64)
    for ty in range(0, ny, tile):
        for tx in range(0, nx, tile):
            y1, x1 = min(ty + tile, ny), min(tx + tile, nx)
            cy, cx = 0.5 * (ty + y1), 0.5 * (tx + x1)
            radius = math.hypot(0.5 * (y1 - ty - 1), 0.5 * (x1 - tx - 1))
            # power at distance <= radius from the centre: (d -+ radius)^2 - w, from below and from above
            best = np.inf
            for i in range(n):
                d2 = (seeds[i, 0] - cx) ** 2 + (seeds[i, 1] - cy) ** 2
                power[i] = d2
                if d2 - weights[i] < best:
                    best, at = d2 - weights[i], i
            bx, by = seeds[at, 0], seeds[at, 1]
            count = 0
            for i in range(n):
                # the difference of two powers is linear: its slope is twice the distance of the seeds
                gap = power[i] - weights[i] - best
                if gap <= 2.0 * radius * math.hypot(seeds[i, 0] - bx, seeds[i, 1] - by):
                    near[count] = i
                    count += 1
            for iy in range(ty, y1):
                for ix in range(tx, x1):
                    least = np.inf
                    for k in range(count):
                        i = near[k]
                        p = (seeds[i, 0] - ix - 0.5) ** 2 + (seeds[i, 1] - iy - 0.5) ** 2 - weights[i]
                        if p < least:
                            least = p
                            owner[iy, ix] = i
    return owner


@numba.njit(cache=True)
def merged(owner: np.ndarray, vectors: np.ndarray, price: float, same: float) -> tuple:  # pragma: no cover
    """Regions merged by the rule above.

    Args:
        owner: (ny, nx) region of each cell, 0 to n - 1.
        vectors: (n, 2) unit double-angle vector of each.
        price: in cells.
        same: square distance of unit vectors below which two are one whatever it costs.

    Returns:
        (ny, nx) int32 regions numbered in order of their first cells, and (m, 2) their area-weighted mean vectors.
    """
    ny, nx = owner.shape
    n = len(vectors)
    area = np.zeros(n)
    for iy in range(ny):
        for ix in range(nx):
            area[owner[iy, ix]] += 1
    total = vectors * area.reshape(-1, 1)
    parent = np.arange(n)
    touching = np.zeros((n, n), np.bool_)
    for iy in range(ny):
        for ix in range(nx):
            a = owner[iy, ix]
            if ix + 1 < nx and owner[iy, ix + 1] != a:
                touching[a, owner[iy, ix + 1]] = touching[owner[iy, ix + 1], a] = True
            if iy + 1 < ny and owner[iy + 1, ix] != a:
                touching[a, owner[iy + 1, ix]] = touching[owner[iy + 1, ix], a] = True
    cheapest, partner = np.full(n, np.inf), np.full(n, -1)
    for i in range(n):
        if area[i] > 0:
            _cheapest(i, area, total, touching, price, same, cheapest, partner)
    while True:
        i = int(np.argmin(cheapest))
        if not cheapest[i] < 1.0:
            break
        j = partner[i]
        area[i] += area[j]
        total[i] += total[j]
        area[j] = 0.0
        parent[j] = i
        cheapest[j] = np.inf
        for k in range(n):
            if touching[j, k]:
                touching[j, k] = touching[k, j] = False
                if k != i:
                    touching[i, k] = touching[k, i] = True
        _cheapest(i, area, total, touching, price, same, cheapest, partner)
        for k in range(n):
            if touching[i, k]:
                _cheapest(k, area, total, touching, price, same, cheapest, partner)
    number, means, count = np.full(n, -1), np.empty((n, 2)), 0
    result = np.empty((ny, nx), np.int32)
    for iy in range(ny):
        for ix in range(nx):
            a = owner[iy, ix]
            while parent[a] != a:
                a = parent[a]
            if number[a] < 0:
                number[a] = count
                means[count] = total[a] / area[a]
                count += 1
            result[iy, ix] = number[a]
    return result, means[:count].copy()


@numba.njit(cache=True)
def _cheapest(
    i: int,
    area: np.ndarray,
    total: np.ndarray,
    touching: np.ndarray,
    price: float,
    same: float,
    cheapest: np.ndarray,
    partner: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Find the neighbour that region i is merged with at least cost, as a share of the price; from 1 on it is not."""
    cheapest[i], partner[i] = np.inf, -1
    for j in range(len(area)):
        if touching[i, j]:
            ux, uy = total[i, 0] / area[i], total[i, 1] / area[i]
            vx, vy = total[j, 0] / area[j], total[j, 1] / area[j]
            cost = area[i] * area[j] / (area[i] + area[j]) * ((ux - vx) ** 2 + (uy - vy) ** 2) / price
            u, v = math.hypot(ux, uy) + 1e-12, math.hypot(vx, vy) + 1e-12
            if (ux / u - vx / v) ** 2 + (uy / u - vy / v) ** 2 < same:
                cost = min(cost, 0.999)
            if cost < cheapest[i]:
                cheapest[i], partner[i] = cost, j
