"""The measured curve of a study: read once from its file, kept with the study as points in reduced units."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
from pydantic import Field, Strict

from inverse_design.curve_goal import CurveGoal
from inverse_design.study.loop_file import LoopFile, read_loop
from inverse_design.study.sections import Anchor, Flag, Number, Section
from inverse_design.study.units import reduced
from inverse_design.study.wishes import GoalSection
from simulation.anchors import anchor_points
from simulation.bhmax import SQUARE_PRISM
from simulation.errors import InputError
from simulation.loops import as_of_a_square_prism, falling_branch
from simulation.material import Material

MOST_POINTS = 250
"""Of a branch as a study holds it: evenly along its length, which from +H_A to -H_A is about four."""

TOLERANCE = 0.02
"""Of the anchor points of a curve that is as near as possible, in Ms and H_A."""

MOST_M = 1.05
"""M / Ms beyond which a unit or the material is wrong rather than a density or a volume a little off."""

Column = Annotated[int, Strict(), Field(ge=1, le=1000)]


class CurveSection(Section):
    """`goals.curve`: a measured loop that simulated curves are to follow.

    `file` is read once; a study as run holds `points`, (H / H_A, M / Ms) of the falling branch as a square prism has
    it. `tolerance` is of the rms distance in the plane of H / H_A and M / Ms (`simulation.loops.curve_distance`), and
    of the `anchors` of the curve unless `anchor_tolerance` is another: those that were measured become targets.
    """

    file: str | None = None
    tolerance: Annotated[Number, Field(gt=0, le=1)] | None = None
    minimize: Flag = False
    anchors: tuple[Anchor, ...] = get_args(Anchor)
    anchor_tolerance: Annotated[Number, Field(gt=0, le=1)] | None = None
    demagnetizing_factor: Annotated[Number, Field(ge=0, le=1)] | None = None
    units: tuple[str, str] | None = None
    columns: tuple[Column, Column] | None = None
    quantity: Literal["M", "J", "B"] | None = None
    slope: Flag = False
    offset: Flag = False
    volume_mm3: Annotated[Number, Field(gt=0)] | None = None
    density_g_per_cm3: Annotated[Number, Field(gt=0)] | None = None
    points: Annotated[tuple[tuple[Number, Number], ...], Field(min_length=2, max_length=1000)] | None = None

    def goal(self) -> CurveGoal:
        """As a value; `points` are there by now."""
        h, m = np.array(self.points, np.float64).T
        return CurveGoal(h, m, self.tolerance, self.minimize, Path(self.file).name if self.file else "")


def read_curve(section: CurveSection, material: Material) -> tuple[CurveSection, dict[str, GoalSection]]:
    """The section with its points, and the targets that its anchor points are.

    Raises:
        InputError: if the file is none that can be read, or its numbers are not those of such a magnet.
    """
    if section.file is None:
        raise InputError("needs a file, for example {file: loop.csv, tolerance: 0.02}")
    if section.tolerance is None and not section.minimize:
        raise InputError("needs a tolerance, or minimize: true, or both")
    loop = read_loop(Path(section.file), section.columns)
    h, m = _reduced(loop, section, material)
    try:
        h, m = falling_branch(h, m, section.slope, section.offset)
    except InputError as error:
        raise InputError(f"{section.file}: {error}") from None
    factor = SQUARE_PRISM if section.demagnetizing_factor is None else section.demagnetizing_factor
    h = as_of_a_square_prism(h, m, material, factor)
    forward = np.concatenate([[True], h[1:] < np.minimum.accumulate(h)[:-1]])  # sheared by more than the prism
    h, m = h[forward], m[forward]
    if m.max() > MOST_M:
        raise InputError(
            f"{section.file}: M reaches {m.max():.3g} Ms, more than the material has; is a unit wrong, or the material?"
        )
    values = anchor_points(h, m).as_dict()
    tolerance = section.anchor_tolerance or section.tolerance or TOLERANCE
    targets: dict[str, GoalSection] = {
        name: GoalSection(target=round(min(value, 1.0), 4), tolerance=tolerance)
        for name in section.anchors
        if (value := values[name]) is not None
    }
    points = tuple((round(float(x), 5), round(float(y), 5)) for x, y in zip(*_resampled(h, m), strict=True))
    return section.model_copy(update={"points": points}), targets


def _reduced(loop: LoopFile, section: CurveSection, material: Material) -> tuple[np.ndarray, np.ndarray]:
    """H / H_A and M / Ms of what stands in a file."""
    of_h, of_m = section.units or loop.units
    h = loop.field * _scale(section, of_h, "field", material, float(np.abs(loop.field).max()))
    m = loop.magnetization * _scale(section, of_m, "magnetization", material, float(np.abs(loop.magnetization).max()))
    if (section.quantity or loop.quantity) == "B":
        m = m - h / material.q  # B = mu0 (H + M)
    return h, m


UNITLESS = {"field": 20.0, "magnetization": 2.0}
"""Largest numbers without a unit that may be in H_A and Ms."""


def _scale(section: CurveSection, unit: str, quantity: str, material: Material, most: float) -> float:
    """What a number of the file is in reduced units."""
    place = 1 if quantity == "field" else 2
    if not unit or unit in ("1", "-", "H_A", "Ms"):
        if most > UNITLESS[quantity]:
            raise InputError(
                f"{section.file}: the file says no unit of the {quantity}, and {most:.6g} is none in "
                f"{'H_A' if quantity == 'field' else 'Ms'}; say units: [kOe, emu/cm3] or others"
            )
        return 1.0
    per = 1.0
    plain = unit.replace(" ", "").replace("·", ".").replace("*", ".")
    if quantity == "magnetization" and plain.lower() in ("emu", "a.m2", "am2", "a.m^2", "am^2"):
        if section.volume_mm3 is None:
            raise InputError(f"{section.file}: a moment in {unit} needs the volume of the specimen: volume_mm3")
        per, plain = (1e3 if plain.lower() == "emu" else 1e6) / section.volume_mm3, "emu/cm^3"  # 1 A m2 is 1000 emu
    elif quantity == "magnetization" and plain.lower() in ("emu/g", "a.m2/kg", "am2/kg", "a.m^2/kg", "am^2/kg"):
        if section.density_g_per_cm3 is None:
            raise InputError(f"{section.file}: a moment in {unit} needs the density of the specimen: density_g_per_cm3")
        per, plain = section.density_g_per_cm3, "emu/cm^3"
    try:
        return per * reduced(f"1 {plain}", quantity, material)
    except ValueError as error:
        raise InputError(f"{section.file}: column {place}: {error}") from None


def _resampled(h: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """At most `MOST_POINTS` of a branch: its own where they are few, else evenly along its length."""
    if h.size <= MOST_POINTS:
        return h, m
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(h), np.diff(m)))])
    at = np.linspace(0, length[-1], MOST_POINTS)
    return np.interp(at, length, h), np.interp(at, length, m)
