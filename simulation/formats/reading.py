"""Structures from the files of other programs: by what a file holds, and by its suffix where that does not say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from simulation.errors import InputError
from simulation.formats.ebsd import read_text_map
from simulation.formats.grain_map import GrainMap, Imported, structure_of
from simulation.formats.hdf5 import read_hdf5
from simulation.formats.images import read_image
from simulation.formats.neper import read_tesr
from simulation.formats.options import ReadOptions, flag
from simulation.formats.ovf_reading import read_ovf
from simulation.formats.tables import read_table_map
from simulation.microstructure import Microstructure

_ALWAYS = {"cell_nm", "rotate_deg", "fill", "unindexed"}
_EBSD = {"threshold_deg", "easy_axis", "project", "step_nm", "least_pixels"}
_RASTER = {"threshold_deg", "project", "step_nm", "least_pixels", "axes", "degrees"}


@dataclass(frozen=True)
class Format:
    """A kind of file.

    Attributes:
        words: what it is.
        read: reads it.
        options: names of the `ReadOptions` that mean something to it.
    """

    words: str
    read: Callable[[Path, ReadOptions], GrainMap]
    options: frozenset[str]


READERS = {
    "ang": Format("EBSD map (.ang)", read_text_map, frozenset(_ALWAYS | _EBSD)),
    "ctf": Format("EBSD map (.ctf)", read_text_map, frozenset(_ALWAYS | _EBSD)),
    "hdf5": Format("EBSD map (.h5, .h5oina)", read_hdf5, frozenset(_ALWAYS | _EBSD)),
    "tesr": Format("Neper raster (.tesr)", read_tesr, frozenset(_ALWAYS | _RASTER)),
    "table": Format("table (.csv)", read_table_map, frozenset(_ALWAYS | _RASTER)),
    "image": Format("picture (.png, .tif)", read_image, frozenset(_ALWAYS | _RASTER | {"colors"})),
    "ovf": Format("OVF", read_ovf, frozenset(_ALWAYS | _RASTER - {"step_nm"})),
}
_BEGINNINGS = {
    b"PK\x03\x04": "npz",
    b"\x89HDF\r\n\x1a\n": "hdf5",
    b"\x89PNG\r\n\x1a\n": "image",
    b"II*\x00": "image",
    b"MM\x00*": "image",
    b"***tesr": "tesr",
    b"Channel Text File": "ctf",
    b"# OOMMF": "ovf",
}
_SUFFIXES = {
    ".npz": "npz", ".ang": "ang", ".ctf": "ctf", ".h5": "hdf5", ".hdf5": "hdf5", ".h5oina": "hdf5", ".h5ebsd": "hdf5",
    ".tesr": "tesr", ".csv": "table", ".tsv": "table", ".txt": "table", ".png": "image", ".tif": "image",
    ".tiff": "image", ".ovf": "ovf", ".omf": "ovf",
}  # fmt: skip


def kind_of(path: Path) -> str:
    """The key of `READERS` that reads a file; "npz" for this package's own and for what is unknown: its reader says so.

    Raises:
        InputError: if there is no such file.
    """
    try:
        if path.exists() and not path.is_file():  # a pipe or a device need not end
            raise InputError(f"{path}: not a file")
        with path.open("rb") as file:
            begin = file.read(64).lstrip()
    except FileNotFoundError:
        raise InputError(f"{path}: no such structure file") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    for mark, kind in _BEGINNINGS.items():
        if begin.startswith(mark):
            return kind
    return _SUFFIXES.get(path.suffix.lower(), "npz")


def read_structure(path: str | Path, options: ReadOptions | None = None) -> Imported:
    """Read a structure, whatever program wrote it, with what was done to it.

    Args:
        path: the file.
        options: what it does not say.

    Raises:
        InputError: in a sentence, with the file, if there is no structure in it, or an option means nothing to it.
    """
    path, options = Path(path), options or ReadOptions()
    kind = kind_of(path)
    try:
        if kind == "npz":
            return _own(path, options)
        reader = READERS[kind]
        strange = sorted(options.given - reader.options)
        if strange:
            known = ", ".join(flag(name) for name in sorted(reader.options))
            raise InputError(f"{flag(strange[0])} means nothing to a {reader.words}; what does: {known}")
        return structure_of(reader.read(path, options), options)
    except InputError as error:
        text = str(error)
        raise InputError(text if text.startswith(f"{path}: ") else f"{path}: {text}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except MemoryError:
        raise InputError(f"{path}: needs more memory than there is; crop the map") from None


def _own(path: Path, options: ReadOptions) -> Imported:
    """A structure of this package, on other cells or turned where that is asked for."""
    strange = sorted(options.given - {"degrees", "cell_nm", "rotate_deg"})
    if strange:
        raise InputError(f"{flag(strange[0])} means nothing to a structure of this package (.npz)")
    structure = Microstructure.load(path, options.degrees)
    if getattr(structure, "phases", ()) and options.given - {"degrees"}:
        raise InputError("a structure with phases is neither resampled nor turned")
    step = structure.cell_nm, structure.cell_nm
    if not options.given - {"degrees"}:
        return Imported(structure, "structure of this package (.npz)", structure.shape, step)
    angle = structure.grain_angle_rad
    axis = np.column_stack([np.sin(angle), np.cos(angle), np.zeros(angle.size)])
    found = GrainMap(structure.grain_id.astype(np.int64), axis, step, "structure of this package (.npz)")
    return structure_of(found, replace(options, degrees=False))
