"""Other solvers on the same structures: fidimag's whole curve, and magnum.np's effective field."""

from __future__ import annotations

import os
from dataclasses import dataclass

import numpy as np

from simulation import InputError, Microstructure, Nd2Fe14B
from simulation.backends.fidimag import load_fidimag
from simulation.energy import make_energy
from studies.benchmarks.timing import CurveTiming, milliseconds, time_curves

LENGTH_NM = 36_000.0
H = -0.2


def fidimag_missing() -> str | None:
    """Why fidimag cannot run here, None if it can; for a fresh process."""
    try:
        load_fidimag()
    except InputError as error:
        return str(error)
    return None


def time_fidimag(structure: Microstructure) -> CurveTiming:
    """fidimag's curve, once: it takes minutes."""
    return time_curves([structure], "fidimag")[0]


@dataclass(frozen=True)
class FieldTiming:
    """magnum.np's evaluation of the effective field.

    Args:
        version: of magnum.np and PyTorch.
        cpu_ms, wall_ms: of one evaluation of all four terms, double precision, one thread.
        difference: largest |difference| of its angle gradient from ours, units of 2 K1: that it is the same problem.
    """

    version: str
    cpu_ms: float
    wall_ms: float
    difference: float


def time_magnum(structure: Microstructure) -> FieldTiming | None:
    """Demagnetising, exchange, anisotropy and external field of magnum.np on the CPU; None if it is not installed.

    For a fresh process: magnum.np chooses PyTorch's device and precision when it is imported.
    """
    os.environ["CUDA_DEVICE"] = "-1"
    try:
        import magnumnp
        import torch
    except ImportError:
        return None
    torch.set_num_threads(1)
    (ny, nx), dx = structure.shape, structure.cell_nm * 1e-9
    state = magnumnp.State(magnumnp.Mesh((nx, ny, 1), (dx, dx, LENGTH_NM * 1e-9)))
    axis = structure.angle_rad
    state.material = {
        "Ms": Nd2Fe14B.Ms_A_per_m,
        "A": Nd2Fe14B.A_J_per_m,
        "Ku": Nd2Fe14B.K1_J_per_m3,
        "Ku_axis": torch.tensor(_vectors(axis)),
    }
    angle = 0.7 * axis  # nowhere at rest: every term has its torque
    state.m = torch.tensor(_vectors(angle))
    external = magnumnp.ExternalField([0.0, H * Nd2Fe14B.H_A_A_per_m, 0.0])
    terms = (
        magnumnp.DemagField(),
        magnumnp.ExchangeField(),
        magnumnp.UniaxialAnisotropyField(),
        external,
    )

    def field() -> torch.Tensor:
        return sum(term.h(state) for term in terms)

    with torch.no_grad():
        b = field().numpy()[:, :, 0, :].transpose(1, 0, 2) / Nd2Fe14B.H_A_A_per_m
        cpu_ms, wall_ms = milliseconds(field)
    gradient = -(b[..., 0] * np.cos(angle) - b[..., 1] * np.sin(angle))
    difference = float(np.abs(gradient - our_gradient(structure, angle)).max())
    return FieldTiming(f"{magnumnp.__version__}, PyTorch {torch.__version__}", cpu_ms, wall_ms, difference)


def our_gradient(structure: Microstructure, angle_rad: np.ndarray) -> np.ndarray:
    """(ny, nx) the planar solver's angle gradient at the same field, units of 2 K1."""
    energy = make_energy(structure, Nd2Fe14B, "cells")
    gradient = np.zeros(energy.shape, np.float32)
    energy.gradient(np.pad(angle_rad, 1), H, gradient)
    return gradient[1:-1, 1:-1]


def _vectors(angle_rad: np.ndarray) -> np.ndarray:
    """(nx, ny, 1, 3) unit vectors at (ny, nx) angles from +y, in magnum.np's order of axes."""
    vectors = np.stack([np.sin(angle_rad), np.cos(angle_rad), np.zeros_like(angle_rad)], axis=-1)
    return vectors.transpose(1, 0, 2)[:, :, None, :].copy()
