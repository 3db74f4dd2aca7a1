"""The local Hessian of cells as a five-point stencil, and its approximate inverse by conjugate gradients.

(P v)_i = a_i v_i + sum_n c_in (v_i - v_n): a_i is the curvature of the cell alone, c_in the exchange coupling to a
neighbour. No convolution is needed, so that P can be solved many times in the time of one.
"""

from __future__ import annotations

import numpy as np

from simulation.compiled import compiled

ITERATIONS = 8
REDUCTION = 0.03
"""A solve ends when the residual, in the norm of the preconditioner, has fallen to this part, or after `ITERATIONS`."""
LEAST_CURVATURE = 0.1
"""Floor of a cell's curvature where P is made positive definite."""


class FivePoint:
    """The stencil (fill `curvature`, `right`, `down`) with the work arrays of its solver; ghosts stay zero."""

    def __init__(self, shape: tuple[int, int]) -> None:
        self.curvature, self.right, self.down = (np.zeros(shape, np.float32) for _ in range(3))
        self._work = np.zeros((6, *shape), np.float32)

    def solve(self, right_side: np.ndarray, out: np.ndarray, convex: bool) -> bool:
        """See `simulation.energy.Energy.solve_local`."""
        return bool(_solve(self.curvature, self.right, self.down, convex, right_side, out, self._work))


@compiled(fastmath=True)
def _solve(curvature, right, down, convex, right_side, x, work):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Conjugate gradients from zero with the diagonal as preconditioner. False on negative curvature."""
    rows, columns = x.shape
    diagonal, r, p, ap, east, south = work[0], work[1], work[2], work[3], work[4], work[5]
    zero, floor = np.float32(0), np.float32(LEAST_CURVATURE)
    least = zero if convex else np.float32(-np.inf)
    for i in range(rows - 1):
        for j in range(columns - 1):
            east[i, j] = max(right[i, j], least)
            south[i, j] = max(down[i, j], least)
    rz = np.float32(0)
    for i in range(1, rows - 1):
        row = np.float32(0)
        for j in range(1, columns - 1):
            alone = max(abs(curvature[i, j]), floor) if convex else curvature[i, j]
            diagonal[i, j] = alone + east[i, j] + east[i, j - 1] + south[i, j] + south[i - 1, j]
            x[i, j] = zero
            r[i, j] = right_side[i, j]
            p[i, j] = r[i, j] / max(diagonal[i, j], floor)
            row += p[i, j] * r[i, j]
        rz += row
    target = rz * np.float32(REDUCTION * REDUCTION)
    for _ in range(ITERATIONS):
        pap = np.float32(0)
        for i in range(1, rows - 1):
            row = np.float32(0)
            for j in range(1, columns - 1):
                ap[i, j] = (
                    diagonal[i, j] * p[i, j]
                    - east[i, j] * p[i, j + 1] - east[i, j - 1] * p[i, j - 1]
                    - south[i, j] * p[i + 1, j] - south[i - 1, j] * p[i - 1, j]
                )  # fmt: skip
                row += ap[i, j] * p[i, j]
            pap += row
        if pap <= np.float32(1e-3) * rz:
            return False
        alpha = rz / pap
        rz_new = np.float32(0)
        for i in range(1, rows - 1):
            row = np.float32(0)
            for j in range(1, columns - 1):
                x[i, j] += alpha * p[i, j]
                r[i, j] -= alpha * ap[i, j]
                ap[i, j] = r[i, j] / max(diagonal[i, j], floor)
                row += ap[i, j] * r[i, j]
            rz_new += row
        if rz_new <= target:
            return True
        beta = rz_new / rz
        rz = rz_new
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                p[i, j] = ap[i, j] + beta * p[i, j]
    return True
