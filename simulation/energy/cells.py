"""Cells: the magnetisation is constant in a cell (the discretisation of the paper, of fidimag and of mumax3).

With m = (sin phi, cos phi), in units of 2 K1 V_cell, h = H/H_A, q = Ms/H_A and c = A/(K1 dx^2),

    e = -h cos phi - 1/2 cos^2(phi - a) + c sum_neighbours/2 (1 - cos(phi - phi_n)) + q/2 m.(N m).

The derivative by a cell's angle, with t = dm/dphi = (cos phi, -sin phi) and F = kappa * conj(w) (see `demag_tensor`):

    g = 1/2 sin 2(phi - a) + c sum_neighbours sin(phi - phi_n) - b.t,        b = h y - q/2 (Re F, Im F),

and the Hessian: local diagonal  cos 2(phi - a) + c sum_neighbours cos(phi - phi_n) + b.m,  between neighbours
-c cos(phi - phi_n),  and a long-range rest whose norm is at most q/2: all that the local Hessian leaves out.

With more than one phase, cells have their own Js, K1 and A. Over those of the main phase, in whose units all is, they
are s, k and a; exchange across a face has the harmonic mean of both sides (see `coefficients`):

    e = -h s cos phi - k/2 cos^2(phi - a) + c sum_neighbours/2 a_n (1 - cos(phi - phi_n)) + q/2 s m.(N s m),

so that b, as it stands in the derivatives above and in `CellEnergy.field`, is s times the field, F = kappa * conj(s w),
and the axis (sin 2a, cos 2a) is k times as long. The gradient flow is that of the energy: soft and hard cells turn by
the torque on them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from simulation.compiled import compiled
from simulation.demag_tensor import LongRangeField
from simulation.energy.coefficients import coefficients, relative
from simulation.energy.flow import LONGEST_FLOW, QUIET, explicit_steps, in_short_calls, wake
from simulation.energy.stencil import FivePoint
from simulation.energy.trigonometry import sin_cos, turned
from simulation.material import Material
from simulation.microstructure import Microstructure


class CellEnergy:
    """Energy of one angle per cell; see `simulation.energy.Energy` for what each method promises."""

    avalanche = 0.03
    softest = 1e-2

    def __init__(self, microstructure: Microstructure, material: Material) -> None:
        ny, nx = microstructure.shape
        self.shape = (ny + 2, nx + 2)
        self._q = np.float32(material.q)
        self._c = np.float32(material.exchange_number(microstructure.cell_nm))
        self._far = LongRangeField(ny, nx)
        # Arrays of cells, each with its border of ghosts: zero, so that an edge has no neighbour to exchange with.
        double_angle = 2 * microstructure.angle_rad
        k: np.ndarray | float = 1.0
        self._s, self._right, self._down, self._strongest = None, None, None, 1.0
        self._stiffest = 8 * float(self._c) + 2
        if parts := coefficients(microstructure, material):
            k, self._s = parts.anisotropy, _padded(parts.polarization)
            self._right, self._down = (_padded(face) for face in parts.across_faces())
            self._strongest = parts.strongest
            self._stiffest = 8 * float(self._c) * parts.stiffest_exchange + parts.stiffest_alone
        self._axis = np.stack([_padded(k * np.sin(double_angle)), _padded(k * np.cos(double_angle))])
        self._m, self._b, self._last_b = (np.zeros((2, *self.shape), np.float32) for _ in range(3))
        self._turn = np.zeros(self.shape, np.float32)
        self._rows = np.zeros((2, ny + 2), np.bool_)  # that moved in the last step, that are awake in this one
        self._local = FivePoint(self.shape)
        self._mean_cos = 0.0

    @property
    def evaluations(self) -> int:
        return self._far.evaluations

    @property
    def field(self) -> np.ndarray:
        return self._b

    def gradient(self, angle: np.ndarray, h: float, out: np.ndarray) -> None:
        self._mean_cos = _unit_vectors(angle, self._s, self._m, self._far.source) / (self._far.ny * self._far.nx)
        far, local = self._far(), self._local
        _gradient(
            self._m, self._axis, far, np.float32(h), self._c, self._q, self._s, self._right, self._down, self._b,
            out, local.curvature, local.right, local.down,
        )  # fmt: skip

    def change_field(self, change: float, gradient: np.ndarray) -> None:
        _change_field(np.float32(change), self._m, self._s, self._b, gradient, self._local.curvature)

    def solve_local(self, right_side: np.ndarray, out: np.ndarray, convex: bool) -> bool:
        return self._local.solve(right_side, out, convex)

    def flow(self, angle: np.ndarray, reach: float, again: bool) -> None:
        time = min(reach / (float(self._q) * self._strongest**2), LONGEST_FLOW)
        time_step, steps = explicit_steps(time, self._stiffest)
        for begin, end in in_short_calls(steps, self._far.ny * self._far.nx):
            _flow(
                angle, self._m, self._axis, self._b, self._last_b, np.float32(0.5 if again else 0.0), self._c,
                self._right, self._down, np.float32(time_step), begin, end, self._turn, *self._rows,
            )  # fmt: skip

    def largest_torque(self, gradient: np.ndarray) -> float:
        return float(np.abs(gradient).max())

    def resolved(self, angle: np.ndarray) -> bool:
        return True  # an exchange of cosines has no such states: neighbours beyond a quarter turn repel no more

    def magnetization(self) -> float:
        return self._mean_cos

    def cell_angle(self, angle: np.ndarray) -> np.ndarray:
        return angle[1:-1, 1:-1].copy()


def _padded(values: np.ndarray) -> np.ndarray:
    return np.pad(values, 1).astype(np.float32)


@compiled(fastmath=True)
def _unit_vectors(angle, s, m, source):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """m = (sin, cos) of each cell and conj(s w) = s (sin - i cos); returns the sum of s m_y."""
    ny, nx = angle.shape[0] - 2, angle.shape[1] - 2
    total: Any = 0.0
    for i in range(1, ny + 1):
        row = np.float32(0)
        for j in range(1, nx + 1):
            m[0, i, j], m[1, i, j] = sin_cos(angle[i, j])
        for j in range(1, nx + 1):
            row += relative(s, i, j) * m[1, i, j]
        for j in range(nx):
            strength = relative(s, i, j + 1)
            source[i - 1, j] = complex(strength * m[0, i, j + 1], -strength * m[1, i, j + 1])
        total += row
    return total


@njit(inline="always")
def _torque(m, axis, b, c, a_right, a_down, i, j):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """dE/dphi of cell (i, j) in the field b."""
    sin, cos = m[0, i, j], m[1, i, j]
    sin2, cos2 = np.float32(2) * sin * cos, cos * cos - sin * sin
    left, right = relative(a_right, i, j - 1), relative(a_right, i, j)
    up, down = relative(a_down, i - 1, j), relative(a_down, i, j)
    sin_sum = left * m[0, i, j - 1] + right * m[0, i, j + 1] + up * m[0, i - 1, j] + down * m[0, i + 1, j]
    cos_sum = left * m[1, i, j - 1] + right * m[1, i, j + 1] + up * m[1, i - 1, j] + down * m[1, i + 1, j]
    return (
        np.float32(0.5) * (sin2 * axis[1, i, j] - cos2 * axis[0, i, j])
        + c * (sin * cos_sum - cos * sin_sum)
        - (b[0, i, j] * cos - b[1, i, j] * sin)
    )


@compiled(fastmath=True)
def _gradient(m, axis, far, h, c, q, s, a_right, a_down, b, g, curvature, right, down):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Field b, gradient g, and the local Hessian: curvature of the cell alone, couplings to the right and down."""
    half_q = np.float32(0.5) * q
    for i in range(1, m.shape[1] - 1):
        for j in range(1, m.shape[2] - 1):
            f, strength = far[i - 1, j - 1], relative(s, i, j)
            b[0, i, j] = strength * (-half_q * f.real)
            b[1, i, j] = strength * (h - half_q * f.imag)
        for j in range(1, m.shape[2] - 1):
            g[i, j] = _torque(m, axis, b, c, a_right, a_down, i, j)
        for j in range(1, m.shape[2] - 1):
            sin, cos = m[0, i, j], m[1, i, j]
            sin2, cos2 = np.float32(2) * sin * cos, cos * cos - sin * sin
            curvature[i, j] = cos2 * axis[1, i, j] + sin2 * axis[0, i, j] + b[0, i, j] * sin + b[1, i, j] * cos
            right[i, j] = c * relative(a_right, i, j) * (sin * m[0, i, j + 1] + cos * m[1, i, j + 1])
            down[i, j] = c * relative(a_down, i, j) * (sin * m[0, i + 1, j] + cos * m[1, i + 1, j])


