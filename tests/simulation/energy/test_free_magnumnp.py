"""Free spins by cells against magnum.np, an independent solver; skipped where it is not installed.

With magnum.np 2.2.0 torques of up to 2.3 agreed within 3.5e-6, and energies a cell within 1.4e-7 (units of 2 K1).
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from simulation import Microstructure, Nd2Fe14B
from simulation.energy import make_free_energy
from tests.simulation.energy import plain_free as plain

H = -0.2
LENGTH_NM = 200_000.0
"""Of magnum.np's prisms, which end: their N_zz is that much of a cell's edge."""
STRUCTURE = Microstructure(
    np.random.default_rng(0).integers(0, 5, (10, 14)), np.random.default_rng(0).uniform(-np.pi, np.pi, 5), 1.7
)


@pytest.fixture(scope="module")
def magnum() -> tuple[Any, Any, list[Any]]:
    """Its state of the structure, PyTorch, and all terms of the energy; it chooses a device when it is imported."""
    os.environ.setdefault("CUDA_DEVICE", "-1")
    magnumnp = pytest.importorskip("magnumnp", reason="magnum.np is not installed")
    torch = pytest.importorskip("torch", reason="PyTorch is not installed")
    (ny, nx), dx = STRUCTURE.shape, STRUCTURE.cell_nm * 1e-9
    state = magnumnp.State(magnumnp.Mesh((nx, ny, 1), (dx, dx, LENGTH_NM * 1e-9)))
    state.material = {
        "Ms": Nd2Fe14B.Ms_A_per_m,
        "A": Nd2Fe14B.A_J_per_m,
        "Ku": Nd2Fe14B.K1_J_per_m3,
        "Ku_axis": torch.tensor(as_theirs(plain.axes(STRUCTURE))),
    }
    external = magnumnp.ExternalField([0.0, H * Nd2Fe14B.H_A_A_per_m, 0.0])
    terms = [magnumnp.DemagField(), magnumnp.ExchangeField(), magnumnp.UniaxialAnisotropyField(), external]
    return state, torch, terms


def as_theirs(vectors: np.ndarray) -> np.ndarray:
    """(nx, ny, 1, 3) from (ny, nx, 3)."""
    return vectors.transpose(1, 0, 2)[:, :, None, :].copy()


def random_state(seed: int) -> np.ndarray:
    return plain.unit(np.random.default_rng(seed).normal(size=(*STRUCTURE.shape, 3)))


def across(vectors: np.ndarray, m: np.ndarray) -> np.ndarray:
    """What of the vectors turns m."""
    turning: np.ndarray = vectors - (vectors * m).sum(-1, keepdims=True) * m
    return turning


def test_fields_of_random_states(magnum: tuple[Any, Any, list[Any]]) -> None:
    state, torch, terms = magnum
    for seed in range(3):
        m = random_state(seed)
        state.m = torch.tensor(as_theirs(m))
        theirs = sum(term.h(state) for term in terms).numpy()[:, :, 0].transpose(1, 0, 2) / Nd2Fe14B.H_A_A_per_m
        energy = make_free_energy(STRUCTURE, Nd2Fe14B, "cells")
        out = np.zeros(energy.shape, np.float32)
        energy.gradient(energy.start(m), H, out)
        rows = energy.shape[0] // 2
        e1, e2 = (np.moveaxis(e, 0, -1).astype(float) for e in (energy._e1, energy._e2))
        ours = (out[:rows, :, None] * e1 + out[rows:, :, None] * e2)[1:-1, 1:-1]
        np.testing.assert_allclose(-ours, across(theirs, m), atol=1e-5)


def test_energies_of_random_states(magnum: tuple[Any, Any, list[Any]]) -> None:
    """Differences between states: what is constant is counted differently."""
    state, torch, terms = magnum
    unit_J = 2 * Nd2Fe14B.K1_J_per_m3 * (STRUCTURE.cell_nm * 1e-9) ** 2 * LENGTH_NM * 1e-9
    theirs, ours = [], []
    for seed in range(4):
        m = random_state(seed)
        state.m = torch.tensor(as_theirs(m))
        theirs.append(sum(float(term.E(state)) for term in terms) / unit_J)
        ours.append(plain.cell_energy(m, STRUCTURE, Nd2Fe14B, H))
    cells = STRUCTURE.grain_id.size
    np.testing.assert_allclose(np.diff(ours) / cells, np.diff(theirs) / cells, atol=1e-5)
