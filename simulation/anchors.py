"""The six numbers that a demagnetisation curve is judged by."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass

import numpy as np

from simulation.errors import InputError

ANCHORS = ("M1", "Mr", "Hk90", "Hk80", "Hk70", "Hc")
"""Names of the anchor points in their fixed order."""

LEVELS = {"Hk90": 0.9, "Hk80": 0.8, "Hk70": 0.7, "Hc": 0.0}
"""Where M stands at each of the fields among them, as a share of the remanence."""

UNITS = {name: "H_A" if name in LEVELS else "Ms" for name in ANCHORS}
"""Unit of each: fields in H_A, magnetisations in Ms."""


@dataclass(frozen=True, eq=False, repr=False)
class AnchorPoints(Mapping[str, float]):
    """Anchor points of a curve (Kovacs et al. 2022, section 2); NaN where the curve has no such point.

    M1 = M(H_A) and Mr = M(0), in Ms. Hk90, Hk80, Hk70: where M has fallen to 0.9, 0.8, 0.7 Mr; Hc: where M = 0;
    in H_A, counted positive against the first magnetisation.

    Also a mapping from the names in their order; equal where the numbers are, a missing one to a missing one.

    >>> points = AnchorPoints(0.96, 0.8, 0.2, 0.25, 0.28, float("nan"))
    >>> points
    AnchorPoints(M1=0.96, Mr=0.8, Hk90=0.2, Hk80=0.25, Hk70=0.28, Hc=nan)
    >>> points["Mr"], list(points)[:2], dict(points)["Hk90"]
    (0.8, ['M1', 'Mr'], 0.2)
    """

    M1: float
    Mr: float
    Hk90: float
    Hk80: float
    Hk70: float
    Hc: float

    def __getitem__(self, name: str) -> float:
        if name not in ANCHORS:
            raise KeyError(f"{name!r}: the anchor points are {', '.join(ANCHORS)}")
        return float(getattr(self, name))

    def __iter__(self) -> Iterator[str]:
        return iter(ANCHORS)

    def __len__(self) -> int:
        return len(ANCHORS)

    def __eq__(self, other: object) -> bool:
        return self.as_dict() == other.as_dict() if isinstance(other, AnchorPoints) else NotImplemented

    def __hash__(self) -> int:
        return hash(tuple(self.as_dict().values()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={value:.5g}' for name, value in self.items())})"

    def _repr_html_(self) -> str:
        """In a notebook: a table with units."""
        from simulation.pictures.notebook import beside

        rows = [(name, "missing" if math.isnan(v) else f"{v:.4f} {UNITS[name]}") for name, v in self.items()]
        return beside("", rows, "anchor points")

    def as_array(self) -> np.ndarray:
        """(6,) in the order of `ANCHORS`."""
        return np.asarray(astuple(self), dtype=np.float64)

    def as_dict(self) -> dict[str, float | None]:
        """By name, None where missing: what goes into JSON."""
        return {name: (float(v) if np.isfinite(v) else None) for name, v in zip(ANCHORS, self.as_array(), strict=True)}


def anchor_points(h: np.ndarray, m: np.ndarray) -> AnchorPoints:
    """Read the anchor points off a curve by linear interpolation between the two bracketing fields.

    Args:
        h: (n,) reduced field H / H_A, falling. Of a loop that rises again the falling branch is taken, which a
            warning says.
        m: (n,) reduced magnetisation M / Ms along the field.

    Raises:
        InputError: if these are no such arrays, or the field only rises.

    >>> points = anchor_points(np.array([1, 0, -0.2, -0.4]), np.array([0.9, 0.8, 0.6, -0.6]))
    >>> f"Mr {points.Mr:.2f}, Hk90 {points.Hk90:.2f}, Hc {points.Hc:.2f}"
    'Mr 0.80, Hk90 0.08, Hc 0.30'
    """
    h, m = _falling_branch(*_checked(h, m))
    remanence = _value_at(h, m, 0.0)
    against = h <= 1e-12  # the second quadrant: the knees and Hc are looked for from h = 0 on
    falls = [_first_fall(h[against], m[against], level * remanence) for level in LEVELS.values()]
    return AnchorPoints(_value_at(h, m, 1.0), remanence, falls[0], falls[1], falls[2], falls[3])


def internal_anchor_points(internal_h: np.ndarray, m: np.ndarray) -> AnchorPoints:
    """The anchor points of a curve by the field inside the magnet, which data sheets go by.

    Mr is that of a closed circuit, where the field inside is 0, and the knees are shares of it; Hc is the same by
    either field. While M falls in an avalanche at one applied field, the field inside rises: knees on it lie deeper
    than Hc, as in every sheared curve of a magnet that reverses at once. What counts is where M falls below a level
    first along the curve.

    Args:
        internal_h: (n,) H_int / H_A of the states of a curve in their order.
        m: (n,) M / Ms.

    >>> h, m = np.array([1, 0, -0.2, -0.4]), np.array([0.9, 0.8, 0.6, -0.6])
    >>> points = internal_anchor_points(h - 0.1 * m, m)
    >>> f"Mr {points.Mr:.2f}, Hk90 {points.Hk90:.2f}, Hc {points.Hc:.2f}"
    'Mr 0.81, Hk90 0.15, Hc 0.30'
    """
    h, m = _checked(internal_h, m)
    inside = np.flatnonzero(h <= 0)
    if not inside.size or not inside[0]:
        return AnchorPoints(*[math.nan] * len(ANCHORS))
    i = int(inside[0])
    remanence = float(m[i - 1] + h[i - 1] / (h[i - 1] - h[i]) * (m[i] - m[i - 1]))
    h, m = np.concatenate([[0.0], h[i:]]), np.concatenate([[remanence], m[i:]])
    falls = [_first_fall(h, m, level * remanence) for level in LEVELS.values()]
    return AnchorPoints(math.nan, remanence, falls[0], falls[1], falls[2], falls[3])


def _checked(h: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    try:
        h, m = np.asarray(h, dtype=np.float64), np.asarray(m, dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError("anchor_points: h and m must be numbers") from None
    if h.ndim != 1 or h.shape != m.shape:
        raise InputError(f"anchor_points: h and m must be of one length, got shapes {h.shape} and {m.shape}")
    if not np.isfinite(h).all():
        raise InputError("anchor_points: every field must be a finite number")
    return h, m


def _falling_branch(h: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The curve itself where its field falls throughout; of a loop the longest stretch along which it falls."""
    rises = np.flatnonzero(np.diff(h) > 0)
    if not rises.size:
        return h, m
    starts, stops = np.concatenate([[0], rises + 1]), np.concatenate([rises + 1, [h.size]])
    spans = h[starts] - h[stops - 1]
    longest = int(spans.argmax())
    if spans[longest] <= 0:
        raise InputError(
            "anchor_points: the field rises, a demagnetisation curve is given from the largest field down: "
            "h[::-1], m[::-1], if this is one"
        )
    start, stop = int(starts[longest]), int(stops[longest])
    warnings.warn(
        f"anchor_points: the field rises somewhere, as in a loop: its falling branch is taken, points {start} to "
        f"{stop - 1} of {h.size}, H from {h[start]:g} to {h[stop - 1]:g}",
        stacklevel=3,
    )
    return h[start:stop], m[start:stop]


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
