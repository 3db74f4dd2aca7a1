"""A colour for every direction of an easy axis, for axes have no head and no tail.

The colours run once round an ellipse in CIELAB while the axis turns by 180 degrees: lightness says how well the axis
is aligned with the field (light: along it, dark: across), blue against orange says to which side it leans. Those are
the two contrasts that red-green colour blindness leaves intact, so no two axes look alike to anyone; neighbouring
axes are about equally far apart all the way round, as in the cyclic maps of Kovesi (arXiv 1509.03700).
"""

from __future__ import annotations

import numpy as np

STEPS = 180
"""Colours in the palette: one a degree."""

# CIELAB to XYZ with the D65 white point, and XYZ to linear sRGB (IEC 61966-2-1).
_WHITE = np.array([0.95047, 1.0, 1.08883])
_TO_SRGB = np.array(
    [[3.2404542, -1.5371385, -0.4985314], [-0.9692660, 1.8760108, 0.0415560], [0.0556434, -0.2040259, 1.0572252]]
)


def axis_color(angle_rad: np.ndarray) -> np.ndarray:
    """sRGB of axes.

    Args:
        angle_rad: any shape, angles from +y towards +x; a and a + pi are one axis and have one colour.

    Returns:
        (..., 3) floats in [0, 1].
    """
    double = 2 * np.asarray(angle_rad, dtype=np.float64)
    lean = np.sin(double)
    # A little red on the orange side only: it sets orange off against blue for the blue-blind, too.
    lab = np.stack([56 + 34 * np.cos(double), 7.5 * lean + 7.5 * lean**2, 40 * lean], axis=-1)
    return _srgb(lab)


def palette() -> np.ndarray:
    """(STEPS, 3) uint8 colours of the axes at -90, -89, ... 89 degrees."""
    return np.round(255 * axis_color(np.radians(np.arange(STEPS) - 90.0))).astype(np.uint8)


def palette_index(angle_rad: np.ndarray) -> np.ndarray:
    """uint8 index into `palette` of the nearest whole degree."""
    degrees = np.rint(np.degrees(np.asarray(angle_rad, dtype=np.float64))).astype(int)
    return ((degrees + 90) % STEPS).astype(np.uint8)


def hex_color(angle_rad: float) -> str:
    """The colour of one axis as #rrggbb."""
    red, green, blue = np.round(255 * axis_color(np.asarray(angle_rad))).astype(int)
    return f"#{red:02x}{green:02x}{blue:02x}"


def _srgb(lab: np.ndarray) -> np.ndarray:
    fy = (lab[..., 0] + 16) / 116
    f = np.stack([fy + lab[..., 1] / 500, fy, fy - lab[..., 2] / 200], axis=-1)
    xyz = _WHITE * np.where(f > 6 / 29, f**3, 3 * (6 / 29) ** 2 * (f - 4 / 29))
    linear = np.clip(xyz @ _TO_SRGB.T, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
