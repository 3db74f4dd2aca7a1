"""What free spins share on cells and on elements: unit vectors in moving tangent frames, as if they were angles.

A node's vector m moves on the sphere. Its neighbourhood is described by two coordinates along e1 and e2, perpendicular
to m and to each other: from a base state m0, coordinates v = v1 e1 + v2 e2 lead along the great circle to

    m = cos|v| m0 + sin|v| v/|v|,        e -> e - (e.m)/(1 + m0.m) (m0 + m)

(parallel transport), where the gradient is given in the transported frames. So the descent of `simulation.minimize`
adds, scales and remembers coordinates just as it does angles. The base moves to the last state at every new direction
of the descent. The coordinates themselves mean nothing; the state is `m`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

import numpy as np
from numba import njit

from simulation.compiled import compiled
from simulation.demag_tensor import LongRangeField
from simulation.energy.block_stencil import BlockStencil
from simulation.material import Material
from simulation.microstructure import Microstructure

MOST_TURN = 0.95 * math.pi
"""Neighbouring vectors that differ by more are nearly opposite: the way between them is not resolved."""

REUSE_RAD = 0.05
"""The blocks of the local Hessian are kept as long as no coordinate has changed by more: it is but a preconditioner."""
SHIFT = np.float32(0.2)
"""Curvature added to every node, 2 K1: most states of free spins owe their stability to the long-range part, which the
local Hessian lacks (q/2 at most, 0.12 in Nd2Fe14B)."""


class FreeEnergy(ABC):
    """State, frames and coordinates of a vector per node; a discretisation adds its energy.

    Args:
        area: (nodes in y, nodes in x) of the patch that turns with each vector, in cells.
        stiffest: bound on the local Hessian per area.
    """

    avalanche: float
    softest: float

    def __init__(self, microstructure: Microstructure, material: Material, area: np.ndarray, stiffest: float) -> None:
        ny, nx = microstructure.shape
        rows, columns = area.shape[0] + 2, area.shape[1] + 2
        self.shape = (2 * rows, columns)
        self._half_q, self._h = np.float32(material.q / 2), np.float32(0)
        self._stiffest = stiffest
        self._far = LongRangeField(ny, nx)
        angle = microstructure.angle_rad
        self._axis = np.stack([np.sin(angle), np.cos(angle)]).astype(np.float32)
        self._b, self._last_b = (np.zeros((2, ny, nx), np.float32) for _ in range(2))
        self.m, self._m0, self._e1, self._e2, self._e1_0, self._torque = (
            np.zeros((3, rows, columns), np.float32) for _ in range(6)
        )
        self.area = area
        self._area = np.pad(area, 1).astype(np.float32)
        self._one_over_area = np.pad(1 / area, 1).astype(np.float32)
        self._local = BlockStencil(rows, columns)
        self._assembled: tuple[bool, np.ndarray] | None = None  # whether convex, and where
        self._base, self._last = np.zeros(self.shape), np.zeros(self.shape)

    @property
    def evaluations(self) -> int:
        """Long-range convolutions done so far."""
        return self._far.evaluations

    @property
    def field(self) -> np.ndarray:
        """b of the last evaluation, see `simulation.energy.Energy`."""
        return self._b

    def start(self, m: np.ndarray) -> np.ndarray:
        """Take the vectors (nodes in y, nodes in x, 3) as the state, and return its coordinates, all zero."""
        self._set(m)
        _any_frame(self.m, self._e1)
        self._base[:] = 0
        self._last[:] = 0
        self._rebase()
        self._assembled = None
        return np.zeros(self.shape)

    def _set(self, m: np.ndarray) -> None:
        self.m[:, 1:-1, 1:-1] = np.moveaxis(m, -1, 0)
        _normalize(self.m)

    @property
    def vectors(self) -> np.ndarray:
        """(nodes in y, nodes in x, 3) the state."""
        return np.moveaxis(self.m[:, 1:-1, 1:-1], 0, -1).astype(np.float64)

    def perturb(self, tilt_rad: np.ndarray) -> np.ndarray:
        """Turn every vector in its plane with z by an angle (nodes in y, nodes in x), and return new coordinates."""
        m = self.vectors
        in_plane = np.hypot(m[..., 0], m[..., 1])
        elevation = np.arctan2(m[..., 2], in_plane) + tilt_rad
        scale = np.cos(elevation) / np.maximum(in_plane, 1e-12)
        np.copyto(self._m0, self.m)
        self._set(np.stack([scale * m[..., 0], scale * m[..., 1], np.sin(elevation)], axis=-1))
        _transport(self._m0, self.m, self._e1)
        self._rebase()
        return self._last.copy()

    def gradient(self, angle: np.ndarray, h: float, out: np.ndarray) -> None:
        """See `simulation.energy.Energy`: `angle` are coordinates."""
        _move(self._m0, self._e1_0, angle, self._base, self.m, self._e1)
        np.copyto(self._last, angle)
        self._h = np.float32(h)
        self._magnetize()
        self._far()
        self._project(out)

    def change_field(self, change: float, gradient: np.ndarray) -> None:
        """See `simulation.energy.Energy`."""
        self._h += np.float32(change)
        self._project(gradient)

    def _project(self, out: np.ndarray) -> None:
        self._torques()
        _components(self.m, self._e1, self._e2, self._torque, out)

    def _rebase(self) -> None:
        np.copyto(self._m0, self.m)
        np.copyto(self._e1_0, self._e1)
        np.copyto(self._base, self._last)

    def solve_local(self, right_side: np.ndarray, out: np.ndarray, convex: bool) -> bool:
        """See `simulation.energy.Energy`."""
        self._rebase()
        kind, at = self._assembled or (convex, None)
        if at is None or kind is not convex or float(np.abs(self._last - at).max()) > REUSE_RAD:
            self._assemble(convex)
            if not convex:
                self._local.blocks[0] += SHIFT * self._area
                self._local.blocks[2] += SHIFT * self._area
            self._assembled = convex, self._last.copy()
        return self._local.solve(right_side, out)

    def flow(self, angle: np.ndarray, reach: float, again: bool) -> None:
        """See `simulation.energy.Energy`: coordinates change by the way that the vectors have gone."""
        np.copyto(self._m0, self.m)
        self._flow(reach, again)
        _transport(self._m0, self.m, self._e1)
        _add_way(self._m0, self.m, self._e1, angle)
        np.copyto(self._last, angle)
        self._rebase()

    def largest_torque(self, gradient: np.ndarray) -> float:
        """Largest torque per area, units of 2 K1."""
        rows = self.shape[0] // 2
        return math.sqrt(float(((gradient[:rows] ** 2 + gradient[rows:] ** 2) * self._one_over_area**2).max()))

    def resolved(self, angle: np.ndarray) -> bool:
        """Whether no two neighbouring vectors are nearly opposite."""
        v = self.m[:, 1:-1, 1:-1]
        closest = [(v[:, 1:] * v[:, :-1]).sum(0), (v[:, :, 1:] * v[:, :, :-1]).sum(0)]
        return all(float(p.min(initial=1.0)) > math.cos(MOST_TURN) for p in closest)

    @property
    def largest_tilt(self) -> float:
        """Largest |m_z| of a node."""
        return float(np.abs(self.m[2]).max())

    @abstractmethod
    def _magnetize(self) -> None:
        """Fill the source of the far field."""

    @abstractmethod
    def _torques(self) -> None:
        """Set b and dE/dm of every node."""

    @abstractmethod
    def _flow(self, reach: float, again: bool) -> None:
        """Move m along the gradient flow in one far field."""

    @abstractmethod
    def _assemble(self, convex: bool) -> None:
        """Fill the blocks of the local Hessian."""

    @abstractmethod
    def magnetization(self) -> float:
        """Mean m_y at the last evaluation, Ms."""

    @abstractmethod
    def cell_vectors(self) -> np.ndarray:
        """(ny, nx, 3) direction of each cell's magnetisation."""

    def cell_angle(self, angle: np.ndarray) -> np.ndarray:
        """(ny, nx) angle of each cell's magnetisation in the plane from +y."""
        m = self.cell_vectors()
        return np.asarray(np.arctan2(m[..., 0], m[..., 1]))


