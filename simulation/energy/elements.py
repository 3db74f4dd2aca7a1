"""Elements: the angle is bilinear in a cell, given at its corners, so that a wall may stand anywhere on the mesh.

In units of 2 K1 V_cell, with h = H/H_A, q = Ms/H_A and c = A/(K1 dx^2); a is the easy axis of the cell:

    e = sum_cells [ c/2 (X^2 + Y^2 + Z^2/3) - g/4 cos 2(psi-a) - h f cos psi + q/4 Re w~ (kappa * conj(w)) - T^2/24c ].

psi is the angle in the middle of the cell, X, Y and Z its slopes and its twist, f and g the factors of the means over
the cell of sin phi and sin 2 phi (see `bilinear`), w = f (sin psi + i cos psi) the mean magnetisation and ~ the
conjugate. So exchange and anisotropy are integrated inside the cell, and the long-range field sees the cell by its mean
magnetisation. The trace of the demagnetisation tensor acts on the magnetisation at the very place, whose magnitude is
one: its energy is a constant (see `demag_tensor` for the rest, kappa).

T is the torque in the cell, without that of the exchange, and its term what the cell gains as the angle bulges between
its corners: c (phi_xx + phi_yy) = T, in units of the cell. A bilinear angle costs c/24 (phi_xx^2 + phi_yy^2) too much,
which is T^2/24c - c/12 phi_xy^2 after two integrations by parts, whose terms at the edges of cells and of the magnet
cancel, and phi_xy = Z (the exchange of a bilinear angle alone would be Z^2/6). This is the compact nine-point scheme of
fourth order (Collatz's Mehrstellenverfahren) in the form of an energy, with the torque of each cell taken about its own
axis, so that it holds at the boundaries of grains. Walls of 2 nm cells in Nd2Fe14B have 4 sqrt(A K1) within 0.1 % along
the cells and 0.3 % across. On cells that are too coarse for walls anyway the bulge is limited to what leaves a single
cell its stability.

    T = g'/2 sin 2(psi - a) - f' b.t,    t = (cos psi, -sin psi),    b = h y - q/2 (Re F, Im F),    F = kappa * conj(w),

with means f' and g' that are weighted towards the middle. The derivative by a corner's angle is that of the modes of
its cells at fixed b. It leaves out that the long-range part of the T of all other cells turns with the corner: a
dipole field of bulges, which have opposite signs on both sides of a wall. That would take a second convolution, and
changes neither Mr nor Hc on average.

It is a torque integrated over the corner's patch, whose area is one cell inside the magnet, half a cell at an edge and
a quarter at a corner of the square. Divided by that area it is a torque per cell, comparable with that of `cells`: this
is what the tolerance bounds, and what drives the gradient flow.

With more than one phase, cells have their own Js, K1 and A. Over those of the main phase, in whose units all is, they
are s, k and a (see `coefficients`), and the energy of a cell is, with f, g and the weighted means as above,

    a c/2 (X^2 + Y^2 + Z^2/3) - k g/4 cos 2(psi-a) - h s f cos psi + q/4 Re s w~ (kappa * conj(s w)) - T^2/24ac.

So b, as it stands in T and in `ElementEnergy.field`, is s times the field, the axis (sin 2a, cos 2a) is k times as
long, and c is a times as large. The terms at the edges of cells still cancel, as phases meet at faces: a times the
slope across a face is the same on both sides, and so is the slope along it. Corners of voids alone do not turn, and
have no area.

phi itself is interpolated, never its direction: 0 and 2 pi at neighbouring corners are a 360 degree wall between them.
The descent is continuous and starts at phi = 0, so that such walls come about where grains reverse in opposite senses,
and in the plane nothing but the edge of the magnet can undo them. They are states of the model and stay. But where two
corners of one cell differ by more than pi, the wall is narrower than the mesh can show: such a state is not `resolved`.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from simulation.compiled import compiled
from simulation.demag_tensor import LongRangeField
from simulation.energy.bilinear import add_row, in_middle, modes, row_torques, sinc_half, weighted
from simulation.energy.coefficients import Coefficients, at, coefficients, relative
from simulation.energy.element_flow import flow
from simulation.energy.flow import LONGEST_FLOW, explicit_steps, in_short_calls
from simulation.energy.nine_point import NinePoint
from simulation.energy.trigonometry import sin_cos
from simulation.material import Material
from simulation.microstructure import Microstructure

FIRST_HOLD, HOLD = 2.0, 4.0
"""How many times longer than the square of the reach the flow stays in a far field, as it stands or as extrapolated.

