"""The local Hessian of cells as a five-point stencil, and its approximate inverse by conjugate gradients.

(P v)_i = a_i v_i + sum_n c_in (v_i - v_n): a_i is the curvature of the cell alone, c_in the exchange coupling to a
neighbour. No convolution is needed, so that P can be solved many times in the time of one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from simulation.compiled import compiled
from simulation.energy.conjugate_gradients import LEAST_CURVATURE, conjugate_gradients

REDUCTION = 0.03
"""A solve ends when the residual, in the norm of the preconditioner, has fallen to this part; see there."""


class FivePoint:
    """The stencil (fill `curvature`, `right`, `down`) with the work arrays of its solver; ghosts stay zero."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.curvature, self.right, self.down = (np.zeros(shape, np.float32) for _ in range(3))
        self._matrix, self._work = (np.zeros((3, *shape), np.float32) for _ in range(2))

    def solve(self, right_side: np.ndarray, out: np.ndarray, convex: bool) -> bool:
        """See `simulation.energy.Energy.solve_local`."""
        local = self.curvature, self.right, self.down
        return bool(_solve(*local, convex, right_side, out, self._matrix, self._work))


@njit(inline="always")
def _apply(matrix, p, ap):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """ap = P p; returns p . ap."""
    rows, columns = p.shape
    diagonal, east, south = matrix[0], matrix[1], matrix[2]
    total = np.float32(0)
    for i in range(1, rows - 1):
        row = np.float32(0)
        for j in range(1, columns - 1):
            ap[i, j] = (
                diagonal[i, j] * p[i, j]
                - east[i, j] * p[i, j + 1] - east[i, j - 1] * p[i, j - 1]
                - south[i, j] * p[i + 1, j] - south[i - 1, j] * p[i - 1, j]
            )  # fmt: skip
            row += ap[i, j] * p[i, j]
        total += row
    return total


@compiled(fastmath=True)
def _assemble(curvature, right, down, convex, matrix):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The stencil with its diagonal; with `convex`, what curves downwards counts as curving upwards."""
    rows, columns = curvature.shape
    diagonal, east, south = matrix[0], matrix[1], matrix[2]
    zero, floor = np.float32(0), np.float32(LEAST_CURVATURE)
    least = zero if convex else np.float32(-np.inf)
    for i in range(rows - 1):
        for j in range(columns - 1):
            east[i, j] = max(right[i, j], least)
            south[i, j] = max(down[i, j], least)
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            alone = max(abs(curvature[i, j]), floor) if convex else curvature[i, j]
            diagonal[i, j] = alone + east[i, j] + east[i, j - 1] + south[i, j] + south[i - 1, j]


@compiled(fastmath=True)
def _solve(curvature, right, down, convex, right_side, x, matrix, work):  # type: ignore[no-untyped-def]  # pragma: no cover
    _assemble(curvature, right, down, convex, matrix)
    return conjugate_gradients(_apply, matrix, REDUCTION, right_side, x, work)
