"""Grain structures worth a full simulation, and what is known of others.

They come from four sources (see `sources`), and compete on equal terms (see `propose`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from inverse_design.goals import Goal
from simulation.anchors import ANCHORS
from simulation.material import Material, Nd2Fe14B
from simulation.microstructure import Microstructure
from simulation.sampling import StructureFamily

DECODED, STEERED, TURNED, DRAWN = SOURCES = ("decoded", "steered", "turned", "drawn")
MODEL_OPTIMIZED = (DECODED, STEERED)
"""Those that were chosen for their predictions, so that the errors which flatter are found."""


class LatentModel(Protocol):
    """What candidates need of a surrogate."""

    @property
    def label_std(self) -> np.ndarray: ...

    def encode(self, microstructures: Sequence[Microstructure]) -> np.ndarray: ...

    def predict(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def decode_field(self, latent: np.ndarray) -> np.ndarray: ...

    def rotate_axes(self, microstructures: Sequence[Microstructure], wanted: np.ndarray) -> list[Microstructure]: ...

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
    """

    structures: Sequence[Microstructure]
    codes: np.ndarray
    anchors: np.ndarray
    simulated: np.ndarray
    raw_prediction: np.ndarray

    @classmethod
    def of(
        cls,
        structures: Sequence[Microstructure],
        codes: np.ndarray,
        anchors: np.ndarray,
        raw_prediction: np.ndarray | None = None,
    ) -> Known:
        """Of structures whose first m were simulated, with their anchors (m, 6) and what was said of them (m, 6), if
        anything; the others are fresh draws."""
        nothing = np.full((len(structures), len(ANCHORS)), np.nan)
        done = len(anchors)
        anchors = np.vstack([anchors, nothing[done:]])
        raw_prediction = nothing if raw_prediction is None else np.vstack([raw_prediction, nothing[done:]])
        return cls(structures, codes, anchors, np.arange(len(structures)) < done, raw_prediction)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A grain structure and what is predicted of it.

    Attributes:
        structure: the sharp grains, what will be simulated.
        wanted_code: (latent,) code that the search asked for; of a drawn structure its own, of a steered one that
            of the structure that it was steered from.
        code: (latent,) code of the sharp structure.
        predicted: (11,) `PROPERTIES` predicted from `code`, so for the structure itself; grain size, spread of the
            axes and share of low-angle boundaries as the grains have them.
        std: (6,) standard deviations of the anchor points among them.
        source: where it comes from, one of `SOURCES`.
        raw_prediction: (6,) anchor points that the surrogate says alone, before what is known of errors corrects it.
    """

    structure: Microstructure
    wanted_code: np.ndarray
    code: np.ndarray
    predicted: np.ndarray
    std: np.ndarray
    source: str = DECODED
    raw_prediction: np.ndarray = field(default_factory=lambda: np.full(len(ANCHORS), np.nan))

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
        family: cell size and allowed number of grains.
        material: what the energy product is figured with.
        sources: which to use.
        best: (11,) properties of the best structure so far that was simulated and meets the goals, None if none does.
    """

    goals: Sequence[Goal]
    count: int
    family: StructureFamily
    material: Material = Nd2Fe14B
    sources: Sequence[str] = SOURCES
    best: np.ndarray | None = None
