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

from simulation.demag_tensor import LongRangeField
from simulation.energy.block_stencil import BlockStencil
from simulation.energy.coefficients import axes, coefficients
from simulation.energy.frames import add_way, any_frame, components, move, normalize, transport
from simulation.material import Material
from simulation.microstructure import Microstructure

MOST_TURN = 0.95 * math.pi
"""Neighbouring vectors that differ by more are nearly opposite: the way between them is not resolved."""

REUSE_RAD = 0.05
"""The blocks of the local Hessian are kept as long as no coordinate has changed by more: it is but a preconditioner."""
SHIFT = np.float32(0.2)
"""Curvature added to every node, 2 K1: most states of free spins owe their stability to the long-range part, which the
local Hessian lacks (q/2 at most, 0.12 in Nd2Fe14B). Times the square of the largest Js over that of the main phase."""


class FreeEnergy(ABC):
    """State, frames and coordinates of a vector per node; a discretisation adds its energy.

    Args:
        area: (nodes in y, nodes in x) of the patch that turns with each vector, in cells that are no voids; vectors
            without one are of nothing, and stay what they are.
        stiffest: bound on the local Hessian per area, but for the trace of the demagnetisation tensor.
    """

    avalanche: float
    softest: float
    coupled: tuple[np.ndarray, np.ndarray] | None = None
    """Where there are voids, which neighbours in y and in x have magnet between them; None if all have."""

    def __init__(self, microstructure: Microstructure, material: Material, area: np.ndarray, stiffest: float) -> None:
        ny, nx = microstructure.shape
        rows, columns = area.shape[0] + 2, area.shape[1] + 2
        self.shape = (2 * rows, columns)
        parts = coefficients(microstructure, material)
        self._half_q, self._h = np.float32(material.q / 2), np.float32(0)
        self._s: np.ndarray | None = None
        self._half_q_z: np.float32 | np.ndarray = self._half_q  # of m_z^2
        self._strongest = 1.0
        if parts:
            self._s = parts.polarization.astype(np.float32)
            self._half_q_z, self._strongest = self._half_q * self._s**2, parts.strongest
        self._stiffest = stiffest + material.q / 2 * self._strongest**2
        self._shift = np.float32(SHIFT * self._strongest**2)
        self._far = LongRangeField(ny, nx)
        self._axis = axes(microstructure, parts)
        self._b, self._last_b = (np.zeros((2, ny, nx), np.float32) for _ in range(2))
        self.m, self._m0, self._e1, self._e2, self._e1_0, self._torque = (
            np.zeros((3, rows, columns), np.float32) for _ in range(6)
        )
        self.area = area
        self._area = np.pad(area, 1).astype(np.float32)
        over = np.divide(1, area, out=np.zeros_like(area), where=area > 0)
        self._one_over_area = np.pad(over, 1).astype(np.float32)
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
        any_frame(self.m, self._e1)
        self._base[:] = 0
        self._last[:] = 0
        self._rebase()
        self._assembled = None
        return np.zeros(self.shape)

    def _set(self, m: np.ndarray) -> None:
        self.m[:, 1:-1, 1:-1] = np.moveaxis(m, -1, 0)
        normalize(self.m)

    @property
    def vectors(self) -> np.ndarray:
        """(nodes in y, nodes in x, 3) the state."""
        return np.moveaxis(self.m[:, 1:-1, 1:-1], 0, -1).astype(np.float64)

    def perturb(self, tilt_rad: np.ndarray) -> np.ndarray:
        """Turn every vector in its plane with z by an angle (nodes in y, nodes in x), and return new coordinates."""
        m = self.vectors
        in_plane = np.hypot(m[..., 0], m[..., 1])
        elevation = np.arctan2(m[..., 2], in_plane) + np.where(self.area > 0, tilt_rad, 0)
        scale = np.cos(elevation) / np.maximum(in_plane, 1e-12)
        np.copyto(self._m0, self.m)
        self._set(np.stack([scale * m[..., 0], scale * m[..., 1], np.sin(elevation)], axis=-1))
        transport(self._m0, self.m, self._e1)
        self._rebase()
        return self._last.copy()

    def gradient(self, angle: np.ndarray, h: float, out: np.ndarray) -> None:
        """See `simulation.energy.Energy`: `angle` are coordinates."""
        move(self._m0, self._e1_0, angle, self._base, self.m, self._e1)
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
        components(self.m, self._e1, self._e2, self._torque, out)

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
                self._local.blocks[0] += self._shift * self._area
                self._local.blocks[2] += self._shift * self._area
            self._assembled = convex, self._last.copy()
        return self._local.solve(right_side, out)

    def flow(self, angle: np.ndarray, reach: float, again: bool) -> None:
        """See `simulation.energy.Energy`: coordinates change by the way that the vectors have gone."""
        np.copyto(self._m0, self.m)
        self._flow(reach, again)
        transport(self._m0, self.m, self._e1)
        add_way(self._m0, self.m, self._e1, angle)
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
        if self.coupled is not None:  # what lies between two voids is nothing
            closest = [p[there] for p, there in zip(closest, self.coupled, strict=True)]
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
