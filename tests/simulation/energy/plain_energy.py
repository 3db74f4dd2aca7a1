"""The energy of cells in plain NumPy and double precision: the twin that the compiled kernels are held against."""

from __future__ import annotations

import functools

import numpy as np

from simulation import Material, Microstructure
from simulation.demag_tensor import prism_tensor


def demagnetising_field(m_x: np.ndarray, m_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H_d / Ms of all cells by direct summation over all pairs."""
    ny, nx = m_x.shape
    n_xx, n_yy, n_xy = _pairs(ny, nx)
    h_x = -(n_xx @ m_x.ravel() + n_xy @ m_y.ravel())
    h_y = -(n_xy @ m_x.ravel() + n_yy @ m_y.ravel())
    return h_x.reshape(ny, nx), h_y.reshape(ny, nx)


@functools.cache
def _pairs(ny: int, nx: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """N_xx, N_yy and N_xy of all pairs of cells."""
    n_xx, n_yy, n_xy = prism_tensor(ny, nx)
    iy, ix = (index.ravel() for index in np.indices((ny, nx)))
    dy, dx = iy[:, None] - iy[None, :], ix[:, None] - ix[None, :]
    n_xx, n_yy = n_xx[abs(dy), abs(dx)], n_yy[abs(dy), abs(dx)]
    return n_xx, n_yy, np.sign(dx) * np.sign(dy) * n_xy[abs(dy), abs(dx)]


def energy(angle: np.ndarray, microstructure: Microstructure, material: Material, h: float) -> float:
    """Total energy in units of 2 K1 V_cell, constants left out."""
    m_x, m_y = np.sin(angle), np.cos(angle)
    h_x, h_y = demagnetising_field(m_x, m_y)
    c = material.exchange_number(microstructure.cell_nm)
    exchange = c * ((1 - np.cos(np.diff(angle, axis=0))).sum() + (1 - np.cos(np.diff(angle, axis=1))).sum())
    anisotropy = -0.5 * (np.cos(angle - microstructure.angle_rad) ** 2).sum()
    return float(-h * m_y.sum() + anisotropy + exchange - 0.5 * material.q * (m_x * h_x + m_y * h_y).sum())


def gradient(angle: np.ndarray, microstructure: Microstructure, material: Material, h: float) -> np.ndarray:
    """dE / d(angle) of every cell."""
    m_x, m_y = np.sin(angle), np.cos(angle)
    h_x, h_y = demagnetising_field(m_x, m_y)
    return local_gradient(angle, microstructure, material, material.q * h_x, h + material.q * h_y)


def local_gradient(
    angle: np.ndarray, microstructure: Microstructure, material: Material, b_x: np.ndarray, b_y: np.ndarray
) -> np.ndarray:
    """dE / d(angle) in a given field b, units of H_A."""
    g = 0.5 * np.sin(2 * (angle - microstructure.angle_rad)) - (b_x * np.cos(angle) - b_y * np.sin(angle))
    c = material.exchange_number(microstructure.cell_nm)
    for axis in (0, 1):
        torque = c * np.sin(np.diff(angle, axis=axis))
        g += np.diff(-torque, axis=axis, prepend=0.0, append=0.0)
    return g


def areas(shape: tuple[int, int]) -> np.ndarray:
    """Area that turns with each angle, in cells."""
    return np.ones(shape)


def magnetization(angle: np.ndarray, *_conditions: object) -> float:
    """Mean m_y, Ms."""
    return float(np.cos(angle).mean())
