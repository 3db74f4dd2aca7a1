"""Easy axes of crystals: which direction of a phase's cell is the easy one, and where it points in the specimen.

Euler angles are Bunge's, phi1, Phi, phi2: they turn the frame of the specimen into that of the crystal about z, the new
x and the new z. A direction of the crystal therefore points, seen from the specimen, to Rz(phi1) Rx(Phi) Rz(phi2) v;
the c axis to (sin phi1 sin Phi, -cos phi1 sin Phi, cos Phi). The specimen's x is the map's to the right, its y the
map's upwards and its z comes out of the picture, unless they are turned by `ReadOptions.rotate_deg`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType

import numpy as np
from scipy.spatial.transform import Rotation

from simulation.errors import InputError

C_AXIS = "[001]"
LEFT_OUT = "none"
NEEDS_ORIX = "orix (and h5py, which comes with it) is needed for maps of EBSD: pip install '.[maps]'"
LAUE = ("-1", "2/m", "mmm", "4/m", "4/mmm", "-3", "-3m", "6/m", "6/mmm", "m-3", "m-3m")
"""Laue groups in the order in which Oxford Instruments' files count them, from 1."""


@dataclass(frozen=True)
class CrystalPhase:
    """A phase of a map.

    Attributes:
        name: as the file has it.
        symmetry: point group or Laue group, such as "4/mmm"; empty if the file does not say.
        lattice: a, b, c in any unit, then alpha, beta, gamma in degrees.
    """

    name: str
    symmetry: str = ""
    lattice: tuple[float, ...] = field(default=(1.0, 1.0, 1.0, 90.0, 90.0, 90.0))


def orix() -> ModuleType:
    """The module, imported when it is needed.

    Raises:
        InputError: if it is not installed.
    """
    try:
        import orix.io
    except ImportError:
        raise InputError(NEEDS_ORIX) from None
    module: ModuleType = orix
    return module


def c_axes(euler_rad: np.ndarray) -> np.ndarray:
    """(n, 3) c axes in the frame of the specimen by Euler angles (n, 3)."""
    phi1, phi = euler_rad[:, 0], euler_rad[:, 1]
    return np.column_stack([np.sin(phi1) * np.sin(phi), -np.cos(phi1) * np.sin(phi), np.cos(phi)])


def easy_axes(
    rotation: Rotation, phase: np.ndarray, phases: Mapping[int, CrystalPhase], said: Sequence[str]
) -> np.ndarray:
    """(n, 3) easy axes in the frame of the specimen, NaN where a phase is left out.

    Args:
        rotation: n rotations of the frame of the specimen into that of the crystal.
        phase: (n,) keys of `phases`; others have no orientation.
        phases: what the file says of each.
        said: see `ReadOptions.easy_axis`.

    Raises:
        InputError: if a direction is none of a phase's, or the phase has more than one such axis.
    """
    names = _directions(said, [each.name for each in phases.values()])
    axis = np.full((len(phase), 3), np.nan)
    for number, each in phases.items():
        direction = names.get(each.name, names.get("", C_AXIS))
        rows = phase == number
        if direction != LEFT_OUT and rows.any():
            axis[rows] = rotation[rows].apply(_unit_vector(each, direction))
    return axis


def symmetries(phases: Mapping[int, CrystalPhase]) -> dict[int, np.ndarray]:
    """(m, 4) rotations of the crystal into itself, scalar first, of each phase whose symmetry is known."""
    orix()
    from orix.crystal_map import Phase

    known = {number: Phase(point_group=each.symmetry).point_group for number, each in phases.items() if each.symmetry}
    return {number: group.laue_proper_subgroup.data.reshape(-1, 4) for number, group in known.items()}


def _directions(said: Sequence[str], phases: Sequence[str]) -> dict[str, str]:
    """Directions by the name of their phase, that of all others under an empty name."""
    found = {}
    for text in said:
        name, _, direction = text.rpartition("=")
        if name and name not in phases:
            raise InputError(
                f"--easy-axis {text}: the map has no phase {name!r}; it has {', '.join(map(repr, phases))}"
            )
        found[name] = direction.strip()
    return found


def _unit_vector(phase: CrystalPhase, direction: str) -> np.ndarray:
    """A direction [uvw] of the cell in the frame of the crystal, z along c."""
    indices = [int(digit) for digit in re.findall(r"-?\d", direction)]
    if not re.fullmatch(r"\[\s*(-?\d[\s,]*){3}\]", direction) or not any(indices):
        raise InputError(f"--easy-axis: a direction such as [001], or {LEFT_OUT}, is needed, got {direction!r}")
    if indices[:2] == [0, 0] and not phase.symmetry:
        return np.array([0.0, 0.0, 1.0])
    orix()
    from diffpy.structure import Lattice, Structure
    from orix.crystal_map import Phase
    from orix.vector import Miller

    crystal = Phase(point_group=phase.symmetry or "1", structure=Structure(lattice=Lattice(*phase.lattice)))
    miller = Miller(uvw=[indices], phase=crystal)
    same = miller.symmetrise(unique=True).unit.data
    lines = np.unique(np.round(np.einsum("ni,nj->nij", same, same).reshape(-1, 9), 6), axis=0)
    if len(lines) > 1:
        raise InputError(
            f"phase {phase.name!r} of symmetry {phase.symmetry} has {len(lines)} axes {direction}, and the model knows "
            f"one easy axis of a grain; name it by --easy-axis '{phase.name}=[uvw]', or leave the phase out by "
            f"--easy-axis '{phase.name}={LEFT_OUT}': its points are then filled like those without an orientation"
        )
    unit: np.ndarray = miller.unit.data[0]
    return unit
