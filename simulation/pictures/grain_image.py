"""Grain maps as small PNG images: one colour a grain by its easy axis, thin lines between grains."""

from __future__ import annotations

import base64
import io
from typing import Protocol

import numpy as np
from PIL import Image

from simulation.pictures.axis_colors import STEPS, palette, palette_index

LINE = STEPS
"""Palette index of the lines between grains."""
LINE_RGB = (38, 38, 44)


class Grains(Protocol):
    """What is asked of a structure; `simulation.Microstructure` has it, which stands above this and draws itself."""

    @property
    def grain_id(self) -> np.ndarray: ...

    @property
    def angle_rad(self) -> np.ndarray: ...

    @property
    def shape(self) -> tuple[int, int]: ...

    @property
    def cell_nm(self) -> float: ...

    @property
    def phase_map(self) -> np.ndarray: ...


def indexed_map(structure: Grains, pixels: int = 320) -> np.ndarray:
    """Palette indices of a grain map with +y upwards.

    Args:
        structure: the grains.
        pixels: least edge of the image; a cell becomes a whole number of pixels.

    Returns:
        (rows, columns) uint8: degrees as in `palette_index`, `LINE` on the lines between grains and in cells of another
        phase than the main one.
    """
    shade = np.where(structure.phase_map > 0, np.uint8(LINE), palette_index(structure.angle_rad))
    return enlarged(structure, shade, LINE, pixels)


def enlarged(structure: Grains, shade: np.ndarray, line: int, pixels: int) -> np.ndarray:
    """A picture of cells: palette indices (ny, nx) enlarged to `pixels` or more, +y upwards, lines between grains."""
    scale = max(1, -(-pixels // max(structure.shape)))
    enlarge = np.ones((scale, scale), dtype=np.int32)
    grain = np.kron(structure.grain_id, enlarge)[::-1]
    image = np.kron(shade, enlarge.astype(np.uint8))[::-1]
    if scale > 1:  # at one pixel a cell a line would hide what it parts
        edge = np.zeros(grain.shape, dtype=bool)
        edge[:, 1:] |= grain[:, 1:] != grain[:, :-1]
        edge[1:, :] |= grain[1:, :] != grain[:-1, :]
        image = np.where(edge, np.uint8(line), image)
    return image


def rgb_map(structure: Grains, pixels: int = 320) -> np.ndarray:
    """(rows, columns, 3) uint8 colours of `indexed_map`, row 0 at the top."""
    return np.vstack([palette(), [LINE_RGB]]).astype(np.uint8)[indexed_map(structure, pixels)]


def png_data_uri(structure: Grains, pixels: int = 320) -> str:
    """The grain map as a `data:` address, some kilobytes."""
    return data_uri(indexed_map(structure, pixels), _axis_palette())


def field_data_uri(angle_rad: np.ndarray, pixels: int = 80) -> str:
    """A field of axes without grains as a `data:` address.

    Args:
        angle_rad: (ny, nx) angles from +y, row 0 at the bottom.
        pixels: largest edge of the image; finer fields are thinned out, directions kept to 3 degrees.
    """
    step = -(-max(angle_rad.shape) // pixels)
    degrees = palette_index(angle_rad[::step, ::step])[::-1]
    return data_uri(degrees // 3 * 3 + 1, _axis_palette())


def _axis_palette() -> list[int]:
    return [*palette().ravel().tolist(), *LINE_RGB]


def data_uri(indexed: np.ndarray, colors: list[int]) -> str:
    """A palette image (rows, columns) as a PNG in a `data:` address; `colors` are red, green, blue, red, ..."""
    image = Image.fromarray(np.ascontiguousarray(indexed))
    image.putpalette(colors)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
