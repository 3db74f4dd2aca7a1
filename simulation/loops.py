"""Measured loops: their falling branch, what specimen and holder add, and how far a simulated curve is from it."""

from __future__ import annotations

import itertools

import numpy as np

from simulation.bhmax import SQUARE_PRISM
from simulation.errors import InputError
from simulation.material import Material

TURN = 0.02
"""Share of the range of fields by which a field has to turn back before a branch ends: less is a magnetometer's noise.
"""

HIGH = 0.9
"""Share of the largest field from which on a background is taken for straight."""

SPACING = 0.01
"""Between the points at which curves are compared, in the plane of H / H_A and M / Ms."""


def falling_branch(
    h: np.ndarray, m: np.ndarray, slope: bool = False, offset: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """The longest branch of a measured loop along which the field falls, its noise smoothed out.

    On it M cannot rise while H falls; where it does it is noise, and the nearest curve that does not is taken, in the
    sense of least squares (isotonic regression). A second quadrant listed from its lowest field up is turned round.

    Args:
        h, m: (n,) field and magnetisation in the order in which they were measured, in any units.
        slope: subtract the slope of a straight line through the points at the largest fields: holder and background.
        offset: centre the loop, in H and in M, which needs both branches.

    Returns:
        (k,) field, falling strictly, and magnetisation.

    Raises:
        InputError: if there is no such branch, or the loop is none that can be centred.
    """
    h, m = np.asarray(h, np.float64), np.asarray(m, np.float64)
    if h.ndim != 1 or h.shape != m.shape or h.size < 3:
        raise InputError(f"at least three points of field and magnetisation are needed, got {h.shape} and {m.shape}")
    if not (np.isfinite(h).all() and np.isfinite(m).all()):
        raise InputError("every field and magnetisation must be a finite number")
    if h.max() <= 0.02 * np.abs(h).max() and np.polyfit(h, m, 1)[0] > 0 and h[-1] > h[0] and m.max() > -m.min():
        h, m = h[::-1], m[::-1]  # a second quadrant, listed from its lowest field up
    if slope:
        m = m - _background(h, m) * h
    legs = _legs(h)
    falls = [leg for leg in legs if h[leg[0]] > h[leg[-1]]]
    if not falls:
        raise InputError("the field only rises: a demagnetisation curve is measured from the largest field down")
    fall = max(falls, key=lambda leg: float(h[leg[0]] - h[leg[-1]]))
    if offset:
        h, m = _centred(h, m, fall, [leg for leg in legs if h[leg[0]] < h[leg[-1]]])
    h, m = h[fall], m[fall]
    if m[0] <= 0:
        raise InputError("the magnetisation is not positive at the largest field: turn the sign of one of the columns")
    return _smooth(h, m)


def _legs(h: np.ndarray) -> list[np.ndarray]:
    """Indices of the stretches between turning points, each with its two ends."""
    least, ends, direction = TURN * float(np.ptp(h)), [0], 0
    extreme = 0
    for i in range(1, h.size):
        if direction == 0:
            if abs(h[i] - h[0]) > least:
                direction, extreme = (1 if h[i] > h[0] else -1), i
        elif (h[i] - h[extreme]) * direction >= 0:
            extreme = i
        elif abs(h[i] - h[extreme]) > least:
            ends.append(extreme)
            direction, extreme = -direction, i
    ends.append(h.size - 1)
    return [np.arange(a, b + 1) for a, b in itertools.pairwise(ends) if b > a]


def _background(h: np.ndarray, m: np.ndarray) -> float:
    """Slope at the largest fields of either sign, where the loop is closed."""
    slopes = []
    for high in (h > HIGH * h.max(), h < HIGH * h.min()):
        if h[high].size >= 3 and np.ptp(h[high]) > 0 and np.abs(h[high]).min() > 0.5 * np.abs(h).max():
            slopes.append(np.polyfit(h[high], m[high], 1)[0])
    if not slopes:
        raise InputError("a slope needs at least three points within a tenth of the largest field")
    return float(np.mean(slopes))


def _centred(h: np.ndarray, m: np.ndarray, fall: np.ndarray, rises: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The loop with its ends at opposite magnetisations and both coercive fields alike."""
    rise = max(rises, key=lambda leg: float(h[leg[-1]] - h[leg[0]]), default=fall[:0])
    most = np.abs(h[fall]).max()
    if not rise.size or min(h[fall[0]], -h[fall[-1]], h[rise[-1]], -h[rise[0]]) < 0.8 * most:
        raise InputError("an offset needs a full loop, from a largest field to its opposite and back")
    m = m - (m[fall[0]] + m[fall[-1]]) / 2
    crossings = [float(np.interp(0.0, *(v[np.argsort(m[leg])] for v in (m[leg], h[leg])))) for leg in (fall, rise)]
    return h - sum(crossings) / 2, m


def _smooth(h: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fields in falling order, once each, and the nearest magnetisation that does not rise along them."""
    from scipy.optimize import isotonic_regression

    fields, of = np.unique(h, return_inverse=True)
    counts = np.bincount(of)
    means = np.bincount(of, m) / counts
    rising = isotonic_regression(means, weights=counts.astype(float)).x
    return fields[::-1].copy(), np.asarray(rising)[::-1].copy()


def as_of_a_square_prism(h: np.ndarray, m: np.ndarray, material: Material, demagnetizing_factor: float) -> np.ndarray:
    """(n,) the applied field H / H_A at which a square prism has the field inside that the specimen had.

    The field inside is H - N M; a prism of factor 1/2, as every structure here is one, has it at H + (1/2 - N) M.

    Args:
        h, m: (n,) H / H_A and M / Ms as measured.
        demagnetizing_factor: N of the specimen, 0 in a closed circuit.
    """
    return np.asarray(h + (SQUARE_PRISM - demagnetizing_factor) * m * material.q)


def curve_distance(measured_h: np.ndarray, measured_m: np.ndarray, h: np.ndarray, m: np.ndarray) -> float:
    """Root mean square distance of a measured curve from a simulated one, in the plane of H / H_A and M / Ms.

    Points that lie evenly along the measured curve are taken, and of each the distance from the nearest point of the
    simulated one; a distance along M alone would be as large as the magnetisation wherever a steep curve falls a step
    of the field too early. Only what both cover is compared: no field beyond the simulated ones, and nothing below
    M = 0 where the simulation ended there.

    Args:
        measured_h, measured_m: (k,) the falling branch.
        h, m: (n,) the simulated curve, its field falling.

    Returns:
        NaN where they have nothing in common.
    """
    h, m = np.asarray(h, np.float64), np.asarray(m, np.float64)
    if h.size < 2 or not (np.isfinite(h).all() and np.isfinite(m).all()):
        return float("nan")
    x, y = _evenly(np.asarray(measured_h, np.float64), np.asarray(measured_m, np.float64))
    common = (x <= h[0] + 1e-9) & (y >= min(float(m[-1]), 0.0) if m[-1] <= 0 else x >= h[-1] - 1e-9)
    if not common.any():
        return float("nan")
    x, y = x[common, None], y[common, None]
    dh, dm = np.diff(h), np.diff(m)
    length = np.maximum(dh**2 + dm**2, 1e-300)
    along = np.clip(((x - h[:-1]) * dh + (y - m[:-1]) * dm) / length, 0, 1)
    squared = (x - h[:-1] - along * dh) ** 2 + (y - m[:-1] - along * dm) ** 2
    return float(np.sqrt(squared.min(axis=1).mean()))


def _evenly(h: np.ndarray, m: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points at `SPACING` along a curve."""
    length = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(h), np.diff(m)))])
    at = np.linspace(0, length[-1], max(2, int(length[-1] / SPACING) + 1))
    return np.interp(at, length, h), np.interp(at, length, m)
