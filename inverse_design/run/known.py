"""Answers that are there before anything is searched: the best labelled structures that meet the goals."""

from __future__ import annotations

import logging
from collections.abc import Sequence

import numpy as np

from inverse_design.candidates.candidate import KNOWN, Candidate
from inverse_design.candidates.distances import axis_distance_deg
from inverse_design.goals import UNITS, Goal, curve_of
from inverse_design.properties import PROPERTIES, STRUCTURE, structure_properties
from inverse_design.run.simulating import Simulator
from inverse_design.run.start import OwnStructure
from inverse_design.run.verified import Verified, verify_batch
from inverse_design.study.shipped import shipped_labels
from inverse_design.study.study import Study
from simulation.anchors import ANCHORS
from simulation.labels.label import Label
from simulation.labels.labelled import LabelledStructures
from simulation.microstructure import Microstructure

log = logging.getLogger("inverse_design")


def known_candidates(
    study: Study,
    labels: LabelledStructures,
    rows: Sequence[int],
    simulator: Simulator,
    own: Sequence[OwnStructure] = (),
) -> list[Verified]:
    """Structures of the user's own, then the best of some labelled structures, as verified candidates of round 0: as
    many of these as a batch has, no two of them one answer. A curve that was simulated under the very conditions of a
    candidate is taken as it is; others are simulated."""
    chosen = _distinct(labels, rows, study.verification.candidates, study.verification.distinct_deg)
    structures = [*(each.structure for each in own), *(labels.structures[row] for row in chosen)]
    names = [*(each.name for each in own), *(labels.names[row] for row in chosen)]
    candidates = [_candidate(structure, name) for structure, name in zip(structures, names, strict=True)]
    found = _shipped(study, labels, chosen, simulator)
    there = {label.structure_hash for label in found}
    missing = [structure for structure in structures if structure.content_hash not in there]
    if missing:
        found = [*found, *simulator.simulate("known structures", missing, simulator.conditions(), reversals=True)]
    return verify_batch([0] * len(candidates), candidates, found)


def _distinct(labels: LabelledStructures, rows: Sequence[int], count: int, least_deg: float) -> list[int]:
    chosen: list[int] = []
    for row in map(int, rows):
        if len(chosen) == count:
            break
        structure = labels.structures[row]
        if all(axis_distance_deg(structure, labels.structures[other]) > least_deg for other in chosen):
            chosen.append(row)
    return chosen


def _candidate(structure: Microstructure, name: str) -> Candidate:
    """Nothing is predicted of it but what its grains have."""
    predicted, unknown = np.full(len(PROPERTIES), np.nan), np.full(len(ANCHORS), np.nan)
    predicted[len(PROPERTIES) - len(STRUCTURE) :] = structure_properties(structure)
    nothing = np.zeros(0)
    return Candidate(structure, nothing, predicted, unknown, KNOWN, parent=name, nearest=name, nearest_deg=0.0)


def _shipped(study: Study, labels: LabelledStructures, rows: Sequence[int], simulator: Simulator) -> list[Label]:
    """Shipped curves of some labelled structures, none unless their keys are those of the study's own simulations."""
    name, conditions = study.surrogate.pretrained, simulator.conditions()
    if name is None:
        return []
    same = [row for row in rows if conditions.label_key(labels.structures[row].content_hash) == labels.keys[row]]
    return shipped_labels(name, [labels.names[row] for row in same])


def tell(goals: Sequence[Goal], verified: Sequence[Verified]) -> None:
    """Say in the log what is known, a line a structure."""
    for item in verified:
        values = [f"{g.quantity} {item.properties[g.column]:.4g} {UNITS[g.quantity]}".rstrip() for g in goals]
        if curve_of(goals) is not None:
            values.append(f"a distance of {item.apart(goals):.3g} from the measured curve")
        words = {True: ": confirmed", False: ": not confirmed", None: ": outdone" * item.outdone}[item.confirmed]
        log.info("known: %s has %s%s", item.candidate.parent, ", ".join(values), words)
