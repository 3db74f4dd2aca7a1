"""What a training reads: structures with their anchor points, those that train and those that judge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from simulation.anchors import ANCHORS
from simulation.labels.drawn import Structures
from simulation.microstructure import Microstructure


@dataclass(frozen=True, eq=False, repr=False)
class LabelledStructures:
    """Labelled structures: the sampled ones sorted by key, then verified candidates in the order of their choice.

    Attributes:
        keys: n label keys.
        structures: n grain structures; some may be drawn only when they are asked for.
        anchors: (n, 6); NaN where a curve has no such point.
        test: (n,) True for the split that trains nothing.
        added: how many of them, at the end, are verified candidates.
        names: n words that say which each is: "label:1234" by the index of a label, "3" by the number of a candidate.
        beside: measured ones, which train beside these and are none of them: nothing counts, tests or chooses them.
    """

    keys: tuple[str, ...]
    structures: Sequence[Microstructure]
    anchors: np.ndarray
    test: np.ndarray
    added: int = 0
    names: tuple[str, ...] = ()
    beside: LabelledStructures | None = None

    def __post_init__(self) -> None:
        if not self.names:
            object.__setattr__(self, "names", ("",) * len(self.keys))

    def __repr__(self) -> str:
        added = f", {self.added} of them verified candidates" if self.added else ""
        return f"<LabelledStructures: {len(self.keys)}, {int(np.sum(self.test))} of them test{added}>"

    def split(self, test: bool) -> LabelledStructures:
        """The test or the training part."""
        rows = np.flatnonzero(self.test == test)
        return LabelledStructures(
            tuple(self.keys[i] for i in rows),
            Structures(self.structures).take(rows),
            self.anchors[rows],
            self.test[rows],
            0 if test else self.added,
            tuple(self.names[i] for i in rows),
            None if test else self.beside,
        )

    def with_those_beside(self) -> LabelledStructures:
        """What a training reads: measured ones before the verified candidates, so that what a regressor has seen keeps
        its place."""
        if self.beside is None:
            return self
        first = len(self.keys) - self.added
        return LabelledStructures(
            (*self.keys[:first], *self.beside.keys, *self.keys[first:]),
            Structures(self.structures).take(np.arange(first))
            + self.beside.structures
            + Structures(self.structures).take(np.arange(first, len(self.keys))),
            np.vstack([self.anchors[:first], self.beside.anchors, self.anchors[first:]]),
            np.concatenate([self.test[:first], self.beside.test, self.test[first:]]),
            self.added,
            (*self.names[:first], *self.beside.names, *self.names[first:]),
        )

    def append(
        self, keys: Sequence[str], structures: Sequence[Microstructure], anchors: np.ndarray, names: Sequence[str] = ()
    ) -> LabelledStructures:
        """These labels and more to train on, at the end: what a regressor has seen keeps its place."""
        return LabelledStructures(
            (*self.keys, *keys),
            Structures(self.structures) + structures,
            np.vstack([self.anchors, np.reshape(anchors, (len(keys), len(ANCHORS)))]),
            np.concatenate([self.test, np.zeros(len(keys), bool)]),
            self.added + len(keys),
            (*self.names, *(names or ("",) * len(keys))),
            self.beside,
        )


def label_name(index: int) -> str:
    """What the label of an index is called."""
    return f"label:{index}"