Here walls move through a magnet at rest, so that the far field lags less than where whole grains turn at once; and the
descent halves the reach where that is too long, down to 0.4 and a time of 0.64/q."""
LONGEST_HOLD = 8 * LONGEST_FLOW
STIFF = np.float32(1)
"""Exchange number above which an evaluation takes angles in double precision: torques magnify their rounding."""
LEAST_STIFFNESS = 4.0
"""Floor of 12 c in the bulge: a cell whose torque changes by less than 4 per radian stays as stable as it is."""


class ElementEnergy:
    """Energy of one angle per corner; see `simulation.energy.Energy` for what each method promises."""

    avalanche = 0.01  # a wall on its way through a grain has less torque than a grain that turns
    softest = 1e-3  # and less keeps it where it is

    def __init__(self, microstructure: Microstructure, material: Material) -> None:
        ny, nx = microstructure.shape
        self.shape = (ny + 3, nx + 3)
        self._q = np.float32(material.q)
        parts = coefficients(microstructure, material)
        self._c, self._bulge = stiffness(material.exchange_number(microstructure.cell_nm), parts)
        self._s = parts and parts.polarization.astype(np.float32)
        self._strongest = parts.strongest if parts else 1.0
        self._largest_c = float(np.max(self._c))
        self._stiffest = stiffest(self._largest_c, parts.stiffest_alone if parts else 2.0)
        self._far = LongRangeField(ny, nx)
        double_angle, k = 2 * microstructure.angle_rad, parts.anisotropy if parts else 1.0
        self._axis = np.stack([k * np.sin(double_angle), k * np.cos(double_angle)]).astype(np.float32)
        self._middle, self._b, self._last_b = (np.zeros((2, ny, nx), np.float32) for _ in range(3))
        self._angle, self._turn = (np.zeros(self.shape, np.float32) for _ in range(2))
        self._columns = np.zeros((4, ny + 3), np.int64)  # first and last to move in the last step and in this one
        self._corners = np.zeros((4, nx + 2), np.float32)  # of one row of cells, between two cells without torque
        area = patches((ny, nx), parts)
        over = np.divide(1, area, out=np.zeros_like(area), where=area > 0)
        self._one_over_area, self._there = np.pad(over, 1).astype(np.float32), None if parts is None else parts.filled
        self._local = NinePoint((ny, nx), self._c, self._bulge)
        self._h = np.float32(0)

    @property
    def evaluations(self) -> int:
        return self._far.evaluations

    @property
    def field(self) -> np.ndarray:
        return self._b

    def gradient(self, angle: np.ndarray, h: float, out: np.ndarray) -> None:
        _unit_vectors(angle, self._s, self._angle, self._middle, self._far.source)
        self._h = np.float32(h)
        self._far()
        self._torques(angle if self._largest_c > STIFF else self._angle, out)

    def change_field(self, change: float, gradient: np.ndarray) -> None:
        self._h += np.float32(change)
        self._torques(self._angle, gradient)

    def _torques(self, angle: np.ndarray, out: np.ndarray) -> None:
        """The gradient at these angles, whose long-range field is known."""
        _gradient(
            angle, self._middle, self._axis, self._far.result, self._h, self._c, self._bulge, self._q, self._s,
            self._b, out, self._corners,
        )  # fmt: skip

    def solve_local(self, right_side: np.ndarray, out: np.ndarray, convex: bool) -> bool:
        self._local.assemble(self._angle, self._middle, self._axis, self._b, convex)
        return self._local.solve(right_side, out)

    def flow(self, angle: np.ndarray, reach: float, again: bool) -> None:
        time = min((HOLD if again else FIRST_HOLD) * reach**2 / (float(self._q) * self._strongest**2), LONGEST_HOLD)
        time_step, steps = explicit_steps(time, self._stiffest)
        for begin, end in in_short_calls(steps, self._far.ny * self._far.nx):
            flow(
                self._angle, self._middle, self._axis, self._b, self._last_b, np.float32(0.5 if again else 0.0),
                self._c, self._bulge, np.float32(time_step), begin, end, self._one_over_area, self._turn,
                self._corners, *self._columns,
            )  # fmt: skip
        angle[:] = self._angle

    def largest_torque(self, gradient: np.ndarray) -> float:
        return float(np.abs(gradient * self._one_over_area).max())

    def resolved(self, angle: np.ndarray) -> bool:
        phi = angle[1:-1, 1:-1]
        along_y, along_x = (np.abs(np.diff(phi, axis=axis)) for axis in (0, 1))
        if self._there is not None:  # what an edge between two voids spans is nothing
            beside = np.pad(self._there, 1)
            along_y, along_x = (
                along_y * (beside[1:-1, 1:] | beside[1:-1, :-1]),
                along_x * (beside[1:, 1:-1] | beside[:-1, 1:-1]),
            )
        return max(float(along_y.max()), float(along_x.max())) <= math.pi

    def magnetization(self) -> float:
        total: float = _sum_m_y(self._angle, self._middle, self._axis, self._b, self._bulge, self._s)
        return total / (self._far.ny * self._far.nx)

    def cell_angle(self, angle: np.ndarray) -> np.ndarray:
        phi = angle[1:-1, 1:-1]
        middle: np.ndarray = (phi[:-1, :-1] + phi[:-1, 1:] + phi[1:, :-1] + phi[1:, 1:]) / 4
        return middle


def stiffness(c: float, parts: Coefficients | None) -> tuple[np.float32 | np.ndarray, np.float32 | np.ndarray]:
    """Exchange number and how far a cell bulges under a torque: of all cells, or of each where there are phases."""
    if parts is None:
        return np.float32(c), np.float32(1 / max(12 * c, LEAST_STIFFNESS))
    own = c * parts.exchange
    return own.astype(np.float32), (1 / np.maximum(12 * own, LEAST_STIFFNESS)).astype(np.float32)


def stiffest(c: float, alone: float = 2.0) -> float:
    """Bound on the local Hessian per area: of a wave along the cells, of one along both, of a uniform turn."""
    return max(4 * c + alone / 3, 16 * c / 3, alone)


def patches(shape: tuple[int, int], parts: Coefficients | None) -> np.ndarray:
    """(ny + 1, nx + 1) area of the patch of each corner, in cells: a quarter of those around it that are no voids."""
    if parts is None:
        return np.outer(*(areas(cells) for cells in shape))
    quarters = np.pad(parts.filled, 1) / 4
    area: np.ndarray = quarters[1:, 1:] + quarters[1:, :-1] + quarters[:-1, 1:] + quarters[:-1, :-1]
    return area


def areas(cells: int) -> np.ndarray:
    """Lengths of the patches of the corners along an edge of so many cells."""
    lengths = np.ones(cells + 1)
    lengths[[0, -1]] = 0.5
    return lengths


_HALF, _TWO = np.float32(0.5), np.float32(2)


@compiled(fastmath=True)
def _unit_vectors(angle, s, single, middle, source):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Angles in single precision, (sin, cos) in the middles of the cells and conj(s w)."""
    ny, nx = middle.shape[1], middle.shape[2]
    for j in range(single.shape[1]):
        single[1, j] = angle[1, j]
    for i in range(ny):
        for j in range(single.shape[1]):
            single[i + 2, j] = angle[i + 2, j]
        for j in range(nx):
            middle[0, i, j], middle[1, i, j] = sin_cos(
                0.25 * (angle[i + 1, j + 1] + angle[i + 1, j + 2] + angle[i + 2, j + 1] + angle[i + 2, j + 2])
            )
        for j in range(np.uint64(nx)):
            x, y, _ = modes(single, i, j)
            f = relative(s, i, j) * (sinc_half(x)[0] * sinc_half(y)[0])
            source[i, j] = complex(f * middle[0, i, j], -f * middle[1, i, j])


