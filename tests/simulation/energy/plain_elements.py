"""The energy of elements in plain NumPy and double precision: the twin that the compiled kernels are held against."""

from __future__ import annotations

import numpy as np

from simulation import Material, Microstructure
from tests.simulation.energy import plain_energy as plain


def modes(v: np.ndarray) -> tuple[np.ndarray, ...]:
    """psi, X, Y, Z, f and g of every cell (ny, nx) from the angles at the corners (ny + 1, nx + 1)."""
    v0, v1, v2, v3 = v[:-1, :-1], v[:-1, 1:], v[1:, :-1], v[1:, 1:]
    x, y = (v1 - v0 + v3 - v2) / 2, (v2 - v0 + v3 - v1) / 2
    return (v0 + v1 + v2 + v3) / 4, x, y, v0 - v1 - v2 + v3, _sinc(x / 2) * _sinc(y / 2), _sinc(x) * _sinc(y)


def bulge(c: float) -> float:
    """How far a cell bulges under a torque, see `simulation.energy.elements`."""
    return 1 / max(12 * c, 4)


def torque(
    v: np.ndarray, axis_rad: np.ndarray | float, b_x: np.ndarray | float = 0.0, b_y: np.ndarray | float = 0.0
) -> np.ndarray:
    """T: of anisotropy and field, weighted towards the middle of the cell."""
    psi, _, _, _, f, g = modes(v)
    across: np.ndarray = (0.4 + 0.6 * f) * (b_x * np.cos(psi) - b_y * np.sin(psi))
    return (0.4 + 0.6 * g) / 2 * np.sin(2 * (psi - axis_rad)) - across


def local_energy(v: np.ndarray, axis_rad: np.ndarray | float, c: float) -> float:
    """Exchange and anisotropy of bilinear angles in units of 2 K1 V_cell, zero at rest."""
    psi, x, y, z, _, g = modes(v)
    return float((c / 2 * (x**2 + y**2 + z**2 / 3) + (1 - g * np.cos(2 * (psi - axis_rad))) / 4).sum())


def wall_energy(v: np.ndarray, axis_rad: float, c: float) -> float:
    """Exchange and anisotropy without any field, of angles that bulge."""
    return local_energy(v, axis_rad, c) - bulge(c) / 2 * float((torque(v, axis_rad) ** 2).sum())


def field(angle: np.ndarray, material: Material, h: float) -> tuple[np.ndarray, np.ndarray]:
    """b of every cell (ny, nx)."""
    psi, _, _, _, f, _ = modes(angle)
    h_x, h_y = _field(f * np.sin(psi), f * np.cos(psi))
    return material.q * h_x, h + material.q * h_y


def energy(angle: np.ndarray, structure: Microstructure, material: Material, h: float) -> float:
    """Total energy in units of 2 K1 V_cell, constants left out."""
    psi, _, _, _, f, _ = modes(angle)
    m_x, m_y = f * np.sin(psi), f * np.cos(psi)
    h_x, h_y = _field(m_x, m_y)
    c = material.exchange_number(structure.cell_nm)
    bulged = bulge(c) / 2 * (torque(angle, structure.angle_rad, *field(angle, material, h)) ** 2).sum()
    local = local_energy(angle, structure.angle_rad, c)
    return float(local - h * m_y.sum() - 0.5 * material.q * (m_x * h_x + m_y * h_y).sum() - bulged)


def dipole_field_of_bulges(
    angle: np.ndarray, structure: Microstructure, material: Material, h: float
) -> tuple[np.ndarray, np.ndarray]:
    """What `gradient` leaves out of b: the long-range field of -T/12c t, which the angle bulges by."""
    psi, _, _, _, f, _ = modes(angle)
    size = bulge(material.exchange_number(structure.cell_nm)) * (0.4 + 0.6 * f)
    size = size * torque(angle, structure.angle_rad, *field(angle, material, h))
    h_x, h_y = _field(-size * np.cos(psi), size * np.sin(psi))
    return material.q * h_x, material.q * h_y


def gradient(
    angle: np.ndarray, structure: Microstructure, material: Material, h: float, exact: bool = False
) -> np.ndarray:
    """dE / d(angle) of every corner (ny + 1, nx + 1), at fixed long-range field in T unless `exact`."""
    psi, x, y, z, f, g = modes(angle)
    sin, cos, off_axis = np.sin(psi), np.cos(psi), 2 * (psi - structure.angle_rad)
    b_x, b_y = field(angle, material, h)
    bent_x, bent_y = dipole_field_of_bulges(angle, structure, material, h) if exact else (0.0, 0.0)
    c = material.exchange_number(structure.cell_nm)
    bend = bulge(c) * torque(angle, structure.angle_rad, b_x, b_y)
    by_psi = g / 2 * np.sin(off_axis) - f * ((b_x + bent_x) * cos - (b_y + bent_y) * sin)
    by_psi -= bend * ((0.4 + 0.6 * g) * np.cos(off_axis) + (0.4 + 0.6 * f) * (b_x * sin + b_y * cos))
    by_f = -((b_x + bent_x) * sin + (b_y + bent_y) * cos) + bend * 0.6 * (b_x * cos - b_y * sin)
    by_g = -np.cos(off_axis) / 4 - bend * 0.6 / 2 * np.sin(off_axis)
    by_x, by_y = (
        c * a + by_f * _sinc_slope(a / 2) / 2 * _sinc(b / 2) + by_g * _sinc_slope(a) * _sinc(b)
        for a, b in ((x, y), (y, x))
    )
    by_z = c * z / 3
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


def magnetization(angle: np.ndarray, structure: Microstructure, material: Material, h: float) -> float:
    """Mean m_y of angles that bulge, Ms: -dE/dh at fixed long-range field."""
    psi, _, _, _, f, _ = modes(angle)
    bend = bulge(material.exchange_number(structure.cell_nm)) * torque(
        angle, structure.angle_rad, *field(angle, material, h)
    )
    return float((f * np.cos(psi) + bend * (0.4 + 0.6 * f) * np.sin(psi)).mean())


def _field(m_x: np.ndarray, m_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H_d / Ms without the trace of the tensor, whose energy is a constant."""
    h_x, h_y = plain.demagnetising_field(m_x, m_y)
    return h_x + m_x / 2, h_y + m_y / 2


def _sinc(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sinc(x / np.pi))


def _sinc_slope(x: np.ndarray) -> np.ndarray:
    """Derivative of sin(x)/x."""
    small = np.abs(x) < 1e-3
    safe = np.where(small, 1.0, x)
    return np.where(small, -x / 3, (np.cos(safe) - _sinc(safe)) / safe)
