"""The out-of-plane Hessian of planar elements, by what small tilts of vectors answer; see `simulation.stability`."""

from __future__ import annotations

import numpy as np

from simulation.compiled import compiled
from simulation.energy.block_stencil import TILE
from simulation.energy.coefficients import axes, coefficients, half_q_out_of_plane
from simulation.energy.elements import patches, stiffness
from simulation.energy.spherical import FIRST, add_torques
from simulation.energy.trigonometry import sin_cos
from simulation.material import Material
from simulation.microstructure import Microstructure


class ElementTilts:
    """The out-of-plane Hessian of planar states, see `simulation.stability`, by nine patterns of small tilts."""

    tilt = np.float32(1e-3)

    def __init__(self, microstructure: Microstructure, material: Material) -> None:
        ny, nx = microstructure.shape
        parts = coefficients(microstructure, material)
        self.area = np.pad(patches((ny, nx), parts), 1).astype(np.float32)
        self.sensitivity = 1.0 if parts is None else parts.sensitivity
        self._axis = axes(microstructure, parts)
        c = material.exchange_number(microstructure.cell_nm)
        self._numbers = *stiffness(c, parts), half_q_out_of_plane(material, parts)
        self._corners = np.zeros(12 * TILE, np.float32)
        self._m, self._torque = (np.zeros((3, ny + 3, nx + 3), np.float32) for _ in range(2))
        self._along = np.zeros((ny + 3, nx + 3), np.float32)
        self._stencil = np.zeros((9, ny + 3, nx + 3), np.float32)

    def stencil(self, angle: np.ndarray, b: np.ndarray) -> np.ndarray:
        """See `simulation.stability.OutOfPlaneHessian`."""
        _tilt_stencil(
            angle, self._axis, b, *self._numbers, self.tilt, self._m, self._torque, self._along, self._corners,
            self._stencil,
        )  # fmt: skip
        return self._stencil


@compiled(fastmath=True, error_model="numpy")
def _tilt_stencil(angle, axis, b, c, bulge, half_q, tilt, m, torque, along, corners, stencil):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Tilt every third corner of every third row at a time; its neighbours' torques out of the plane are its column."""
    ny, nx = axis.shape[1], axis.shape[2]
    for i in range(1, ny + 2):
        for j in range(1, nx + 2):
            m[0, i, j], m[1, i, j] = sin_cos(angle[i, j])
            m[2, i, j] = np.float32(0)
    for pattern in range(9):
        first_i, first_j = pattern // 3, pattern % 3
        for i in range(1 + first_i, ny + 2, 3):
            for j in range(1 + first_j, nx + 2, 3):
                m[2, i, j] = tilt
        torque[:] = np.float32(0)
        for i in range(ny):
            add_torques(m, axis, b, c, bulge, half_q, i, FIRST, nx, corners, torque)
        if pattern == 0:  # the torque along m does not see so small tilts
            for i in range(1, ny + 2):
                for j in range(1, nx + 2):
                    along[i, j] = torque[0, i, j] * m[0, i, j] + torque[1, i, j] * m[1, i, j]
        for i in range(1 + first_i, ny + 2, 3):
            for j in range(1 + first_j, nx + 2, 3):
                m[2, i, j] = np.float32(0)
                for k in range(9):
                    y, x = i + k // 3 - 1, j + k % 3 - 1
                    stencil[8 - k, y, x] = torque[2, y, x] / tilt
                stencil[4, i, j] -= along[i, j]
    for k in range(9):
        stencil[k, 0], stencil[k, ny + 2] = np.float32(0), np.float32(0)
        stencil[k, :, 0], stencil[k, :, nx + 2] = np.float32(0), np.float32(0)
