"""The maximum energy product of a demagnetisation curve: a seventh property, derived from the curve."""

from __future__ import annotations

import math

import numpy as np

from simulation.errors import InputError
from simulation.material import MU0_T_M_PER_A, Material, named_material

SQUARE_PRISM = 0.5
"""Demagnetising factor of an infinitely long square prism magnetised across: that of every structure of a study."""


def rectangular_prism(ny: float, nx: float) -> float:
    """Demagnetising factor along y of an infinitely long rectangular prism of edges `ny` and `nx` in the plane.

    Magnetometric, the mean over the prism magnetised uniformly: Aharoni, J. Appl. Phys. 83, 3432 (1998), equation 1 in
    the limit of infinite length, with p = ny / nx,

        pi N = (1 - p^2) / (2 p) ln(1 + p^2) + p ln p + 2 arctan(1 / p).

    >>> rectangular_prism(1, 1), round(rectangular_prism(4, 1), 4), round(rectangular_prism(1, 4), 4)
    (0.5, 0.2301, 0.7699)
    """
    p = ny / nx
    if p == 1:
        return SQUARE_PRISM
    total = (1 - p * p) / (2 * p) * math.log1p(p * p) + p * math.log(p) + 2 * math.atan(1 / p)
    return total / math.pi


def internal_field(
    h: np.ndarray, m: np.ndarray, material: Material, demagnetizing_factor: float = SQUARE_PRISM
) -> np.ndarray:
    """(n,) the field inside the magnet, H / H_A: the applied field (n,) less N M."""
    return np.asarray(np.asarray(h) - demagnetizing_factor * np.asarray(m) * material.Ms_A_per_m / material.H_A_A_per_m)


def maximum_energy_product(
    h: np.ndarray, m: np.ndarray, material: Material | str, demagnetizing_factor: float = SQUARE_PRISM
) -> float:
    """(BH)max in J/m^3: the largest -B H_int of the second quadrant, H_int < 0 < B.

    A curve is simulated against the applied field H of a finite magnet, its energy product belongs to the field
    inside: H_int = H - N M, B = mu0 (H_int + M), N the demagnetising factor (Coey, Magnetism and Magnetic Materials,
    section 2.4). Between two points of the curve both are linear, so that the maximum there is taken exactly.

    With N = 1/2 the product is mu0 (M^2/4 - H^2): mu0 Mr^2 / 4 of a curve that is flat about H = 0, which the magnet
    reaches by standing there with its load line of slope -1, at no applied field.

    Args:
        h: (n,) applied field H / H_A, falling.
        m: (n,) magnetisation along the field, M / Ms.
        material: for the units; a name of `MATERIALS` will do.
        demagnetizing_factor: N in [0, 1].

    Returns:
        NaN where the curve has no second quadrant, or has its largest product at one of its ends.

    Raises:
        InputError: if N is out of range, there is no such material or the arrays do not fit.

    >>> from simulation import Nd2Fe14B
    >>> square_loop = maximum_energy_product(np.array([1, 0, -0.5, -1]), np.ones(4), Nd2Fe14B)
    >>> f"{square_loop / 1e3:.0f} kJ/m3"
    '516 kJ/m3'
    """
    h, m, material = np.asarray(h, dtype=np.float64), np.asarray(m, dtype=np.float64), named_material(material)
    if not 0 <= demagnetizing_factor <= 1:
        raise InputError(f"demagnetizing_factor must lie in [0, 1], got {demagnetizing_factor!r}")
    if h.ndim != 1 or h.shape != m.shape:
        raise InputError(f"maximum_energy_product: h and m must be of one length, got {h.shape} and {m.shape}")
    internal = h * material.H_A_A_per_m - demagnetizing_factor * m * material.Ms_A_per_m
    induction = MU0_T_M_PER_A * (internal + m * material.Ms_A_per_m)
    best, at_an_end = math.nan, True
    for i in range(h.size - 1):
        product, where = _largest_on_segment(internal[i : i + 2], induction[i : i + 2])
        if product > 0 and not product <= best:  # `not <=`: also the first one, after NaN
            best = product
            at_an_end = (i == 0 and where == 0) or (i == h.size - 2 and where == 1)
    return math.nan if at_an_end else best


def _largest_on_segment(internal: np.ndarray, induction: np.ndarray) -> tuple[float, float]:
    """Largest -B H_int of the second quadrant on a straight piece, and where on it (0 to 1); (0, nan) if none."""
    (field, field_change), (flux, flux_change) = ((v[0], v[1] - v[0]) for v in (internal, induction))
    places = [0.0, 1.0]
    if field_change * flux_change != 0:  # the vertex of the parabola -(field + t dfield)(flux + t dflux)
        vertex = -(field * flux_change + flux * field_change) / (2 * field_change * flux_change)
        if 0 < vertex < 1:
            places.append(float(vertex))
    best, where = 0.0, math.nan
    for t in places:
        inside, through = field + t * field_change, flux + t * flux_change
        if inside < 0 < through and -inside * through > best:
            best, where = float(-inside * through), t
    return best, where
