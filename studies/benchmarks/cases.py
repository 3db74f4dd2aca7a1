"""Structures to measure on: those that fidimag has simulated."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from simulation import InputError, Microstructure

ALIGNED_DEG, ISOTROPIC_DEG = 45.0, 80.0
GROUPS = ("aligned", "between", "isotropic")


@dataclass(frozen=True, eq=False)
class Case:
    """A structure with what is stored of fidimag's curve for it.

    Args:
        name: of the file.
        structure: the grains.
        anchors: (6,) fidimag's anchor points, None where it was not run.
        fidimag_s: its seconds, on the machine that made the file.
        fidimag_evaluations: its field evaluations.
    """

    name: str
    structure: Microstructure
    anchors: np.ndarray | None = None
    fidimag_s: float | None = None
    fidimag_evaluations: int | None = None

    @property
    def largest_axis_deg(self) -> float:
        """Largest angle of an easy axis from the field, at most 90 degrees: an axis has no head."""
        return math.degrees(float(np.abs(self.structure.angle_rad).max()))

    @property
    def group(self) -> str:
        """One of `GROUPS`, by the largest axis."""
        if self.largest_axis_deg <= ALIGNED_DEG:
            return "aligned"
        return "isotropic" if self.largest_axis_deg > ISOTROPIC_DEG else "between"


def reference_cases(folder: Path) -> list[Case]:
    """The structures and curves of `fidimag_*.npz`: a structure file with `anchors`, `wall_s`, `field_evaluations`.

    Raises:
        InputError: if the folder holds none, or one is incomplete.
    """
    files = sorted(folder.glob("fidimag_*.npz"), key=lambda file: (len(file.stem), file.stem))
    if not files:
        raise InputError(f"{folder}: no reference curves fidimag_*.npz here")
    return [_reference_case(file) for file in files]


def _reference_case(file: Path) -> Case:
    structure = Microstructure.load(file)
    with np.load(file, allow_pickle=False) as data:
        missing = {"anchors", "wall_s", "field_evaluations"} - set(data.files)
        if missing:
            raise InputError(f"{file}: no array named {' or '.join(sorted(missing))}")
        anchors, wall_s, evaluations = data["anchors"], float(data["wall_s"]), int(data["field_evaluations"])
    return Case(file.stem.removeprefix("fidimag_"), structure, anchors, wall_s, evaluations)


def of_group(cases: Sequence[Case], group: str) -> list[Case]:
    """The cases of one of the `GROUPS`."""
    return [case for case in cases if case.group == group]


def few(cases: Sequence[Case], count: int) -> list[Case]:
    """`count` of the cases, one of each group in turn, in their own order."""
    turns = chain.from_iterable(zip_longest(*(of_group(cases, group) for group in GROUPS)))
    taken = [case.name for case in turns if case is not None][:count]
    return [case for case in cases if case.name in taken]
