"""The six numbers that a demagnetisation curve is judged by."""

from __future__ import annotations

from dataclasses import astuple, dataclass

import numpy as np

ANCHORS = ("M1", "Mr", "Hk90", "Hk80", "Hk70", "Hc")
"""Names of the anchor points in their fixed order."""

LEVELS = {"Hk90": 0.9, "Hk80": 0.8, "Hk70": 0.7, "Hc": 0.0}
"""Where M stands at each of the fields among them, as a share of the remanence."""

UNITS = {name: "H_A" if name in LEVELS else "Ms" for name in ANCHORS}
"""Unit of each: fields in H_A, magnetisations in Ms."""


@dataclass(frozen=True)
class AnchorPoints:
    """Anchor points of a curve (Kovacs et al. 2022, section 2); NaN where the curve has no such point.

    M1 = M(H_A) and Mr = M(0), in Ms. Hk90, Hk80, Hk70: where M has fallen to 0.9, 0.8, 0.7 Mr; Hc: where M = 0;
    in H_A, counted positive against the first magnetisation.
    """

    M1: float
    Mr: float
    Hk90: float
    Hk80: float
    Hk70: float
    Hc: float

    def as_array(self) -> np.ndarray:
        """(6,) in the order of `ANCHORS`."""
        return np.asarray(astuple(self), dtype=np.float64)

    def as_dict(self) -> dict[str, float | None]:
        """By name, None where missing: what goes into JSON."""
        return {name: (float(v) if np.isfinite(v) else None) for name, v in zip(ANCHORS, self.as_array(), strict=True)}


def anchor_points(h: np.ndarray, m: np.ndarray) -> AnchorPoints:
    """Read the anchor points off a curve by linear interpolation between the two bracketing fields.

    Args:
        h: (n,) reduced field H / H_A, falling.
        m: (n,) reduced magnetisation M / Ms along the field.

    >>> points = anchor_points(np.array([1, 0, -0.2, -0.4]), np.array([0.9, 0.8, 0.6, -0.6]))
    >>> f"Mr {points.Mr:.2f}, Hk90 {points.Hk90:.2f}, Hc {points.Hc:.2f}"
    'Mr 0.80, Hk90 0.08, Hc 0.30'
    """
    h, m = np.asarray(h, dtype=np.float64), np.asarray(m, dtype=np.float64)
    remanence = _value_at(h, m, 0.0)
    against = h <= 1e-12  # the second quadrant: the knees and Hc are looked for from h = 0 on
    falls = [_first_fall(h[against], m[against], level * remanence) for level in LEVELS.values()]
    return AnchorPoints(_value_at(h, m, 1.0), remanence, falls[0], falls[1], falls[2], falls[3])


def curve_points(anchors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Anchor points as points of the curve, in the order in which the field falls: straight lines between them stand
    in for a curve that is not known.

    Args:
        anchors: (n, 6).

    Returns:
        h and m, each (n, 6): M1 at h = 1, Mr at 0, each knee at its share of the same remanence.
    """
    anchors = np.asarray(anchors, dtype=np.float64)
    m1, remanence, fields = anchors[:, 0], anchors[:, 1], anchors[:, 2:]
    one, zero = np.ones(len(anchors)), np.zeros(len(anchors))
    shares = [level * remanence if level else zero for level in LEVELS.values()]
    return np.column_stack([one, zero, -fields]), np.column_stack([m1, remanence, *shares])


def _value_at(h: np.ndarray, m: np.ndarray, field: float) -> float:
    """M at one field, NaN outside the sweep."""
    if h.size == 0 or field > h[0] + 1e-12 or field < h[-1] - 1e-12:
        return float("nan")
    return float(np.interp(field, h[::-1], m[::-1]))


def _first_fall(h: np.ndarray, m: np.ndarray, level: float) -> float:
    """-H of the first crossing from at or above `level` to below it, NaN if the curve has none."""
    if not np.isfinite(level) or h.size < 2 or m[0] <= level:
        return float("nan")
    below = np.flatnonzero(m < level)
    if below.size == 0:
        return float("nan")
    i = int(below[0])
    return float(-(h[i - 1] + (m[i - 1] - level) / (m[i - 1] - m[i]) * (h[i] - h[i - 1])))
