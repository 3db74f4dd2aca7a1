"""The local Hessian of elements as a nine-point stencil, and its approximate inverse by conjugate gradients.

P = c K + 1/4 sum_points curvature N N^T with the stiffness matrix K and the bilinear functions N of the corners; see
`stencil` for what it is for and `gauss` for the points.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from simulation.energy.gauss import FAR, NEAR, curvature_beside, offsets, torque_in_middle
from simulation.energy.stencil import ITERATIONS, LEAST_CURVATURE, REDUCTION

_NN, _NF, _FF = np.float32(NEAR * NEAR), np.float32(NEAR * FAR), np.float32(FAR * FAR)
_SIXTH, _THIRD = np.float32(1 / 6), np.float32(1 / 3)


class NinePoint:
    """The stencil with the work arrays of its solver; ghosts stay zero.

    Args:
        shape: (ny, nx), cells.
        c: exchange number.
    """

    def __init__(self, shape: tuple[int, int], c: np.float32) -> None:
        ny, nx = shape
        self._c = c
        self._matrix = np.zeros((4, ny + 3, nx + 3), np.float32)  # diagonal, to the right, up, across
        self._curvature = np.zeros((4, nx), np.float32)  # of one row of cells
        self._cell = np.zeros((8, nx + 2), np.float32)  # of one row of cells, between two without
        self._work = np.zeros((3, ny + 3, nx + 3), np.float32)

    def assemble(self, angle: np.ndarray, middle: np.ndarray, axis: np.ndarray, b: np.ndarray, convex: bool) -> None:
        """Set the stencil at these angles; with `convex`, points that curve downwards count as curving upwards."""
        _assemble(angle, middle, axis, b, self._c, convex, self._curvature, self._cell, self._matrix)

    def solve(self, right_side: np.ndarray, out: np.ndarray) -> bool:
        """See `simulation.energy.Energy.solve_local`."""
        return bool(_solve(self._matrix, right_side, out, self._work))


@njit(inline="always")
def _products(k0, k1):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Products of the two linear functions of an edge, summed over its points: first, mixed, second."""
    return _NN * k0 + _FF * k1, _NF * (k0 + k1), _FF * k0 + _NN * k1


@njit(cache=True, fastmath=True)
def _assemble(angle, middle, axis, b, c, convex, curvature, cell, matrix):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum the matrices of the cells."""
    floor = np.float32(0.25 * LEAST_CURVATURE)
    corner, edge, across = np.float32(2 / 3) * c, -_SIXTH * c, -_THIRD * c
    matrix[:3, 1] = np.float32(0)
    for i in range(middle.shape[1]):
        for j in range(np.uint64(middle.shape[2])):
            p, p_, q, q_ = torque_in_middle(middle, axis, b, i, j)
            o0, o1, o2, o3 = offsets(angle, i, j)
            curvature[0, j], curvature[1, j], curvature[2, j], curvature[3, j] = (
                curvature_beside(p, p_, q, q_, o0), curvature_beside(p, p_, q, q_, o1),
                curvature_beside(p, p_, q, q_, o2), curvature_beside(p, p_, q, q_, o3),
            )  # fmt: skip
        for j in range(middle.shape[2]):  # the first and last columns of `cell` stay zero
            k0, k1, k2, k3 = curvature[0, j], curvature[1, j], curvature[2, j], curvature[3, j]
            if convex:
                k0, k1, k2, k3 = max(abs(k0), floor), max(abs(k1), floor), max(abs(k2), floor), max(abs(k3), floor)
            left0, mixed0, right0 = _products(k0, k1)
            left1, mixed1, right1 = _products(k2, k3)
            left_low, left, left_high = _products(left0, left1)
            right_low, right, right_high = _products(right0, right1)
            low, mixed, high = _products(mixed0, mixed1)
            cell[0, j + 1], cell[1, j + 1] = left_low + corner, right_low + corner
            cell[2, j + 1], cell[3, j + 1] = left_high + corner, right_high + corner
            cell[4, j + 1], cell[5, j + 1] = low + edge, high + edge
            cell[6, j + 1], cell[7, j + 1] = left + edge, right + edge
            matrix[3, i + 1, j + 1] = mixed + across
        for j in range(cell.shape[1] - 1):
            matrix[0, i + 1, j + 1] += cell[0, j + 1] + cell[1, j]
        for j in range(cell.shape[1] - 1):
            matrix[0, i + 2, j + 1] = cell[2, j + 1] + cell[3, j]
        for j in range(cell.shape[1] - 2):
            matrix[1, i + 1, j + 1] += cell[4, j + 1]
            matrix[1, i + 2, j + 1] = cell[5, j + 1]
        for j in range(cell.shape[1] - 1):
            matrix[2, i + 1, j + 1] = cell[6, j + 1] + cell[7, j]


@njit(cache=True, fastmath=True)
def _solve(matrix, right_side, x, work):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Conjugate gradients from zero with the diagonal as preconditioner. False on negative curvature."""
    rows, columns = x.shape
    diagonal, right, up, across = matrix[0], matrix[1], matrix[2], matrix[3]
    r, p, ap = work[0], work[1], work[2]
    floor = np.float32(LEAST_CURVATURE)
    rz = np.float32(0)
    for i in range(1, rows - 1):
        row = np.float32(0)
        for j in range(1, columns - 1):
            x[i, j] = np.float32(0)
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
                    + right[i, j] * p[i, j + 1] + right[i, j - 1] * p[i, j - 1]
                    + up[i, j] * p[i + 1, j] + up[i - 1, j] * p[i - 1, j]
                    + across[i, j] * p[i + 1, j + 1] + across[i - 1, j - 1] * p[i - 1, j - 1]
                    + across[i, j - 1] * p[i + 1, j - 1] + across[i - 1, j] * p[i - 1, j + 1]
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