_ONE = np.float32(1)
# cos and sinc of a length of at most sqrt(2), as the descent allows, by their series.
_C2, _C4, _C6, _C8, _C10 = (np.float32(1 / math.factorial(n)) for n in (2, 4, 6, 8, 10))
_S3, _S5, _S7, _S9, _S11 = (np.float32(1 / math.factorial(n)) for n in (3, 5, 7, 9, 11))


@compiled(fastmath=True, error_model="numpy")
def _normalize(m):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for i in range(1, m.shape[1] - 1):
        for j in range(1, m.shape[2] - 1):
            scale = _ONE / np.float32(math.sqrt(m[0, i, j] ** 2 + m[1, i, j] ** 2 + m[2, i, j] ** 2))
            for xyz in range(3):
                m[xyz, i, j] *= scale


@compiled(fastmath=True, error_model="numpy")
def _any_frame(m, e1):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """e1 in the plane across m, or along x where m is out of the plane."""
    for i in range(1, m.shape[1] - 1):
        for j in range(1, m.shape[2] - 1):
            x, y = m[1, i, j], -m[0, i, j]
            length = np.float32(math.sqrt(x * x + y * y))
            if length < np.float32(1e-3):
                x, y, length = m[2, i, j], np.float32(0), abs(m[2, i, j])
                e1[2, i, j] = -m[0, i, j] / length
            else:
                e1[2, i, j] = np.float32(0)
            e1[0, i, j], e1[1, i, j] = x / length, y / length


