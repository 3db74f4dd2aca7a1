"""What can be done to the grains of a structure by hand; each gives a new one."""

from __future__ import annotations

import math

import numpy as np

from simulation.microstructure import Microstructure


def grain_at(structure: Microstructure, x_nm: float, y_nm: float) -> int | None:
    """The grain at a place, None beyond the edge."""
    ix, iy = math.floor(x_nm / structure.cell_nm), math.floor(y_nm / structure.cell_nm)
    ny, nx = structure.shape
    return int(structure.grain_id[iy, ix]) if 0 <= iy < ny and 0 <= ix < nx else None


def centroids_nm(structure: Microstructure) -> np.ndarray:
    """(grains, 2) x and y of the middle of each grain; NaN of one that owns no cell."""
    owner, count = structure.grain_id.ravel(), structure.grain_angle_rad.size
    area = np.bincount(owner, minlength=count)
    iy, ix = np.indices(structure.shape)
    with np.errstate(invalid="ignore"):
        middle = [np.bincount(owner, place.ravel() + 0.5, count) / area for place in (ix, iy)]
    return np.column_stack(middle) * structure.cell_nm


def radii_nm(structure: Microstructure) -> np.ndarray:
    """(grains,) radius of the circle that has the area of each."""
    area = np.bincount(structure.grain_id.ravel(), minlength=structure.grain_angle_rad.size)
    return np.asarray(np.sqrt(area / np.pi) * structure.cell_nm)


def with_axis(structure: Microstructure, grain: int, angle_rad: float) -> Microstructure:
    """The same grains with one axis at an angle from +y towards +x."""
    angles = structure.grain_angle_rad.copy()
    angles[grain] = angle_rad
    return Microstructure(structure.grain_id, angles, structure.cell_nm)


def neighbours(structure: Microstructure, grain: int) -> dict[int, int]:
    """Grains that touch a grain, each with the length of the common boundary in cells."""
    ids = structure.grain_id
    found: dict[int, int] = {}
    for a, b in ((ids[1:], ids[:-1]), (ids[:, 1:], ids[:, :-1])):
        for one, other in ((a, b), (b, a)):
            beside = other[(one == grain) & (other != grain)]
            for name, count in zip(*np.unique(beside, return_counts=True), strict=True):
                found[int(name)] = found.get(int(name), 0) + int(count)
    return found


def merged(structure: Microstructure, grain: int) -> tuple[Microstructure, int]:
    """A grain becomes part of the neighbour with which it has the longest boundary; returns that neighbour, too.

    A grain without neighbours stays as it is.
    """
    beside = neighbours(structure, grain)
    if not beside:
        return structure, grain
    into = max(beside, key=lambda name: (beside[name], -name))
    ids = np.where(structure.grain_id == grain, into, structure.grain_id)
    return _numbered(ids, structure, into)


def split(structure: Microstructure, grain: int, apart_rad: float = math.radians(20)) -> tuple[Microstructure, int]:
    """A grain is cut in two across its longest extent, the axes of both turned apart by an angle, half each.

    Returns the structure and the half that keeps the grain's number. A grain of one cell stays as it is.
    """
    iy, ix = np.nonzero(structure.grain_id == grain)
    if len(iy) < 2:
        return structure, grain
    places = np.column_stack([ix, iy]) - [ix.mean(), iy.mean()]
    longest = np.linalg.eigh(places.T @ places)[1][:, -1]
    along = places @ (longest * (np.sign(longest[np.abs(longest).argmax()]) or 1.0))
    beyond = along > np.median(along)
    if not beyond.any():
        beyond = along >= np.median(along)
    ids, new = structure.grain_id.copy(), structure.grain_angle_rad.size
    ids[iy[beyond], ix[beyond]] = new
    angle = structure.grain_angle_rad[grain]
    angles = np.append(structure.grain_angle_rad, angle + apart_rad / 2)
    angles[grain] = angle - apart_rad / 2
    return _numbered(ids, Microstructure(ids, angles, structure.cell_nm), grain)


def _numbered(ids: np.ndarray, structure: Microstructure, grain: int) -> tuple[Microstructure, int]:
    """Without grains that own no cell; and what a grain is called now."""
    present, compact = np.unique(ids, return_inverse=True)
    found = Microstructure(compact.reshape(ids.shape), structure.grain_angle_rad[present], structure.cell_nm)
    return found, int(np.searchsorted(present, grain))
