"""Energies of magnets with several phases in plain NumPy, double precision and SI units throughout.

Nothing here knows of ratios to a main phase: densities are K1 sin^2, A |grad phi|^2, -J.H and -J.H_d/2 of every cell's
own constants, and only their sum is divided by 2 K1 of the main phase. The kernels are held against derivatives of
these by finite differences.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulation import Material, Microstructure, Phase
from simulation.material import MU0_T_M_PER_A
from tests.simulation.energy.plain_elements import modes
from tests.simulation.energy.plain_energy import demagnetising_field


def constants(structure: Microstructure, material: Material) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ny, nx) A, Js and K1 of every cell; those of a cell without Js are 0."""
    rows: list[Material | Phase] = [material, *structure.phases]
    table = np.array([(p.A_J_per_m, p.Js_T, p.K1_J_per_m3) if p.Js_T > 0 else (0.0, 0.0, 0.0) for p in rows])
    a, js, k1 = np.moveaxis(table[structure.phase_map], -1, 0)
    return a, js, k1


def stray_field(js: np.ndarray, m_x: np.ndarray, m_y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """H_d in A/m of J = Js m, without the trace of the tensor: what that costs is the same in all directions."""
    h_x, h_y = demagnetising_field(js * m_x / MU0_T_M_PER_A, js * m_y / MU0_T_M_PER_A)
    return h_x + js * m_x / (2 * MU0_T_M_PER_A), h_y + js * m_y / (2 * MU0_T_M_PER_A)


def cell_energy(phi: np.ndarray, structure: Microstructure, material: Material, h: float) -> float:
    """Of angles (ny, nx), in 2 K1 V_cell of the main phase."""
    a, js, k1 = constants(structure, material)
    dx = structure.cell_nm * 1e-9
    m_x, m_y = np.sin(phi), np.cos(phi)
    h_x, h_y = stray_field(js, m_x, m_y)
    density = k1 * np.sin(phi - structure.angle_rad) ** 2 - js * m_y * h * material.H_A_A_per_m
    density = density - js / 2 * (m_x * h_x + m_y * h_y)
    exchange = 0.0
    for axis in (0, 1):
        low, high = np.delete(a, -1, axis), np.delete(a, 0, axis)
        both = np.where(low * high > 0, 2 / (1 / np.maximum(low, 1e-30) + 1 / np.maximum(high, 1e-30)), 0.0)
        exchange += float((both * 2 * (1 - np.cos(np.diff(phi, axis=axis)))).sum()) / dx**2
    return (float(density.sum()) + exchange) / (2 * material.K1_J_per_m3)


def element_field(
    phi: np.ndarray, structure: Microstructure, material: Material, h: float
) -> tuple[np.ndarray, np.ndarray]:
    """H in A/m of every cell, applied and stray, for angles at the corners."""
    psi, _, _, _, f, _ = modes(phi)
    h_x, h_y = stray_field(constants(structure, material)[1], f * np.sin(psi), f * np.cos(psi))
    return h_x, h_y + h * material.H_A_A_per_m


def element_torque(
    phi: np.ndarray, structure: Microstructure, material: Material, field: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """T of every cell in J/m^3, weighted towards its middle."""
    _, js, k1 = constants(structure, material)
    psi, _, _, _, f, g = modes(phi)
    across = js * (field[0] * np.cos(psi) - field[1] * np.sin(psi))
    torque: np.ndarray = (0.4 + 0.6 * g) * k1 * np.sin(2 * (psi - structure.angle_rad)) - (0.4 + 0.6 * f) * across
    return torque


def element_bulge(structure: Microstructure, material: Material) -> np.ndarray:
    """dx^2/48A of every cell, at most 1/16K1 of the main phase, m^3/J: what T^2 gains."""
    a, _, _ = constants(structure, material)
    dx = structure.cell_nm * 1e-9
    free = dx**2 / (48 * np.maximum(a, 1e-30))
    bulge: np.ndarray = np.minimum(free, 1 / (16 * material.K1_J_per_m3))
    return bulge


def element_energy(
    phi: np.ndarray,
    structure: Microstructure,
    material: Material,
    h: float,
    field_of_torque: tuple[np.ndarray, np.ndarray] | None = None,
) -> float:
    """Of angles (ny + 1, nx + 1) at the corners, in 2 K1 V_cell of the main phase.

    Args:
        field_of_torque: that T is taken in, instead of that of these angles.
    """
    a, js, k1 = constants(structure, material)
    dx = structure.cell_nm * 1e-9
    psi, x, y, z, f, g = modes(phi)
    m_x, m_y = f * np.sin(psi), f * np.cos(psi)
    here = element_field(phi, structure, material, h)
    stray = here[0], here[1] - h * material.H_A_A_per_m
    density = a * (x**2 + y**2 + z**2 / 3) / dx**2 + k1 / 2 * (1 - g * np.cos(2 * (psi - structure.angle_rad)))
    density = density - js * m_y * h * material.H_A_A_per_m - js / 2 * (m_x * stray[0] + m_y * stray[1])
    torque = element_torque(phi, structure, material, field_of_torque or here)
    density = density - element_bulge(structure, material) * torque**2
    return float(density.sum()) / (2 * material.K1_J_per_m3)


def derivative(energy: Callable[[np.ndarray], float], angle: np.ndarray, eps: float = 1e-5) -> np.ndarray:
    """By central differences, node by node."""
    out = np.zeros_like(angle)
    for node in np.ndindex(*angle.shape):
        step = np.zeros_like(angle)
        step[node] = eps
        out[node] = (energy(angle + step) - energy(angle - step)) / (2 * eps)
    return out


def magnetization(phi: np.ndarray, structure: Microstructure, material: Material, h: float, elements: bool) -> float:
    """Mean of Js m_y over Js of the main phase: -dE/dh a cell in one stray field."""
    _, js, _ = constants(structure, material)
    if not elements:
        return float((js * np.cos(phi)).mean() / material.Js_T)
    psi, _, _, _, f, _ = modes(phi)
    field = element_field(phi, structure, material, h)
    turned = 2 * element_bulge(structure, material) * element_torque(phi, structure, material, field)
    along = js * (f * np.cos(psi) + turned * (0.4 + 0.6 * f) * np.sin(psi))
    return float(along.mean() / material.Js_T)
