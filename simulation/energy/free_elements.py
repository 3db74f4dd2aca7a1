"""Elements of free spins: unit vectors at the corners of the cells, in the plane the same as the planar elements.

In units of 2 K1 V_cell, with the easy axis k of a cell and z out of the plane (h, q, c and the bulge as in `elements`):

    e = sum_cells [ c (E_x + E_y)/3 + c D/6 + c S/18 - 1/2 <(k.m)^2> - q/4 <m_z^2>
                    - h f M_y + q/4 Re w~ (kappa * conj(w)) - bulge/2 |T|^2 ].

E_x and E_y are the means of the squared angles between the corners along the edges in x and in y, D that of the
diagonals. Angles on the sphere are distances, so that they depend on no coordinates and walls through any axis are
alike; in the plane they are differences of phi, and the three terms are c/2 (X^2 + Y^2 + Z^2/3). There

    X^2 = (E_x - E_y + D)/2,        Y^2 = (E_y - E_x + D)/2,        S = X^2 Y^2 - (D_up - D_down)^2/16,

which defines X^2 and Y^2 out of the plane too. S is the squared area that the cell covers on the sphere, nothing in the
plane: what the curvature of the sphere adds in fourth order (derivatives of slopes along x and along y do not commute
there). The direction in the middle is M = (v0 + v1 + v2 + v3)/|..|, and means over the cell are, with f and g of X^2
and Y^2 as in `bilinear` and the slopes a, b of the vectors,

    <m> = f M,        <(n.m)^2> = (1 + g)/2 (n.M)^2 + (1 - g)/2 ((n.a)^2 + (n.b)^2)/(a^2 + b^2).

-q/4 m_z^2 is the trace of the demagnetisation tensor, which acts at the very place: an infinite prism has no charges
out of the plane. The torque for the bulge is v less its part along M, v = g' ((k.M) k + q/2 M_z z) + f' b.

With more than one phase (s, a and k as in `elements`) a cell has its own c and bulge, its b is s times the field, w is
s w, its axis the root of the ratio of K1 times as long, and its m_z^2 counts s^2 times.

(Derivatives in `spherical`; with fixed b in T, as in `elements`.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simulation.compiled import compiled
from simulation.energy.bilinear import weighted
from simulation.energy.block_stencil import (
    ABOVE,
    ACROSS,
    BACK,
    RIGHT_OF,
    TILE,
    Pairs,
    add_pairs,
    local_blocks,
    make_convex,
    pair_table,
)
from simulation.energy.coefficients import at, coefficients, relative
from simulation.energy.element_flow import LOOK_EVERYWHERE, cells_around, wake
from simulation.energy.elements import FIRST_HOLD, HOLD, LONGEST_HOLD, patches, stiffest, stiffness
from simulation.energy.flow import QUIET, explicit_steps, extrapolate, in_short_calls
from simulation.energy.free import FreeEnergy
from simulation.energy.spherical import FIRST, add_torques, middle_of
from simulation.material import Material
from simulation.microstructure import Microstructure

_QUARTER, _ONE = (np.float32(x) for x in (1 / 4, 1))
_EDGE, _DIAGONAL = 2 / 3, 1 / 6
"""Weights of a pair of corners along an edge between two cells, and across a cell, in its c."""


class FreeElementEnergy(FreeEnergy):
    """Energy of one unit vector per corner; see `simulation.energy.Energy` for what each method promises."""

    avalanche = 0.01
    softest = 1e-3

    def __init__(self, microstructure: Microstructure, material: Material) -> None:
        (ny, nx), parts = microstructure.shape, coefficients(microstructure, material)
        c = material.exchange_number(microstructure.cell_nm)
        alone, largest_c = (parts.stiffest_alone, c * parts.stiffest_exchange) if parts else (2.0, c)
        super().__init__(microstructure, material, patches((ny, nx), parts), stiffest(largest_c, alone))
        self._c, self._bulge = stiffness(c, parts)
        self._pair_weights: tuple[np.float32 | np.ndarray, ...] = (self._c,) * 4
        self._pairs = pair_table(corner_pairs(ny, nx))
        self._node_half_q = self._half_q_z
        if parts:
            self._pair_weights = pair_weights(np.asarray(self._c))
            mean = np.pad(self._half_q_z, 1)
            mean = (mean[1:, 1:] + mean[1:, :-1] + mean[:-1, 1:] + mean[:-1, :-1]) / 4
            self._node_half_q = np.pad(mean, 1) * self._one_over_area
            beside = np.pad(parts.filled, 1)
            self.coupled = beside[1:-1, 1:] | beside[1:-1, :-1], beside[1:, 1:-1] | beside[:-1, 1:-1]
        self._corners = np.zeros(12 * TILE, np.float32)
        self._axes = np.zeros(
            (3, ny + 3, nx + 3), np.float32
        )  # k kT on average over the patch of a corner, times its area
        self._mean_b = np.zeros((2, ny + 3, nx + 3), np.float32)  # the same of b
        k_x, k_y = self._axis
        for below, left in np.ndindex(2, 2):
            patch = np.s_[1 + below : 1 + below + ny, 1 + left : 1 + left + nx]
            for of, product in zip(self._axes, (k_x * k_x, k_x * k_y, k_y * k_y), strict=True):
                of[patch] += product / 4
        self._columns = np.zeros((4, ny + 3), np.int64)  # first and last to move in the last step and in this one

    def _magnetize(self) -> None:
        _source(self.m, self._s, self._far.source, self._axis)

    def _torques(self) -> None:
        _gradient(
            self.m, self._axis, self._far.result, self._h, self._c, self._bulge, self._half_q, self._s, self._half_q_z,
            self._b, self._torque, self._corners,
        )  # fmt: skip

    def _flow(self, reach: float, again: bool) -> None:
        q = 2 * float(self._half_q) * self._strongest**2
        time = min((HOLD if again else FIRST_HOLD) * reach**2 / q, LONGEST_HOLD)
        time_step, steps = explicit_steps(time, self._stiffest)
        for begin_step, end_step in in_short_calls(steps, self._far.ny * self._far.nx):
            _flow(
                self.m, self._axis, self._b, self._last_b, np.float32(0.5 if again else 0.0), self._c, self._bulge,
                self._half_q_z, np.float32(time_step), begin_step, end_step, self._one_over_area, self._torque,
                self._corners, *self._columns,
            )  # fmt: skip

    def _assemble(self, convex: bool) -> None:
        _stencil(
            self.m, self._e1, self._e2, self._axes, self._area, self._b, self._mean_b, *self._pairs, self._pair_weights,
            self._node_half_q, convex, self._local.blocks, self._local.work,
        )  # fmt: skip

    def magnetization(self) -> float:
        total: float = _sum_m_y(self.m, self._axis, self._b, self._bulge, self._half_q_z, self._s)
        return total / (self._far.ny * self._far.nx)

    def cell_vectors(self) -> np.ndarray:
        v = self.m[:, 1:-1, 1:-1].astype(np.float64)
        middle = v[:, :-1, :-1] + v[:, :-1, 1:] + v[:, 1:, :-1] + v[:, 1:, 1:]
        return np.moveaxis(middle / np.linalg.norm(middle, axis=0), 0, -1)


def corner_pairs(ny: int, nx: int) -> list[Pairs]:
    """Of (ny, nx) cells; `which` is that of `pair_weights`. On the rim an edge lies between a cell and nothing."""
    half = _EDGE / 2
    return [
        *(
            Pairs(top, bottom, 0, 1, nx + 1, 1, RIGHT_OF, 0, part)
            for top, bottom, part in ((1, 2, half), (2, ny + 1, _EDGE), (ny + 1, ny + 2, half))
        ),
        *(
            Pairs(1, ny + 1, 1, first, end, 0, ABOVE, 1, part)
            for first, end, part in ((1, 2, half), (2, nx + 1, _EDGE), (nx + 1, nx + 2, half))
        ),
        Pairs(1, ny + 1, 1, 1, nx + 1, 1, ACROSS, 2, _DIAGONAL),
        Pairs(1, ny + 1, 1, 2, nx + 2, -1, BACK, 3, _DIAGONAL),
    ]


def pair_weights(c: np.ndarray) -> tuple[np.ndarray, ...]:
    """(ny + 3, nx + 3) each, by the first corner of a pair: mean c of the cells beside an edge to the right and of
    those beside one upwards, c of the cell across which a diagonal goes to the right and of that to the left.

    Args:
        c: (ny, nx) exchange numbers of the cells.
    """
    ny, nx = c.shape
    right, above, across, back = (np.zeros((ny + 3, nx + 3), np.float32) for _ in range(4))
    over, beside = np.pad(c, ((1, 1), (0, 0)), mode="edge"), np.pad(c, ((0, 0), (1, 1)), mode="edge")
    right[1 : ny + 2, 1 : nx + 1] = (over[1:] + over[:-1]) / 2
    above[1 : ny + 1, 1 : nx + 2] = (beside[:, 1:] + beside[:, :-1]) / 2
    across[1 : ny + 1, 1 : nx + 1] = c
    back[1 : ny + 1, 2 : nx + 2] = c
    return right, above, across, back


@compiled(fastmath=True, error_model="numpy")
def _source(m, s, source, axis):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """conj(s w) of every cell."""
    for i in range(axis.shape[1]):
        for j in range(np.uint64(axis.shape[2])):
            f, _, mx, my, _ = middle_of(m, i, j)
            f = relative(s, i, j) * f
            source[i, j] = complex(f * mx, -f * my)


@compiled(fastmath=True, error_model="numpy")
def _gradient(m, axis, far, h, c, bulge, half_q, s, half_q_z, b, torque, corners):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Field b and the derivatives by the vectors, of which the part along them means nothing."""
    nx = axis.shape[2]
    torque[:] = np.float32(0)
    for i in range(axis.shape[1]):
        for j in range(nx):
            f, strength = far[i, j], relative(s, i, j)
            b[0, i, j] = strength * (-half_q * f.real)
            b[1, i, j] = strength * (h - half_q * f.imag)
        add_torques(m, axis, b, c, bulge, half_q_z, i, FIRST, nx, corners, torque)


