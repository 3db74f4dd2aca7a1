"""The stages of a run: the names of their folders, the files in them, and what each depends on.

    labels, known, refine/0-0, confirm/refined-0-0, ..., vae, regressor/0, search/0, verify/0, confirm/0, refine/1-0,
    ..., regressor/1, search/1, verify/1, confirm/1, ...

A stage's key hashes its inputs' keys, the part of the study it reads and a version that is bumped by hand when the
stage's meaning changes. What only says when to stop (`rounds`, `max_simulations`, `hits`), and where things run
(`execution`), is in no key.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from inverse_design.goals import has_front
from inverse_design.study.study import Study
from simulation.labels.labelled import LabelledStructures
from simulation.microstructure import Microstructure
from surrogate.card import CARD, checksum, find_surrogate


class Stage(StrEnum):
    """Stages by the names of their folders below the run; labels are in the store instead."""

    LABELS = "labels"
    VAE = "vae"
    REGRESSOR = "regressor"
    SEARCH = "search"
    VERIFY = "verify"
    REFINE = "refine"
    KNOWN = "known"
    REDRAWS = "redraws"
    CONFIRM = "confirm"
    REVERSAL = "reversal"
    CHECKS = "checks"

    def of(self, part: int | str) -> str:
        """The name of a round's part, or of another, such as "search/0"."""
        return f"{self}/{part}"


VERSIONS = {
    Stage.LABELS: 1,
    Stage.VAE: 2,
    Stage.REGRESSOR: 2,
    Stage.SEARCH: 7,
    Stage.VERIFY: 14,
    Stage.REFINE: 3,
    Stage.KNOWN: 1,
    Stage.REDRAWS: 1,
    Stage.CONFIRM: 2,
    Stage.REVERSAL: 3,
    Stage.CHECKS: 3,
}
"""Raised by hand when the meaning of what a stage leaves changes."""

HISTORY = "history.csv"
"""Losses by epoch, in the folders of the autoencoder and of the regressors."""

GRAIN_HISTORY = "grains.csv"
"""The same of the grain decoder, in the folder of the autoencoder."""

TEST = "test.npz"
"""Predictions for the test split and what was simulated, in a regressor's folder: `mean`, `std`, `anchors` (n, 6)."""

PAIRS = "measured.csv"
"""Anchor points of measured pairs beside those simulated of their maps, in the run's folder."""

LABELS = "labels.json"
"""Digest of the labels, in the folders of what is known from them and of what was climbed to from there."""

FRONT_AXES = "front-axes.npz"
"""Decoded axis angles of the Pareto points, in a search's folder: `angle_rad` (n, ny, nx), as blurred as decoded."""

FRONT = "front.csv"
"""The Pareto points, in a search's folder and a copy of the last in the run's."""


