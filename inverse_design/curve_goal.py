"""A measured curve as a goal: what simulated curves are held against.

Only anchor points are predicted, so that the search goes by those of the measured curve, which are targets like others.
How far a whole curve is from it is known once it is simulated: it decides what a hit is, and which is the best.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulation.loops import curve_distance


@dataclass(frozen=True, eq=False, repr=False)
class CurveGoal:
    """A falling branch that simulated curves are to follow.

    Attributes:
        h, m: (k,) H / H_A, falling, and M / Ms, as a square prism would have them.
        tolerance: largest distance of a hit, see `simulation.loops.curve_distance`; None: any will do.
        minimize: whether of two hits the nearer one is the better.
        source: where it is from.
    """

    h: np.ndarray
    m: np.ndarray
    tolerance: float | None = None
    minimize: bool = False
    source: str = ""

    def __repr__(self) -> str:
        return f"<CurveGoal {self.describe()}>"

    def describe(self) -> str:
        """As a person would say it.

        >>> CurveGoal(np.array([1.0, 0.0]), np.array([0.9, 0.8]), 0.02, source="loop.csv").describe()
        'rms distance from loop.csv ≤ 0.02'
        """
        words = [f"rms distance from {self.source or 'the measured curve'}"]
        if self.tolerance is not None:
            words.append(f"≤ {self.tolerance:.3g}")
        return " ".join([*words, *(["as small as possible"] if self.minimize else [])])

    def distance(self, h: np.ndarray, m: np.ndarray) -> float:
        """Of a simulated curve (n,); NaN where the two have nothing in common."""
        return curve_distance(self.h, self.m, h, m)

    def met(self, h: np.ndarray, m: np.ndarray) -> bool:
        """Whether a simulated curve is a hit as far as this goal goes."""
        return self.tolerance is None or self.distance(h, m) <= self.tolerance

    def as_plain(self) -> dict[str, object]:
        """What keys say of it."""
        return {"h": self.h.tolist(), "m": self.m.tolist(), "tolerance": self.tolerance}