@compiled(fastmath=True, error_model="numpy")
def _sum_m_y(m, axis, b, bulge, half_q_z, s):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sum of the mean s m_y of the cells, bulges included."""
    total: Any = 0.0
    for i in range(axis.shape[1]):
        row = np.float32(0)
        for j in range(np.uint64(axis.shape[2])):
            f, g, mx, my, mz = middle_of(m, i, j)
            f1, g1, kx, ky = weighted(f), weighted(g), axis[0, i, j], axis[1, i, j]
            km = kx * mx + ky * my
            vx, vy, vz = g1 * km * kx + f1 * b[0, i, j], g1 * km * ky + f1 * b[1, i, j], g1 * at(half_q_z, i, j) * mz
            turned = at(bulge, i, j) * f1 * (vy - (vx * mx + vy * my + vz * mz) * my)
            row += relative(s, i, j) * (f * my + turned)
        total += row
    return total


@compiled(fastmath=True, error_model="numpy")
def _flow(  # type: ignore[no-untyped-def]
    m, axis, b, last_b, ahead, c, bulge, half_q_z, time_step, begin_step, end_step, one_over_area, torque, corners,
    first, last, start, stop,
):  # fmt: skip  # pragma: no cover - compiled
    """Step the vectors along the gradient flow in one far field: see `element_flow.flow`, whose arguments these are."""
    ny, nx = axis.shape[1], axis.shape[2]
    if begin_step == 0:
        extrapolate(b, last_b, ahead)
        torque[:] = np.float32(0)
        first[:], last[:], start[:], stop[:] = nx + 2, 0, nx + 2, 0
    quiet = np.float32(QUIET * QUIET) * time_step * time_step
    for step in range(begin_step, end_step):
        wake(first, last, start, stop, nx, step % LOOK_EVERYWHERE == 0)
        for i in range(1, ny + 2):  # what was added beyond is never read
            for xyz in range(3):
                for j in range(np.uint64(start[i]), np.uint64(max(start[i], stop[i]))):
                    torque[xyz, i, j] = np.float32(0)
        for i in range(ny):
            begin, end = min(start[i + 1], start[i + 2]), max(stop[i + 1], stop[i + 2])
            if begin < end:
                left, right = cells_around(begin, end, nx)
                add_torques(m, axis, b, c, bulge, half_q_z, i, left, right, corners, torque)
        for i in range(1, ny + 2):
            begin, end = start[i], stop[i]
            for j in range(np.uint64(begin), np.uint64(max(begin, end))):
                x, y, z = m[0, i, j], m[1, i, j], m[2, i, j]
                gx, gy, gz = torque[0, i, j], torque[1, i, j], torque[2, i, j]
                along = gx * x + gy * y + gz * z
                t = -time_step * one_over_area[i, j]
                gx, gy, gz = t * (gx - along * x), t * (gy - along * y), t * (gz - along * z)
                torque[0, i, j] = gx * gx + gy * gy + gz * gz
                x, y, z = x + gx, y + gy, z + gz
                scale = _ONE / np.float32(math.sqrt(x * x + y * y + z * z))
                m[0, i, j], m[1, i, j], m[2, i, j] = scale * x, scale * y, scale * z
            left, right = begin, end - 1
            while left <= right and torque[0, i, left] <= quiet:
                left += 1
            while right >= left and torque[0, i, right] <= quiet:
                right -= 1
            first[i], last[i] = (left, right) if left <= right else (nx + 2, 0)


@compiled(fastmath=True, error_model="numpy")
def _stencil(  # type: ignore[no-untyped-def]
    m, e1, e2, axes, area, b, mean_b, table, parts, cs, half_q, convex, blocks, work
):  # fmt: skip  # pragma: no cover - compiled
    """Blocks of the local Hessian in the frames: exchange between corners, the rest on each corner by itself."""
    ny, nx = b.shape[1], b.shape[2]
    mean_b[:] = np.float32(0)
    for xy in range(2):
        for i in range(ny):
            for below in range(2):
                for left in range(2):
                    for j in range(nx):
                        mean_b[xy, i + 1 + below, j + 1 + left] += _QUARTER * b[xy, i, j]
    for i in range(1, ny + 2):
        local_blocks(m, e1, e2, axes, area, mean_b, half_q, i, nx + 2, blocks)
    if convex:
        make_convex(blocks, area)
    add_pairs(m, e1, e2, blocks, work, table, parts, cs, convex, True)
