"""What can be wanted on the page, and between which values."""

from __future__ import annotations

from simulation.anchors import ANCHORS

Range = tuple[float, float, float]
"""Least, most, and step of a slider, in the unit of the property."""


def ranges(side_nm: float) -> dict[str, Range]:
    """By property, for squares of a side: the anchor points, what follows from a curve, and what the grains have."""
    share, of_curve = (0.0, 1.0, 0.01), (0.0, 1.0, 0.005)
    return {
        **dict.fromkeys(ANCHORS, of_curve), "squareness": share, "BHmax": of_curve,
        "grain_size_nm": (0.0, side_nm, 0.5), "axis_spread_deg": (0.0, 90.0, 0.5), "low_angle_share": share,
    }  # fmt: skip