@njit(inline="always")
def _carried(x0, y0, z0, x, y, z, ex, ey, ez):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """e, perpendicular to m0, transported to m and made exactly perpendicular there."""
    p = _ONE + x0 * x + y0 * y + z0 * z
    part = (ex * x + ey * y + ez * z) / max(p, np.float32(1e-3))
    ex, ey, ez = ex - part * (x0 + x), ey - part * (y0 + y), ez - part * (z0 + z)
    along = ex * x + ey * y + ez * z
    ex, ey, ez = ex - along * x, ey - along * y, ez - along * z
    scale = _ONE / np.float32(math.sqrt(max(ex * ex + ey * ey + ez * ez, np.float32(1e-12))))
    return scale * ex, scale * ey, scale * ez


@compiled(fastmath=True, error_model="numpy")
def _move(m0, e1_0, angle, base, m, e1):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """m and e1 at coordinates `angle`, from m0 and e1_0 at `base`."""
    rows = m.shape[1]
    for i in range(1, rows - 1):
        for j in range(1, m.shape[2] - 1):
            v1 = np.float32(angle[i, j] - base[i, j])
            v2 = np.float32(angle[rows + i, j] - base[rows + i, j])
            x0, y0, z0 = m0[0, i, j], m0[1, i, j], m0[2, i, j]
            ex, ey, ez = e1_0[0, i, j], e1_0[1, i, j], e1_0[2, i, j]
            fx, fy, fz = y0 * ez - z0 * ey, z0 * ex - x0 * ez, x0 * ey - y0 * ex
            u = v1 * v1 + v2 * v2
            cos = _ONE - u * (_C2 - u * (_C4 - u * (_C6 - u * (_C8 - u * _C10))))
            part = _ONE - u * (_S3 - u * (_S5 - u * (_S7 - u * (_S9 - u * _S11))))
            x = cos * x0 + part * (v1 * ex + v2 * fx)
            y = cos * y0 + part * (v1 * ey + v2 * fy)
            z = cos * z0 + part * (v1 * ez + v2 * fz)
            scale = _ONE / np.float32(math.sqrt(x * x + y * y + z * z))
            x, y, z = scale * x, scale * y, scale * z
            m[0, i, j], m[1, i, j], m[2, i, j] = x, y, z
            e1[0, i, j], e1[1, i, j], e1[2, i, j] = _carried(x0, y0, z0, x, y, z, ex, ey, ez)


@compiled(fastmath=True, error_model="numpy")
def _transport(m0, m, e1):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Carry e1 from m0 to m."""
    for i in range(1, m.shape[1] - 1):
        for j in range(1, m.shape[2] - 1):
            e1[0, i, j], e1[1, i, j], e1[2, i, j] = _carried(
                m0[0, i, j], m0[1, i, j], m0[2, i, j], m[0, i, j], m[1, i, j], m[2, i, j],
                e1[0, i, j], e1[1, i, j], e1[2, i, j],
            )  # fmt: skip


@compiled(fastmath=True, error_model="numpy")
def _add_way(m0, m, e1, angle):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add the chord from m0 to m in the frame at m to the coordinates."""
    rows = m.shape[1]
    for i in range(1, rows - 1):
        for j in range(1, m.shape[2] - 1):
            x, y, z = m[0, i, j], m[1, i, j], m[2, i, j]
            dx, dy, dz = x - m0[0, i, j], y - m0[1, i, j], z - m0[2, i, j]
            ex, ey, ez = e1[0, i, j], e1[1, i, j], e1[2, i, j]
            angle[i, j] += ex * dx + ey * dy + ez * dz
            angle[rows + i, j] += (y * ez - z * ey) * dx + (z * ex - x * ez) * dy + (x * ey - y * ex) * dz


@compiled(fastmath=True, error_model="numpy")
def _components(m, e1, e2, torque, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """e2 = m x e1, and the components of the torque along both."""
    rows = m.shape[1]
    for i in range(1, rows - 1):
        for j in range(1, m.shape[2] - 1):
            x, y, z = m[0, i, j], m[1, i, j], m[2, i, j]
            ex, ey, ez = e1[0, i, j], e1[1, i, j], e1[2, i, j]
            fx, fy, fz = y * ez - z * ey, z * ex - x * ez, x * ey - y * ex
            e2[0, i, j], e2[1, i, j], e2[2, i, j] = fx, fy, fz
            tx, ty, tz = torque[0, i, j], torque[1, i, j], torque[2, i, j]
            out[i, j] = ex * tx + ey * ty + ez * tz
            out[rows + i, j] = fx * tx + fy * ty + fz * tz
