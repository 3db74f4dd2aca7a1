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

STRIP = 20
"""Width of a tile where its rows are gone through cell by cell at once."""


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

    The difference of two powers is linear, with g = 2 G (s_i - s_j) as its gradient. So a seed owns nothing if it is
    behind the best one in the middle by more than |g_x| a + |g_y| b, where a and b are half the width and the height.
    """
    cy, cx = 0.5 * (y0 + y1), 0.5 * (x0 + x1)
    width, height = x1 - x0 - 1, y1 - y0 - 1  # of the cells' centres
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
        dx, dy = seeds[i, 0] - seeds[at, 0], seeds[i, 1] - seeds[at, 1]
        most = width * abs(gxx * dx + gxy * dy) + height * abs(gxy * dx + gyy * dy)
        if power[k] - best <= most * (1 + 1e-9) + 1e-9:
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
                if gap <= farthest:  # beaten already
                    break
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
    owner, moments = np.empty((ny, nx), np.int32), np.empty((n, 3))
    _diagram_and_moments(seeds, weights, gxx, gxy, gyy, owner, moments)
    for step in range(steps):
        damping = (0.2 + 0.6 * step / steps) / np.sqrt(3.0)  # early ones follow the seeds, late ones the areas
        for i in range(n):
            count = moments[i, 0]
            if count > 0:
                seeds[i, 0], seeds[i, 1] = moments[i, 1] / count, moments[i, 2] / count
                weights[i] += damping * (areas[i] - count)
            else:  # swallowed: a disc of its area around its seed goes to it, by the power that is least there
                least = np.inf
                for j in range(n):
                    dx, dy = seeds[j, 0] - seeds[i, 0], seeds[j, 1] - seeds[i, 1]
                    least = min(least, gxx * dx**2 + 2.0 * gxy * dx * dy + gyy * dy**2 - weights[j])
                weights[i] = areas[i] / np.pi - least
        _diagram_and_moments(seeds, weights, gxx, gxy, gyy, owner, moments)
    return owner


@compiled()
def _diagram_and_moments(
    seeds: np.ndarray, weights: np.ndarray, gxx: float, gxy: float, gyy: float, owner: np.ndarray, moments: np.ndarray
) -> None:  # pragma: no cover - compiled
    """`stretched_power_diagram` into `owner`; into `moments` (n, 3) how many cells each seed has, and the sums of x and
    of y of their centres.

    Along a row powers less G_xx x^2 are straight lines in x, a multiplication and a comparison each, which the compiler
    does for several cells at once. Cells whose powers are equal within rounding aside it is the same diagram.
    """
    n = len(seeds)
    ny, nx = owner.shape
    every = np.arange(n)
    in_block, in_strip, power = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n)
    least, at = np.empty(STRIP), np.empty(STRIP, np.int64)
    moments[:] = 0.0
    for by in range(0, ny, BLOCK):
        for bx in range(0, nx, BLOCK):
            y2, x2 = min(by + BLOCK, ny), min(bx + BLOCK, nx)
            some = _near(seeds, weights, every, n, by, y2, bx, x2, gxx, gxy, gyy, power, in_block)
            for ty in range(by, y2, TILE):
                for tx in range(bx, x2, STRIP):
                    y1, width = min(ty + TILE, y2), min(STRIP, x2 - tx)
                    few = _near(seeds, weights, in_block, some, ty, y1, tx, tx + width, gxx, gxy, gyy, power, in_strip)
                    for iy in range(ty, y1):
                        least[:] = np.inf
                        for k in range(few):
                            i = in_strip[k]
                            dx, dy = tx + 0.5 - seeds[i, 0], iy + 0.5 - seeds[i, 1]
                            slope = 2.0 * (gxx * dx + gxy * dy)
                            first = gxx * dx**2 + 2.0 * gxy * dx * dy + gyy * dy**2 - weights[i]
                            for j in range(width):
                                p = first + slope * j
                                less = p < least[j]
                                least[j], at[j] = p if less else least[j], i if less else at[j]
                        j = 0
                        while j < width:  # from one boundary to the next
                            begin, i = j, at[j]
                            while j < width and at[j] == i:
                                owner[iy, tx + j] = i
                                j += 1
                            moments[i, 0] += j - begin
                            moments[i, 1] += 0.5 * (j - begin) * (2 * tx + begin + j)
                            moments[i, 2] += (j - begin) * (iy + 0.5)
