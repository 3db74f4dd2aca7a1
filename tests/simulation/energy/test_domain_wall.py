"""A straight 180 degree wall in a uniform magnet, against Landau and Lifshitz."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulation import FieldStatus, Material, Microstructure
from simulation.demag_tensor import LongRangeField
from simulation.energy import make_energy
from simulation.minimize import Descent, minimize

MAGNET = Material(A_J_per_m=8e-12, Js_T=1.61, K1_J_per_m3=4.2e6)
NEARLY_UNMAGNETISED = Material(A_J_per_m=8e-12, Js_T=1e-6, K1_J_per_m3=4.2e6)


def wall(material: Material, cell_nm: float, ny: int, width_nm: float = 40.0) -> tuple[np.ndarray, Microstructure]:
    """Relaxed angles (ny, nx) of a wall across x in the middle of a strip, axis along y, no field."""
    nx = 2 * round(width_nm / cell_nm / 2)
    structure = Microstructure(np.zeros((ny, nx), int), np.zeros(1), cell_nm)
    x = (np.arange(nx) - (nx - 1) / 2) * cell_nm
    guess = np.broadcast_to(2 * np.arctan(np.exp(x / material.wall_parameter_nm)), (ny, nx))
    energy = make_energy(structure, material, "cells")
    descent = Descent(energy, np.pad(guess, 1), 0.0)
    assert minimize(descent, 2e-5, 20_000) is FieldStatus.CONVERGED
    return descent.angle[1:-1, 1:-1], structure


def exchange_and_anisotropy(row: np.ndarray, material: Material, cell_nm: float) -> float:
    """Energy of one row per area of the wall, J/m^2."""
    dx = cell_nm * 1e-9
    exchange = 2 * material.A_J_per_m / dx * (1 - np.cos(np.diff(row))).sum()
    return float(exchange + material.K1_J_per_m3 * dx * (np.sin(row) ** 2).sum())


def test_wall_energy_is_4_sqrt_A_K1() -> None:
    angle, _ = wall(NEARLY_UNMAGNETISED, 0.25, 1)
    expected = 4 * math.sqrt(MAGNET.A_J_per_m * MAGNET.K1_J_per_m3)
    assert exchange_and_anisotropy(angle[0], MAGNET, 0.25) == pytest.approx(expected, rel=0.005)


def test_wall_is_pi_sqrt_A_over_K1_wide() -> None:
    """Lilley's width: the tangent at the middle of phi(x) spans 180 degrees within pi sqrt(A/K1)."""
    angle, _ = wall(NEARLY_UNMAGNETISED, 0.25, 1)
    width_nm = math.pi / (np.diff(angle[0]).max() / 0.25)
    assert width_nm == pytest.approx(math.pi * MAGNET.wall_parameter_nm, rel=0.01)


def test_wall_width_converges_in_second_order() -> None:
    def error(cell_nm: float) -> float:
        row = wall(NEARLY_UNMAGNETISED, cell_nm, 1)[0][0]
        x = (np.arange(row.size) - (row.size - 1) / 2) * cell_nm
        exact = 2 * np.arctan(np.exp(x / MAGNET.wall_parameter_nm))
        return float(np.sqrt(((row - exact) ** 2).mean()))

    orders = np.log2([error(0.8) / error(0.4), error(0.4) / error(0.2)])
    assert (np.abs(orders - 2) < 0.3).all(), orders


def test_charged_wall_costs_its_stray_field() -> None:
    """In the plane a wall is charged, as if K1 were K1 + Js^2 / 2 mu0; far from the ends of a tall strip."""
    cell_nm, ny = 0.5, 600
    angle, _ = wall(MAGNET, cell_nm, ny, width_nm=16.0)
    row = angle[ny // 2]
    w = (np.sin(angle) + 1j * np.cos(angle)).astype(np.complex64)
    far = LongRangeField(*w.shape)
    far.source[:, : w.shape[1]] = w.conj()
    field = (-(w + far()[:, : w.shape[1]]) / 2)[ny // 2]
    stiff = MAGNET.Js_T**2 / (2 * 4e-7 * math.pi)  # Js^2 / 2 mu0
    # Each x is a sheet: H_x = -m_x wherever the strip is uniform along y.
    np.testing.assert_allclose(field.real, -np.sin(row), atol=0.02)
    stray = stiff * cell_nm * 1e-9 * float((-field.real * np.sin(row)).sum())
    expected = 4 * math.sqrt(MAGNET.A_J_per_m * (MAGNET.K1_J_per_m3 + stiff))
    assert exchange_and_anisotropy(row, MAGNET, cell_nm) + stray == pytest.approx(expected, rel=0.015)
