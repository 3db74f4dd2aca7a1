"""Angles between unit vectors from their chords, without inverse trigonometric functions, which are not vectorised.

With the chord s = |m_i - m_j| between two directions that are an angle d apart, u = cos(d/2) = sqrt(1 - s^2/4) and

    H(u) = (d/2) / sin(d/2) = arccos(u) / sqrt(1 - u^2),        d^2 = s^2 H^2,        G = d / sin d = H / u.

H is smooth from u = 0 (opposite directions, pi/2) to u = 1 (the same, 1): a polynomial through its values at the points
of Chebyshev is right to 2e-7. The derivative of d^2/2 by m_i, in the tangent plane there, is -G m_j.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.polynomial import Chebyshev, Polynomial

DEGREE = 8
LEAST_U2 = np.float32(1e-4)
"""Floor of u^2: within a degree of opposite directions G stays finite, and the torque between them falls to zero."""


def _series() -> tuple[np.float32, ...]:
    def h(u: np.ndarray) -> np.ndarray:  # Chebyshev's points are inside (0, 1)
        return np.asarray(np.arccos(u) / np.sqrt(1 - u * u))

    through = Chebyshev.interpolate(h, DEGREE, domain=[0, 1])
    return tuple(np.float32(a) for a in through.convert(domain=[-1, 1], kind=Polynomial).coef)


_A0, _A1, _A2, _A3, _A4, _A5, _A6, _A7, _A8 = _series()
_ONE, _QUARTER = np.float32(1), np.float32(0.25)


@njit(inline="always")
def pair(x0, y0, z0, x1, y1, z1):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """d^2 and G of two unit vectors."""
    dx, dy, dz = x1 - x0, y1 - y0, z1 - z0
    s2 = dx * dx + dy * dy + dz * dz
    u2 = _ONE - _QUARTER * s2
    u = np.float32(math.sqrt(u2 if u2 > LEAST_U2 else LEAST_U2))
    h = _A0 + u * (_A1 + u * (_A2 + u * (_A3 + u * (_A4 + u * (_A5 + u * (_A6 + u * (_A7 + u * _A8)))))))
    return s2 * h * h, h / u