@compiled(fastmath=True)
def _change_field(change, m, s, b, g, curvature):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """db/dh = s y, so that dg/dh = s sin phi and d(b.m)/dh = s cos phi."""
    for i in range(1, m.shape[1] - 1):
        for j in range(1, m.shape[2] - 1):
            own = relative(s, i, j) * change
            b[1, i, j] += own
            g[i, j] += own * m[0, i, j]
            curvature[i, j] += own * m[1, i, j]


@compiled(fastmath=True)
def _flow(  # type: ignore[no-untyped-def]
    angle, m, axis, b, last_b, ahead, c, a_right, a_down, time_step, begin, end, turn, moved, awake
):  # fmt: skip  # pragma: no cover - compiled
    """Explicit steps `begin` to `end` of the gradient flow in the far field of the middle of the time; see `flow`."""
    rows, columns = angle.shape
    for i in range(1, rows - 1 if begin == 0 else 0):
        for j in range(1, columns - 1):
            for xy in range(2):
                now = b[xy, i, j]
                b[xy, i, j] += ahead * (now - last_b[xy, i, j])
                last_b[xy, i, j] = now
    quiet = np.float32(QUIET * QUIET) * time_step * time_step
    for step in range(begin, end):
        wake(moved, awake, step)
        for i in range(1, rows - 1):
            if awake[i]:
                for j in range(1, columns - 1):
                    turn[i, j] = -time_step * _torque(m, axis, b, c, a_right, a_down, i, j)
        for i in range(1, rows - 1):
            square = np.float32(0)
            if awake[i]:
                for j in range(1, columns - 1):
                    square += turn[i, j] * turn[i, j]
                    angle[i, j] += turn[i, j]
                for j in range(1, columns - 1):
                    m[0, i, j], m[1, i, j] = turned(m[0, i, j], m[1, i, j], turn[i, j])
            moved[i] = square > quiet
