"""Structures with a hit's statistics: nobody can make one exact grain map.

A redraw has as many grains of the study's family as the hit, Voronoi ones by default, and the hit's easy axes dealt out
anew among them: the same distribution of grain sizes and of axes, other places; between them what the hit has there.
What mean and spread its curves have is what a maker of magnets can expect.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from inverse_design.files import read_arrays
from inverse_design.properties import PROPERTIES, simulated_properties, with_boundaries
from inverse_design.run.verified import Verified
from simulation.labels.label import Label
from simulation.microstructure import Microstructure
from simulation.sampling import Purpose, StructureFamily, generator
from simulation.tessellation import voronoi

RESULT = "redraws.npz"


def redraws(
    structure: Microstructure, count: int, seed: int, family: StructureFamily | None = None
) -> list[Microstructure]:
    """`count` structures with the statistics of a square one; the same seed and structure give the same.

    Args:
        family: whose grain sizes and elongation they have; None: Voronoi.
    """
    angles, size_nm = structure.grain_angle_rad, structure.shape[0] * structure.cell_nm
    drawn = []
    for number in range(count):
        rng = generator(seed, Purpose.REDRAW, int(structure.content_hash[:8], 16), number)
        if family is None or family.is_voronoi:
            grains = voronoi(size_nm, structure.cell_nm, angles.size, 0.0, rng)
        else:
            grains = replace(family, size_nm=size_nm, cell_nm=structure.cell_nm).with_axes(np.zeros(angles.size), rng)
        axes = rng.permutation(angles)[: grains.grain_angle_rad.size]  # a seed may be left without a cell
        drawn.append(_with_layer_of(structure, Microstructure(grains.grain_id, axes, structure.cell_nm)))
    return drawn


def _with_layer_of(structure: Microstructure, redrawn: Microstructure) -> Microstructure:
    """The grains with the layer that a structure has between its own.

    Of a map that no thickness is known of, they get a layer of the phase that most of its cells have, as many cells
    thick as come nearest to its share of the area.
    """
    if not structure.phases:
        return redrawn
    phase = structure.phases[int(np.bincount(structure.phase_map.ravel())[1:].argmax())]
    if structure.boundary_nm and len(structure.phases) == 1:
        return redrawn.with_boundary(structure.boundary_nm, phase)
    share, cell_nm = (structure.phase_map > 0).mean(), structure.cell_nm
    layers = (redrawn.with_boundary(cells * cell_nm, phase) for cells in range(1, max(structure.shape) + 1))
    best, smallest = redrawn, share
    for layer in layers:
        off = abs((layer.phase_map > 0).mean() - share)
        if off > smallest:
            break
        best, smallest = layer, off
    return best


def save_redraws(
    folder: Path, rows: Sequence[int], drawn: Sequence[Sequence[Microstructure]], labels: Sequence[Label]
) -> None:
    """Write the properties (hits, redraws, 13) of the redraws of a batch's hits, NaN where not converged.

    Args:
        rows: numbers of the hits in their batch.
        drawn: their redraws, as many of each.
        labels: their simulations, in any order.
    """
    by_structure = {label.structure_hash: label for label in labels}
    shape = (len(rows), len(drawn[0]) if drawn else 0, len(PROPERTIES))
    values = np.full(shape, np.nan)
    for i, family in enumerate(drawn):
        for j, structure in enumerate(family):
            label = by_structure[structure.content_hash]
            if label.converged:
                anchors, material = label.anchors.as_array(), label.conditions.material
                values[i, j] = simulated_properties(structure, label.h, label.m, anchors, material)
    np.savez_compressed(folder / RESULT, rows=np.array(rows, int), values=values)


def with_redraws(batch: Sequence[Verified], folder: Path) -> list[Verified]:
    """A batch with what `save_redraws` wrote; as it is where nothing was redrawn."""
    if not (folder / RESULT).exists():
        return list(batch)
    data = read_arrays(folder / RESULT)
    found = dict(zip(data["rows"].tolist(), with_boundaries(data["values"]), strict=True))
    return [replace(item, redrawn=found[i]) if i in found else item for i, item in enumerate(batch)]


def redraws_table(verified: Sequence[Verified]) -> pd.DataFrame:
    """One row a redraw: number of the candidate and of the redraw, whether it converged, its properties."""
    rows = [
        {
            "candidate": number,
            "redraw": i,
            "converged": bool(np.isfinite(values[0])),
            **dict(zip(PROPERTIES, values, strict=True)),
        }
        for number, item in enumerate(verified)
        for i, values in enumerate(item.redrawn)
    ]
    return pd.DataFrame(rows, columns=["candidate", "redraw", "converged", *PROPERTIES])
