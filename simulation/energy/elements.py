"""Elements: the angle is bilinear in a cell, given at its corners, so that a wall may stand anywhere on the mesh.

In units of 2 K1 V_cell, with h = H/H_A, q = Ms/H_A and c = A/(K1 dx^2); a is the easy axis of the cell:

    e = sum_cells [ c'/2 (X^2 + Y^2 + Z^2/6) - g/4 cos 2(psi - a) - h f cos psi + q/4 Re w~ (kappa * conj(w)) ].

psi is the angle in the middle of the cell, X, Y and Z its slopes and its twist, f and g the factors of the means over
the cell of sin phi and sin 2 phi (see `bilinear`), w = f (sin psi + i cos psi) the mean magnetisation and ~ the
conjugate. So exchange and anisotropy are integrated inside the cell, and the long-range field sees the cell by its mean
magnetisation. The trace of the demagnetisation tensor acts on the magnetisation at the very place, whose magnitude is
one: its energy is a constant (see `demag_tensor` for the rest, kappa).

A wall that is piecewise linear costs more than 4 sqrt(A K1): in leading order by the part 1/(72 c) if it lies along the
cells, by half of that at 45 degrees, by 1/(96 c) in the mean over all directions. c' = c / (1 + 1/(48 c)) takes the
mean off, as the energy of a wall goes with the root of the exchange. What is left is below 1 % on cells of 2 nm in
Nd2Fe14B.

The derivative by a corner's angle is that of the modes of its cells, the field being b = h y - q/2 (Re F, Im F) with
F = kappa * conj(w).

It is a torque integrated over the corner's patch, whose area is one cell inside the magnet, half a cell at an edge and
a quarter at a corner of the square. Divided by that area it is a torque per cell, comparable with that of `cells`: this
is what the tolerance bounds, and what drives the gradient flow.

phi itself is interpolated, never its direction: 0 and 2 pi at neighbouring corners are a 360 degree wall between them.
The descent is continuous and starts at phi = 0, so that such walls come about where grains reverse in opposite senses,
and in the plane nothing but the edge of the magnet can undo them. They are states of the model and stay. But where two
corners of one cell differ by more than pi, the wall is narrower than the mesh can show: such a state is not `resolved`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from simulation.demag_tensor import LongRangeField
from simulation.energy.bilinear import RIGHT, add_row, modes, row_torques, sinc_half
from simulation.energy.element_flow import flow
from simulation.energy.flow import LONGEST_FLOW, STABLE_STEP
from simulation.energy.nine_point import NinePoint
from simulation.energy.trigonometry import sin_cos
from simulation.material import Material
from simulation.microstructure import Microstructure

HOLD = 4.0
"""How many times longer than asked for the flow stays in one far field. Here walls move through a magnet at rest, so
that the far field lags less than where whole grains turn at once; and the descent halves what is too long."""


class ElementEnergy:
    """Energy of one angle per corner; see `simulation.energy.Energy` for what each method promises."""

    avalanche = 0.01  # a wall on its way through a grain has less torque than a grain that turns

    def __init__(self, microstructure: Microstructure, material: Material) -> None:
        ny, nx = microstructure.shape
        self.shape = (ny + 3, nx + 3)
        self._q = np.float32(material.q)
        c = material.exchange_number(microstructure.cell_nm)
        self._c = np.float32(c / (1 + 1 / (48 * c)))
        self._far = LongRangeField(ny, nx)
        double_angle = 2 * microstructure.angle_rad
        self._axis = np.stack([np.sin(double_angle), np.cos(double_angle)]).astype(np.float32)
        self._middle, self._b, self._last_b = (np.zeros((2, ny, nx), np.float32) for _ in range(3))
        self._angle, self._turn = (np.zeros(self.shape, np.float32) for _ in range(2))
        self._columns = np.zeros((4, ny + 3), np.int64)  # first and last to move in the last step and in this one
        self._corners = np.zeros((4, nx + 2), np.float32)  # of one row of cells, between two cells without torque
        self._one_over_area = np.pad(1 / np.outer(_areas(ny), _areas(nx)), 1).astype(np.float32)
        self._local = NinePoint((ny, nx), self._c)
        self._mean_cos = 0.0

    @property
    def evaluations(self) -> int:
        return self._far.evaluations

    def gradient(self, angle: np.ndarray, h: float, out: np.ndarray) -> None:
        total = _unit_vectors(angle, self._angle, self._middle, self._far.source)
        self._mean_cos = total / (self._far.ny * self._far.nx)
        _gradient(
            angle, self._middle, self._axis, self._far(), np.float32(h), self._c, self._q, self._b, out, self._corners,
        )  # fmt: skip

    def change_field(self, change: float, gradient: np.ndarray) -> None:
        _change_field(np.float32(change), self._angle, self._middle, self._b, gradient, self._corners)

    def solve_local(self, right_side: np.ndarray, out: np.ndarray, convex: bool) -> bool:
        self._local.assemble(self._angle, self._middle, self._axis, self._b, convex)
        return self._local.solve(right_side, out)

    def flow(self, angle: np.ndarray, reach: float, again: bool) -> None:
        time = HOLD * min(reach / float(self._q), LONGEST_FLOW)
        steps = math.ceil(time * (4 * float(self._c) + 2) / STABLE_STEP)
        flow(
            self._angle, self._middle, self._axis, self._b, self._last_b, np.float32(0.5 if again else 0.0), self._c,
            np.float32(time / steps), steps, self._one_over_area, self._turn, self._corners, *self._columns,
        )  # fmt: skip
        angle[:] = self._angle

    def largest_torque(self, gradient: np.ndarray) -> float:
        return float(np.abs(gradient * self._one_over_area).max())

    def resolved(self, angle: np.ndarray) -> bool:
        phi = angle[1:-1, 1:-1]
        return all(float(np.abs(np.diff(phi, axis=axis)).max()) <= math.pi for axis in (0, 1))

    def magnetization(self) -> float:
        return self._mean_cos

    def cell_angle(self, angle: np.ndarray) -> np.ndarray:
        phi = angle[1:-1, 1:-1]
        middle: np.ndarray = (phi[:-1, :-1] + phi[:-1, 1:] + phi[1:, :-1] + phi[1:, 1:]) / 4
        return middle


_HALF, _QUARTER = np.float32(0.5), np.float32(0.25)


def _areas(cells: int) -> np.ndarray:
    """Lengths of the patches of the corners along an edge of so many cells."""
    lengths = np.ones(cells + 1)
    lengths[[0, -1]] = 0.5
    return lengths


@njit(cache=True, fastmath=True)
def _unit_vectors(angle, single, middle, source):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Angles in single precision, (sin, cos) in the middles of the cells and conj(w); returns the sum of Im w."""
    ny, nx = middle.shape[1], middle.shape[2]
    total: Any = 0.0
    for j in range(single.shape[1]):
        single[1, j] = angle[1, j]
    for i in range(ny):
        for j in range(single.shape[1]):
            single[i + 2, j] = angle[i + 2, j]
        for j in range(nx):
            middle[0, i, j], middle[1, i, j] = sin_cos(
                0.25 * (angle[i + 1, j + 1] + angle[i + 1, j + 2] + angle[i + 2, j + 1] + angle[i + 2, j + 2])
            )
        row = np.float32(0)
        for j in range(np.uint64(nx)):
            x, y, _ = modes(single, i, j)
            f = sinc_half(x)[0] * sinc_half(y)[0]
            source[i, j] = complex(f * middle[0, i, j], -f * middle[1, i, j])
            row += f * middle[1, i, j]
        total += row
    return total


