"""What each stage of the loop depends on, and what it does.

    labels, vae, regressor/0, search/0, verify/0, regressor/1, search/1, verify/1, ...

A stage's key hashes its inputs' keys, the part of the study it reads and a version that is bumped by hand when the
stage's meaning changes. What only says when to stop (`rounds`, `max_simulations`, `hits`), and where things run
(`execution`), is in no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from inverse_design.properties import PROPERTIES
from inverse_design.run.folder import stage_key
from inverse_design.study.study import Study
from simulation.anchors import ANCHORS
from simulation.labels.drawn import Structures
from simulation.microstructure import Microstructure
from simulation.sampling import Purpose
from surrogate.card import CARD, checksum, find_surrogate

if TYPE_CHECKING:
    import pandas as pd

VERSIONS = {"vae": 1, "regressor": 2, "search": 5, "verify": 6, "redraws": 1}
HISTORY = "history.csv"
"""Losses by epoch, in the folders of the autoencoder and the regressors."""

TEST = "test.npz"
"""Predictions for the test split and what was simulated, in a regressor's folder: `mean`, `std`, `anchors` (n, 6)."""

FRONT_AXES = "front-axes.npz"
"""Decoded axis angles of the Pareto points, in a search's folder: `angle_rad` (n, ny, nx), as blurred as decoded."""

POOL = 2000
"""Encoded structures that a search starts from and that say which codes are plausible."""


@dataclass(frozen=True, eq=False)
class LabelledStructures:
    """Labelled structures: the sampled ones sorted by key, then verified candidates in the order of their choice.

    Attributes:
        keys: n label keys.
        structures: n grain structures; some may be drawn only when they are asked for.
        anchors: (n, 6); NaN where a curve has no such point.
        test: (n,) True for the split that trains nothing.
        added: how many of them, at the end, are verified candidates.
    """

    keys: tuple[str, ...]
    structures: Sequence[Microstructure]
    anchors: np.ndarray
    test: np.ndarray
    added: int = 0

    def split(self, test: bool) -> LabelledStructures:
        """The test or the training part."""
        rows = np.flatnonzero(self.test == test)
        return LabelledStructures(
            tuple(self.keys[i] for i in rows),
            Structures(self.structures).take(rows),
            self.anchors[rows],
            self.test[rows],
            0 if test else self.added,
        )

    def append(
        self, keys: Sequence[str], structures: Sequence[Microstructure], anchors: np.ndarray
    ) -> LabelledStructures:
        """These labels and more to train on, at the end: what a regressor has seen keeps its place."""
        return LabelledStructures(
            (*self.keys, *keys),
            Structures(self.structures) + structures,
            np.vstack([self.anchors, np.reshape(anchors, (len(keys), len(ANCHORS)))]),
            np.concatenate([self.test, np.zeros(len(keys), bool)]),
            self.added + len(keys),
        )


def labels_key(study: Study) -> str:
    """Key of the labels' wall time: of which family they are and how they are simulated, not how many."""
    return stage_key(
        "labels",
        1,
        seed=study.seed,
        microstructures=study.microstructures.model_dump(mode="json"),
        material=vars(study.magnet),
        field_sweep=study.field_sweep.model_dump(mode="json"),
        backend=study.labels.backend,
        discretization=study.labels.discretization,
    )


def vae_key(study: Study) -> str:
    """Key of the autoencoder: it sees structures only, neither labels nor goals. A pretrained one has its card's."""
    part = study.surrogate
    if part.pretrained is not None:
        return stage_key("vae", VERSIONS["vae"], card=checksum(find_surrogate(part.pretrained) / CARD))
    return stage_key(
        "vae",
        VERSIONS["vae"],
        seed=study.seed,
        microstructures=study.microstructures.model_dump(mode="json"),
        surrogate=part.model_dump(mode="json", exclude={"regressor", "ensemble"}),
    )


def regressor_key(study: Study, before: str, labels: LabelledStructures, round_: int) -> str:
    """Key of round `round_`'s regressor: the network before it (or the autoencoder) and the labels it is trained and
    tested on."""
    return stage_key(
        "regressor",
        VERSIONS["regressor"],
        seed=study.seed,
        round=round_,
        before=before,
        labels=[[key, bool(test)] for key, test in zip(labels.keys, labels.test, strict=True)],
        regressor=study.surrogate.regressor.model_dump(mode="json"),
        ensemble=study.surrogate.ensemble,
        mirrored=study.surrogate.mirrored,
    )


def search_key(study: Study, regressor: str, round_: int) -> str:
    """Key of a search: the surrogate and the goals in reduced units."""
    return stage_key(
        "search",
        VERSIONS["search"],
        seed=study.seed,
        round=round_,
        regressor=regressor,
        goals=[vars(goal) for goal in study.reduced_goals],
        search=study.search.model_dump(mode="json"),
        microstructures=study.microstructures.model_dump(mode="json"),
    )


def verify_key(study: Study, search: str, round_: int) -> str:
    """Key of a verified batch: the search it chooses from and how it is simulated."""
    return stage_key(
        "verify",
        VERSIONS["verify"],
        round=round_,
        search=search,
        candidates=study.verification.candidates,
        backend=study.verification.backend,
        sources=study.verification.sources,
        discretization=study.labels.discretization,
        field_sweep=study.field_sweep.model_dump(mode="json"),
    )


def redraws_key(study: Study, verify: str) -> str:
    """Key of the redraws of a batch's hits."""
    return stage_key("redraws", VERSIONS["redraws"], seed=study.seed, verify=verify, redraws=study.redraws)


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


def front_table(study: Study, objectives: np.ndarray, values: np.ndarray, std: np.ndarray) -> pd.DataFrame:
    """One row a Pareto point: objectives by goal, then predicted anchors and their standard deviations, then the other
    properties where a goal asks for one (values (n, 6 or 11), std (n, 6))."""
    import pandas as pd  # a quarter of a second that checking a study does not pay

    names = [f"objective_{goal.quantity}" for goal in study.reduced_goals if goal.is_objective]
    table = pd.DataFrame(objectives, columns=names)
    for i, anchor in enumerate(ANCHORS):
        table[f"{anchor}_predicted"], table[f"{anchor}_std"] = values[:, i], std[:, i]
    for i in range(len(ANCHORS), values.shape[1]):
        table[f"{PROPERTIES[i]}_predicted"] = values[:, i]
    return table
