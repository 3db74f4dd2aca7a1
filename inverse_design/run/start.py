"""A study's own structures as a start: read, held against the family, and how far an answer is from them."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from inverse_design.candidates.distances import Change, axis_distance_deg, rotation_deg
from inverse_design.files import read_json
from inverse_design.run.verified import Verified
from inverse_design.study.study import Study
from simulation.errors import InputError
from simulation.files import write_text
from simulation.labels.labelled import LabelledStructures
from simulation.microstructure import Microstructure

log = logging.getLogger("inverse_design")

START = "start"
"""The name of a structure that is a start is "start:FILE"; the folder in the run that keeps copies of them."""

INDEX = "start.json"


@dataclass(frozen=True)
class OwnStructure:
    """A structure that the search starts from.

    Attributes:
        name: "start:FILE", with a number where two files are called alike.
        structure: on the cells of the family.
    """

    name: str
    structure: Microstructure


def own_structures(study: Study, run: Path | None = None) -> list[OwnStructure]:
    """Read the structures of `start`.

    Args:
        run: the run folder, which keeps copies: a run that was moved goes on without the files.

    Raises:
        InputError: if one cannot be read, or is none that the study's surrogate knows.
    """
    if not study.start:
        return []
    from simulation.formats.reading import read_structure  # with SciPy, which a study without a start does not wait for

    found: list[OwnStructure] = []
    for number, start in enumerate(study.start):
        copy = None if run is None else run / START / f"{number:02d}.npz"
        structure = _copied(copy, start.written) if not Path(start.file).exists() else None
        if structure is None:
            read = read_structure(start.file, start.options)
            structure = read.structure
            for doubt in read.doubts:
                log.warning("start: %s: %s", start.name, doubt)
        wrong = why_no_start(structure, study)
        if wrong:
            raise InputError(f"start: {start.name}: {wrong}")
        name = f"{START}:{start.name}"
        name = f"{name} ({number})" if any(each.name == name for each in found) else name
        found.append(OwnStructure(name, structure))
    if run is not None:
        _copy(run / START, study, found)
    return found


def why_no_start(structure: Microstructure, study: Study) -> str:
    """Why a structure is none of the study's family, in a sentence; nothing where it is one."""
    family = study.family
    edge = family.cells
    whose = f"surrogate {study.surrogate.pretrained}" if study.surrogate.pretrained else "microstructures of this study"
    if structure.shape != (edge, edge) or abs(structure.cell_nm - family.cell_nm) > 1e-6 * family.cell_nm:
        ny, nx = structure.shape
        return (
            f"{nx} x {ny} cells of {structure.cell_nm:.4g} nm, and {whose}: {edge} x {edge} of {family.cell_nm:g} nm; "
            f"resample it by cell_nm, crop it, or let the study train its own with another microstructures section"
        )
    if structure.phases and family.boundary is None:
        return f"it has a second phase, and {whose}: none (microstructures: {{boundary_nm, boundary}} would be one)"
    low, high = family.grains
    if not low <= structure.grains <= high:
        return f"{structure.grains} grains, and {whose}: {low} to {high}; let the study train its own"
    most_deg = float(np.degrees(family.misorientation_rad[1])) / 2
    widest_deg = float(np.degrees(np.abs(structure.angle_rad).max()))
    if widest_deg > most_deg * (1 + 1e-9):
        return (
            f"axes up to {widest_deg:.0f} degrees off the field, and {whose}: up to {most_deg:g} "
            f"(misorientation_deg {2 * most_deg:g}); let the study train its own"
        )
    return ""


def with_starts(labels: LabelledStructures, batch: Sequence[Verified]) -> LabelledStructures:
    """The labels, and the starts of a batch of known structures that converged: parents of what is searched."""
    own = [item for item in batch if item.converged and is_start(item)]
    return labels.append(
        [item.label_key for item in own],
        [item.candidate.structure for item in own],
        np.array([item.anchors for item in own]),
        [item.candidate.parent for item in own],
    )


def is_start(item: Verified) -> bool:
    """Whether a candidate is a structure of the user's own."""
    return item.part == "known" and item.candidate.parent.startswith(f"{START}:")


def apart_in_words(structure: Microstructure, start: Microstructure) -> str:
    """How far a structure is from a start: grains turned, and degrees of axis."""
    away = axis_distance_deg(structure, start)
    change = Change.of(structure, rotation_deg(structure, start))
    if change is None:
        return f"{away:.3g} degrees of axis away in the mean over the cells, with other grains"
    return f"{change.in_words()}, {away:.3g} degrees of axis in the mean over the cells"


def _copied(copy: Path | None, written: object) -> Microstructure | None:
    """A start as an earlier attempt has kept it, if it was read from the same file in the same way."""
    if copy is None or not (copy.parent / INDEX).is_file():
        return None
    kept = read_json(copy.parent / INDEX)
    number = int(copy.stem)
    entries = kept.get("start") if isinstance(kept, dict) else None
    if not isinstance(entries, list) or len(entries) <= number or entries[number] != written:
        return None
    return Microstructure.load(copy)


def _copy(folder: Path, study: Study, found: Sequence[OwnStructure]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number, each in enumerate(found):
        each.structure.save(folder / f"{number:02d}.npz")
    write_text(folder / INDEX, json.dumps({"start": [each.written for each in study.start]}) + "\n")
