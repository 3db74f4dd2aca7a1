"""OVF files of OOMMF, Ubermag, mumax3 and this package: easy axes as vectors, or regions as numbers.

Versions 1.0 and 2.0, as text or as 4- or 8-byte numbers after their check values (OOMMF User's Guide, "Vector Field
File Format"): version 1.0 is big-endian, 2.0 little-endian.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from simulation.errors import InputError
from simulation.formats.grain_map import GrainMap, whole
from simulation.formats.options import EQUAL_DEG, ReadOptions
from simulation.formats.ovf import CHECK_VALUE
from simulation.formats.segmentation import grains_of_pixels
from simulation.formats.tables import grains_of_ids
from simulation.microstructure import MAX_CELLS

CHECK_VALUES = {4: 1234567.0, 8: CHECK_VALUE}
MOST_LAYERS = 64
MOST_HEADER = 100_000
_BEGIN = re.compile(rb"^#[ \t]*Begin:[ \t]*Data[ \t]+(\w+)(?:[ \t]+(\d))?[^\n]*\n", re.IGNORECASE | re.MULTILINE)
_UNITS = {"m": 1e9, "nm": 1.0, "um": 1e3, "µm": 1e3}
MANY_GRAINS = 0.5
"""Where more than this share of the cells have an axis of their own, the field is a magnetisation in all likelihood."""


def read_ovf(path: Path, options: ReadOptions) -> GrainMap:
    """Grains of easy axes, one for each connected part of one axis, or of regions, whose axes `options.axes` has.

    Raises:
        InputError: if it is no such file, or several layers of cells that differ.
    """
    values, step_nm = _field(path)
    if values.shape[-1] == 1:
        return grains_of_ids(
            whole(values[..., 0], "regions, one component a cell,"), step_nm, options, "OVF of regions"
        )
    if values.shape[-1] != 3:
        raise InputError(f"{values.shape[-1]} components a cell; 3 (easy axes) or 1 (regions) are read")
    largest = np.abs(values).max(axis=-1, keepdims=True)
    axis = values / np.where(largest > 1e-200, largest, np.nan)  # cells outside of a geometry have none
    axis /= np.linalg.norm(axis, axis=-1, keepdims=True)
    found = grains_of_pixels(axis, step_nm, options.threshold_deg or EQUAL_DEG, options, "OVF of easy axes")
    cells = found.grain.size
    if len(found.axis) > max(MANY_GRAINS * cells, 4):
        raise InputError(
            f"{len(found.axis)} directions in {cells} cells: a magnetisation, not easy axes? Those that nearly "
            "agree are joined by --threshold DEGREES"
        )
    return found


def _field(path: Path) -> tuple[np.ndarray, tuple[float, float]]:
    """(ny, nx, components) values of a layer, row 0 at the bottom, and the edges (dx, dy) of a cell in nm."""
    size = path.stat().st_size
    if size > 256 * MAX_CELLS:
        raise InputError(f"{size} bytes, more than {MAX_CELLS} cells take")
    content = path.read_bytes()
    begin = _BEGIN.search(content)
    if begin is None or begin.start() > MOST_HEADER:
        raise InputError("no line '# Begin: Data': not an OVF file, or cut off")
    head = content[: begin.start()].decode("latin-1")
    lines = {key.lower(): value.strip() for key, value in re.findall(r"^#\s*(\w+):\s*(.*)$", head, re.MULTILINE)}
    version = 1 if re.search(r"OVF\s+1\.", head) or "mesh v1.0" in head.lower() else 2
    if lines.get("meshtype", "rectangular").lower() != "rectangular":
        raise InputError(f"meshtype {lines['meshtype']}: only rectangular meshes are read")
    try:
        nx, ny, nz = (int(lines[f"{axis}nodes"]) for axis in "xyz")
        dx, dy = (float(lines[f"{axis}stepsize"]) * _UNITS[lines.get("meshunit", "m")] for axis in "xy")
        components = int(lines.get("valuedim", 3)) if version == 2 else 3
    except (KeyError, ValueError) as error:
        raise InputError(f"its header says nothing of, or nothing known as, {error}") from None
    cells = nx * ny * nz
    if min(nx, ny, nz) < 1 or nx * ny > MAX_CELLS or nz > MOST_LAYERS or not 1 <= components <= 3:
        raise InputError(f"{nx} x {ny} x {nz} cells of {components} components, more than the {MAX_CELLS} allowed")
    if cells * components > size:  # a number takes a byte at least
        raise InputError(f"{size} bytes for {cells} cells: the file is cut off")
    kind = begin[1].decode().lower(), int(begin[2] or 0)
    values = _values(content[begin.end() :], kind, version, cells * components)
    layers = values.reshape(nz, ny, nx, components)
    if nz > 1 and not np.allclose(layers, layers[:1], atol=1e-6):
        raise InputError(f"{nz} layers of cells that differ: a plane is needed")
    return layers[0], (dx, dy)


def _values(content: bytes, kind: tuple[str, int], version: int, count: int) -> np.ndarray:
    if kind[0] == "text":
        words = content.split(b"#", 1)[0].split()
        try:
            values = np.array(words[:count], dtype=np.float64)
        except ValueError as error:
            raise InputError(f"a number is needed: {error}") from None
    elif kind[0] == "binary" and kind[1] in CHECK_VALUES:
        form, bytes_ = f"{'>' if version == 1 else '<'}f{kind[1]}", kind[1]
        if len(content) < bytes_ * (count + 1):
            raise InputError(f"{bytes_ * (count + 1)} bytes are needed, {len(content)} are left: the file is cut off")
        if np.frombuffer(content, form, 1)[0] != np.array(CHECK_VALUES[bytes_], form):
            raise InputError("its check value is another: damaged, or written in another order of bytes")
        values = np.frombuffer(content, form, count, bytes_).astype(np.float64)
    else:
        raise InputError(f"data as {' '.join(map(str, kind))}; read are text, binary 4 and binary 8")
    if len(values) < count:
        raise InputError(f"{count} numbers are needed, {len(values)} stand there: the file is cut off")
    if not np.isfinite(values).all():
        raise InputError("a value that is not finite")
    return values
