"""Micromagnetic energy of a planar magnet in its angles: discretisations side by side behind one interface."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from simulation.energy.cells import CellEnergy
from simulation.energy.element_tilts import ElementTilts
from simulation.energy.elements import ElementEnergy
from simulation.energy.free import FreeEnergy
from simulation.energy.free_cells import CellTilts, FreeCellEnergy
from simulation.energy.free_elements import FreeElementEnergy
from simulation.errors import InputError
from simulation.limits import why_not_with
from simulation.material import Material
from simulation.microstructure import Microstructure
from simulation.stability import OutOfPlaneHessian

DISCRETIZATIONS = ("cells", "elements")


class Energy(Protocol):
    """What the minimiser and the field sweep know of an energy.

    Angles and gradients are padded by one ghost node on every side, which stays zero: flat vectors of them can be
    added and multiplied without a thought for edges. Energies are in units of 2 K1 times the area of a cell.
    """

    @property
    def avalanche(self) -> float:
        """Largest torque (2 K1) above which the gradient flow is followed, so that the path is that of a descent."""
        ...

    @property
    def softest(self) -> float:
        """Least curvature (2 K1) along a step that the descent remembers."""
        ...

    @property
    def evaluations(self) -> int:
        """Long-range convolutions done so far."""
        ...

    @property
    def field(self) -> np.ndarray:
        """b of the last evaluation, (2, rows, columns) of cells: applied and long-range field, units of H_A, times the
        ratio of a cell's Js to that of the main phase."""
        ...

    @property
    def shape(self) -> tuple[int, int]:
        """Shape of the padded arrays."""
        ...

    def gradient(self, angle: np.ndarray, h: float, out: np.ndarray) -> None:
        """Write dE/d(angle) at reduced field h: one convolution. The local Hessian is then that of `angle`."""
        ...

    def change_field(self, change: float, gradient: np.ndarray) -> None:
        """Bring the gradient and the local Hessian to a field higher by `change`: no convolution."""
        ...

    def solve_local(self, right_side: np.ndarray, out: np.ndarray, convex: bool) -> bool:
        """Solve P out = right_side with the local Hessian P (no convolution) approximately.

        With `convex`, P is changed to be positive definite. False if a direction of negative curvature turned up.
        """
        ...

    def flow(self, angle: np.ndarray, reach: float, again: bool) -> None:
        """Move the angles of the last evaluation along the gradient flow for a time of `reach`/q in one far field.

        With `again`, the evaluation before came from a flow too, and the far field is extrapolated from both.
        """
        ...

    def largest_torque(self, gradient: np.ndarray) -> float:
        """Largest |angle gradient| per cell of magnet that turns with the node, 2 K1: what the tolerance bounds."""
        ...

    def resolved(self, angle: np.ndarray) -> bool:
        """Whether the mesh can hold the state: no wall is narrower than its cells."""
        ...

    def magnetization(self) -> float:
        """Mean m_y at the last evaluation, Ms of the main phase."""
        ...

    def cell_angle(self, angle: np.ndarray) -> np.ndarray:
        """(ny, nx) angle of each cell's magnetisation from +y."""
        ...


def make_energy(microstructure: Microstructure, material: Material, discretization: str) -> Energy:
    """The energy of a structure in one of the `DISCRETIZATIONS`.

    Raises:
        InputError: if there is no such discretisation, or the solver is not made for this magnet on these cells.
    """
    check_discretization(discretization)
    if wrong := why_not_with(material, microstructure.cell_nm, microstructure.phases):
        raise InputError(f"planar solver: {wrong}")
    return (
        CellEnergy(microstructure, material) if discretization == "cells" else ElementEnergy(microstructure, material)
    )


def make_free_energy(microstructure: Microstructure, material: Material, discretization: str) -> FreeEnergy:
    """The energy of free spins, see `make_energy`."""
    check_discretization(discretization)
    kind = FreeCellEnergy if discretization == "cells" else FreeElementEnergy
    return kind(microstructure, material)


def make_tilts(microstructure: Microstructure, material: Material, discretization: str) -> OutOfPlaneHessian:
    """The out-of-plane Hessian of planar states, see `make_energy`."""
    check_discretization(discretization)
    kind = CellTilts if discretization == "cells" else ElementTilts
    return kind(microstructure, material)


def check_discretization(name: str) -> None:
    """Raise InputError if there is no such discretisation."""
    if name not in DISCRETIZATIONS:
        raise InputError(f"discretization must be one of {', '.join(DISCRETIZATIONS)}, got {name!r}")
