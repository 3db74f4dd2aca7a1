"""Energies of free spins of magnets with several phases in plain NumPy, double precision and SI units throughout.

As `plain_phases`, of unit vectors: densities are made of every cell's own constants, and only their sum is divided by
2 K1 of the main phase.
"""

from __future__ import annotations

import numpy as np

from simulation import Material, Microstructure
from simulation.material import MU0_T_M_PER_A
from tests.simulation.energy.plain_free import Elements, Z, axes
from tests.simulation.energy.plain_phases import constants, element_bulge, stray_field


def trace(js: np.ndarray) -> np.ndarray:
    """Js^2 / 2 mu0, J/m^3: half of it times -m_z^2 is what the trace of the demagnetisation tensor leaves of a cell."""
    return np.asarray(js**2 / (2 * MU0_T_M_PER_A))


def cell_energy(m: np.ndarray, structure: Microstructure, material: Material, h: float) -> float:
    """Of unit vectors (ny, nx, 3), in 2 K1 V_cell of the main phase."""
    a, js, k1 = constants(structure, material)
    dx = structure.cell_nm * 1e-9
    h_x, h_y = stray_field(js, m[..., 0], m[..., 1])
    density = k1 * (1 - (m * axes(structure)).sum(-1) ** 2) - js * m[..., 1] * h * material.H_A_A_per_m
    density = density - js / 2 * (m[..., 0] * h_x + m[..., 1] * h_y) - trace(js) / 2 * m[..., 2] ** 2
    exchange = 0.0
    for axis in (0, 1):
        low, high = np.delete(a, -1, axis), np.delete(a, 0, axis)
        both = np.where(low * high > 0, 2 / (1 / np.maximum(low, 1e-30) + 1 / np.maximum(high, 1e-30)), 0.0)
        exchange += float((both * (np.diff(m, axis=axis) ** 2).sum(-1)).sum()) / dx**2
    return (float(density.sum()) + exchange) / (2 * material.K1_J_per_m3)


def element_field(v: np.ndarray, structure: Microstructure, material: Material, h: float) -> np.ndarray:
    """(ny, nx, 3) H in A/m of every cell, applied and stray, of vectors at the corners."""
    e, (_, js, _) = Elements(v), constants(structure, material)
    h_x, h_y = stray_field(js, e.f * e.middle[..., 0], e.f * e.middle[..., 1])
    return np.stack([h_x, h_y + h * material.H_A_A_per_m, np.zeros_like(h_x)], axis=-1)


def element_torque(v: np.ndarray, structure: Microstructure, material: Material, field: np.ndarray) -> np.ndarray:
    """(ny, nx, 3) what turns the middle of every cell, J/m^3, weighted towards it: twice K1's, as `plain_phases`."""
    e, (_, js, k1) = Elements(v), constants(structure, material)
    f, g, m, k = (0.4 + 0.6 * e.f)[..., None], (0.4 + 0.6 * e.g)[..., None], e.middle, axes(structure)
    turn = g * (2 * k1[..., None] * (k * m).sum(-1, keepdims=True) * k + trace(js)[..., None] * m[..., 2:] * Z)
    turn = turn + f * js[..., None] * field
    return np.asarray(turn - (turn * m).sum(-1, keepdims=True) * m)


def element_energy(
    v: np.ndarray, structure: Microstructure, material: Material, h: float, field: np.ndarray | None = None
) -> float:
    """Of unit vectors (ny + 1, nx + 1, 3) at the corners, in 2 K1 V_cell of the main phase.

    Args:
        field: H of every cell that T is taken in, instead of that of these vectors.
    """
    (a, js, k1), e = constants(structure, material), Elements(v)
    dx = structure.cell_nm * 1e-9
    m, here = e.f[..., None] * e.middle, element_field(v, structure, material, h)
    applied = np.array([0.0, h * material.H_A_A_per_m, 0.0])
    density = 2 * a / dx**2 * e.exchange() + k1 * (1 - e.mean_square(axes(structure)))
    density = density - js / 2 * (m * (here + applied)).sum(-1) - trace(js) / 2 * e.mean_square(Z)
    torque = element_torque(v, structure, material, here if field is None else field)
    density = density - element_bulge(structure, material) * (torque**2).sum(-1)
    return float(density.sum()) / (2 * material.K1_J_per_m3)


def magnetization(m: np.ndarray, structure: Microstructure, material: Material, h: float, elements: bool) -> float:
    """Mean of Js m_y over Js of the main phase."""
    _, js, _ = constants(structure, material)
    if not elements:
        return float((js * m[..., 1]).mean() / material.Js_T)
    e = Elements(m)
    torque = element_torque(m, structure, material, element_field(m, structure, material, h))
    turned = 2 * element_bulge(structure, material) * (0.4 + 0.6 * e.f) * torque[..., 1]
    return float((js * (e.f * e.middle[..., 1] + turned)).mean() / material.Js_T)
