"""Cells of free spins: one unit vector per cell.

In units of 2 K1 V_cell (h, q and c as in `cells`), with the easy axis k in the plane and z out of it:

    e = -h m_y - 1/2 (k.m)^2 - q/4 m_z^2 + c sum_neighbours/2 (1 - m.m_n) + q/4 Re w~ (kappa * conj(w)).

-q/4 m_z^2 is the trace of the demagnetisation tensor: an infinite prism has no charges out of the plane, N_zz = 0. So

    de/dm = -b - (k.m) k - q/2 m_z z - c sum_neighbours m_n,    b = h y - q/2 (Re F, Im F),    F = kappa * conj(w).

With more than one phase (s, a and a_n as in `cells`) b is s times the field, w is s w, k is the root of the ratio of K1
times as long, exchange with a neighbour a_n times as strong, and m_z^2 of a cell counts s^2 times.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from simulation.compiled import compiled
from simulation.energy.block_stencil import ABOVE, RIGHT_OF, Pairs, add_pairs, local_blocks, make_convex, pair_table
from simulation.energy.cells import CellEnergy
from simulation.energy.coefficients import at, axes, coefficients, half_q_out_of_plane, relative
from simulation.energy.element_flow import LOOK_EVERYWHERE, wake
from simulation.energy.flow import LONGEST_FLOW, QUIET, explicit_steps, extrapolate, in_short_calls
from simulation.energy.free import FreeEnergy
from simulation.energy.trigonometry import sin_cos
from simulation.material import Material
from simulation.microstructure import Microstructure

_ONE = np.float32(1)
RIGHT = np.uint64(1)


class FreeCellEnergy(FreeEnergy):
    """Energy of one unit vector per cell; see `simulation.energy.Energy` for what each method promises."""

    avalanche = CellEnergy.avalanche
    softest = CellEnergy.softest

    def __init__(self, microstructure: Microstructure, material: Material) -> None:
        c, parts = material.exchange_number(microstructure.cell_nm), coefficients(microstructure, material)
        filled, stiffest = np.ones(microstructure.shape), 8 * c + 2
        self._c, self._right, self._down = np.float32(c), None, None
        pair_weights: tuple[np.float32 | np.ndarray, ...] = (self._c, self._c)
        if parts:
            filled = parts.filled.astype(np.float64)
            stiffest = 8 * c * parts.stiffest_exchange + parts.stiffest_alone
            self._right, self._down = (np.pad(face, 1).astype(np.float32) for face in parts.across_faces())
            pair_weights = self._c * self._right, self._c * self._down
        super().__init__(microstructure, material, filled, stiffest)
        ny, nx = microstructure.shape
        self._pairs = pair_table([Pairs(1, ny + 1, 0, 1, nx, 1, RIGHT_OF, 0), Pairs(1, ny, 1, 1, nx + 1, 0, ABOVE, 1)])
        self._pair_weights = pair_weights
        if parts:
            self.coupled = parts.filled[1:] & parts.filled[:-1], parts.filled[:, 1:] & parts.filled[:, :-1]
        self._node_half_q = self._half_q_z if self._s is None else np.pad(self._half_q_z, 1)
        k_x, k_y = (np.pad(k, 1) for k in self._axis)
        self._axes = np.stack([k_x * k_x, k_x * k_y, k_y * k_y])
        self._padded_b = np.zeros((2, ny + 2, nx + 2), np.float32)
        self._columns = np.zeros((4, ny + 2), np.int64)  # first and last to move in the last step and in this one

    def _magnetize(self) -> None:
        self._sum_m_y = _source(self.m, self._s, self._far.source)

    def _torques(self) -> None:
        _gradient(
            self.m, self._axis, self._far.result, self._h, self._c, self._right, self._down, self._half_q, self._s,
            self._half_q_z, self._b, self._torque,
        )  # fmt: skip

    def _flow(self, reach: float, again: bool) -> None:
        time = min(reach / (2 * float(self._half_q) * self._strongest**2), LONGEST_FLOW)
        time_step, steps = explicit_steps(time, self._stiffest)
        for begin_step, end_step in in_short_calls(steps, self._far.ny * self._far.nx):
            _flow(
                self.m, self._axis, self._b, self._last_b, np.float32(0.5 if again else 0.0), self._c, self._right,
                self._down, self._half_q_z, np.float32(time_step), begin_step, end_step, self._torque, *self._columns,
            )  # fmt: skip

    def _assemble(self, convex: bool) -> None:
        _stencil(
            self.m, self._e1, self._e2, self._axes, self._area, self._b, self._padded_b, *self._pairs,
            self._pair_weights, self._node_half_q, convex, self._local.blocks, self._local.work,
        )  # fmt: skip

    def resolved(self, angle: np.ndarray) -> bool:
        return True  # as for planar cells

    def magnetization(self) -> float:
        return self._sum_m_y / (self._far.ny * self._far.nx)

    def cell_vectors(self) -> np.ndarray:
        return self.vectors


@compiled(fastmath=True, error_model="numpy")
def _source(m, s, source):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """conj(s w) of every cell; returns the sum of s m_y."""
    total: Any = 0.0
    for i in range(1, m.shape[1] - 1):
        row = np.float32(0)
        for j in range(1, m.shape[2] - 1):
            row += relative(s, i - 1, j - 1) * m[1, i, j]
        for j in range(1, m.shape[2] - 1):
            strength = relative(s, i - 1, j - 1)
            source[i - 1, j - 1] = complex(strength * m[0, i, j], -strength * m[1, i, j])
        total += row
    return total


@njit(inline="always")
def _row(m, axis, b, c, a_right, a_down, half_q_z, i, begin, end, torque):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """dE/dm of columns `begin` to `end` - 1 of row i, from differences to the neighbours."""
    # Ghosts are zero: the difference to one lies along m and turns nothing.
    for j in range(np.uint64(begin), np.uint64(max(begin, end))):
        x, y, z = m[0, i, j], m[1, i, j], m[2, i, j]
        kx, ky = axis[0, i - 1, j - RIGHT], axis[1, i - 1, j - RIGHT]
        km = kx * x + ky * y
        up, down = relative(a_down, i - 1, j), relative(a_down, i, j)
        left, right = relative(a_right, i, j - RIGHT), relative(a_right, i, j)
        torque[0, i, j] = (
            c * ((down * (x - m[0, i + 1, j]) + up * (x - m[0, i - 1, j]))
                 + (right * (x - m[0, i, j + RIGHT]) + left * (x - m[0, i, j - RIGHT])))
            - km * kx - b[0, i - 1, j - RIGHT]
        )  # fmt: skip
        torque[1, i, j] = (
            c * ((down * (y - m[1, i + 1, j]) + up * (y - m[1, i - 1, j]))
                 + (right * (y - m[1, i, j + RIGHT]) + left * (y - m[1, i, j - RIGHT])))
            - km * ky - b[1, i - 1, j - RIGHT]
        )  # fmt: skip
        torque[2, i, j] = (
            c * ((down * (z - m[2, i + 1, j]) + up * (z - m[2, i - 1, j]))
                 + (right * (z - m[2, i, j + RIGHT]) + left * (z - m[2, i, j - RIGHT])))
            - at(half_q_z, i - 1, j - RIGHT) * z
        )  # fmt: skip


@compiled(fastmath=True, error_model="numpy")
def _gradient(m, axis, far, h, c, a_right, a_down, half_q, s, half_q_z, b, torque):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Field b and the derivatives by the vectors, of which the part along them means nothing."""
    nx = axis.shape[2]
    for i in range(axis.shape[1]):
        for j in range(nx):
            f, strength = far[i, j], relative(s, i, j)
            b[0, i, j] = strength * (-half_q * f.real)
            b[1, i, j] = strength * (h - half_q * f.imag)
        _row(m, axis, b, c, a_right, a_down, half_q_z, i + 1, 1, nx + 1, torque)


