"""Energies of free spins in plain NumPy and double precision: the twins that the compiled kernels are held against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from simulation import Material, Microstructure
from tests.simulation.energy import plain_energy as plain
from tests.simulation.energy.plain_elements import bulge

Z = np.array([0.0, 0.0, 1.0])


def unit(v: np.ndarray) -> np.ndarray:
    """v (..., 3) scaled to unit length."""
    scaled: np.ndarray = v / np.linalg.norm(v, axis=-1, keepdims=True)
    return scaled


def axes(structure: Microstructure) -> np.ndarray:
    """(ny, nx, 3) easy axes."""
    a = structure.angle_rad
    return np.stack([np.sin(a), np.cos(a), np.zeros_like(a)], axis=-1)


def square_distance(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Square of the angle between unit vectors (..., 3)."""
    half_chord = np.linalg.norm(u - v, axis=-1) / 2
    angle: np.ndarray = 2 * np.arctan2(half_chord, np.linalg.norm(u + v, axis=-1) / 2)
    return angle**2


def sinc_root(u: np.ndarray) -> np.ndarray:
    """sin(x)/x with u = x^2, which may be a little below zero."""
    x = np.sqrt(np.abs(u))
    safe = np.where(x < 1e-4, 1.0, x)
    return np.where(x < 1e-4, 1 - u / 6, np.where(u > 0, np.sin(safe), np.sinh(safe)) / safe)


def cell_energy(m: np.ndarray, structure: Microstructure, material: Material, h: float) -> float:
    """Cells: m (ny, nx, 3); units of 2 K1 V_cell."""
    c, q = material.exchange_number(structure.cell_nm), material.q
    exchange = sum(c * (1 - (m[1:] * m[:-1]).sum(-1)).sum() for m in (m, m.swapaxes(0, 1)))
    anisotropy = -0.5 * ((m * axes(structure)).sum(-1) ** 2).sum()
    h_x, h_y = plain.demagnetising_field(m[..., 0], m[..., 1])
    return float(exchange + anisotropy - h * m[..., 1].sum() - q / 2 * (m[..., 0] * h_x + m[..., 1] * h_y).sum())


class Elements:
    """What the cells of elements see of the unit vectors v (ny + 1, nx + 1, 3) at their corners."""

    def __init__(self, v: np.ndarray) -> None:
        v0, v1, v2, v3 = v[:-1, :-1], v[:-1, 1:], v[1:, :-1], v[1:, 1:]
        self.along_x = (square_distance(v0, v1) + square_distance(v2, v3)) / 2
        self.along_y = (square_distance(v0, v2) + square_distance(v1, v3)) / 2
        self.up, self.down = square_distance(v0, v3), square_distance(v1, v2)
        self.across = (self.up + self.down) / 2
        self.x2 = (self.along_x - self.along_y + self.across) / 2
        self.y2 = (self.along_y - self.along_x + self.across) / 2
        self.area2 = self.x2 * self.y2 - (self.up - self.down) ** 2 / 16
        self.middle = unit(v0 + v1 + v2 + v3)
        self.a, self.b = (v1 - v0 + v3 - v2) / 2, (v2 - v0 + v3 - v1) / 2
        self.f = sinc_root(self.x2 / 4) * sinc_root(self.y2 / 4)
        self.g = sinc_root(self.x2) * sinc_root(self.y2)

    def exchange(self, curvature: float = 1 / 18) -> np.ndarray:
        """Per cell, in units of c."""
        pairs = (self.along_x + self.along_y) / 3 + self.across / 6
        return pairs + curvature * self.area2

    def mean_square(self, n: np.ndarray) -> np.ndarray:
        """Mean over the cell of (n.m)^2."""
        slopes = (self.a**2 + self.b**2).sum(-1) + 1e-300
        spread = ((n * self.a).sum(-1) ** 2 + (n * self.b).sum(-1) ** 2) / slopes
        return (1 + self.g) / 2 * (n * self.middle).sum(-1) ** 2 + (1 - self.g) / 2 * spread

    def torque(self, axis: np.ndarray, field: np.ndarray, q: float) -> np.ndarray:
        """What turns the middle of the cell, without exchange, weighted towards the middle."""
        f, g, m = (0.4 + 0.6 * self.f)[..., None], (0.4 + 0.6 * self.g)[..., None], self.middle
        v = g * ((axis * m).sum(-1, keepdims=True) * axis + q / 2 * m[..., 2:] * Z) + f * field
        turning: np.ndarray = v - (v * m).sum(-1, keepdims=True) * m
        return turning


def element_field(v: np.ndarray, material: Material, h: float) -> np.ndarray:
    """(ny, nx, 3) b of every cell: applied and long-range field without the trace of the tensor."""
    e = Elements(v)
    m_x, m_y = e.f * e.middle[..., 0], e.f * e.middle[..., 1]
    h_x, h_y = plain.demagnetising_field(m_x, m_y)
    q = material.q
    return np.stack([q * (h_x + m_x / 2), h + q * (h_y + m_y / 2), np.zeros_like(h_x)], axis=-1)


def element_energy(
    v: np.ndarray, structure: Microstructure, material: Material, h: float, field: np.ndarray | None = None
) -> float:
    """Elements: v (ny + 1, nx + 1, 3). With `field` (b of every cell), that is held fixed: the energy whose derivative
    the kernels take, which leaves out the dipole field of the bulges."""
    e, k, c, q = Elements(v), axes(structure), material.exchange_number(structure.cell_nm), material.q
    b = element_field(v, material, h) if field is None else field
    m = e.f[..., None] * e.middle
    applied = np.array([0.0, h, 0.0])
    along = -(m * b).sum() if field is not None else -0.5 * (m * (b + applied)).sum()
    local = c * e.exchange() - 0.5 * e.mean_square(k) - q / 4 * e.mean_square(Z)
    return float(local.sum() + along - bulge(c) / 2 * (e.torque(k, b, q) ** 2).sum())


def element_magnetization(v: np.ndarray, structure: Microstructure, material: Material, h: float) -> float:
    """Mean m_y of states that bulge, Ms."""
    e, b = Elements(v), element_field(v, material, h)
    bend = bulge(material.exchange_number(structure.cell_nm)) * (0.4 + 0.6 * e.f)
    return float((e.f * e.middle[..., 1] + bend * e.torque(axes(structure), b, material.q)[..., 1]).mean())


def gradient(energy: Callable[[np.ndarray], float], m: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Tangential derivative (..., 3) of an energy of unit vectors by differences of nothing but its values."""
    out = np.zeros_like(m)
    for node in np.ndindex(*m.shape[:-1]):
        for direction in np.linalg.svd(m[node][None])[2][1:]:
            moved = [m.copy(), m.copy()]
            for sign, turned in zip((1, -1), moved, strict=True):
                turned[node] = np.cos(step) * m[node] + sign * np.sin(step) * direction
            out[node] += (energy(moved[0]) - energy(moved[1])) / (2 * step) * direction
    return out
