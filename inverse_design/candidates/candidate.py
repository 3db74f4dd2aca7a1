"""Grain structures worth a full simulation, and what is known of others.

They come from four sources (see `sources`), and compete on equal terms (see `propose`); labelled structures that meet
the goals are candidates of a fifth, "known".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from inverse_design.candidates.distances import Change, Nearby
from inverse_design.goals import Goal
from inverse_design.properties import PROPERTIES
from simulation.anchors import ANCHORS
from simulation.material import Material, Nd2Fe14B
from simulation.microstructure import Microstructure
from simulation.sampling import Boundary

DECODED, STEERED, TURNED, DRAWN = SOURCES = ("decoded", "steered", "turned", "drawn")
"""Where a round of the surrogate has its candidates from."""

KNOWN = "known"
"""Labelled structures that meet the goals: nothing was searched for them, and nothing predicted."""

REFINED = "refined"
"""Those that the solver itself climbed to, without the surrogate, see `climb`."""

MODEL_OPTIMIZED = (DECODED, STEERED)
"""Those that were chosen for their predictions, so that the errors which flatter are found."""


class LatentModel(Protocol):
    """What candidates need of a surrogate."""

    @property
    def label_std(self) -> np.ndarray: ...

    def encode(self, microstructures: Sequence[Microstructure]) -> np.ndarray: ...

    def predict(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def draw(self, latent: np.ndarray) -> list[Microstructure]: ...

    def steer_axes(
        self, microstructures: Sequence[Microstructure], wanted: np.ndarray, scale: np.ndarray
    ) -> list[Microstructure]: ...


@dataclass(frozen=True, eq=False)
class Known:
    """Structures and what is known of them.

    Attributes:
        structures: n grain structures, on the grid of the surrogate.
        codes: (n, latent) their codes.
        anchors: (n, 6) simulated anchor points; NaN where there are none.
        simulated: (n,) whether it was simulated, be it in vain: what was is no candidate any more.
        raw_prediction: (n, 6) what the surrogate said of it when it was chosen, for a decoded or steered candidate,
            else NaN: a surrogate that has learnt it since would say something else.
        names: n words that say which each is, see `LabelledStructures`; empty for a fresh draw. Empty if none is known.
    """

    structures: Sequence[Microstructure]
    codes: np.ndarray
    anchors: np.ndarray
    simulated: np.ndarray
    raw_prediction: np.ndarray
    names: Sequence[str] = ()

    @classmethod
    def of(
        cls,
        structures: Sequence[Microstructure],
        codes: np.ndarray,
        anchors: np.ndarray,
        raw_prediction: np.ndarray | None = None,
        names: Sequence[str] = (),
    ) -> Known:
        """Of structures whose first m were simulated, with their anchors (m, 6), what was said of them (m, 6), if
        anything, and m names, if they have any; the others are fresh draws."""
        nothing = np.full((len(structures), len(ANCHORS)), np.nan)
        done = len(anchors)
        anchors = np.vstack([anchors, nothing[done:]])
        raw_prediction = nothing if raw_prediction is None else np.vstack([raw_prediction, nothing[done:]])
        named = (*names, *[""] * (len(structures) - len(names))) if names else ()
        return cls(structures, codes, anchors, np.arange(len(structures)) < done, raw_prediction, named)

    def name(self, row: int) -> str:
        """Which it is; nothing for a fresh draw."""
        return self.names[row] if self.names else ""


@dataclass(frozen=True, eq=False, repr=False)
class Candidate:
    """A grain structure and what is predicted of it.

    Attributes:
        structure: the sharp grains, what will be simulated.
        code: (latent,) code of the sharp structure; (0,) of one that no surrogate has seen.
        predicted: (13,) `PROPERTIES` predicted from `code`, so for the structure itself; grain size, spread of the
            axes and share of low-angle boundaries as the grains have them.
        std: (6,) standard deviations of the anchor points among them.
        source: where it comes from, one of `SOURCES`, or `KNOWN` or `REFINED`.
        raw_prediction: (6,) anchor points that the surrogate says alone, before what is known of errors corrects it.
        parent: what was steered or turned, or what a known one is: "label:1234", the number of a candidate, or empty
            (a fresh draw, or nothing at all).
        rotated_deg: (grains,) by how much each of the parent's axes was turned; none where the grains are not those of
            a parent.
        nearest, nearest_deg: the structure with a known curve that is nearest, and how far it is, in degrees of axis
            averaged over the cells; empty and NaN where that was not looked for.
        novelty: how unlike it is all that the surrogate was trained on, above 1 outside, see
            `surrogate.Surrogate.novelty`; NaN where that is not known.
        hit_probability: of meeting every target and bound, as told when it was chosen; NaN where nothing was.
    """

    structure: Microstructure
    code: np.ndarray
    predicted: np.ndarray
    std: np.ndarray
    source: str = DECODED
    raw_prediction: np.ndarray = field(default_factory=lambda: np.full(len(ANCHORS), np.nan))
    parent: str = ""
    rotated_deg: np.ndarray = field(default_factory=lambda: np.zeros(0))
    nearest: str = ""
    nearest_deg: float = float("nan")
    novelty: float = float("nan")
    hit_probability: float = float("nan")

    def __repr__(self) -> str:
        values = " ".join(f"{name} {value:.3f}" for name, value in zip(ANCHORS, self.anchors, strict=True))
        return f"<Candidate, {self.source}: {self.structure!r}, predicted {values}>"

    @property
    def change(self) -> Change | None:
        """What was done to its parent's grains, None where it has not the grains of one."""
        return Change.of(self.structure, self.rotated_deg)

    @property
    def anchors(self) -> np.ndarray:
        """(6,) predicted anchor points."""
        return self.predicted[: len(ANCHORS)]

    def same_grains(self, other: Candidate) -> bool:
        """Whether this is the other candidate, be it on finer cells."""
        factor = round(other.structure.cell_nm / self.structure.cell_nm)
        return factor >= 1 and other.structure.refine(factor).content_hash == self.structure.content_hash


@dataclass(frozen=True, eq=False)
class BatchRequest:
    """What a batch of candidates is chosen for.

    Attributes:
        goals: what is wanted.
        count: size of the batch; fewer come back only where there are fewer distinct structures.
        material: what the energy product is figured with.
        sources: which to use.
        front: (m, 13) properties of the structures so far that were simulated, meet the goals and are outdone by none,
            see `goals.front`.
        answers: structures that meet the goals already; what differs from none of them is not proposed.
        distinct_deg: two structures that differ by no more, in degrees of axis averaged over the cells, are one.
        boundary: what may lie between the grains of the family; None if nothing does.
    """

    goals: Sequence[Goal]
    count: int
    material: Material = Nd2Fe14B
    sources: Sequence[str] = SOURCES
    front: np.ndarray = field(default_factory=lambda: np.zeros((0, len(PROPERTIES))))
    answers: Nearby = field(default_factory=lambda: Nearby((), np.zeros((0, 0))))
    distinct_deg: float = 0.0
    boundary: Boundary | None = None
