"""A round's choice of candidates: what it starts from, and what is known to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inverse_design.candidates.candidate import MODEL_OPTIMIZED, BatchRequest, Candidate, Known
from inverse_design.candidates.propose import propose
from inverse_design.progress import Update
from inverse_design.run.draws import draws_of
from inverse_design.run.verified import Verified
from inverse_design.study.shipped import encoded
from inverse_design.study.study import Study
from simulation.anchors import ANCHORS
from simulation.labels.drawn import Structures
from simulation.labels.labelled import LabelledStructures
from surrogate import Surrogate


@dataclass(frozen=True, eq=False)
class Round:
    """What a round starts from.

    Attributes:
        number: from 0.
        labels: labelled structures, candidates of earlier rounds at their end.
        verified: the candidates of earlier rounds.
        best: (11,) properties of the best structure so far that meets the goals, None if none does.
    """

    number: int
    labels: LabelledStructures
    verified: tuple[Verified, ...]
    best: np.ndarray | None


def choose(study: Study, round_: Round, model: Surrogate, visited: np.ndarray, update: Update) -> list[Candidate]:
    """The structures that a round simulates, from the codes (n, latent) that its search visited and all else."""
    part = study.verification
    request = BatchRequest(study.reduced_goals, part.candidates, study.family, study.magnet, part.sources, round_.best)
    return propose(model, request, visited, _known(study, round_, model), update)


def _known(study: Study, round_: Round, model: Surrogate) -> Known:
    """What was simulated, the test split left out, and the round's own draws."""
    train = round_.labels.split(test=False)
    sound, failed = ([i.candidate for i in round_.verified if i.converged is wanted] for wanted in (True, False))
    structures = Structures(train.structures) + (candidate.structure for candidate in failed)
    structures += draws_of(study, round_.number)
    anchors = np.vstack([train.anchors, np.full((len(failed), len(ANCHORS)), np.nan)])
    raw_prediction = np.full(anchors.shape, np.nan)
    for row, candidate in enumerate(sound, len(train.structures) - len(sound)):
        if candidate.source in MODEL_OPTIMIZED:
            raw_prediction[row] = candidate.raw_prediction
    codes = encoded(study.surrogate.pretrained, model, structures)
    return Known.of(structures, codes, anchors, raw_prediction)