def stage_key(stage: Stage, **inputs: Any) -> str:
    """The key of an artifact: a hash of what it depends on; inputs are plain JSON values."""
    text = json.dumps([stage, VERSIONS[stage], inputs], sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _spins(study: Study) -> dict[str, str]:
    """What a key says of spins: nothing of planar ones, as before there were others."""
    return {} if study.labels.spins == "planar" else {"spins": study.labels.spins}


def _curve(study: Study) -> dict[str, Any]:
    """What a key says of a measured curve: nothing where there is none."""
    curve = study.reduced_goals.curve
    return {} if curve is None else {"curve": curve.as_plain()}


def labels_key(study: Study) -> str:
    """Key of the labels' wall time: of which family they are and how they are simulated, not how many."""
    return stage_key(
        Stage.LABELS,
        seed=study.seed,
        microstructures=study.microstructures.as_plain(),
        material=vars(study.magnet),
        field_sweep=study.field_sweep.model_dump(mode="json"),
        backend=study.labels.backend,
        discretization=study.labels.discretization,
        **_spins(study),
    )


def vae_key(study: Study) -> str:
    """Key of the autoencoder: it sees structures only, neither labels nor goals. A pretrained one has its card's."""
    part = study.surrogate
    if part.pretrained is not None:
        return stage_key(Stage.VAE, card=checksum(find_surrogate(part.pretrained) / CARD))
    return stage_key(
        Stage.VAE,
        seed=study.seed,
        microstructures=study.microstructures.as_plain(),
        surrogate=part.model_dump(mode="json", exclude={"regressor", "ensemble"}),
    )


def regressor_key(study: Study, before: str, labels: LabelledStructures, round_: int) -> str:
    """Key of round `round_`'s regressor: the network before it (or the autoencoder) and the labels it is trained and
    tested on."""
    return stage_key(
        Stage.REGRESSOR,
        seed=study.seed,
        round=round_,
        before=before,
        labels=[[key, bool(test)] for key, test in zip(labels.keys, labels.test, strict=True)],
        regressor=study.surrogate.regressor.model_dump(mode="json"),
        ensemble=study.surrogate.ensemble,
        mirrored=study.surrogate.mirrored,
        **({} if labels.beside is None else {"measured": labels.beside.keys}),
    )


def search_key(study: Study, regressor: str, round_: int) -> str:
    """Key of a search: the surrogate and the goals in reduced units."""
    return stage_key(
        Stage.SEARCH,
        seed=study.seed,
        round=round_,
        regressor=regressor,
        goals=[vars(goal) for goal in study.reduced_goals],
        search=study.search.model_dump(mode="json"),
        microstructures=study.microstructures.as_plain(),
    )


def verify_key(study: Study, search: str, round_: int) -> str:
    """Key of a verified batch: the search it chooses from, what else the choice goes by, and how it is simulated.

    A choice knows which hits were confirmed, and candidates by their numbers.
    """
    return stage_key(
        Stage.VERIFY,
        round=round_,
        distinct_deg=study.verification.distinct_deg,
        checks=study.checks,
        known=study.verification.known,
        search=search,
        candidates=study.verification.candidates,
        backend=study.verification.backend,
        sources=study.verification.sources,
        discretization=study.labels.discretization,
        field_sweep=study.field_sweep.model_dump(mode="json"),
        **_spins(study),
        **_layers(study),
        **(_curve(study) if round_ else {}),
    )


def refine_key(study: Study, labels: str, simulated: Sequence[str], name: str) -> str:
    """Key of a batch that the solver climbed to: what it climbs from, and how it is simulated.

    Args:
        labels: which labels there were at the beginning, see `labels_digest`.
        simulated: label keys of the candidates before it.
        name: of the batch, which its random numbers are drawn by.
    """
    return stage_key(
        Stage.REFINE,
        seed=study.seed,
        name=name,
        labels=labels,
        simulated=list(simulated),
        goals=[vars(goal) for goal in study.reduced_goals],
        distinct_deg=study.verification.distinct_deg,
        checks=study.checks,
        known=study.verification.known,
        candidates=study.verification.candidates,
        backend=study.verification.backend,
        discretization=study.labels.discretization,
        field_sweep=study.field_sweep.model_dump(mode="json"),
        **_spins(study),
        **_layers(study),
        **_curve(study),
    )


def _layers(study: Study) -> dict[str, Any]:
    """What else decides a choice where there is a phase between the grains: how such structures are compared, and that
    the climb changes it."""
    return {} if study.microstructures.boundary is None else {"layers": 1}


def labels_digest(labels: LabelledStructures) -> str:
    """Which labels these are."""
    return hashlib.sha256("".join(labels.keys).encode()).hexdigest()


def known_key(study: Study, labels: str, own: Sequence[str] = ()) -> str:
    """Key of what is known before the search: which labels meet the goals, and how candidates are simulated.

    Args:
        labels: see `labels_digest`.
        own: content of the user's own structures, if there are any.
    """
    started = {"start": list(own), "known": study.verification.known} if own else {}
    return stage_key(
        Stage.KNOWN,
        labels=labels,
        goals=[vars(goal) for goal in study.reduced_goals],
        candidates=study.verification.candidates,
        distinct_deg=study.verification.distinct_deg,
        backend=study.verification.backend,
        discretization=study.labels.discretization,
        field_sweep=study.field_sweep.model_dump(mode="json"),
        **started,
        **_spins(study),
        **_layers(study),
    )


def confirm_key(study: Study, batch: str) -> str:
    """Key of the confirmation of a batch: its own, that of its redraws where they say what a hit is, and the checks."""
    robust = any(goal.robust for goal in study.reduced_goals)
    first = redraws_key(study, batch) if robust else batch
    front = {"front": True} if has_front(study.reduced_goals) else {}  # not all are asked
    return stage_key(Stage.CONFIRM, batch=first, checks=study.checks, **front, **_curve(study))


def rest_key(study: Study) -> str:
    """Key of the wall time that no stage took, over the attempts at one search."""
    parts = study.model_dump(mode="json", include={"seed", "goals", "surrogate", "labels"})
    parts["microstructures"] = study.microstructures.as_plain()
    for key in ("spins", "measured", "weight", "uncertainty"):
        del parts["labels"][key]
    parts["labels"] |= _spins(study)
    return stage_key(Stage.LABELS, rest=parts | _curve(study))


def redraws_key(study: Study, verify: str) -> str:
    """Key of the redraws of a batch's hits."""
    return stage_key(Stage.REDRAWS, seed=study.seed, verify=verify, redraws=study.redraws, **_curve(study))


def reversal_key(label_keys: dict[int, str]) -> str:
    """Key of a round's switching fields: the labels of the candidates, by number, that are looked at."""
    return stage_key(Stage.REVERSAL, labels={str(number): key for number, key in label_keys.items()})


def checks_key(conditions: str, structures: Sequence[Microstructure]) -> str:
    """Key of candidates simulated again: under which conditions, by their key, and the structures."""
    hashes = [structure.content_hash for structure in structures]
    return stage_key(Stage.CHECKS, conditions=conditions, structures=hashes)
