"""What a curve cannot be trusted for: cells too coarse, a magnet too soft, a first field too low, wishes too fine.

Each warning is a sentence; nothing here refuses anything.
"""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np

from simulation.anchors import ANCHORS
from simulation.material import Material

COARSEST = {"cells": 1.5, "elements": 2.5}
"""Largest cell, in sqrt(A/K1), that no warning is given of. By elements the median curve is then right in Hc within
0.01 H_A and every state is resolved; on cells of 2.8 a quarter of the curves are not. By cells this is the paper's mesh
(2 nm in Nd2Fe14B), which pins walls already: see `DEVIATION`."""

_TOO_COARSE = {
    "cells": "they pin walls, and knee and coercive fields come out too large by up to tenths of H_A",
    "elements": "walls are narrower than they show, and knee and coercive fields, if any, are off by hundredths of H_A",
}

SOFTEST_Q = 1.0
"""Largest Ms/H_A that no warning is given of. Magnetised in the plane, a prism of infinite length pays q/4 of 2 K1 a
volume for its charges; along its axis it pays 1/2 for the anisotropy and nothing for charges. At q = 2 they are equal,
and walls and corners leave the plane earlier."""

SATURATED = 0.8
"""Least M/Ms at the first field that no warning is given of, see `hard_axis_m`."""

DEVIATION = {
    "cells": (
        (0.72, 0.0002, 0.0011, 0.0013, 0.0037, 0.0068, 0.0051),
        (0.91, 0.0004, 0.0036, 0.0072, 0.0274, 0.0264, 0.0142),
        (1.16, 0.0006, 0.0073, 0.0081, 0.0236, 0.0232, 0.0225),
        (1.45, 0.0009, 0.0137, 0.0124, 0.0398, 0.0632, 0.0595),
        (1.81, 0.0013, 0.0148, 0.0157, 0.0365, 0.0604, 0.0795),
        (2.32, 0.0020, 0.0156, 0.0162, 0.0388, 0.0635, 0.1235),
        (2.76, 0.0026, 0.0191, 0.0161, 0.0359, 0.0696, 0.1491),
        (3.62, 0.0037, 0.0213, 0.0167, 0.0466, 0.0798, 0.1786),
        (4.83, 0.0047, 0.0242, 0.0189, 0.0501, 0.0813, 0.1970),
        (5.80, 0.0054, 0.0261, 0.0106, 0.0334, 0.0668, 0.2081),
    ),
    "elements": (
        (0.72, 0.0000, 0.0001, 0.0009, 0.0009, 0.0008, 0.0000),
        (0.91, 0.0000, 0.0001, 0.0009, 0.0017, 0.0009, 0.0000),
        (1.16, 0.0000, 0.0001, 0.0010, 0.0016, 0.0018, 0.0009),
        (1.45, 0.0000, 0.0003, 0.0016, 0.0024, 0.0011, 0.0020),
        (1.81, 0.0001, 0.0004, 0.0017, 0.0033, 0.0078, 0.0106),
        (2.32, 0.0004, 0.0035, 0.0042, 0.0063, 0.0114, 0.0098),
    ),
}
"""Mean deviation from fine cells, by discretisation: cell size in sqrt(A/K1), then the six anchor points in Ms and H_A
(`python -m studies.benchmarks.coarse`, the cell sizes at which all of its curves are resolved)."""

NOISE = {
    "cells": (0.0, 0.00001, 0.00006, 0.00021, 0.00028, 0.00144),
    "elements": (0.0, 0.0, 0.00004, 0.00038, 0.00056, 0.00092),
}
"""Mean difference of the anchor points of mirror images on 2 nm cells in Nd2Fe14B (studies/nd2fe14b/README.md)."""


class Fields(Protocol):
    """What is asked of a sweep; `simulation.FieldSweep` has it, whose module imports Numba."""

    @property
    def start(self) -> float: ...


