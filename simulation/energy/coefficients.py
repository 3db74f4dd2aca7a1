"""What differs from phase to phase, for kernels that are written once: numbers of a uniform magnet, arrays of others.

A kernel is compiled for what it is given. `at(c, i, j)` is c itself where c is a number, and its element where it is an
array; `relative(a, i, j)` is one, and folded away, where a is None. So a magnet of one phase runs the same machine code
as if there were no others (both are `overload`s, not `njit` functions, because the types choose).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from simulation.material import Material
from simulation.microstructure import Microstructure

_ONE = np.float32(1)


def at(value, i, j):  # type: ignore[no-untyped-def]
    """Element (i, j) of an array, or the number that holds everywhere."""
    return value[i, j] if isinstance(value, np.ndarray) else value


def relative(value, i, j):  # type: ignore[no-untyped-def]
    """Element (i, j) of an array of ratios to the main phase, 1 where there is but that."""
    return _ONE if value is None else value[i, j]


@overload(at, inline="always")
def _at(value, i, j):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    if isinstance(value, types.Array):
        return lambda value, i, j: value[i, j]
    return lambda value, i, j: value


@overload(relative, inline="always")
def _relative(value, i, j):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    if isinstance(value, types.Array):
        return lambda value, i, j: value[i, j]
    return lambda value, i, j: _ONE


@dataclass(frozen=True, eq=False)
class Coefficients:
    """A, Js and K1 of every cell over those of the main phase, (ny, nx) each; 1 throughout is not one of these."""

    exchange: np.ndarray
    polarization: np.ndarray
    anisotropy: np.ndarray

    @property
    def filled(self) -> np.ndarray:
        """(ny, nx) whether there is anything in a cell."""
        return np.asarray(self.polarization > 0)

    @property
    def stiffest_exchange(self) -> float:
        """The largest ratio of A."""
        return float(self.exchange.max())

    @property
    def strongest(self) -> float:
        """The largest ratio of Js, at least 1: what the far field is stronger by."""
        return max(float(self.polarization.max()), 1.0)

    @property
    def stiffest_alone(self) -> float:
        """Bound on the curvature of a cell by itself in a field of H_A, 2 in the main phase."""
        return max(float((self.polarization + self.anisotropy).max()), 2.0)

    @property
    def sensitivity(self) -> float:
        """How many times more than in the main phase the curvatures of a cell change as vectors or the field do."""
        return max(self.strongest**2, self.stiffest_exchange, float(self.anisotropy.max()))

    def across_faces(self) -> np.ndarray:
        """(2, ny, nx) exchange with the cell at ix + 1, and at iy + 1: the harmonic mean 2 A A' / (A + A'), as mumax3
        has it (Vansteenkiste et al., AIP Advances 4, 107133, 2014); 0 where either is 0 and at the end of a row."""
        faces = np.zeros((2, *self.exchange.shape))
        for axis, face in ((1, faces[0, :, :-1]), (0, faces[1, :-1])):
            low, high = np.delete(self.exchange, -1, axis), np.delete(self.exchange, 0, axis)
            np.divide(2 * low * high, low + high, out=face, where=low + high > 0)
        return faces


def coefficients(structure: Microstructure, material: Material) -> Coefficients | None:
    """Those of a structure whose main phase is a material; None if there is no other."""
    if structure.phase_id is None:
        return None
    table: list[tuple[float, Any, Any]] = [(1.0, 1.0, 1.0)]
    for phase in structure.phases:
        table.append(
            (phase.A_J_per_m / material.A_J_per_m, phase.Js_T / material.Js_T, phase.K1_J_per_m3 / material.K1_J_per_m3)
            if phase.Js_T > 0
            else (0.0, 0.0, 0.0)
        )
    return Coefficients(*np.moveaxis(np.array(table)[structure.phase_id], -1, 0))


def half_q_out_of_plane(material: Material, parts: Coefficients | None) -> np.float32 | np.ndarray:
    """q/2 of m_z^2, by the trace of the demagnetisation tensor: of all cells, or of each where there are phases."""
    if parts is None:
        return np.float32(material.q / 2)
    return np.asarray(material.q / 2 * parts.polarization**2, np.float32)


def axes(structure: Microstructure, parts: Coefficients | None) -> np.ndarray:
    """(2, ny, nx) easy axes of cells, float32: unit vectors times the root of K1 over that of the main phase, so that
    (k.m)^2 has its weight."""
    angle = structure.angle_rad
    k = np.stack([np.sin(angle), np.cos(angle)])
    return (k if parts is None else np.sqrt(parts.anisotropy) * k).astype(np.float32)