@njit(cache=True, fastmath=True)
def _gradient(angle, middle, axis, far, h, c, q, b, g, corners):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Field b and gradient g."""
    half_q = np.float32(0.5) * q
    nx = middle.shape[2]
    g[:] = np.float32(0)
    for i in range(middle.shape[1]):
        for j in range(middle.shape[2]):
            f = far[i, j]
            b[0, i, j] = -half_q * f.real
            b[1, i, j] = h - half_q * f.imag
        row_torques(angle, middle, axis, b, c, i, 0, nx, corners)
        add_row(corners, i, 1, nx + 2, g)


@njit(cache=True, fastmath=True)
def _change_field(change, angle, middle, b, g, corners):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """db/dh = y, so that the derivative grows by f sin psi by psi, and falls by cos psi by f."""
    for i in range(middle.shape[1]):
        for j in range(np.uint64(middle.shape[2])):
            b[1, i, j] += change
            x, y, _ = modes(angle, i, j)
            (fx, fx_), (fy, fy_) = sinc_half(x), sinc_half(y)
            turn, by_f = change * _QUARTER * fx * fy * middle[0, i, j], -change * _HALF * middle[1, i, j]
            along_x, along_y = by_f * fy * fx_ * x, by_f * fx * fy_ * y
            corners[0, j + RIGHT] = turn - along_x - along_y
            corners[1, j + RIGHT] = turn + along_x - along_y
            corners[2, j + RIGHT] = turn - along_x + along_y
            corners[3, j + RIGHT] = turn + along_x + along_y
        add_row(corners, i, 1, middle.shape[2] + 2, g)
