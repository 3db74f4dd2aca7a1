"""The compiled part of `tessellation`: which seed is nearest to each cell."""

from __future__ import annotations

import math

import numpy as np

from simulation.compiled import compiled


@compiled()
def nearest_seed(seeds: np.ndarray, ny: int, nx: int) -> np.ndarray:  # pragma: no cover - compiled
    """(ny, nx) index of the seed nearest to each cell's centre.

    Seeds are sorted into square buckets that hold about two each; a cell looks through rings of buckets until no
    nearer one can come. Ten times faster than a k-d tree at the sizes of this project.
    """
    n = seeds.shape[0]
    width = max(1.0, math.sqrt(2.0 * ny * nx / n))
    by, bx = int(ny / width) + 1, int(nx / width) + 1
    start = np.zeros(by * bx + 1, np.int64)
    bucket = np.empty(n, np.int64)
    for i in range(n):
        b = min(max(int(seeds[i, 1] / width), 0), by - 1) * bx + min(max(int(seeds[i, 0] / width), 0), bx - 1)
        bucket[i] = b
        start[b + 1] += 1
    for b in range(by * bx):
        start[b + 1] += start[b]
    fill = start[:-1].copy()
    order = np.empty(n, np.int64)
    for i in range(n):
        order[fill[bucket[i]]] = i
        fill[bucket[i]] += 1
    owner = np.empty((ny, nx), np.int32)
    for iy in range(ny):
        y = iy + 0.5
        cy = int(y / width)
        for ix in range(nx):
            x = ix + 0.5
            cx = int(x / width)
            best, best_i = np.inf, -1
            for ring in range(max(by, bx) + 1):
                if best_i >= 0 and best <= ((ring - 1) * width) ** 2:
                    break
                for jy in range(max(cy - ring, 0), min(cy + ring, by - 1) + 1):
                    edge = jy == cy - ring or jy == cy + ring
                    step = 1 if edge else max(2 * ring, 1)
                    jx = cx - ring
                    while jx <= cx + ring:
                        if 0 <= jx < bx:
                            for s in range(start[jy * bx + jx], start[jy * bx + jx + 1]):
                                i = order[s]
                                d = (seeds[i, 0] - x) ** 2 + (seeds[i, 1] - y) ** 2
                                if d < best or (d == best and i < best_i):
                                    best, best_i = d, i
                        jx += step
            owner[iy, ix] = best_i
    return owner
