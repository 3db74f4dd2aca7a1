"""Sharp grains of weighted seeds: their Laguerre (power) diagram on the cells of a structure.

Seed i at s_i with weight w_i owns the points x where its power |x - s_i|^2 - w_i is least (Aurenhammer 1987): a convex
cell, or none. Neighbouring cells that tell the same grain are then one grain, by Ward's (1963) rule: two regions of
areas A, B with mean double-angle vectors u, v may be merged if that raises the squared error of the picture,

    A B / (A + B) |u - v|^2  <  PRICE_CELLS,

cheapest first, or if their axes are the same within `SAME_RAD`.
"""

from __future__ import annotations

import math

import numpy as np

from simulation.compiled import compiled

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


BLOCK, TILE = 40, 8
"""Edges, in cells, of squares, one in the other, for which the seeds that can own anything there are picked first."""


@compiled()
def power_diagram(seeds: np.ndarray, weights: np.ndarray, ny: int, nx: int) -> np.ndarray:  # pragma: no cover
    """(ny, nx) index of the seed of least power at each cell's centre; of equal ones the first.

    Args:
        seeds: (n, 2) positions (x, y) in cells; cell (iy, ix) has its centre at (ix + 1/2, iy + 1/2).
        weights: (n,) in squared cells.
    """
    n = len(seeds)
    owner = np.empty((ny, nx), np.int32)
    every = np.arange(n)
    in_block, in_tile, power = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    for by in range(0, ny, BLOCK):
        for bx in range(0, nx, BLOCK):
            y2, x2 = min(by + BLOCK, ny), min(bx + BLOCK, nx)
            some = _near(seeds, weights, every, n, by, y2, bx, x2, power, in_block)
            for ty in range(by, y2, TILE):
                for tx in range(bx, x2, TILE):
                    y1, x1 = min(ty + TILE, y2), min(tx + TILE, x2)
                    few = _near(seeds, weights, in_block, some, ty, y1, tx, x1, power, in_tile)
                    for iy in range(ty, y1):
                        for ix in range(tx, x1):
                            least = np.inf
                            for k in range(few):
                                i = in_tile[k]
                                p = (seeds[i, 0] - ix - 0.5) ** 2 + (seeds[i, 1] - iy - 0.5) ** 2 - weights[i]
                                if p < least:
                                    least = p
                                    owner[iy, ix] = i
    return owner


@compiled()
def _near(
    seeds: np.ndarray,
    weights: np.ndarray,
    among: np.ndarray,
    count: int,
    y0: int,
    y1: int,
    x0: int,
    x1: int,
    power: np.ndarray,
    found: np.ndarray,
) -> int:  # pragma: no cover - compiled
    """Pick those of the first `count` seeds of `among` that can own a cell of a rectangle; returns how many.

    The difference of two powers is linear, with twice the distance of the seeds as its slope. So a seed owns nothing
    within r of the middle if it is behind the best one there by more than 2 r times their distance.
    """
    cy, cx = 0.5 * (y0 + y1), 0.5 * (x0 + x1)
    reach = (y1 - y0 - 1) ** 2 + (x1 - x0 - 1) ** 2  # (2 r)^2
    best, at = np.inf, 0
    for k in range(count):
        i = among[k]
        power[k] = (seeds[i, 0] - cx) ** 2 + (seeds[i, 1] - cy) ** 2 - weights[i]
        if power[k] < best:
            best, at = power[k], i
    few = 0
    for k in range(count):
        i = among[k]
        behind = power[k] - best
        apart = (seeds[i, 0] - seeds[at, 0]) ** 2 + (seeds[i, 1] - seeds[at, 1]) ** 2
        if behind * behind <= reach * apart * (1 + 1e-9) + 1e-9:
            found[few] = i
            few += 1
    return few


@compiled()
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
    n = len(vectors)
    area, touching, span = _regions(owner, n)
    total = vectors * area.reshape(-1, 1)
    parent = np.arange(n)
    cheapest, partner = np.full(n, np.inf), np.full(n, -1)
    for i in range(n):
        if area[i] > 0:
            _cheapest(i, area, total, touching, span, price, same, cheapest, partner)
    while True:
        i = int(np.argmin(cheapest))
        if not cheapest[i] < 1.0:
            break
        j = partner[i]
        area[i] += area[j]
        total[i] += total[j]
        parent[j] = i
        area[j], cheapest[j] = 0.0, np.inf
        for k in range(span[j, 0], span[j, 1]):
            if touching[j, k]:
                touching[j, k] = touching[k, j] = False
                if k != i:
                    _touch(i, k, touching, span)
        _cheapest(i, area, total, touching, span, price, same, cheapest, partner)
        for k in range(span[i, 0], span[i, 1]):
            if touching[i, k]:
                _cheapest(k, area, total, touching, span, price, same, cheapest, partner)
    for i in range(n):
        while parent[parent[i]] != parent[i]:
            parent[i] = parent[parent[i]]
    number, means, count = np.full(n, -1), np.empty((n, 2)), 0
    result = np.empty(owner.shape, np.int32)
    for at, region in np.ndenumerate(owner):
        whole = parent[region]
        if number[whole] < 0:
            number[whole] = count
            means[count] = total[whole] / area[whole]
            count += 1
        result[at] = number[whole]
    return result, means[:count].copy()


@compiled()
def _regions(owner: np.ndarray, n: int) -> tuple:  # pragma: no cover - compiled
    """(n,) areas in cells, (n, n) whether two regions share an edge, (n, 2) the range in which those of each lie."""
    ny, nx = owner.shape
    area, touching, span = np.zeros(n), np.zeros((n, n), np.bool_), np.zeros((n, 2), np.int64)
    span[:, 0] = n
    for iy in range(ny):
        for ix in range(nx):
            a = owner[iy, ix]
            area[a] += 1
            if ix + 1 < nx and owner[iy, ix + 1] != a:
                _touch(a, owner[iy, ix + 1], touching, span)
            if iy + 1 < ny and owner[iy + 1, ix] != a:
                _touch(a, owner[iy + 1, ix], touching, span)
    return area, touching, span


@compiled()
def _touch(i: int, k: int, touching: np.ndarray, span: np.ndarray) -> None:  # pragma: no cover - compiled
    touching[i, k] = touching[k, i] = True
    span[i, 0], span[i, 1] = min(span[i, 0], k), max(span[i, 1], k + 1)
    span[k, 0], span[k, 1] = min(span[k, 0], i), max(span[k, 1], i + 1)


@compiled()
def _cheapest(
    i: int,
    area: np.ndarray,
    total: np.ndarray,
    touching: np.ndarray,
    span: np.ndarray,
    price: float,
    same: float,
    cheapest: np.ndarray,
    partner: np.ndarray,
) -> None:  # pragma: no cover - compiled
    """Find the neighbour that region i is merged with at least cost, as a share of the price; from 1 on it is not."""
    cheapest[i], partner[i] = np.inf, -1
    for j in range(span[i, 0], span[i, 1]):
        if touching[i, j]:
            ux, uy = total[i, 0] / area[i], total[i, 1] / area[i]
            vx, vy = total[j, 0] / area[j], total[j, 1] / area[j]
            cost = area[i] * area[j] / (area[i] + area[j]) * ((ux - vx) ** 2 + (uy - vy) ** 2) / price
            u, v = math.hypot(ux, uy) + 1e-12, math.hypot(vx, vy) + 1e-12
            if (ux / u - vx / v) ** 2 + (uy / u - vy / v) ** 2 < same:
                cost = min(cost, 0.999)
            if cost < cheapest[i]:
                cheapest[i], partner[i] = cost, j
