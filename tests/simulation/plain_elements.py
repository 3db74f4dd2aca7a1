"""The energy of elements in plain NumPy and double precision: the twin that the compiled kernels are held against."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
import plain_energy as plain

from simulation import Material, Microstructure


def modes(v: np.ndarray) -> tuple[np.ndarray, ...]:
    """psi, X, Y, Z, f and g of every cell (ny, nx) from the angles at the corners (ny + 1, nx + 1)."""
    v0, v1, v2, v3 = v[:-1, :-1], v[:-1, 1:], v[1:, :-1], v[1:, 1:]
    x, y = (v1 - v0 + v3 - v2) / 2, (v2 - v0 + v3 - v1) / 2
    return (v0 + v1 + v2 + v3) / 4, x, y, v0 - v1 - v2 + v3, _sinc(x / 2) * _sinc(y / 2), _sinc(x) * _sinc(y)


def local_energy(v: np.ndarray, axis_rad: np.ndarray | float, c: float) -> float:
    """Exchange and anisotropy in units of 2 K1 V_cell, zero at rest."""
    psi, x, y, z, _, g = modes(v)
    return float((_softer(c) / 2 * (x**2 + y**2 + z**2 / 6) + (1 - g * np.cos(2 * (psi - axis_rad))) / 4).sum())


def energy(angle: np.ndarray, structure: Microstructure, material: Material, h: float) -> float:
    """Total energy in units of 2 K1 V_cell, constants left out."""
    psi, _, _, _, f, _ = modes(angle)
    m_x, m_y = f * np.sin(psi), f * np.cos(psi)
    h_x, h_y = _field(m_x, m_y)
    local = local_energy(angle, structure.angle_rad, material.exchange_number(structure.cell_nm))
    return float(local - h * m_y.sum() - 0.5 * material.q * (m_x * h_x + m_y * h_y).sum())


def gradient(angle: np.ndarray, structure: Microstructure, material: Material, h: float) -> np.ndarray:
    """dE / d(angle) of every corner (ny + 1, nx + 1)."""
    psi, x, y, z, f, g = modes(angle)
    sin, cos, off_axis = np.sin(psi), np.cos(psi), 2 * (psi - structure.angle_rad)
    h_x, h_y = _field(f * sin, f * cos)
    b_x, b_y = material.q * h_x, h + material.q * h_y
    c = _softer(material.exchange_number(structure.cell_nm))
    by_psi = g / 2 * np.sin(off_axis) - f * (b_x * cos - b_y * sin)
    by_f, by_g = -(b_x * sin + b_y * cos), -np.cos(off_axis) / 4
    by_x, by_y = (
        c * a + by_f * _sinc_slope(a / 2) / 2 * _sinc(b / 2) + by_g * _sinc_slope(a) * _sinc(b)
        for a, b in ((x, y), (y, x))
    )
    by_z = c * z / 6
    out = np.zeros_like(angle)
    out[:-1, :-1] += by_psi / 4 - by_x / 2 - by_y / 2 + by_z
    out[:-1, 1:] += by_psi / 4 + by_x / 2 - by_y / 2 - by_z
    out[1:, :-1] += by_psi / 4 - by_x / 2 + by_y / 2 - by_z
    out[1:, 1:] += by_psi / 4 + by_x / 2 + by_y / 2 + by_z
    return out


def areas(shape: tuple[int, int]) -> np.ndarray:
    """(ny + 1, nx + 1) area of the patch of every corner of (ny, nx) cells, in cells."""
    along_y, along_x = (np.convolve(np.ones(n), [0.5, 0.5]) for n in shape)
    return np.outer(along_y, along_x)


def magnetization(angle: np.ndarray) -> float:
    """Mean m_y, Ms."""
    psi, _, _, _, f, _ = modes(angle)
    return float((f * np.cos(psi)).mean())


def _field(m_x: np.ndarray, m_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H_d / Ms without the trace of the tensor, whose energy is a constant."""
    h_x, h_y = plain.demagnetising_field(m_x, m_y)
    return h_x + m_x / 2, h_y + m_y / 2


def _softer(c: float) -> float:
    """The exchange number that gives walls their energy, see `simulation.energy.elements`."""
    return c / (1 + 1 / (48 * c))


def _sinc(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sinc(x / np.pi))


def _sinc_slope(x: np.ndarray) -> np.ndarray:
    """Derivative of sin(x)/x."""
    small = np.abs(x) < 1e-3
    safe = np.where(small, 1.0, x)
    return np.where(small, -x / 3, (np.cos(safe) - _sinc(safe)) / safe)