def warnings_for(
    material: Material, cell_nm: float, discretization: str, sweep: Fields, spins: str = "planar"
) -> list[str]:
    """What is doubtful about any curve under these conditions, a sentence each.

    Args:
        cell_nm: edge of a cell.
        discretization: "cells" or "elements".
        spins: "planar" or "free".
    """
    said = []
    wall_nm = material.wall_parameter_nm
    ratio, most = cell_nm / wall_nm, COARSEST[discretization]
    if ratio > most * (1 + 1e-9):
        finer = f"cells of at most {_down(most * wall_nm)} nm"
        if discretization == "cells":
            finer += f", or elements (up to {_down(COARSEST['elements'] * wall_nm)} nm)"
        said.append(
            f"cells of {cell_nm:g} nm are {ratio:.2g} sqrt(A/K1), too coarse by {discretization}, which hold up to "
            f"{most:g}: {_TOO_COARSE[discretization]}; use {finer}"
        )
    if material.q > SOFTEST_Q and spins == "planar":
        said.append(
            f"Ms/H_A is {material.q:.2g}, above {SOFTEST_Q:g}: a magnet so soft does not stay in the plane, and the "
            "planar model gives it fields that it does not have; use free spins"
        )
    if hard_axis_m(material, sweep.start) < SATURATED:
        least = SATURATED + material.q / 2
        said.append(
            f"the first field of {sweep.start:g} H_A does not saturate: grains across the field reach "
            f"{max(hard_axis_m(material, sweep.start), 0):.2f} Ms there; start at {math.ceil(100 * least) / 100:g} H_A "
            "or more"
        )
    return said


def hard_axis_m(material: Material, h: float) -> float:
    """M/Ms of a grain whose easy axis stands across the field, in a magnet saturated around it: m = H_i / H_A with the
    internal field H_i = H - Ms/2, the mean demagnetising factor of a square prism being 1/2; not above 1."""
    return min(h - material.q / 2, 1.0)


def unsaturated(m: np.ndarray, saturation: float = 1.0) -> list[str]:
    """A warning if the first of the magnetisations (n,) of a curve is not that of a saturated magnet.

    Args:
        saturation: the largest that it can be, see `Microstructure.saturation`.
    """
    if len(m) and m[0] < SATURATED * saturation:
        return [f"M is {m[0]:.2f} Ms at the first field, which does not saturate: let the sweep start higher"]
    return []


def plane_in_words(unstable_h: float, spins: str) -> str:
    """Where the plane became unstable: the end of a sentence that begins with it."""
    if spins == "free":
        return f"unstable from {unstable_h:g} H_A on, where spins have left it"
    return f"unstable from {unstable_h:g} H_A on: spins would leave it there if they could"


def unstable_plane(unstable_h: float, spins: str) -> list[str]:
    """A warning if a curve of planar spins has a field from which on they would leave the plane; NaN is none.

    Args:
        unstable_h: `DemagnetizationCurve.plane_unstable_h`.
        spins: of the curve, "planar" or "free".
    """
    if math.isnan(unstable_h) or spins == "free":
        return []
    return [
        f"the plane is {plane_in_words(unstable_h, spins)}, and from there on this is the curve of a model; "
        "simulate with free spins to see what that costs"
    ]


def resolution(material: Material, cell_nm: float, discretization: str, step: float) -> dict[str, tuple[float, str]]:
    """The finest difference that can be told in each anchor point, in Ms or H_A, and what limits it, in words.

    The largest of three: the mean deviation of the mesh; the noise of labels; and, of fields, half a step of the sweep,
    because an avalanche happens somewhere between two fields.
    """
    table = np.array(DEVIATION[discretization])
    ratio = cell_nm / material.wall_parameter_nm
    found = {}
    for i, anchor in enumerate(ANCHORS):
        mesh = float(np.interp(ratio, table[:, 0], table[:, i + 1]))
        limits = [
            (mesh, f"on a mesh of {cell_nm:g} nm {anchor} by {discretization} is off by {mesh:.2g} in the mean"),
            (NOISE[discretization][i], f"mirror images of a structure differ by {NOISE[discretization][i]:.2g}"),
        ]
        if not anchor.startswith("M"):
            limits.append((step / 2, f"steps of {step:g} H_A tell a field within {step / 2:.2g}"))
        found[anchor] = max(limits)
    return found


def _down(length_nm: float) -> str:
    """Rounded down to two digits."""
    digits = 1 - math.floor(math.log10(length_nm))
    return f"{math.floor(length_nm * 10**digits) / 10**digits:g}"
