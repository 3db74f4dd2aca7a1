"""The structures that a study draws beside its labels, and the seeds of its rounds."""

from __future__ import annotations

import numpy as np

from inverse_design.study.study import Study
from simulation.labels.drawn import Structures
from simulation.labels.labelled import LabelledStructures
from simulation.microstructure import Microstructure
from simulation.sampling import Purpose

POOL = 2000
"""Encoded structures that a search starts from and that say which codes are plausible."""


def pool_of_structures(study: Study, labels: LabelledStructures) -> Structures:
    """Structures whose codes a search starts from: the labelled ones and fresh draws, in a fixed order."""
    fresh = max(0, POOL - len(labels.structures))
    return Structures(labels.structures) + study.family.stream(study.seed, Purpose.SEARCH, 0, fresh)


def draws_of(study: Study, round_: int) -> list[Microstructure]:
    """Fresh structures of a round, not simulated: candidates, and what candidates are steered from."""
    first, count = POOL + round_ * study.search.draws, study.search.draws
    return list(study.family.stream(study.seed, Purpose.SEARCH, first, first + count))


def search_seed(study: Study, round_: int) -> int:
    """The seed of a round's search."""
    sequence = np.random.SeedSequence(study.seed, spawn_key=(int(Purpose.SEARCH), 1, round_))
    return int(sequence.generate_state(1)[0])
