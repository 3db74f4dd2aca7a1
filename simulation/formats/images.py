"""Pictures of grains (PNG, TIFF): grey levels or palette indices are numbers of grains, colours are axes.

Row 0 of a picture is its top. Which axis a number or a colour stands for, a table says (`ReadOptions.axes`), or for
colours one of two scales (`ReadOptions.colors`). Pixels of a colour that is neither, such as lines between grains, are
filled from the nearest grain.
"""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial import cKDTree

from simulation.errors import InputError
from simulation.formats.grain_map import NONE, GrainMap
from simulation.formats.options import ReadOptions
from simulation.formats.segmentation import grains_of_pixels
from simulation.formats.tables import axes_by_key, grains_of_ids
from simulation.microstructure import MAX_CELLS
from simulation.pictures.axis_colors import STEPS, palette

SAME_COLOR = 3.0
"""Colours that differ by no more in any channel, of 255, are one."""

LEAST_SATURATION = 64
"""Of 255; a hue below it is none."""

_LABELS = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
_PALETTE_DEG = 1.01
"""Colours of neighbouring degrees of the palette belong to one axis: pictures know no more."""


def read_image(path: Path, options: ReadOptions) -> GrainMap:
    """Grains of a picture.

    Raises:
        InputError: if it cannot be read, is too large, or its meaning is not said.
    """
    if options.step_nm is None:
        raise InputError("a picture has no unit of length: say the edge of a pixel in nm by --step-nm")
    step = options.step_nm, options.step_nm
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow's own limit is far above the one here
            with Image.open(path, formats=("PNG", "TIFF")) as image:
                if image.width * image.height > MAX_CELLS:
                    raise InputError(f"{image.width} x {image.height} pixels, more than the {MAX_CELLS} allowed")
                labels = image.mode in _LABELS and options.colors is None
                pixels = np.asarray(image if labels else image.convert("RGB"))[::-1]
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not a picture that can be read: {' '.join(str(error).split())[:200]}") from None
    if labels:
        return grains_of_ids(pixels.astype(np.int64), step, options, "picture of numbers of grains")
    if options.colors is not None:
        angle_rad = _of_palette(pixels) if options.colors == "axis" else _of_hue(pixels)
        axis = np.stack([np.sin(angle_rad), np.cos(angle_rad), np.zeros(angle_rad.shape)], axis=-1)
        threshold = options.threshold_deg or _PALETTE_DEG
        return grains_of_pixels(axis, step, threshold, options, "picture in the colours of axes")
    if options.axes is None:
        raise InputError(
            "its colours have to be explained: --colors axis (this package's own), --colors hue, or --axes FILE.csv "
            "with the columns color (#rrggbb) and angle_deg"
        )
    colors, index = np.unique(pixels.reshape(-1, 3), axis=0, return_inverse=True)
    if len(colors) > MAX_CELLS // 64:
        raise InputError(f"{len(colors)} colours: save it without smoothing and without loss")
    names = ["#{:02x}{:02x}{:02x}".format(*color) for color in colors.tolist()]
    axis = axes_by_key(options.axes, names, options, needed=False)
    grain = index.reshape(pixels.shape[:2])
    return GrainMap(np.where(np.isfinite(axis[grain, 0]), grain, NONE), axis, step, "picture in colours of grains")


def _of_palette(pixels: np.ndarray) -> np.ndarray:
    """(ny, nx) angles of colours as `axis_color` draws them, to a degree; NaN for others."""
    tree = cKDTree(palette().astype(np.float64))
    away, degree = tree.query(pixels.reshape(-1, 3).astype(np.float64), p=np.inf)
    angle = np.radians(degree.astype(np.float64) - STEPS / 2)
    return np.where(away <= SAME_COLOR, angle, np.nan).reshape(pixels.shape[:2])


def _of_hue(pixels: np.ndarray) -> np.ndarray:
    """(ny, nx) angles of colours whose hue goes once round in 180 degrees; NaN where there is hardly any."""
    hsv = np.asarray(Image.fromarray(np.ascontiguousarray(pixels)).convert("HSV"), dtype=np.float64)
    return np.where(hsv[..., 1] >= LEAST_SATURATION, hsv[..., 0] / 256 * np.pi, np.nan)