@compiled(fastmath=True, error_model="numpy")
def _flow(  # type: ignore[no-untyped-def]
    m, axis, b, last_b, ahead, c, a_right, a_down, half_q_z, time_step, begin_step, end_step, torque,
    first, last, start, stop,
):  # fmt: skip  # pragma: no cover - compiled
    """Step the vectors along the gradient flow in one far field: see `element_flow.flow`, whose arguments these are."""
    ny, nx = axis.shape[1], axis.shape[2]
    if begin_step == 0:
        extrapolate(b, last_b, ahead)
        first[:], last[:], start[:], stop[:] = nx + 1, 0, nx + 1, 0
    quiet = np.float32(QUIET * QUIET) * time_step * time_step
    for step in range(begin_step, end_step):
        wake(first, last, start, stop, nx - 1, step % LOOK_EVERYWHERE == 0)
        for i in range(1, ny + 1):
            _row(m, axis, b, c, a_right, a_down, half_q_z, i, start[i], stop[i], torque)
        for i in range(1, ny + 1):
            for j in range(np.uint64(start[i]), np.uint64(max(start[i], stop[i]))):
                x, y, z = m[0, i, j], m[1, i, j], m[2, i, j]
                gx, gy, gz = torque[0, i, j], torque[1, i, j], torque[2, i, j]
                along = gx * x + gy * y + gz * z
                gx, gy, gz = -time_step * (gx - along * x), -time_step * (gy - along * y), -time_step * (gz - along * z)
                torque[0, i, j] = gx * gx + gy * gy + gz * gz
                x, y, z = x + gx, y + gy, z + gz
                scale = _ONE / np.float32(math.sqrt(x * x + y * y + z * z))
                m[0, i, j], m[1, i, j], m[2, i, j] = scale * x, scale * y, scale * z
            left, right = start[i], stop[i] - 1
            while left <= right and torque[0, i, left] <= quiet:
                left += 1
            while right >= left and torque[0, i, right] <= quiet:
                right -= 1
            first[i], last[i] = (left, right) if left <= right else (nx + 1, 0)