@compiled(fastmath=True)
def _gradient(angle, middle, axis, far, h, c, bulge, q, s, b, g, corners):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Field b and gradient g."""
    half_q = _HALF * q
    nx = middle.shape[2]
    g[:] = np.float32(0)
    for i in range(middle.shape[1]):
        for j in range(nx):
            f, strength = far[i, j], relative(s, i, j)
            b[0, i, j] = strength * (-half_q * f.real)
            b[1, i, j] = strength * (h - half_q * f.imag)
        row_torques(angle, middle, axis, b, c, bulge, i, 0, nx, corners)
        add_row(corners, i, 1, nx + 2, g)


@compiled(fastmath=True)
def _sum_m_y(angle, middle, axis, b, bulge, s):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sum of the mean s m_y of the cells: that of the bilinear angle and what the bulge -T/12c turns it by."""
    total: Any = 0.0
    for i in range(middle.shape[1]):
        row = np.float32(0)
        for j in range(np.uint64(middle.shape[2])):
            x, y, _ = modes(angle, i, j)
            f = sinc_half(x)[0] * sinc_half(y)[0]
            g = sinc_half(_TWO * x)[0] * sinc_half(_TWO * y)[0]
            off_axis, _, across_field, _ = in_middle(middle, axis, b, i, j)
            torque = _HALF * weighted(g) * off_axis - weighted(f) * across_field
            turned = at(bulge, i, j) * torque * weighted(f) * middle[0, i, j]
            row += relative(s, i, j) * (f * middle[1, i, j] + turned)
        total += row
    return total
