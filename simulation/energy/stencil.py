"""The local Hessian as a five-point stencil, and its approximate inverse by conjugate gradients.

(P v)_i = (a_i + shift) v_i + sum_n c_in (v_i - v_n): a_i is the curvature of the cell alone, c_in the exchange coupling
to a neighbour. No convolution is needed, so that P can be solved many times in the time of one.
"""

from __future__ import annotations

import numpy as np
from numba import njit


class LocalSolver:
    """The stencil (fill `curvature`, `right`, `down`) with the work arrays of its solver; ghosts stay zero."""

    def __init__(self, shape: tuple[int, int], iterations: int = 8, reduction: float = 0.03) -> None:
        self.curvature, self.right, self.down = (np.zeros(shape, np.float32) for _ in range(3))
        self._work = np.zeros((4, *shape), np.float32)
        self._iterations = iterations
        self._reduction = reduction

    def solve(self, right: np.ndarray, out: np.ndarray, shift: float, convex: bool) -> bool:
        return bool(
            _solve(
                self.curvature, self.right, self.down, np.float32(shift), convex,
                right, out, self._work, self._iterations, self._reduction,
            )
        )  # fmt: skip


@njit(cache=True, fastmath=True)
def _solve(curvature, right, down, shift, convex, b, x, work, iterations, reduction):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Conjugate gradients with the diagonal as preconditioner, from zero. False on negative curvature."""
    rows, columns = b.shape
    diagonal, r, p, ap = work[0], work[1], work[2], work[3]
    zero, floor = np.float32(0), np.float32(0.1)
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            if convex:
                diagonal[i, j] = (
                    max(abs(curvature[i, j]), floor) + shift
                    + max(right[i, j], zero) + max(right[i, j - 1], zero)
                    + max(down[i, j], zero) + max(down[i - 1, j], zero)
                )  # fmt: skip
            else:
                diagonal[i, j] = curvature[i, j] + shift + right[i, j] + right[i, j - 1] + down[i, j] + down[i - 1, j]
    rz = np.float32(0)
    for i in range(1, rows - 1):
        row = np.float32(0)
        for j in range(1, columns - 1):
            x[i, j] = zero
            r[i, j] = b[i, j]
            p[i, j] = b[i, j] / max(diagonal[i, j], floor)
            row += p[i, j] * r[i, j]
        rz += row
    target = rz * np.float32(reduction * reduction)
    for _ in range(iterations):
        pap = np.float32(0)
        for i in range(1, rows - 1):
            row = np.float32(0)
            for j in range(1, columns - 1):
                e, w, s, n = right[i, j], right[i, j - 1], down[i, j], down[i - 1, j]
                if convex:
                    e, w, s, n = max(e, zero), max(w, zero), max(s, zero), max(n, zero)
                ap[i, j] = (
                    diagonal[i, j] * p[i, j] - e * p[i, j + 1] - w * p[i, j - 1] - s * p[i + 1, j] - n * p[i - 1, j]
                )
                row += ap[i, j] * p[i, j]
            pap += row
        if (
            pap <= np.float32(1e-3) * rz
        ):  # rz is p.(diagonal p) in the first step: a direction with hardly any curvature
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