@compiled(fastmath=True, error_model="numpy")
def _stencil(m, e1, e2, axes, area, b, padded_b, table, parts, cs, half_q, convex, blocks, work):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Blocks of the local Hessian in the frames: of -c m.m_n between neighbours, and of each cell by itself."""
    ny, nx = b.shape[1], b.shape[2]
    for xy in range(2):
        for i in range(ny):
            for j in range(nx):
                padded_b[xy, i + 1, j + 1] = b[xy, i, j]
    for i in range(1, ny + 1):
        local_blocks(m, e1, e2, axes, area, padded_b, half_q, i, nx + 1, blocks)
    if convex:
        make_convex(blocks, area)
    add_pairs(m, e1, e2, blocks, work, table, parts, cs, convex, False)


class CellTilts:
    """The out-of-plane Hessian of planar states, see `simulation.stability`."""

    def __init__(self, microstructure: Microstructure, material: Material) -> None:
        parts = coefficients(microstructure, material)
        filled = np.ones(microstructure.shape) if parts is None else parts.filled
        self.area = np.pad(filled, 1).astype(np.float32)
        self.sensitivity = 1.0 if parts is None else parts.sensitivity
        self._axis = axes(microstructure, parts)
        self._c = np.float32(material.exchange_number(microstructure.cell_nm))
        self._half_q = half_q_out_of_plane(material, parts)
        self._right, self._down = None, None
        if parts:
            self._right, self._down = (np.pad(face, 1).astype(np.float32) for face in parts.across_faces())
        self._m = np.zeros((2, *self.area.shape), np.float32)
        self._stencil = np.zeros((9, *self.area.shape), np.float32)

    def stencil(self, angle: np.ndarray, b: np.ndarray) -> np.ndarray:
        """See `simulation.stability.OutOfPlaneHessian`."""
        _tilt_stencil(angle, self._axis, b, self._c, self._right, self._down, self._half_q, self._m, self._stencil)
        return self._stencil


@compiled(fastmath=True, error_model="numpy")
def _tilt_stencil(angle, axis, b, c, a_right, a_down, half_q, m, stencil):  # type: ignore[no-untyped-def]  # pragma: no cover
    ny, nx = axis.shape[1], axis.shape[2]
    for i in range(1, ny + 1):
        for j in range(1, nx + 1):
            m[0, i, j], m[1, i, j] = sin_cos(angle[i, j])
    for i in range(1, ny + 1):
        for j in range(1, nx + 1):
            x, y = m[0, i, j], m[1, i, j]
            km = axis[0, i - 1, j - 1] * x + axis[1, i - 1, j - 1] * y
            up, down = relative(a_down, i - 1, j), relative(a_down, i, j)
            left, right = relative(a_right, i, j - 1), relative(a_right, i, j)
            around_x = up * m[0, i - 1, j] + down * m[0, i + 1, j] + left * m[0, i, j - 1] + right * m[0, i, j + 1]
            around_y = up * m[1, i - 1, j] + down * m[1, i + 1, j] + left * m[1, i, j - 1] + right * m[1, i, j + 1]
            on = km * km + b[0, i, j] * x + b[1, i, j] * y - at(half_q, i - 1, j - 1)
            stencil[4, i, j] = on + c * (x * around_x + y * around_y)
            stencil[1, i, j], stencil[7, i, j] = -c * up, -c * down
            stencil[3, i, j], stencil[5, i, j] = -c * left, -c * right
