"""Grain maps and demagnetisation curves on Matplotlib's axes: object interface, no global state, no display."""

from __future__ import annotations

from functools import partial
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.colors import ListedColormap
from matplotlib.patches import Wedge
from numpy.typing import ArrayLike

from simulation.pictures.axis_colors import axis_color, palette
from simulation.pictures.grain_image import Grains, rgb_map

SIMULATED = "#1f5f99"
AXIS_COLORS = ListedColormap(palette() / 255.0, name="axis")
"""Cyclic colour map of easy axes: from -90 to +90 degrees and back to the same colour."""


def own_axes(layout: Literal["constrained", "compressed"] = "constrained") -> Axes:
    """Axes of a new figure of pyplot's, which a notebook shows by itself; a "compressed" one is for pictures."""
    from matplotlib import pyplot

    axes: Axes = pyplot.subplots(layout=layout)[1]
    return axes


def draw_grains(axes: Axes, structure: Grains) -> None:
    """A grain map on given axes, nm."""
    ny, nx = structure.shape
    extent = (0.0, nx * structure.cell_nm, 0.0, ny * structure.cell_nm)
    axes.imshow(rgb_map(structure, 640), extent=extent)
    axes.set_xlabel("x in nm")
    axes.set_ylabel("y in nm (along the field)")
    legend = axes.inset_axes((1.14, 0.68, 0.28, 0.28))
    draw_directions(legend)


def draw_directions(axes: Axes) -> None:
    """A disc of all directions in their colours; opposite ones are one axis and share theirs."""
    starts = np.arange(0, 360, 4)
    # Matplotlib counts from +x, against the clock; half a degree of overlap leaves no seams.
    wedges = [Wedge((0, 0), 1, 90 - start - 4.5, 90 - start + 0.5) for start in starts]
    axes.add_collection(PatchCollection(wedges, facecolors=axis_color(np.radians(starts + 2)), linewidths=0))
    axes.annotate("", (0, 0.45), (0, -0.45), arrowprops={"arrowstyle": "->", "color": "black", "linewidth": 0.9})
    axes.text(0.1, 0.32, "H", fontsize=7, va="center")
    for angle, words in ((0, "0°"), (90, "90°"), (-90, "−90°")):
        at = 1.12 * np.array([np.sin(np.radians(angle)), np.cos(np.radians(angle))])
        side = "center" if angle == 0 else ("left" if angle > 0 else "right")
        axes.text(at[0], at[1], words, fontsize=6.5, ha=side, va="bottom" if angle == 0 else "center")
    axes.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
    axes.set_axis_off()


def draw_curve(axes: Axes, h: np.ndarray, m: np.ndarray, **style: Any) -> None:
    """A curve M(H) in reduced units, with the lines H = 0 and M = 0 where the axes have none yet.

    Args:
        h, m: (n,) H / H_A and M / Ms.
        style: of Matplotlib's `plot`.
    """
    if not axes.lines:
        axes.axhline(0, color="0.75", linewidth=0.7)
        axes.axvline(0, color="0.75", linewidth=0.7)
    axes.plot(h, m, **{"linewidth": 1.6, **style})
    axes.set_xlabel(r"$H / H_\mathrm{A}$")
    axes.set_ylabel(r"$M / M_\mathrm{s}$")


def draw_si_axes(axes: Axes, H_A_A_per_m: float, Js_T: float) -> None:
    """A second pair of axes, above and at the right: MA/m and T."""
    per_field, per_moment = H_A_A_per_m / 1e6, Js_T
    top = axes.secondary_xaxis("top", functions=(partial(_times, per_field), partial(_times, 1 / per_field)))
    top.set_xlabel("H in MA/m")
    right = axes.secondary_yaxis("right", functions=(partial(_times, per_moment), partial(_times, 1 / per_moment)))
    right.set_ylabel(r"$\mu_0 M$ in T")


def _times(factor: float, values: ArrayLike) -> ArrayLike:
    return np.asarray(values, dtype=np.float64) * factor
