"""Raster tessellations of Neper (.tesr), versions 2.0 and 2.1 of the format, in the plane.

The layout is that of Neper's reference manual, "File and Directory Formats": sections that begin with **, numbers in
text or, after the name of their format, as raw bytes; x running fastest, y upwards. Pixels of id 0 are void. An
orientation turns the specimen's axes into the crystal's ("active"), or the other way round ("passive").
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from simulation.errors import InputError
from simulation.formats.grain_map import GrainMap, whole
from simulation.formats.options import MEASURED_DEG, ReadOptions
from simulation.formats.segmentation import grains_of_pixels
from simulation.formats.tables import axes_by_key
from simulation.microstructure import MAX_CELLS

MOST_BYTES = 256 * MAX_CELLS
BINARY = {"binary8": "u1", "binary16": "<u2", "binary16_big": ">u2", "binary32": "<i4", "binary32_big": ">i4"}
PARAMETERS = {"rodrigues": 3, "euler-bunge": 3, "euler-kocks": 3, "euler-roe": 3, "rotmat": 9, "axis-angle": 4,
              "quaternion": 4}  # fmt: skip


@dataclass
class _Raster:
    """What has been read of a file so far."""

    shape: tuple[int, int] = (0, 0)
    step: tuple[float, float] = (0.0, 0.0)
    cells: int = 0
    symmetry: str = ""
    cell_axis: np.ndarray | None = None
    cell_id: np.ndarray | None = None
    pixel_axis: np.ndarray | None = None


def read_tesr(path: Path, options: ReadOptions) -> GrainMap:
    """Grains of a raster tessellation; where cells have no orientation, that of their pixels, else `options.axes`.

    Raises:
        InputError: if it is no such file, is three-dimensional, or says of no orientations.
    """
    if path.stat().st_size > MOST_BYTES:
        raise InputError(f"{path.stat().st_size} bytes, more than {MAX_CELLS} pixels take")
    found = _parsed(path)
    if options.step_nm is None:
        raise InputError(
            f"Neper's lengths have no unit, and its pixel is {found.step[0]:g}: say its edge in nm by --step-nm"
        )
    dx, dy = options.step_nm, options.step_nm * found.step[1] / found.step[0]
    doubts: tuple[str, ...] = ()
    if "cubic" in found.symmetry or found.symmetry.startswith("m-3"):
        doubts = (f"crystals of symmetry {found.symmetry} have three [001]; the third axis of each is taken",)
    if found.cell_id is None:
        if found.pixel_axis is None:
            raise InputError("it has neither **data nor **oridata: nothing says where a grain is")
        grains = grains_of_pixels(
            found.pixel_axis, (dx, dy), options.threshold_deg or MEASURED_DEG, options, "Neper raster",
        )  # fmt: skip
        return GrainMap(grains.grain, grains.axis, (dx, dy), "Neper raster tessellation (.tesr)", (), doubts)
    return GrainMap(
        found.cell_id - 1, _axes_of_cells(found, options), (dx, dy),
        "Neper raster tessellation (.tesr)", (), doubts,
    )  # fmt: skip


def _axes_of_cells(found: _Raster, options: ReadOptions) -> np.ndarray:
    """(cells, 3) easy axes by the number of a cell less one."""
    assert found.cell_id is not None  # noqa: S101  the caller has looked
    cells = max(int(found.cell_id.max()), found.cells)
    if cells > MAX_CELLS:
        raise InputError(f"cell {cells} among {found.cell_id.size} pixels")
    if options.axes is not None:
        return axes_by_key(options.axes, range(1, cells + 1), options)
    if found.cell_axis is not None:
        if len(found.cell_axis) < cells:
            raise InputError(f"pixels of cell {cells}, and orientations of {len(found.cell_axis)} cells only")
        return found.cell_axis
    if found.pixel_axis is None:
        raise InputError("its cells have no orientations (*ori); name a table of axes by --axes FILE.csv")
    inside = (found.cell_id > 0) & np.isfinite(found.pixel_axis[..., 0])
    axis = np.zeros((cells, 3))
    for cell in np.unique(found.cell_id[inside]):
        k = found.pixel_axis[inside & (found.cell_id == cell)]
        axis[cell - 1] = np.linalg.eigh(k.T @ k)[1][:, -1]
    return axis


def _parsed(path: Path) -> _Raster:
    content = path.read_bytes()
    found, reader = _Raster(), _Reader(content, path.parent)
    if reader.word() != "***tesr":
        raise InputError("not a raster tessellation of Neper: it does not begin with ***tesr")
    while not reader.at_end():
        section = reader.word()
        if section == "***end":
            break
        if section == "**general":
            _general(reader, found)
        elif section == "**cell":
            _cells(reader, found)
        elif section in ("**data", "**oridata", "**oridef"):
            if not found.shape[0]:
                raise InputError(f"{section} stands before **general")
            _data(reader, found, section)
        else:
            reader.skip(to="**")
    if not found.shape[0]:
        raise InputError("it has no section **general: the file is cut off")
    return found


def _general(reader: _Reader, found: _Raster) -> None:
    dimension = reader.word()
    if dimension != "2":
        raise InputError(f"a raster of dimension {dimension}; only planes are read: cut one out by neper -T -transform")
    nx, ny = (int(value) for value in reader.numbers(2))
    dx, dy = reader.numbers(2)
    if not 0 < nx * ny <= MAX_CELLS or min(nx, ny) < 1 or not min(dx, dy) > 0:
        raise InputError(f"{nx} x {ny} pixels of {dx:g} x {dy:g}; 1 to {MAX_CELLS} pixels are allowed")
    found.shape, found.step = (ny, nx), (dx, dy)
    reader.skip(to="**")


def _cells(reader: _Reader, found: _Raster) -> None:
    if not reader.next_starts_with("*"):
        found.cells = int(reader.numbers(1)[0])
        if not 0 <= found.cells <= MAX_CELLS:
            raise InputError(f"{found.cells} cells, at most {MAX_CELLS} are allowed")
    while not reader.next_starts_with("**") and not reader.at_end():
        part = reader.word()
        if part == "*ori":
            found.cell_axis = _axes(reader.word(), reader.numbers, found.cells)
        elif part == "*crysym":
            found.symmetry = reader.word()
        else:
            reader.skip()


def _data(reader: _Reader, found: _Raster, section: str) -> None:
    count = found.shape[0] * found.shape[1]
    descriptor = reader.word() if section == "**oridata" else ""
    form = reader.word()
    kind = BINARY.get(form)
    if section != "**data":
        kind = {"binary": "<f8" if section == "**oridata" else "u1"}.get(form)
    if kind is None and form != "ascii":
        raise InputError(f"{section}: unknown format {form!r}; known are ascii, {', '.join(BINARY)}")

    def values(number: int) -> np.ndarray:
        return reader.numbers(number) if kind is None else reader.raw(number, np.dtype(kind))

    if section == "**oridata":
        found.pixel_axis = _axes(descriptor, values, count).reshape(*found.shape, 3)
    elif section == "**data":
        ids = whole(np.asarray(values(count)), "cells of pixels")
        if (ids < 0).any():
            raise InputError(f"a pixel of cell {ids.min()}; cells count from 1, and void is 0")
        found.cell_id = ids.reshape(found.shape)
    else:
        defined = np.asarray(values(count)).reshape(found.shape) != 0
        if found.pixel_axis is not None:
            found.pixel_axis[~defined] = np.nan


def _axes(descriptor: str, values: Callable[[int], np.ndarray], count: int) -> np.ndarray:
    """(count, 3) c axes of orientations."""
    name, _, convention = descriptor.partition(":")
    if name not in PARAMETERS or convention not in ("", "active", "passive"):
        known = ", ".join(PARAMETERS)
        raise InputError(f"unknown orientation descriptor {descriptor!r}; known are {known}, each :active or :passive")
    width = PARAMETERS[name]
    numbers = np.asarray(values(count * width), dtype=np.float64).reshape(count, width)
    try:
        turn = _rotation(name, numbers)
    except ValueError as error:
        raise InputError(f"an orientation that is none: {error}") from None
    axis: np.ndarray = (turn.inv() if convention == "passive" else turn).apply([0.0, 0.0, 1.0])
    return axis.reshape(count, 3)


def _rotation(name: str, p: np.ndarray) -> Rotation:
    """Rotations of the specimen's axes into the crystal's; angles are in degrees."""
    if name == "rodrigues":  # r = n tan(theta / 2)
        return Rotation.from_quat(np.column_stack([np.ones(len(p)), p]), scalar_first=True)
    if name == "quaternion":
        return Rotation.from_quat(p, scalar_first=True)
    if name == "axis-angle":
        length = np.linalg.norm(p[:, :3], axis=1, keepdims=True)
        return Rotation.from_rotvec(p[:, :3] / np.where(length > 0, length, 1) * np.radians(p[:, 3:]))
    if name == "rotmat":  # rows are the crystal's axes: the matrix takes vectors of the specimen to the crystal's
        return Rotation.from_matrix(p.reshape(-1, 3, 3)).inv()
    psi, theta, phi = p.T
    if name == "euler-kocks":
        psi, phi = psi + 90, 90 - phi
    elif name == "euler-roe":
        psi, phi = psi + 90, phi - 90
    return Rotation.from_euler("ZXZ", np.column_stack([psi, theta, phi]), degrees=True)


class _Reader:
    """Words, numbers and raw bytes of a file, one after the other."""

    _WORD = re.compile(rb"\s*(\S{1,1000})")
    _FILE = re.compile(rb"\s*\*file\s+(\S{1,1000})")

    def __init__(self, content: bytes, folder: Path) -> None:
        self._content, self._folder, self._at = content, folder, 0

    def at_end(self) -> bool:
        """Whether nothing is left."""
        return self._WORD.match(self._content, self._at) is None

    def word(self) -> str:
        """The next word; what follows it is not touched."""
        found = self._WORD.match(self._content, self._at)
        if found is None:
            raise InputError("the file is cut off")
        self._at = found.end()
        return found[1].decode("latin-1")

    def next_starts_with(self, mark: str) -> bool:
        """Whether the next word does."""
        found = self._WORD.match(self._content, self._at)
        return found is not None and found[1].startswith(mark.encode())

    def skip(self, to: str = "*") -> None:
        """Pass over text up to where this stands."""
        at = self._content.find(to.encode(), self._at)
        self._at = at if at >= 0 else len(self._content)

    def numbers(self, count: int) -> np.ndarray:
        """So many numbers in text, here or in the file that is named here."""
        beside = self._beside()
        if beside is not None:
            return _Reader(beside, self._folder).numbers(count)
        end = self._content.find(b"*", self._at)
        end = end if end >= 0 else len(self._content)
        words = self._content[self._at : end].split(maxsplit=count)
        if len(words) < count:
            raise InputError(f"{count} numbers are needed, {len(words)} stand there")
        try:
            values = np.array([float(word) for word in words[:count]])
        except ValueError as error:
            raise InputError(f"a number is needed: {error}") from None
        self._at = end - (len(words[count]) if len(words) > count else 0)
        return values

    def raw(self, count: int, kind: np.dtype) -> np.ndarray:
        """So many numbers as bytes, from the next line on, or in the file that is named there."""
        beside = self._beside()
        if beside is not None:
            return _Reader(b"\n" + beside, self._folder).raw(count, kind)
        begin, size = self._content.find(b"\n", self._at) + 1, count * kind.itemsize
        if begin == 0 or len(self._content) - begin < size:
            left = len(self._content) - begin if begin else 0
            raise InputError(f"{size} bytes are needed, {left} are left: the file is cut off")
        self._at = begin + size
        return np.frombuffer(self._content, kind, count, begin)

    def _beside(self) -> bytes | None:
        """What the file holds that is named here, in the folder of this one; None if none is."""
        found = self._FILE.match(self._content, self._at)
        if found is None:
            return None
        self._at = found.end()
        name = found[1].decode("utf-8", "replace")
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()) or not path.is_file():
            raise InputError(f"*file {name}: no such file in the folder of this one")
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"*file {name}: {path.stat().st_size} bytes, more than {MAX_CELLS} pixels take")
        return path.read_bytes()
