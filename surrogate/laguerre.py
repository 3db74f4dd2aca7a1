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
from simulation.laguerre_kernel import power_diagram

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
