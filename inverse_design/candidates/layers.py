"""Grain structures with another layer of a second phase between their grains: what the climb expects of them.

With s the Js of a cell over that of the main phase, and a the angle of its axis from the field, M1 and Mr change by the
mean changes of s and of s |cos a| over the cells, as the magnet switches otherwise as before; and all anchor points by

    SLOPE w + SPREAD sqrt(|w| / UNIT) N(0, 1),

w being by how much the moment of the layer, the mean over the cells of its s, has grown. The constants are read off
pairs of structures that were simulated (`python -m studies.benchmarks.layers`).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulation.material import Material
from simulation.microstructure import Microstructure
from simulation.sampling import Boundary

SLOPE = np.array([0.0, 0.0, -1.6, -2.0, -1.8, -1.1])
SPREAD = np.array([0.0015, 0.0025, 0.023, 0.028, 0.028, 0.028])
UNIT = 0.02
"""Of M1, Mr, Hk90, Hk80, Hk70 and Hc, and of w, see above; with free spins."""

LAYERS, THICKER_CELLS, STRONGER = 4, 1, 0.15
"""Other layers that each parent is looked at with: by at most so many cells thicker or thinner, their polarisation
changed by this standard deviation in widths of the family's range."""

VARIED_CELLS, VARIED_SHARE = 1.0, 0.3
"""How far other layers are from those of their parents, about, as standard deviations: in cells, and in widths of the
family's range of polarisations."""


def other_layers(
    parent: Microstructure, boundary: Boundary | None, rng: np.random.Generator
) -> Iterator[Microstructure]:
    """A structure with other layers of a family; none where it has what no family draws."""
    if boundary is None or (parent.phases and not parent.boundary_nm):
        return
    for _ in range(LAYERS):
        layered = with_other_layer(parent, boundary, rng)
        if layered != parent:
            yield layered


def with_other_layer(grains: Microstructure, boundary: Boundary, rng: np.random.Generator) -> Microstructure:
    """The same grains with a layer that is thicker or thinner, and of another polarisation, within what the family has.

    Those that had none get one of any polarisation.
    """
    cell_nm, (thin, thick) = grains.cell_nm, boundary.cells(grains.cell_nm)
    cells = round(grains.boundary_nm / cell_nm) + int(rng.integers(-THICKER_CELLS, THICKER_CELLS, endpoint=True))
    low, high = boundary.Js_T
    drawn_T = float(rng.uniform(low, high))
    if grains.phases:
        drawn_T = float(np.clip(grains.phases[0].Js_T + STRONGER * (high - low) * rng.normal(), low, high))
    thickness_nm = min(max(cells, thin), thick) * cell_nm
    return grains.without_phases().with_boundary(thickness_nm, boundary.phase(drawn_T))


def layer_change(parent: Microstructure, child: Microstructure, material: Material) -> tuple[np.ndarray, float]:
    """(6,) by how much anchor points change with what lies between the grains, and w, see above."""
    before, after = (one.polarization_T(material) / material.Js_T for one in (parent, child))
    moments = [float((s * (one.phase_map > 0)).mean()) for s, one in ((before, parent), (after, child))]
    shift = SLOPE * (moments[1] - moments[0])
    shift[0] += float((after - before).mean())
    shift[1] += float(((after - before) * np.abs(np.cos(child.angle_rad))).mean())
    return shift, moments[1] - moments[0]


def layer_spread(grown: float) -> np.ndarray:
    """(6,) standard deviation of the anchor points that `layer_change` tells, from its w."""
    return np.asarray(SPREAD * np.sqrt(abs(grown) / UNIT))
