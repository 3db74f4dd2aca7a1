"""What a goal can ask for: the anchor points, what follows from a curve, and the structure itself."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import numpy as np

from simulation.anchors import UNITS as ANCHOR_UNITS
from simulation.anchors import curve_points
from simulation.bhmax import maximum_energy_product
from simulation.material import Material
from simulation.microstructure import Microstructure


class Column(IntEnum):
    """Columns of arrays (n, 13) of properties; of arrays (n, 6) of anchor points the first six."""

    M1 = 0
    Mr = 1
    Hk90 = 2
    Hk80 = 3
    Hk70 = 4
    Hc = 5
    squareness = 6
    BHmax = 7
    grain_size_nm = 8
    axis_spread_deg = 9
    low_angle_share = 10
    boundary_nm = 11
    boundary_Js_T = 12


DERIVED = ("squareness", "BHmax")
BOUNDARY = ("boundary_nm", "boundary_Js_T")
STRUCTURE = ("grain_size_nm", "axis_spread_deg", "low_angle_share", *BOUNDARY)
PROPERTIES = tuple(column.name for column in Column)
"""Names of the columns: the anchor points, what follows from the curve, what the grains have.

squareness: Hk90 / Hc. BHmax: the energy product (see `simulation.bhmax`) in units of mu0 Ms^2 / 4, the most that this
material can have. grain_size_nm: mean over the grains of the diameter of a circle of the grain's area. axis_spread_deg:
circular standard deviation of the easy axes, weighted by area, in degrees (Mardia and Jupp, Directional Statistics,
section 2.3, for axes: half that of the doubled angles). low_angle_share: share of the length of grain boundaries across
which the axes differ by less than 15 degrees. boundary_nm and boundary_Js_T: thickness of the layer between the grains
and polarisation of its phase in T, both 0 where there is none.
"""

UNITS = {
    **ANCHOR_UNITS,
    "squareness": "",
    "BHmax": "BHmax of the material",
    "grain_size_nm": "nm",
    "axis_spread_deg": "deg",
    "low_angle_share": "",
    "boundary_nm": "nm",
    "boundary_Js_T": "T",
}

LOW_ANGLE_RAD = np.radians(15.0)
_POINTS = 48
_BEFORE_BOUNDARIES = 11
"""Properties of runs of before there were boundaries."""
"""Of each straight piece of a predicted curve."""


def derived_from_curve(h: np.ndarray, m: np.ndarray, anchors: np.ndarray, material: Material) -> np.ndarray:
    """(2,) squareness and BHmax of a simulated curve; NaN where it lacks them."""
    product = maximum_energy_product(h, m, material) / material.maximum_energy_product_J_per_m3
    return np.array([anchors[Column.Hk90] / anchors[Column.Hc], product])


def derived_from_anchors(anchors: np.ndarray, material: Material) -> np.ndarray:
    """(n, 2) squareness and BHmax of the straight lines through anchor points (n, 6)."""
    anchors = np.asarray(anchors, np.float64)
    h, m = curve_points(anchors)
    t = np.linspace(0, 1, _POINTS)
    field, along = (v[:, :-1, None] * (1 - t) + v[:, 1:, None] * t for v in (h, m))
    product = along**2 - (2 * field * material.H_A_A_per_m / material.Ms_A_per_m) ** 2
    squareness = anchors[:, Column.Hk90] / np.maximum(anchors[:, Column.Hc], 1e-6)
    return np.column_stack([squareness, product.max(axis=(1, 2))])


def simulated_properties(
    structure: Microstructure, h: np.ndarray, m: np.ndarray, anchors: np.ndarray, material: Material
) -> np.ndarray:
    """(13,) all `PROPERTIES` of a structure and its simulated curve."""
    return np.concatenate([anchors, derived_from_curve(h, m, anchors, material), structure_properties(structure)])


def with_boundaries(values: np.ndarray) -> np.ndarray:
    """(..., 13) properties of an older run (..., 11), whose magnets have one phase; others as they are."""
    if values.shape[-1] != _BEFORE_BOUNDARIES:
        return values
    return np.concatenate([values, np.zeros((*values.shape[:-1], len(BOUNDARY)))], axis=-1)


def grain_diameters_nm(structure: Microstructure) -> np.ndarray:
    """(grains,) diameter of the circle that has the area of each grain."""
    area = np.bincount(structure.grain_id.ravel())
    return np.asarray(2 * np.sqrt(area[area > 0] / np.pi) * structure.cell_nm)


def structure_properties(structure: Microstructure) -> np.ndarray:
    """(5,) grain size, spread of the axes, share of low-angle boundaries, thickness and polarisation of what lies
    between the grains; of a single grain, which has no boundary, the share is 1."""
    return properties_turned(structure, structure.grain_angle_rad[None])[0]


def grain_properties(structures: Iterable[Microstructure]) -> np.ndarray:
    """(n, 5) `structure_properties` of each."""
    return np.array([structure_properties(structure) for structure in structures]).reshape(-1, len(STRUCTURE))


def properties_turned(structure: Microstructure, angle_rad: np.ndarray) -> np.ndarray:
    """(n, 5) `structure_properties` of the same grains with other axes (n, grains)."""
    ids, count = structure.grain_id.astype(np.int64), structure.grain_angle_rad.size
    area = np.bincount(ids.ravel(), minlength=count)
    resultant = np.abs(np.sum(area * np.exp(2j * angle_rad), axis=1)) / area.sum()
    spread = np.degrees(np.sqrt(-2 * np.log(np.clip(resultant, 1e-9, 1)))) / 2
    edges = [(ids[1:], ids[:-1]), (ids[:, 1:], ids[:, :-1])]
    pairs = np.concatenate([count * a[a != b] + b[a != b] for a, b in edges])
    pairs, length = np.unique(pairs, return_counts=True)
    apart = np.abs(np.angle(np.exp(2j * (angle_rad[:, pairs // count] - angle_rad[:, pairs % count])))) / 2
    share = (apart < LOW_ANGLE_RAD) @ length / length.sum() if len(pairs) else np.ones(len(angle_rad))
    between = structure.phases[0].Js_T if structure.phases else 0.0
    certain = np.broadcast_to(
        [grain_diameters_nm(structure).mean(), structure.boundary_nm, between], (len(angle_rad), 3)
    )
    return np.column_stack([certain[:, 0], spread, share, certain[:, 1:]])
