"""Maps of electron backscatter diffraction in HDF5.

.h5oina is read here by Oxford Instruments' specification (github.com/oinanoanalysis/h5oina), because orix has no reader
of it; the files of orix itself, of Bruker and of EMsoft by orix. What is not needed, such as the patterns, is not read.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from simulation.errors import InputError
from simulation.formats.crystals import LAUE, CrystalPhase, easy_axes, orix, symmetries
from simulation.formats.ebsd import grains_of, load_map, measured
from simulation.formats.grain_map import GrainMap
from simulation.formats.options import ReadOptions
from simulation.formats.segmentation import Points
from simulation.microstructure import MAX_CELLS


def read_hdf5(path: Path, options: ReadOptions) -> GrainMap:
    """A map from .h5oina, or from .h5 of orix, Bruker or EMsoft.

    Raises:
        InputError: if it is another HDF5 file, damaged, or too large.
    """
    orix()
    import h5py

    try:
        with h5py.File(path, "r") as file:
            slices = [name for name in file if isinstance(file[name], h5py.Group) and "EBSD" in file[name]]
            maker = " ".join(_text(file[name]) for name in file if name.lower() == "manufacturer")
            oxford = "Oxford" in maker or path.suffix.lower() == ".h5oina"
            if oxford and slices:
                return _oxford(file[slices[0]]["EBSD"], options)
            if not ("crystal_map" in file or "orix" in maker or "Bruker" in maker or "EMsoft" in maker):
                raise InputError(_why_not(file, maker))
            _check_sizes(file, skip_patterns="Bruker" in maker or "EMsoft" in maker)
    except InputError:
        raise
    except Exception as error:  # h5py raises a dozen kinds at damaged bytes
        raise InputError(f"damaged HDF5, or not laid out as its format: {' '.join(str(error).split())[:200]}") from None
    return grains_of(load_map(path), options, f"EBSD (HDF5 of {maker or 'orix'})")


def _oxford(group: Any, options: ReadOptions) -> GrainMap:
    data, header = group["Data"], group["Header"]
    nx, ny = (int(np.ravel(header[f"{axis} Cells"][()])[0]) for axis in "XY")
    dx, dy = (float(np.ravel(header[f"{axis} Step"][()])[0]) for axis in "XY")
    if not 0 < nx * ny <= MAX_CELLS:
        raise InputError(f"a map of {nx} x {ny} points; 1 to {MAX_CELLS} are allowed")
    for name in ("Euler", "Phase"):
        if data[name].shape[0] != nx * ny or data[name].size > 3 * MAX_CELLS:
            raise InputError(f"{name} has shape {data[name].shape}, the header states {nx} x {ny} points")
    euler = np.asarray(data["Euler"][()], dtype=np.float64).reshape(-1, 3)
    phase = np.asarray(data["Phase"][()], dtype=np.int64).ravel()
    known = np.isfinite(euler).all(axis=1) & (phase > 0)
    phases = {int(number): _phase(each) for number, each in header["Phases"].items()}
    turn = Rotation.from_euler("ZXZ", np.where(known[:, None], euler, 0.0))
    axis = easy_axes(turn, np.where(known, phase, -1), phases, options.easy_axis)
    row, column = np.divmod(np.arange(nx * ny), nx)
    points = Points(
        column * dx * 1e3,
        -row * dy * 1e3,
        axis,
        np.where(known, phase, -1),
        turn.as_quat(scalar_first=True),
        symmetries(phases),
    )
    return measured(points, phases, options, "EBSD (.h5oina)")


def _phase(group: Any) -> CrystalPhase:
    lattice = [np.ravel(group[f"Lattice {name}"][()]) for name in ("Dimensions", "Angles")]
    number = int(np.ravel(group["Laue Group"][()])[0])
    if not 1 <= number <= len(LAUE):
        raise InputError(f"Laue group {number}, 1 to {len(LAUE)} are known")
    angles = np.degrees(lattice[1]).round(4)  # single precision
    return CrystalPhase(_text(group["Phase Name"]), LAUE[number - 1], (*map(float, lattice[0]), *map(float, angles)))


def _text(dataset: Any) -> str:
    value = np.ravel(dataset[()])[0] if dataset.size else b""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _why_not(file: Any, maker: str) -> str:
    if "DataContainers" in file:
        return "an HDF5 file of DREAM3D: export the cells as a table with x, y and EulerAngles or FeatureIds (.csv)"
    whose = f"HDF5 of {maker!r}" if maker else "an HDF5 file without a manufacturer"
    return f"{whose}; read are .h5oina and those of orix, Bruker and EMsoft: export the map as .ang or .ctf"


def _check_sizes(file: Any, skip_patterns: bool) -> None:
    """Refuse before it is read what would take too much memory: a few compressed bytes may state any size. The patterns
    of Bruker's and EMsoft's files orix leaves alone."""
    import h5py

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset) and not (skip_patterns and "pattern" in name.lower()):
            points = item.shape[0] if item.shape else 1
            if points > MAX_CELLS or item.nbytes > 64 * MAX_CELLS:
                raise InputError(f"{name} has shape {item.shape}, more than the {MAX_CELLS} points allowed")

    file.visititems(visit)
