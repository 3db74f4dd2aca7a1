"""Sine and cosine in single precision that compilers vectorise, which calls of a mathematical library are not."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

_TWO_OVER_PI, _HALF_PI = 2 / math.pi, math.pi / 2
_S3, _S5, _S7, _S9 = (np.float32(1 / math.factorial(n)) for n in (3, 5, 7, 9))
_C2, _C4, _C6, _C8 = (np.float32(1 / math.factorial(n)) for n in (2, 4, 6, 8))
_ONE = np.float32(1)


@njit(inline="always")
def sin_cos(angle):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """sin and cos of an angle in double precision: its Taylor series on [-pi/4, pi/4] after removing quarter turns."""
    quarters = math.floor(angle * _TWO_OVER_PI + 0.5)
    s, c = turned(np.float32(0), _ONE, np.float32(angle - quarters * _HALF_PI))
    turns = np.int32(quarters)
    odd = (turns & 1) == 1
    sin, cos = (c if odd else s), (s if odd else c)
    return (-sin if (turns & 2) == 2 else sin), (-cos if ((turns + 1) & 2) == 2 else cos)


@njit(inline="always")
def turned(sin, cos, angle):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """(sin, cos) of the sum of two angles; the one that is added is at most pi/4 or so, single precision."""
    x = angle * angle
    s = angle * (_ONE - x * (_S3 - x * (_S5 - x * (_S7 - x * _S9))))
    c = _ONE - x * (_C2 - x * (_C4 - x * (_C6 - x * _C8)))
    return sin * c + cos * s, cos * c - sin * s
