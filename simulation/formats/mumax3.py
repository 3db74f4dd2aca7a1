"""A mumax3 script of a structure's demagnetisation curve: one file that runs as it is.

mumax3 (Vansteenkiste et al., AIP Advances 4, 107133, 2014) keeps material parameters per region and knows 256 of them,
computes with full three-dimensional spins in single precision, and integrates its demagnetisation kernel numerically.
Where that makes another problem of it than the planar solver's, the script says so at its top.

The prism cannot be one cell of 36 um in height as in fidimag: the kernel of such a slender cell takes some 1e13
operations. It is a stack of periodic images of cells `HEIGHT` times as high as wide instead, up to `REACH` times the
structure's width away on both sides. Its kernel was computed with mumax3's own routine for 160 x 160 cells: no element
is off by more than 5e-4, and the mean demagnetising factor of the square is 0.4995 instead of 1/2. Scripts written
here pass mumax3's compiler; without a CUDA device at hand none has been run yet.
"""

from __future__ import annotations

import math

import numpy as np

from simulation.hysteresis import FieldSweep
from simulation.material import MU0_T_M_PER_A, Material
from simulation.microstructure import Microstructure
from simulation.spins import PERTURBATION_RAD

REGIONS = 256
HEIGHT = 5
REACH = 30
PUSH = PERTURBATION_RAD
"""Field along z for free spins, in H_A: a spin that its effective field of H_A holds in the plane tilts by as many
radians."""


def mumax3_script(
    structure: Microstructure, material: Material, sweep: FieldSweep, name: str = "structure", spins: str = "planar"
) -> str:
    """The text of a script (.mx3): mesh, regions, easy axes, field sweep, and a table of the mean magnetisation.

    mumax3's spins have three components. Where `spins` is "planar" they start in the plane and nothing pushes them out;
    where it is "free" a field of `PUSH` H_A along z does, so that they leave the plane where it is unstable.
    The name stands in a comment, on one line whatever a file is called.

    The table's columns are mumax3's own: t, mx, my, mz, then B_ext in tesla; M(H) is my against B_exty. The script goes
    on to the sweep's `stop`, whatever its `until`.
    """
    region, angle_rad, phase = regions(structure)
    largest_error = _largest_error_rad(structure, region, angle_rad, phase)
    parts = [
        _about(structure, material, _one_line(name), len(angle_rad), largest_error, spins),
        _mesh(structure),
        _material(material, angle_rad),
        *_phases(structure, phase),
        "// The region of every cell, row by row.",
        *_cells(region),
        _sweep(material, sweep, PUSH if spins == "free" else 0.0),
    ]
    return "\n".join(parts)


