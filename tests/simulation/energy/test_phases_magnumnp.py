"""Cells of several phases against magnum.np, an independent solver; skipped where it is not installed.

With magnum.np 2.2.0 the torques on random planar states, up to 2.5, agreed within 2e-6 (units of 2 K1).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from simulation import Nd2Fe14B
from simulation.energy import make_energy
from simulation.material import MU0_T_M_PER_A
from tests.simulation.energy import plain_phases as plain
from tests.simulation.energy.test_phases import evaluate, structure

H = -0.2
LENGTH_NM = 200_000.0
"""Of magnum.np's prisms, which end."""


@pytest.fixture(scope="module")
def magnum() -> tuple[Any, Any]:
    """It, and PyTorch; it chooses a device when it is imported."""
    os.environ.setdefault("CUDA_DEVICE", "-1")
    magnumnp = pytest.importorskip("magnumnp", reason="magnum.np is not installed")
    return magnumnp, pytest.importorskip("torch", reason="PyTorch is not installed")


@pytest.mark.parametrize("kind", ["inclusion", "layer", "voids", "all"])
def test_torques_and_energies_of_random_planar_states(magnum: tuple[Any, Any], kind: str) -> None:
    magnumnp, torch = magnum
    made = structure(kind, 10, 14)
    a, js, k1 = plain.constants(made, Nd2Fe14B)
    (ny, nx), dx = made.shape, made.cell_nm * 1e-9
    state = magnumnp.State(magnumnp.Mesh((nx, ny, 1), (dx, dx, LENGTH_NM * 1e-9)))

    def theirs(values: np.ndarray) -> Any:
        """(nx, ny, 1, 1 or 3) from (ny, nx) or (ny, nx, 3)."""
        return torch.tensor(values.reshape(ny, nx, -1).transpose(1, 0, 2)[:, :, None, :].copy())

    axis = np.stack([np.sin(made.angle_rad), np.cos(made.angle_rad), np.zeros(made.shape)], axis=-1)
    state.material = {
        "Ms": theirs(js / MU0_T_M_PER_A),
        "A": theirs(a),
        "Ku": theirs(k1),
        "Ku_axis": theirs(axis),
    }
    external = magnumnp.ExternalField([0.0, H * Nd2Fe14B.H_A_A_per_m, 0.0])
    terms = [magnumnp.DemagField(), magnumnp.ExchangeField(), magnumnp.UniaxialAnisotropyField(), external]
    there = js > 0
    unit_J = 2 * Nd2Fe14B.K1_J_per_m3 * dx**2 * LENGTH_NM * 1e-9
    energies = []
    for seed in range(3):
        phi = np.random.default_rng(seed).uniform(-np.pi, np.pi, made.shape)
        m = np.stack([np.sin(phi), np.cos(phi), np.zeros_like(phi)], axis=-1) * there[..., None]
        state.m = theirs(m)
        field = sum(torch.nan_to_num(term.h(state)) for term in terms).numpy()[:, :, 0].transpose(1, 0, 2)
        torque = -js * (field[..., 0] * np.cos(phi) - field[..., 1] * np.sin(phi)) / (2 * Nd2Fe14B.K1_J_per_m3)
        ours = evaluate(make_energy(made, Nd2Fe14B, "cells"), phi, H)
        np.testing.assert_allclose(ours[there], torque[there], atol=1e-5)
        energy = sum(float(torch.nan_to_num(term.E(state))) for term in terms) / unit_J
        energies.append((plain.cell_energy(phi, made, Nd2Fe14B, H), energy))
    # Differences between states, a cell: what is constant is counted differently.
    one, other = np.diff(np.array(energies), axis=0).T / there.size
    np.testing.assert_allclose(one, other, atol=1e-5)
