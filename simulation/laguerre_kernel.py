"""The compiled part of `tessellation` for grains of wanted sizes: power diagrams, and seeds relaxed towards areas.

Seed i at s_i with weight w_i owns the points x where its power d(x, s_i)^2 - w_i is least (Aurenhammer 1987): a convex
cell, or none. The distance d(x, s)^2 = (x - s) G (x - s) has a metric G, so that grains may be longer in one direction;
without one it is that of Euclid.
"""

from __future__ import annotations

import numpy as np

from simulation.compiled import compiled

BLOCK, TILE = 40, 8
"""Edges, in cells, of squares, one in the other, for which the seeds that can own anything there are picked first."""


@compiled()
def power_diagram(seeds: np.ndarray, weights: np.ndarray, ny: int, nx: int) -> np.ndarray:  # pragma: no cover
    """(ny, nx) index of the seed of least power at each cell's centre; of equal ones the first.

    Args:
        seeds: (n, 2) positions (x, y) in cells; cell (iy, ix) has its centre at (ix + 1/2, iy + 1/2).
        weights: (n,) in squared cells.
    """
    return stretched_power_diagram(seeds, weights, ny, nx, 1.0, 0.0, 1.0)


@compiled()
def stretched_power_diagram(
    seeds: np.ndarray, weights: np.ndarray, ny: int, nx: int, gxx: float, gxy: float, gyy: float
) -> np.ndarray:  # pragma: no cover - compiled
    """The same in a metric G of determinant 1, see above."""
    n = len(seeds)
    owner = np.empty((ny, nx), np.int32)
    every = np.arange(n)
    in_block, in_tile, power = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    for by in range(0, ny, BLOCK):
        for bx in range(0, nx, BLOCK):
            y2, x2 = min(by + BLOCK, ny), min(bx + BLOCK, nx)
            some = _near(seeds, weights, every, n, by, y2, bx, x2, gxx, gxy, gyy, power, in_block)
            for ty in range(by, y2, TILE):
                for tx in range(bx, x2, TILE):
                    y1, x1 = min(ty + TILE, y2), min(tx + TILE, x2)
                    few = _near(seeds, weights, in_block, some, ty, y1, tx, x1, gxx, gxy, gyy, power, in_tile)
                    for iy in range(ty, y1):
                        for ix in range(tx, x1):
                            least = np.inf
                            for k in range(few):
                                i = in_tile[k]
                                dx, dy = seeds[i, 0] - ix - 0.5, seeds[i, 1] - iy - 0.5
                                p = gxx * dx**2 + 2.0 * gxy * dx * dy + gyy * dy**2 - weights[i]
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
    gxx: float,
    gxy: float,
    gyy: float,
    power: np.ndarray,
    found: np.ndarray,
) -> int:  # pragma: no cover - compiled
    """Pick those of the first `count` seeds of `among` that can own a cell of a rectangle; returns how many.

    The difference of two powers is linear, with 2 G (s_i - s_j) as its gradient. So a seed owns nothing within r of the
    middle if it is behind the best one there by more than 2 r |G (s_i - s_j)|.
    """
    cy, cx = 0.5 * (y0 + y1), 0.5 * (x0 + x1)
    reach = (y1 - y0 - 1) ** 2 + (x1 - x0 - 1) ** 2  # (2 r)^2
    best, at = np.inf, 0
    for k in range(count):
        i = among[k]
        dx, dy = seeds[i, 0] - cx, seeds[i, 1] - cy
        power[k] = gxx * dx**2 + 2.0 * gxy * dx * dy + gyy * dy**2 - weights[i]
        if power[k] < best:
            best, at = power[k], i
    few = 0
    for k in range(count):
        i = among[k]
        behind = power[k] - best
        dx, dy = seeds[i, 0] - seeds[at, 0], seeds[i, 1] - seeds[at, 1]
        apart = (gxx * dx + gxy * dy) ** 2 + (gxy * dx + gyy * dy) ** 2
        if behind * behind <= reach * apart * (1 + 1e-9) + 1e-9:
            found[few] = i
            few += 1
    return few


@compiled()
def packed(
    places: np.ndarray, areas: np.ndarray, gxx: float, gxy: float, gyy: float
) -> np.ndarray:  # pragma: no cover - compiled
    """(n, 2) seeds to relax from: the largest first, each takes that of its places which is farthest from the discs of
    those that are there (best-candidate sampling, Mitchell 1991).

    Args:
        places: (n, k, 2), k for each seed.
        areas: (n,) of the discs, in cells.
    """
    n, k = places.shape[0], places.shape[1]
    radius = np.sqrt(areas / np.pi)
    order = np.argsort(-areas, kind="mergesort")
    seeds = np.empty((n, 2))
    for rank in range(n):
        i = order[rank]
        farthest, at = -np.inf, 0
        for c in range(k):
            gap = np.inf
            for other in range(rank):
                j = order[other]
                dx, dy = places[i, c, 0] - seeds[j, 0], places[i, c, 1] - seeds[j, 1]
                gap = min(gap, np.sqrt(gxx * dx**2 + 2.0 * gxy * dx * dy + gyy * dy**2) - radius[j])
            if gap > farthest:
                farthest, at = gap, c
        seeds[i] = places[i, at]
    return seeds


@compiled()
def relaxed(
    seeds: np.ndarray, areas: np.ndarray, ny: int, nx: int, gxx: float, gxy: float, gyy: float, steps: int
) -> np.ndarray:  # pragma: no cover - compiled
    """(ny, nx) owners of a power diagram whose cells have wanted areas and their seeds near their centres.

    Lloyd's step, each seed to the centroid of its cell, alternates with a step of the weights towards the areas: in a
    hexagonal patchwork of edge L a cell's area grows by dA / dw = 6 L / (2 sqrt(3) L) = sqrt(3). Bourne et al. (Philos.
    Mag. 100, 2677 (2020)) solve for the weights exactly; from `packed` seeds a few damped steps of the diagonal do.

    Args:
        seeds: (n, 2), moved in place.
        areas: (n,) in cells; their sum is ny * nx.
        steps: how often.
    """
    n = len(seeds)
    weights = areas / np.pi
    owner = stretched_power_diagram(seeds, weights, ny, nx, gxx, gxy, gyy)
    for step in range(steps):
        count, sx, sy = np.zeros(n), np.zeros(n), np.zeros(n)
        for iy in range(ny):
            for ix in range(nx):
                i = owner[iy, ix]
                count[i] += 1.0
                sx[i] += ix + 0.5
                sy[i] += iy + 0.5
        damping = (0.2 + 0.6 * step / steps) / np.sqrt(3.0)  # early ones follow the seeds, late ones the areas
        for i in range(n):
            if count[i] > 0:
                seeds[i, 0], seeds[i, 1] = sx[i] / count[i], sy[i] / count[i]
                weights[i] += damping * (areas[i] - count[i])
            else:  # swallowed: a disc of its area around its seed goes to it, by the power that is least there
                least = np.inf
                for j in range(n):
                    dx, dy = seeds[j, 0] - seeds[i, 0], seeds[j, 1] - seeds[i, 1]
                    least = min(least, gxx * dx**2 + 2.0 * gxy * dx * dy + gyy * dy**2 - weights[j])
                weights[i] = areas[i] / np.pi - least
        owner = stretched_power_diagram(seeds, weights, ny, nx, gxx, gxy, gyy)
    return owner
