"""What the solver climbs from: labelled structures and candidates, as `candidates.climb` takes them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inverse_design.candidates.candidate import REFINED, BatchRequest, Candidate
from inverse_design.candidates.climb import Simulated, climb
from inverse_design.run.keys import Stage
from inverse_design.run.verified import Verified
from inverse_design.study.study import Study
from simulation.labels.drawn import Structures
from simulation.labels.labelled import LabelledStructures
from simulation.sampling import Purpose


def batches_of(study: Study) -> int:
    """Batches that are climbed to before each search: none where the solver is slow, or the study names other sources
    only."""
    part = study.verification
    return part.refine // part.candidates if part.refine and REFINED in part.sources else 0


def part_of(round_: int, batch: int) -> str:
    """The `Verified.part` of a batch before the search of a round."""
    return f"{REFINED}-{round_}-{batch}"


def stage_of(part: str) -> str:
    """The stage of such a batch."""
    return Stage.REFINE.of(part.removeprefix(f"{REFINED}-"))


def refined(
    study: Study,
    place: tuple[int, int],
    labels: LabelledStructures,
    verified: Sequence[Verified],
    answers: Sequence[int],
    front: np.ndarray,
) -> list[Candidate]:
    """A batch of structures to simulate.

    Args:
        place: round and batch.
        labels: labelled structures, candidates at their end.
        verified: candidates so far.
        answers: rows of labelled structures that meet the goals.
        front: (m, 13) properties of the structures so far that meet the goals and that none outdoes.
    """
    part, train = study.verification, labels.split(test=False)
    request = BatchRequest(
        study.reduced_goals, part.candidates, study.magnet, front=front, distinct_deg=part.distinct_deg
    )
    hits = [item.candidate.structure for item in verified if item.is_hit(study.reduced_goals)]
    known = Simulated(train.structures, train.anchors, train.names)
    sequence = np.random.SeedSequence(study.seed, spawn_key=(int(Purpose.SEARCH), 2, *place))
    return climb(request, known, Structures(labels.structures).take(answers) + hits, int(sequence.generate_state(1)[0]))
