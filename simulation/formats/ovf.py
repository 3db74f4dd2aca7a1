"""OVF 2.0, the vector field files of OOMMF that mumax3 and Ubermag read, too.

The layout is that of the OOMMF User's Guide, "Vector Field File Format (OVF)": a rectangular mesh in metres, one
layer of cells, ix running fastest; data as text or as little-endian 8-byte numbers after a check value. Written here
because the packages that write it weigh a hundred others; a test reads it back with one of them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simulation.errors import InputError
from simulation.files import replacing

CHECK_VALUE = 123456789012345.0
"""What every file of 8-byte numbers starts with, by which a reader knows the order of bytes."""

REPRESENTATIONS = {"text": "Text", "binary8": "Binary 8"}


def unit_vectors(angle_rad: np.ndarray) -> np.ndarray:
    """(ny, nx, 3) unit vectors (sin, cos, 0) of angles from +y towards +x."""
    return np.stack([np.sin(angle_rad), np.cos(angle_rad), np.zeros_like(angle_rad)], axis=-1)


def write_ovf(
    path: str | Path,
    vectors: np.ndarray,
    cell_nm: float,
    title: str,
    symbol: str,
    representation: str = "binary8",
    unit: str = "1",
) -> Path:
    """Write a field of vectors or of numbers.

    Args:
        path: the file.
        vectors: (ny, nx, 3), or (ny, nx) numbers.
        cell_nm: edge of a cell; the layer is as thick as one.
        title: what the field is.
        symbol: of a vector; its components are called by it: `k` makes k_x, k_y, k_z.
        representation: "text" (17 digits: nothing is lost) or "binary8".
        unit: of the values.

    Raises:
        InputError: if there is no such representation or the file cannot be written.
    """
    if representation not in REPRESENTATIONS:
        raise InputError(f"OVF: representation must be one of {', '.join(REPRESENTATIONS)}, got {representation!r}")
    values = np.ascontiguousarray(vectors, dtype="<f8")
    data = REPRESENTATIONS[representation]
    labels = [f"{symbol}_{axis}" for axis in "xyz"] if values.ndim == 3 else [symbol]
    head = "\n".join(_header(values.shape[1], values.shape[0], cell_nm * 1e-9, title, labels, unit))
    parts = [f"{head}\n# Begin: Data {data}\n".encode("ascii")]
    if representation == "text":
        rows = values.reshape(-1, len(labels))
        parts.append("".join(" ".join(f"{x:.17g}" for x in row) + "\n" for row in rows).encode("ascii"))
    else:
        parts += [np.array(CHECK_VALUE, "<f8").tobytes(), values.tobytes(), b"\n"]
    parts.append(f"# End: Data {data}\n# End: Segment\n".encode("ascii"))
    path = Path(path)
    try:
        with replacing(path) as partial:
            partial.write_bytes(b"".join(parts))
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return path


def _header(nx: int, ny: int, cell_m: float, title: str, labels: list[str], unit: str) -> list[str]:
    lines = ["OOMMF OVF 2.0", "", "Segment count: 1", "", "Begin: Segment", "Begin: Header", ""]
    lines += [f"Title: {title}", "meshtype: rectangular", "meshunit: m"]
    for axis, nodes in (("x", nx), ("y", ny), ("z", 1)):
        lines += [f"{axis}nodes: {nodes}", f"{axis}stepsize: {cell_m!r}", f"{axis}base: {cell_m / 2!r}"]
        lines += [f"{axis}min: 0.0", f"{axis}max: {nodes * cell_m!r}"]
    lines += [f"valuedim: {len(labels)}", f"valuelabels: {' '.join(labels)}"]
    lines += [f"valueunits: {' '.join([unit] * len(labels))}", "", "End: Header"]
    return [f"# {line}".rstrip() for line in lines]