def _one_line(name: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def regions(structure: Microstructure) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Region of each cell, easy axis and phase of each region, at most `REGIONS`.

    The physics sees easy axes and phases only: grains with one axis share a region at no loss, and a phase without
    anisotropy is one. Where there are more axes than regions, neighbouring angles share one so that the widest span of
    a region is as small as it can be.

    Returns:
        (ny, nx) region index, (regions,) angle from +y in radians: the middle of its span, (regions,) phase.
    """
    region = np.zeros(structure.shape, np.int64)
    angles: list[np.ndarray] = []
    phases: list[np.ndarray] = []
    axes_matter = [True, *(phase.K1_J_per_m3 > 0 and phase.Js_T > 0 for phase in structure.phases)]
    most = (REGIONS - axes_matter.count(False)) // axes_matter.count(True)
    for phase, matters in enumerate(axes_matter):
        cells = structure.phase_map == phase
        if not cells.any():
            continue
        angle = structure.angle_rad[cells] if matters else np.zeros(int(cells.sum()))
        share, middles = _shared(angle, most)
        region[cells] = sum(len(found) for found in angles) + share
        angles.append(middles)
        phases.append(np.full(len(middles), phase))
    return region, np.concatenate(angles), np.concatenate(phases)


def _shared(angle_rad: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Which of at most so many spans each angle is in, and the middles of the spans."""
    angles, index = np.unique(angle_rad, return_inverse=True)
    if angles.size <= most:
        return index, angles
    narrow, wide = 0.0, float(angles[-1] - angles[0]) / most  # equal parts of the whole range always suffice
    for _ in range(50):
        middle = (narrow + wide) / 2
        fits = _spans(angles, middle)[-1] < most
        narrow, wide = (narrow, middle) if fits else (middle, wide)
    span = _spans(angles, wide)
    members = [angles[span == n] for n in range(int(span[-1]) + 1)]
    return span[index], np.array([(m[0] + m[-1]) / 2 for m in members])


def _spans(angles: np.ndarray, width: float) -> np.ndarray:
    """Index of the span of each of the rising angles, when each span begins where the last cannot reach."""
    index, begin, span = np.zeros(angles.size, dtype=np.int64), angles[0], 0
    for i, angle in enumerate(angles):
        if angle > begin + width * (1 + 1e-12):
            begin, span = angle, span + 1
        index[i] = span
    return index


def _largest_error_rad(
    structure: Microstructure, region: np.ndarray, angle_rad: np.ndarray, phase: np.ndarray
) -> float:
    """Of the axes of cells whose axes matter."""
    hard = np.array([True, *(p.K1_J_per_m3 > 0 and p.Js_T > 0 for p in structure.phases)])[phase[region]]
    return float(np.abs(structure.angle_rad - angle_rad[region])[hard].max(initial=0.0))


_SPINS = {
    "planar": [
        "What differs from the planar solver:",
        "- Spins have three components here. Starting from +y with easy axes in the plane they stay in the plane, as",
        "  nothing pushes them out; with m = uniform(0, 1, 1e-3) they may leave it, and switch at other fields.",
    ],
    "free": [
        "What differs from the solver of free spins:",
        f"- A field of {PUSH:g} H_A along z pushes the spins out of the plane throughout; the solver tilts them by as",
        "  many radians at each field, and lets them go.",
    ],
}


def _about(
    structure: Microstructure, material: Material, name: str, count: int, largest_error_rad: float, spins: str
) -> str:
    lines = [
        f"Demagnetisation curve of {name}: {structure.grains} grains on {structure.shape[1]} x {structure.shape[0]} "
        f"cells of {structure.cell_nm:g} nm.",
        f"mu0 H_A = {MU0_T_M_PER_A * material.H_A_A_per_m:.6g} T, mu0 Ms = {material.Js_T:g} T.",
        "",
        *_SPINS[spins],
        "- minimize() stops by the change of the spins in a step; compare MinimizerStop = 1e-6 with 1e-7 before",
        "  trusting a field at which the magnetisation jumps.",
        "- Single precision, a numerically integrated kernel, and a prism that is long, not infinite.",
    ]
    if largest_error_rad > 0:
        lines += [
            f"- mumax3 knows {REGIONS} regions: grains with similar easy axes share {count} of them, and their axes",
            f"  are off by up to {math.degrees(largest_error_rad):.3g} degrees. THE STRUCTURE IS NOT QUITE THE SAME.",
        ]
    elif count < structure.grains and not structure.phases:
        lines.append(f"- {structure.grains} grains share {count} regions, as only their easy axes matter: no loss.")
    return "\n".join(f"// {line}".rstrip() for line in lines) + "\n"


def _mesh(structure: Microstructure) -> str:
    (ny, nx), cell_m = structure.shape, structure.cell_nm * 1e-9
    images = math.ceil(REACH * max(nx, ny) / HEIGHT)
    return (
        f"SetGridSize({nx}, {ny}, 1)\n"
        f"SetCellSize({cell_m!r}, {cell_m!r}, {HEIGHT * cell_m!r})\n"
        f"SetPBC(0, 0, {images})    // reaches {images * HEIGHT * cell_m * 1e6:.3g} um up and down\n"
    )


def _material(material: Material, angle_rad: np.ndarray) -> str:
    lines = [
        f"Msat = {material.Ms_A_per_m!r}",
        f"Aex = {material.A_J_per_m!r}",
        f"Ku1 = {material.K1_J_per_m3!r}",
        *(f"anisU.SetRegion({i}, vector({math.sin(a)!r}, {math.cos(a)!r}, 0))" for i, a in enumerate(angle_rad)),
    ]
    return "\n".join(lines) + "\n"


def _phases(structure: Microstructure, phase: np.ndarray) -> list[str]:
    """Their constants, of the regions that are not of the main phase; exchange across faces is mumax3's own harmonic
    mean, as it is that of cells here."""
    lines = []
    for i in np.flatnonzero(phase):
        own = structure.phases[phase[i] - 1]
        values = {"Msat": own.Js_T / MU0_T_M_PER_A, "Aex": own.A_J_per_m, "Ku1": own.K1_J_per_m3}
        lines += [f"{name}.SetRegion({i}, {value!r})" for name, value in values.items()]
    return [*lines, ""] if lines else []


def _cells(region: np.ndarray) -> list[str]:
    """One line per run of cells of one region in a row; region 0 is what every cell starts with."""
    lines = []
    for iy, row in enumerate(region):
        starts = np.flatnonzero(np.diff(row, prepend=-1))
        for start, stop in zip(starts, np.append(starts[1:], row.size), strict=True):
            if row[start]:
                lines.append(f"for i := {start}; i < {stop}; i++ {{ regions.SetCell(i, {iy}, 0, {row[start]}) }}")
    return lines


def _sweep(material: Material, sweep: FieldSweep, push: float) -> str:
    tesla = MU0_T_M_PER_A * material.H_A_A_per_m
    start, stop, step = (float(value) * tesla for value in (sweep.h[0], sweep.h[-1], sweep.step))
    along_z = repr(push * tesla) if push else "0"
    return f"""
m = uniform(0, 1, 0)
MinimizerStop = 1e-6
TableAdd(B_ext)
for B := {start!r}; B > {stop - step / 2!r}; B -= {step!r} {{
	B_ext = vector(0, B, {along_z})
	minimize()
	TableSave()
}}
"""
