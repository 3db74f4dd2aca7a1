"""A round's choice of candidates: what it starts from, and what is known to it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from inverse_design.candidates.candidate import KNOWN, MODEL_OPTIMIZED, BatchRequest, Candidate, Known
from inverse_design.candidates.distances import Nearby
from inverse_design.candidates.propose import propose
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
        verified: what is known from the labels, and the candidates of earlier rounds.
        front: (m, 13) properties of the structures so far that meet the goals and that none outdoes.
        answers: rows of the labelled structures that meet the goals.
    """

    number: int
    labels: LabelledStructures
    verified: tuple[Verified, ...]
    front: np.ndarray
    answers: tuple[int, ...] = ()


def choose(study: Study, round_: Round, model: Surrogate, visited: np.ndarray) -> list[Candidate]:
    """The structures that a round simulates, from the codes (n, latent) that its search visited and all else."""
    part = study.verification
    request = BatchRequest(
        study.reduced_goals,
        part.candidates,
        study.magnet,
        part.sources,
        round_.front,
        _answers(study, round_, model),
        part.distinct_deg,
    )
    chosen = propose(model, request, visited, _known(study, round_, model))
    novelty = model.novelty([candidate.structure for candidate in chosen])
    return [replace(each, novelty=float(score)) for each, score in zip(chosen, novelty, strict=True)]


def _answers(study: Study, round_: Round, model: Surrogate) -> Nearby:
    """Structures that meet the goals: labelled ones, and candidates of this run, confirmed or not."""
    hits = [item.candidate.structure for item in round_.verified if item.is_hit(study.reduced_goals)]
    structures = Structures(round_.labels.structures).take(round_.answers) + hits
    return Nearby(structures, encoded(study.surrogate.pretrained, model, structures))


def _known(study: Study, round_: Round, model: Surrogate) -> Known:
    """What was simulated, the test split left out, and the round's own draws."""
    train = round_.labels.split(test=False)
    searched = [(str(n), item) for n, item in enumerate(round_.verified) if item.candidate.source != KNOWN]
    sound = [item.candidate for _, item in searched if item.converged]
    failed = [(name, item.candidate.structure) for name, item in searched if not item.converged]
    draws = draws_of(study, round_.number)
    structures = Structures(train.structures) + [structure for _, structure in failed] + draws
    anchors = np.vstack([train.anchors, np.full((len(failed), len(ANCHORS)), np.nan)])
    raw_prediction = np.full(anchors.shape, np.nan)
    for row, candidate in enumerate(sound, len(train.structures) - len(sound)):
        if candidate.source in MODEL_OPTIMIZED:
            raw_prediction[row] = candidate.raw_prediction
    codes = encoded(study.surrogate.pretrained, model, structures)
    return Known.of(structures, codes, anchors, raw_prediction, [*train.names, *(name for name, _ in failed)])
