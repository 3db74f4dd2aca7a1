"""A blurred Voronoi structure: what a decoder shows where it means grains.

The model. Seeds s_g in the plane, one vector u_g each (the axis as a double angle, (sin 2a, cos 2a), times a strength),
and one blur length b. At a point x whose nearest seed is 1, the bisector between seeds 1 and g lies at the distance

    delta_g(x) = (|x - s_g|^2 - |x - s_1|^2) / (2 |s_g - s_1|)

and the field there is the mean of the u_g with weights proportional to exp(-1.702 delta_g / b): across a straight
boundary that is the logistic curve closest to the error function, i.e. a step blurred by a Gaussian of standard
deviation b (1.702: Camilli 1994, the constant that fits the logistic to the normal distribution within 0.0095). Because
the slopes between grains are explained by the blur, they do not pull at the axes: those come from the cores.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from simulation.compiled import compiled

LOGISTIC = 1.702
REACH = 2.7  # in blur lengths; a seed whose bisector is farther away has a weight below 1 % and is left out
TILE = 8  # cells along the edge of a tile that shares one list of near seeds
MOST_NEAR = 24  # seeds that can matter at one cell; more are met only when the blur is wider than the grains


@dataclass(frozen=True, eq=False)
class BlurredVoronoi:
    """Seeds (n, 2) as (x, y) in cells, axis vectors (n, 2) as strength * (sin 2a, cos 2a), blur length in cells."""

    seeds: np.ndarray
    vectors: np.ndarray
    blur_cells: float

    @property
    def count(self) -> int:
        """Number of seeds."""
        return int(self.seeds.shape[0])

    def keep(self, which: np.ndarray) -> BlurredVoronoi:
        """Only the seeds of a mask or index."""
        return replace(self, seeds=self.seeds[which], vectors=self.vectors[which])

    def add(self, seeds: np.ndarray, vectors: np.ndarray) -> BlurredVoronoi:
        """With further seeds at the end."""
        return replace(self, seeds=np.vstack([self.seeds, seeds]), vectors=np.vstack([self.vectors, vectors]))

    def field(self, shape: tuple[int, int]) -> np.ndarray:
        """(ny, nx, 2) the blurred double-angle field."""
        return _field(self.seeds, self.vectors, self.blur_cells, *shape)

    def removal_cost(self, target: np.ndarray) -> np.ndarray:
        """(n,) by how much the squared misfit to `target` grows when one seed goes and the others stay as they are."""
        return _removal_cost(self.seeds, self.vectors, self.blur_cells, target)


@compiled()
def tile_lists(  # pragma: no cover - compiled
    seeds: np.ndarray, ny: int, nx: int, blur: float
) -> tuple[np.ndarray, np.ndarray]:
    """Seeds that can matter in each tile, one list after the other, and where each list starts.

    delta_g >= (d_g - d_1) / 2, so a seed matters at x only if d_g < d_1 + 2 REACH b. The second nearest seed takes
    the place of the nearest, so that the list also serves when one seed is left out.
    """
    n = seeds.shape[0]
    rows, columns = (ny + TILE - 1) // TILE, (nx + TILE - 1) // TILE
    start = np.zeros(rows * columns + 1, np.int64)
    near = np.empty(rows * columns * n, np.int32)
    distance = np.empty(n)
    count = 0
    for t in range(rows * columns):
        cy, cx = (t // columns + 0.5) * TILE, (t % columns + 0.5) * TILE
        first, second = np.inf, np.inf
        for g in range(n):
            distance[g] = math.sqrt((seeds[g, 0] - cx) ** 2 + (seeds[g, 1] - cy) ** 2)
            if distance[g] < first:
                first, second = distance[g], first
            elif distance[g] < second:
                second = distance[g]
        limit = (second if n > 1 else first) + TILE * math.sqrt(2.0) + 2 * REACH * blur
        for g in range(n):
            if distance[g] <= limit:
                near[count] = g
                count += 1
        start[t + 1] = count
    return start, near[:count]


@compiled()
def active_seeds(  # pragma: no cover - compiled
    x: float,
    y: float,
    seeds: np.ndarray,
    near: np.ndarray,
    without: int,
    blur: float,
    active: np.ndarray,
    delta: np.ndarray,
    d2: np.ndarray,
) -> int:
    """Fill `active` and `delta` with the seeds that matter at (x, y), the nearest first; their number."""
    best, nearest = np.inf, -1
    for j in range(near.size):
        g = near[j]
        d2[j] = (x - seeds[g, 0]) ** 2 + (y - seeds[g, 1]) ** 2
        if g != without and d2[j] < best:
            best, nearest = d2[j], g
    if nearest < 0:
        return 0
    active[0], delta[0] = nearest, 0.0
    m = 1
    limit = (math.sqrt(best) + 2 * REACH * blur) ** 2
    for j in range(near.size):
        g = near[j]
        if g in (nearest, without) or d2[j] > limit or m == MOST_NEAR:
            continue
        apart = math.sqrt((seeds[g, 0] - seeds[nearest, 0]) ** 2 + (seeds[g, 1] - seeds[nearest, 1]) ** 2) + 1e-6
        bisector = (d2[j] - best) / (2 * apart)
        if bisector < REACH * blur:
            active[m], delta[m] = g, bisector
            m += 1
    return m


@compiled()
def blend(  # pragma: no cover - compiled
    active: np.ndarray, delta: np.ndarray, m: int, vectors: np.ndarray, blur: float, weight: np.ndarray
) -> tuple[float, float]:
    """The blurred field at one point; fills `weight`."""
    total, a, b = 0.0, 0.0, 0.0
    for k in range(m):
        weight[k] = math.exp(-LOGISTIC * delta[k] / blur)
        total += weight[k]
    for k in range(m):
        weight[k] /= total
        a += weight[k] * vectors[active[k], 0]
        b += weight[k] * vectors[active[k], 1]
    return a, b


@compiled()
def _field(  # pragma: no cover - compiled
    seeds: np.ndarray, vectors: np.ndarray, blur: float, ny: int, nx: int
) -> np.ndarray:
    start, near = tile_lists(seeds, ny, nx, blur)
    columns = (nx + TILE - 1) // TILE
    active, delta = np.empty(MOST_NEAR, np.int64), np.empty(MOST_NEAR)
    weight, d2 = np.empty(MOST_NEAR), np.empty(seeds.shape[0])
    field = np.empty((ny, nx, 2))
    for iy in range(ny):
        for ix in range(nx):
            t = (iy // TILE) * columns + ix // TILE
            m = active_seeds(ix + 0.5, iy + 0.5, seeds, near[start[t] : start[t + 1]], -1, blur, active, delta, d2)
            field[iy, ix, 0], field[iy, ix, 1] = blend(active, delta, m, vectors, blur, weight)
    return field


@compiled()
def _removal_cost(  # pragma: no cover - compiled
    seeds: np.ndarray, vectors: np.ndarray, blur: float, target: np.ndarray
) -> np.ndarray:
    ny, nx = target.shape[:2]
    start, near = tile_lists(seeds, ny, nx, blur)
    columns = (nx + TILE - 1) // TILE
    active, delta, weight = np.empty(MOST_NEAR, np.int64), np.empty(MOST_NEAR), np.empty(MOST_NEAR)
    others, delta2, weight2 = np.empty(MOST_NEAR, np.int64), np.empty(MOST_NEAR), np.empty(MOST_NEAR)
    d2 = np.empty(seeds.shape[0])
    cost = np.zeros(seeds.shape[0])
    for iy in range(ny):
        for ix in range(nx):
            t = (iy // TILE) * columns + ix // TILE
            here = near[start[t] : start[t + 1]]
            m = active_seeds(ix + 0.5, iy + 0.5, seeds, here, -1, blur, active, delta, d2)
            a, b = blend(active, delta, m, vectors, blur, weight)
            now = (a - target[iy, ix, 0]) ** 2 + (b - target[iy, ix, 1]) ** 2
            for k in range(m):
                if weight[k] < 0.02:
                    continue
                m2 = active_seeds(ix + 0.5, iy + 0.5, seeds, here, active[k], blur, others, delta2, d2)
                if m2 == 0:  # the only seed there is
                    cost[active[k]] = np.inf
                    continue
                a, b = blend(others, delta2, m2, vectors, blur, weight2)
                cost[active[k]] += (a - target[iy, ix, 0]) ** 2 + (b - target[iy, ix, 1]) ** 2 - now
    return cost
