"""What a study takes from a structure that its own are to look like."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simulation.microstructure import Microstructure
from simulation.morphology import morphology
from simulation.sampling import MOST_ASPECT, SIZE_SIGMA

MEASURED = ("size_nm", "cell_nm", "grains", "misorientation_deg", "texture", "direction_deg", "size_sigma", "aspect",
            "elongation_deg")  # fmt: skip
"""Keys of `microstructures` that a structure has values for."""

LIKE = 0.8, 1.25
"""Grain numbers and widths of the texture that are sampled like one structure, in its own."""


def statistics_of(path: Path, given: Mapping[str, Any]) -> dict[str, Any]:
    """Keys of `microstructures` as a structure has them: its size, grains that are as large as its own in the mean and
    as narrowly or widely distributed, as long, and axes about the same direction with the same spread.

    Args:
        path: of the structure file.
        given: keys that are written, of which the size counts for the number of grains.

    Raises:
        InputError: if there is no such structure.
    """
    structure = Microstructure.load(path)
    found, cell_nm = morphology(structure), given.get("cell_nm", structure.cell_nm)
    size_nm = given.get("size_nm")
    if not isinstance(cell_nm, int | float) or not isinstance(size_nm, int | float | None) or not cell_nm > 0:
        return {}  # the fields themselves say what is wrong
    if size_nm is None:
        size_nm = min(structure.shape) * structure.cell_nm // cell_nm * cell_nm
    count, width = size_nm**2 / found.area_nm2, math.degrees(found.width_rad)
    low, high = (max(1, round(factor * count)) for factor in LIKE)
    return {
        "size_nm": float(size_nm),
        "cell_nm": float(cell_nm),
        "grains": (low, high),
        "misorientation_deg": tuple(round(min(factor * width, 90.0), 3) for factor in LIKE),
        "texture": "gaussian",
        "direction_deg": round(math.degrees(found.direction_rad), 3),
        "size_sigma": round(min(max(found.size_sigma, SIZE_SIGMA[0]), SIZE_SIGMA[1]), 4),
        "aspect": round(min(found.aspect, MOST_ASPECT), 4),
        "elongation_deg": round(math.degrees(found.elongation_rad), 3),
    }
