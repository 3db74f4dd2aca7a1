"""Cells: the magnetisation is constant in a cell (the discretisation of the paper, of fidimag and of mumax3).

With m = (sin phi, cos phi), in units of 2 K1 V_cell, h = H/H_A, q = Ms/H_A and c = A/(K1 dx^2),

    e = -h cos phi - 1/2 cos^2(phi - a) + c sum_neighbours/2 (1 - cos(phi - phi_n)) + q/2 m.(N m).

The derivative by a cell's angle, with t = dm/dphi and F = kappa * conj(w) (see `demag_tensor`):

    g = h sin phi + 1/2 sin 2(phi - a) + c sum_neighbours sin(phi - phi_n) + q/2 Re(F conj(t)),

and the Hessian: local diagonal  h cos phi + cos 2(phi - a) + c sum_neighbours cos(phi - phi_n) - q/2 Re(F conj(w)),
between neighbours  -c cos(phi - phi_n),  and the long-range rest  q/2 Re((kappa * conj(t v)) conj(t)), whose norm is
at most q/2. The rest is all that the local Hessian P leaves out.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from simulation.demag_tensor import LongRangeField
from simulation.energy.stencil import LocalSolver
from simulation.material import Material
from simulation.microstructure import Microstructure


class CellEnergy:
    """Energy of one angle per cell; see `simulation.energy.Energy` for what each method promises."""

    def __init__(self, microstructure: Microstructure, material: Material) -> None:
        ny, nx = microstructure.shape
        self.shape = (ny + 2, nx + 2)
        self._cells = ny * nx
        self._q = np.float32(material.q)
        self._c = np.float32(material.exchange_number(microstructure.cell_nm))
        double = 2 * microstructure.angle_rad
        self._axis_cos, self._axis_sin = _padded(np.cos(double)), _padded(np.sin(double))
        self._field = LongRangeField(ny, nx)
        self._sin, self._cos = np.zeros(self.shape, np.float32), np.zeros(self.shape, np.float32)
        self._local = LocalSolver(self.shape)
        self._sum_cos = 0.0

    @property
    def evaluations(self) -> int:
        return self._field.evaluations

    def gradient(self, angle: np.ndarray, h: float, out: np.ndarray) -> None:
        self._sum_cos = _unit_vectors(angle, self._sin, self._cos, self._field.source)
        far = self._field()
        p = self._local
        _gradient(
            self._sin, self._cos, self._axis_sin, self._axis_cos, far,
            np.float32(h), self._c, self._q, out, p.curvature, p.right, p.down,
        )  # fmt: skip

    def change_field(self, change: float, gradient: np.ndarray) -> None:
        _change_field(np.float32(change), self._sin, self._cos, gradient, self._local.curvature)

    def solve_local(self, right: np.ndarray, out: np.ndarray, shift: float, convex: bool) -> bool:
        return self._local.solve(right, out, shift, convex)

    def magnetization(self) -> float:
        return self._sum_cos / self._cells

    def cell_angle(self, angle: np.ndarray) -> np.ndarray:
        return angle[1:-1, 1:-1].copy()


def _padded(values: np.ndarray) -> np.ndarray:
    return np.pad(values, 1).astype(np.float32)


@njit(inline="always")
def sin_cos(angle):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sin and cos in single precision of an angle in double: Taylor series on [-pi/4, pi/4], which vectorise."""
    quarter = math.floor(angle * (2 / math.pi) + 0.5)
    r = np.float32(angle - quarter * (math.pi / 2))
    r2 = r * r
    s = r + r * r2 * (
        np.float32(-1 / 6) + r2 * (np.float32(1 / 120) + r2 * (np.float32(-1 / 5040) + r2 * np.float32(1 / 362880)))
    )
    c = np.float32(1) - r2 * (
        np.float32(0.5) - r2 * (np.float32(1 / 24) - r2 * (np.float32(1 / 720) - r2 * np.float32(1 / 40320)))
    )
    turns = np.int32(quarter)
    swap = (turns & 1) == 1
    sin, cos = (c if swap else s), (s if swap else c)
    sin = -sin if (turns & 2) == 2 else sin
    cos = -cos if ((turns + 1) & 2) == 2 else cos
    return sin, cos


@njit(cache=True, fastmath=True)
def _unit_vectors(angle, sin, cos, source):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """m = (sin, cos) of each cell and conj(w) = sin - i cos; returns the sum of m_y."""
    ny, nx = source.shape
    total: Any = 0.0
    for i in range(ny):
        row = np.float32(0)
        for j in range(nx):
            s, c = sin_cos(angle[i + 1, j + 1])
            sin[i + 1, j + 1] = s
            cos[i + 1, j + 1] = c
            row += c
        for j in range(nx):
            source[i, j] = complex(sin[i + 1, j + 1], -cos[i + 1, j + 1])
        total += row
    return total


@njit(cache=True, fastmath=True)
def _gradient(sin, cos, axis_sin, axis_cos, far, h, c, q, g, curvature, right, down):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Gradient, and the local Hessian as curvature of the cell alone and couplings to the right and downwards."""
    ny, nx = far.shape
    half, half_q, two = np.float32(0.5), np.float32(0.5) * q, np.float32(2)
    for i in range(1, ny + 1):
        for j in range(1, nx + 1):
            s, k = sin[i, j], cos[i, j]
            sin2, cos2 = two * s * k, k * k - s * s
            sin_sum = sin[i, j - 1] + sin[i, j + 1] + sin[i - 1, j] + sin[i + 1, j]
            cos_sum = cos[i, j - 1] + cos[i, j + 1] + cos[i - 1, j] + cos[i + 1, j]
            f = far[i - 1, j - 1]
            g[i, j] = (
                h * s
                + half * (sin2 * axis_cos[i, j] - cos2 * axis_sin[i, j])
                + c * (s * cos_sum - k * sin_sum)
                + half_q * (f.real * k - f.imag * s)
            )
            curvature[i, j] = h * k + cos2 * axis_cos[i, j] + sin2 * axis_sin[i, j] - half_q * (f.real * s + f.imag * k)
            right[i, j] = c * (s * sin[i, j + 1] + k * cos[i, j + 1])
            down[i, j] = c * (s * sin[i + 1, j] + k * cos[i + 1, j])


@njit(cache=True, fastmath=True)
def _change_field(change, sin, cos, g, curvature):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for i in range(sin.shape[0]):
        for j in range(sin.shape[1]):
            g[i, j] += change * sin[i, j]
            curvature[i, j] += change * cos[i, j]
