"""Cells of several phases against magnum.np, an independent solver; skipped where it is not installed.

With magnum.np 2.2.0 the torques on random planar states, up to 2.5, agreed within 2e-6 (units of 2 K1); those of free
spins and the energies of both agree as the tests ask.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import pytest

from simulation import Microstructure, Nd2Fe14B
from simulation.energy import make_energy, make_free_energy
from simulation.material import MU0_T_M_PER_A
from tests.simulation.energy import plain_free_phases
from tests.simulation.energy import plain_phases as plain
from tests.simulation.energy.test_free_energy import evaluate as evaluate_free
from tests.simulation.energy.test_free_energy import in_plane, vectors
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


class Magnum:
    """A structure in magnum.np: fields in A/m and energies in 2 K1 V_cell of states (ny, nx, 3)."""

    def __init__(self, magnum: tuple[Any, Any], made: Microstructure) -> None:
        magnumnp, self._torch = magnum
        a, js, k1 = plain.constants(made, Nd2Fe14B)
        (ny, nx), dx = made.shape, made.cell_nm * 1e-9
        self.there, self._js = js > 0, js
        self._state = magnumnp.State(magnumnp.Mesh((nx, ny, 1), (dx, dx, LENGTH_NM * 1e-9)))
        axis = np.stack([np.sin(made.angle_rad), np.cos(made.angle_rad), np.zeros(made.shape)], axis=-1)
        constants = {"Ms": js / MU0_T_M_PER_A, "A": a, "Ku": k1, "Ku_axis": axis}
        self._state.material = {name: self._theirs(values) for name, values in constants.items()}
        external = magnumnp.ExternalField([0.0, H * Nd2Fe14B.H_A_A_per_m, 0.0])
        self._terms = [magnumnp.DemagField(), magnumnp.ExchangeField(), magnumnp.UniaxialAnisotropyField(), external]
        self._unit_J = 2 * Nd2Fe14B.K1_J_per_m3 * dx**2 * LENGTH_NM * 1e-9

    def _theirs(self, values: np.ndarray) -> Any:
        """(nx, ny, 1, 1 or 3) from (ny, nx) or (ny, nx, 3)."""
        ny, nx = values.shape[:2]
        return self._torch.tensor(values.reshape(ny, nx, -1).transpose(1, 0, 2)[:, :, None, :].copy())

    def take(self, m: np.ndarray) -> None:
        """Be in this state."""
        self._state.m = self._theirs(m * self.there[..., None])

    def derivative(self) -> np.ndarray:
        """(ny, nx, 3) of the energy by each vector, 2 K1 V_cell."""
        field = sum(self._torch.nan_to_num(term.h(self._state)) for term in self._terms)
        along = field.numpy()[:, :, 0].transpose(1, 0, 2)
        return np.asarray(-self._js[..., None] * along / (2 * Nd2Fe14B.K1_J_per_m3))

    def energy(self) -> float:
        """In 2 K1 V_cell."""
        return sum(float(self._torch.nan_to_num(term.E(self._state))) for term in self._terms) / self._unit_J


KINDS = ["inclusion", "layer", "voids", "all"]


@pytest.mark.parametrize("kind", KINDS)
def test_torques_and_energies_of_random_planar_states(magnum: tuple[Any, Any], kind: str) -> None:
    made = structure(kind, 10, 14)
    theirs = Magnum(magnum, made)
    energies = []
    for seed in range(3):
        phi = np.random.default_rng(seed).uniform(-np.pi, np.pi, made.shape)
        theirs.take(in_plane(phi))
        g = theirs.derivative()
        torque = g[..., 0] * np.cos(phi) - g[..., 1] * np.sin(phi)
        ours = evaluate(make_energy(made, Nd2Fe14B, "cells"), phi, H)
        np.testing.assert_allclose(ours[theirs.there], torque[theirs.there], atol=1e-5)
        energies.append((plain.cell_energy(phi, made, Nd2Fe14B, H), theirs.energy()))
    # Differences between states, a cell: what is constant is counted differently.
    one, other = np.diff(np.array(energies), axis=0).T / theirs.there.size
    np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_torques_and_energies_of_random_states_of_free_spins(magnum: tuple[Any, Any], kind: str) -> None:
    made = structure(kind, 10, 14)
    theirs, energy = Magnum(magnum, made), make_free_energy(made, Nd2Fe14B, "cells")
    energies = []
    for seed in range(3):
        m = vectors(energy, 1.5, seed)
        theirs.take(m)
        g = theirs.derivative()
        g -= (g * m).sum(-1, keepdims=True) * m
        ours = evaluate_free(energy, m, H)
        np.testing.assert_allclose(ours[theirs.there], g[theirs.there], atol=1e-5)
        energies.append((plain_free_phases.cell_energy(m, made, Nd2Fe14B, H), theirs.energy()))
    one, other = np.diff(np.array(energies), axis=0).T / theirs.there.size
    np.testing.assert_allclose(one, other, atol=1e-5)
