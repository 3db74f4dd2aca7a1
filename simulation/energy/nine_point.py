"""The local Hessian of elements as a nine-point stencil, and its approximate inverse by conjugate gradients.

P is the sum over the cells of their curvatures by psi, X, Y and Z; see `stencil` for what it is for and `bilinear` for
the modes.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from simulation.compiled import compiled
from simulation.energy.bilinear import in_middle, modes, sinc_half, sinc_half_bend, weighted
from simulation.energy.coefficients import at
from simulation.energy.conjugate_gradients import LEAST_CURVATURE, conjugate_gradients

REDUCTION = 0.1
"""See `conjugate_gradients`; here an iteration costs more, and the descent knows no difference."""

_HALF, _QUARTER, _SIXTEENTH, _TWO = (np.float32(x) for x in (1 / 2, 1 / 4, 1 / 16, 2))


class NinePoint:
    """The stencil with the work arrays of its solver; ghosts stay zero.

    Args:
        shape: (ny, nx), cells.
        c, bulge: exchange number, and how far a cell bulges under a torque; numbers, or (ny, nx) of each cell.
    """

    def __init__(self, shape: tuple[int, int], c: np.float32 | np.ndarray, bulge: np.float32 | np.ndarray) -> None:
        ny, nx = shape
        self._c, self._bulge = c, bulge
        self._matrix = np.zeros((4, ny + 3, nx + 3), np.float32)  # diagonal, to the right, up, across
        self._curvature = np.zeros((3, nx), np.float32)  # of one row of cells
        self._cell = np.zeros((3, nx + 2), np.float32)  # of one row of cells, between two without
        self._work = np.zeros((3, ny + 3, nx + 3), np.float32)

    def assemble(self, angle: np.ndarray, middle: np.ndarray, axis: np.ndarray, b: np.ndarray, convex: bool) -> None:
        """Set the stencil at these angles; with `convex`, points that curve downwards count as curving upwards."""
        _assemble(angle, middle, axis, b, self._c, self._bulge, convex, self._curvature, self._cell, self._matrix)

    def solve(self, right_side: np.ndarray, out: np.ndarray) -> bool:
        """See `simulation.energy.Energy.solve_local`."""
        return bool(_solve(self._matrix, right_side, out, self._work))


@compiled(fastmath=True)
def _assemble(angle, middle, axis, b, c, bulge, convex, curvature, cell, matrix):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Sum the matrices of the cells: by their modes, without what couples one mode to another."""
    ny, nx = middle.shape[1], middle.shape[2]
    floor, least = np.float32(LEAST_CURVATURE), np.float32(0 if convex else -np.inf)
    matrix[:3, 1] = np.float32(0)
    for i in range(ny):
        for j in range(np.uint64(nx)):
            x, y, _ = modes(angle, i, j)
            fx, fy, gx, gy = sinc_half(x)[0], sinc_half(y)[0], sinc_half(_TWO * x)[0], sinc_half(_TWO * y)[0]
            off_axis, on_axis, across_field, along_field = in_middle(middle, axis, b, i, j)
            f, g = weighted(fx * fy), weighted(gx * gy)
            torque = _HALF * g * off_axis - f * across_field
            stiff, bent = g * on_axis + f * along_field, f * across_field - _TWO * g * off_axis
            curvature[0, j] = (
                gx * gy * on_axis + fx * fy * along_field - at(bulge, i, j) * (stiff * stiff + torque * bent)
            )
            bend_x = along_field * fy * sinc_half_bend(x) + on_axis * gy * sinc_half_bend(_TWO * x)
            bend_y = along_field * fx * sinc_half_bend(y) + on_axis * gx * sinc_half_bend(_TWO * y)
            curvature[1, j], curvature[2, j] = at(c, i, j) - bend_x, at(c, i, j) - bend_y
        for j in range(nx):  # the first and last columns of `cell` stay zero
            turn, along_x, along_y = curvature[0, j], curvature[1, j], curvature[2, j]
            turn = _SIXTEENTH * (max(abs(turn), floor) if convex else turn)
            along_x, along_y = _QUARTER * max(along_x, least), _QUARTER * max(along_y, least)
            twist = at(c, i, j) * np.float32(1 / 3)
            cell[0, j + 1] = turn + along_x + along_y + twist
            cell[1, j + 1] = turn - along_x + along_y - twist
            cell[2, j + 1] = turn + along_x - along_y - twist
            matrix[3, i + 1, j + 1] = turn - along_x - along_y + twist
        # One row written by each loop: a loop that writes several of one array is not vectorised.
        for j in range(nx + 1):
            matrix[0, i + 1, j + 1] += cell[0, j + 1] + cell[0, j]
        for j in range(nx + 1):
            matrix[0, i + 2, j + 1] = cell[0, j + 1] + cell[0, j]
        for j in range(nx + 1):
            matrix[2, i + 1, j + 1] = cell[2, j + 1] + cell[2, j]
        for j in range(nx):
            matrix[1, i + 1, j + 1] += cell[1, j + 1]
        for j in range(nx):
            matrix[1, i + 2, j + 1] = cell[1, j + 1]


@njit(inline="always")
def _apply(matrix, p, ap):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """ap = P p; returns p . ap."""
    rows, columns = p.shape
    diagonal, right, up, across = matrix[0], matrix[1], matrix[2], matrix[3]
    total = np.float32(0)
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
        total += row
    return total


@compiled(fastmath=True)
def _solve(matrix, right_side, x, work):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    return conjugate_gradients(_apply, matrix, REDUCTION, right_side, x, work)
