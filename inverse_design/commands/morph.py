"""From one structure to another through the latent space (Kovacs et al. 2022, section 4.2, Figures 7 and 8)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from inverse_design.commands.reading import load
from inverse_design.properties import Column
from simulation.anchors import curve_points
from simulation.errors import InputError
from simulation.formats.options import ReadOptions
from simulation.microstructure import Microstructure
from simulation.pictures.axis_colors import axis_color
from simulation.pictures.plots import draw_directions
from simulation.sampling import Purpose, generator
from simulation.tessellation import voronoi

if TYPE_CHECKING:
    from surrogate import Encoding, Surrogate


@dataclass(frozen=True, eq=False)
class Morph:
    """Codes on the straight line from A to B, decoded and predicted.

    Attributes:
        alpha: (n,) place on the line, 0 at A and 1 at B.
        angle_rad: (n, ny, nx) decoded axis angles.
        mean, std: (n, 6) predicted anchor points.
        cell_nm: edge of a cell.
    """

    alpha: np.ndarray
    angle_rad: np.ndarray
    mean: np.ndarray
    std: np.ndarray
    cell_nm: float


def morph(a: Microstructure, b: Microstructure, surrogate: Surrogate, steps: int) -> Morph:
    """z = (1 - alpha) z_A + alpha z_B in `steps` equal steps; decodes and predicts every z."""
    if steps < 2:
        raise InputError(f"--steps must be at least 2, got {steps}")
    alpha = np.linspace(0, 1, steps)
    first, last = surrogate.encode([a, b])
    codes = (1 - alpha)[:, None] * first + alpha[:, None] * last
    mean, std = surrogate.predict(codes)
    return Morph(alpha, surrogate.decode(codes), mean, std, a.cell_nm)


def end_point(text: str, encoding: Encoding, reading: ReadOptions | None = None) -> Microstructure:
    """A structure file, read as is said, or "GRAINS,DEGREES[,SEED]" for a Voronoi structure on a surrogate's grid.

    Raises:
        InputError: if it is neither.
    """
    words = text.split(",")
    if len(words) not in (2, 3):
        return load(Path(text), reading)
    try:
        grains, degrees, seed = int(words[0]), float(words[1]), int(words[2]) if len(words) == 3 else 1
    except ValueError:
        raise InputError(f"{text}: neither a structure file nor GRAINS,DEGREES[,SEED], such as 197,176") from None
    if not 0 <= degrees <= 180 or seed < 0:
        raise InputError(f"{text}: DEGREES must lie in 0 to 180, SEED must be at least 0")
    size_nm = encoding.shape[0] * encoding.cell_nm
    rng = generator(seed, Purpose.BENCHMARK, grains, round(degrees))
    return voronoi(size_nm, encoding.cell_nm, grains, math.radians(degrees), rng)


def morph_figure(found: Morph) -> Figure:
    """Decoded axes above the curve through the predicted points, and what changes on the way."""
    n = len(found.alpha)
    figure = Figure(figsize=(max(1.75 * n, 7.0), 6.4), layout="constrained")
    grid = figure.add_gridspec(3, n, height_ratios=(1.5, 1.35, 1.35))
    size_nm = found.angle_rad.shape[2] * found.cell_nm
    h, m = curve_points(found.mean)
    curves = None
    for i in range(n):
        picture = figure.add_subplot(grid[0, i])
        picture.imshow(axis_color(found.angle_rad[i]), origin="lower", extent=(0, size_nm, 0, size_nm))
        picture.set_title(f"α = {found.alpha[i]:.2g}", fontsize=9)
        picture.set_xticks([0, size_nm])
        picture.set_yticks([0, size_nm] if i == 0 else [])
        picture.set_xlabel("x in nm", fontsize=8)
        if i == 0:
            picture.set_ylabel("y in nm", fontsize=8)
            draw_directions(picture.inset_axes((-0.72, 0.62, 0.4, 0.4)))
        curves = figure.add_subplot(grid[1, i], sharex=curves, sharey=curves)
        curves.errorbar(h[i, 2:], m[i, 2:], xerr=found.std[i, 2:], fmt="none", ecolor="#c05a12", elinewidth=0.8)
        curves.plot(h[i], m[i], "o-", color="#c05a12", markersize=3, linewidth=1)
        curves.axhline(0, color="0.8", linewidth=0.6)
        curves.axvline(0, color="0.8", linewidth=0.6)
        curves.set_xlabel("$H/H_\\mathrm{A}$", fontsize=8)
        if i == 0:
            curves.set_ylabel("$M/M_\\mathrm{s}$, predicted", fontsize=8)
        else:
            curves.tick_params(labelleft=False)
    ways = grid[2, :].subgridspec(1, 3)
    for column, (title, values) in enumerate(
        (
            ("$M_\\mathrm{r}/M_\\mathrm{s}$", found.mean[:, Column.Mr]),
            ("$H_\\mathrm{c}/H_\\mathrm{A}$", found.mean[:, Column.Hc]),
            ("squareness $H_\\mathrm{k90}/H_\\mathrm{c}$", found.mean[:, Column.Hk90] / found.mean[:, Column.Hc]),
        )
    ):
        axes = figure.add_subplot(ways[0, column])
        axes.plot(found.alpha, values, "o-", color="#1f5f99", markersize=4)
        axes.set(xlabel="α", title=title)
        axes.grid(alpha=0.3)
    return figure
