"""Maps of where the reversal starts: bright cells switch first, dark ones last, white ones not at all.

The colours are Matplotlib's inferno, whose lightness falls all the way: the order is seen by every eye and in grey.
"""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from matplotlib.colors import ListedColormap

from simulation.microstructure import Microstructure
from simulation.pictures.grain_image import data_uri, enlarged

SHADES = 64
COLORS = ListedColormap(mpl.colormaps["inferno"](np.linspace(0.12, 0.88, SHADES)), name="switching")
"""From the last cells to the first."""
UNSWITCHED_RGB, LINE_RGB = (244, 244, 242), (122, 122, 130)


def ends(field: np.ndarray) -> tuple[float, float] | None:
    """(last, first) field of a switching, H / H_A, last below first; None where nothing switches."""
    finite = field[np.isfinite(field)]
    return (float(finite.min()), float(finite.max())) if finite.size else None


def half(field: np.ndarray) -> float | None:
    """The field by which half of the cells have switched, None where they never have."""
    falling = np.sort(np.nan_to_num(field, nan=-np.inf).ravel())[::-1]
    middle = float(falling[(falling.size - 1) // 2])
    return middle if np.isfinite(middle) else None


def indexed_switching(structure: Microstructure, field: np.ndarray, pixels: int = 320) -> np.ndarray:
    """Palette indices with +y upwards: shades from last to first, `SHADES` where unswitched, then the grain lines."""
    found = ends(field)
    shade = np.full(field.shape, SHADES, dtype=np.uint8)
    if found is not None:
        switched = np.isfinite(field)
        share = (field[switched] - found[0]) / ((found[1] - found[0]) or 1)
        shade[switched] = np.rint(share * (SHADES - 1)).astype(np.uint8)
    return enlarged(structure, shade, SHADES + 1, pixels)


def _palette() -> list[int]:
    shades = np.rint(255 * COLORS(np.linspace(0, 1, SHADES))[:, :3]).astype(int)
    return [*shades.ravel().tolist(), *UNSWITCHED_RGB, *LINE_RGB]


def switching_rgb(structure: Microstructure, field: np.ndarray, pixels: int = 320) -> np.ndarray:
    """(rows, columns, 3) uint8 colours, row 0 at the top."""
    return np.array(_palette(), dtype=np.uint8).reshape(-1, 3)[indexed_switching(structure, field, pixels)]


def switching_data_uri(structure: Microstructure, field: np.ndarray) -> str:
    """The map as a `data:` address."""
    return data_uri(indexed_switching(structure, field), _palette())
