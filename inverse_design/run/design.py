"""How far a run has come: one record, for the loop, the API, the commands and the report."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inverse_design.goals import Goal
from inverse_design.properties import PROPERTIES
from inverse_design.run.folder import MANIFEST, RunFolder, intact, read_artifact, read_manifest
from inverse_design.run.keys import Stage, redraws_key, search_key, verify_key
from inverse_design.run.redraws import with_redraws
from inverse_design.run.verified import Verified, best, best_first, load_batch
from inverse_design.study.reading import StudyError, load_study, parse_study
from inverse_design.study.study import Study
from simulation.errors import InputError
from simulation.material import Material

if TYPE_CHECKING:
    import pandas as pd

log = logging.getLogger("inverse_design")


@dataclass(frozen=True, eq=False)
class Design:
    """What a study has come to, or has come to so far.

    Attributes:
        study: as run.
        folder: the run folder, with `report.html` and the tables.
        rounds: rounds done.
        reason: why the loop stopped, or that it goes on, as a sentence.
        verified: every simulated candidate in the order of choice: `.candidate.structure` are its grains, `.anchors`
            its simulated anchor points, `.h` and `.m` its curve.
        labels: `count` simulations in the store, and how many `converged`.
        labelled: what the labelled structures held before the search, see `baseline`; empty if not known.
        checks: candidate number and its simulation by another solver or on another mesh.
    """

    study: Study
    folder: Path
    rounds: int = 0
    reason: str = ""
    verified: tuple[Verified, ...] = ()
    labels: Mapping[str, float] = field(default_factory=dict)
    labelled: Mapping[str, Any] = field(default_factory=dict)
    checks: tuple[tuple[int, Verified], ...] = ()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.study.name}: {len(self.verified)} candidates, {sum(self.hits)} hits>"

    @cached_property
    def goals(self) -> tuple[Goal, ...]:
        """What is wanted, in reduced units."""
        return self.study.reduced_goals

    @property
    def material(self) -> Material:
        """Gives the SI units."""
        return self.study.magnet

    @cached_property
    def hits(self) -> tuple[bool, ...]:
        """Of each candidate: converged, and every target and bound met by the simulated values."""
        return tuple(item.is_hit(self.goals) for item in self.verified)

    @cached_property
    def ranking(self) -> list[int]:
        """Numbers of the candidates from the best to the worst, see `goals.ranking`."""
        return best_first(self.goals, self.verified)

    @cached_property
    def best_number(self) -> int | None:
        """Number of the best candidate by `goals.ranking`; None where no curve can be used."""
        return best(self.goals, self.verified)

    @property
    def best(self) -> Verified | None:
        """The best candidate: hits before others; None where no curve can be used."""
        return None if self.best_number is None else self.verified[self.best_number]

    @property
    def table(self) -> pd.DataFrame:
        """`verified.csv`: predicted beside verified anchor points."""
        import pandas as pd

        return pd.read_csv(self.folder / "verified.csv")

    def of_verified(self, kind: str) -> np.ndarray:
        """(candidates, 11): "predicted" or "simulated" properties."""
        rows = [item.properties if kind == "simulated" else item.candidate.predicted for item in self.verified]
        return np.array(rows, dtype=np.float64).reshape(-1, len(PROPERTIES))


def read_design(run: Path) -> Design:
    """Read a finished or interrupted run back.

    Raises:
        InputError: if the folder holds no run that has come to a verified round.
    """
    manifest = read_manifest(run)
    rounds = manifest["rounds"]
    study, folder = study_of(run), RunFolder(run)
    stages = [Stage.REGRESSOR, Stage.SEARCH, Stage.VERIFY, *([Stage.REDRAWS] if study.redraws else [])]
    folder.check(Stage.VAE, *(stage.of(round_) for round_ in range(rounds) for stage in stages))
    _check_study(run, study, rounds)
    batches = [load_batch(run / Stage.VERIFY.of(r)) for r in range(rounds)]
    if study.redraws:  # those of an earlier goal may lie there still
        batches = [with_redraws(batch, run / Stage.REDRAWS.of(r)) for r, batch in enumerate(batches)]
    verified = tuple(item for batch in batches for item in batch)
    labels, labelled = manifest["labels"], manifest["labelled"]
    return Design(study, run, rounds, manifest["reason"], verified, labels, labelled, read_checks(run, verified))


def study_of(run: Path) -> Study:
    """The study that a run's tables are of; where there are none yet, that of its study.yaml.

    The file is a user's to edit for the next run: what it says has not been run.

    Raises:
        InputError: if the folder holds no run.
    """
    asked = run / "study.yaml"
    if not (run / MANIFEST).is_file():
        return load_study(asked)
    study = parse_study(read_manifest(run)["study"], str(run / MANIFEST))
    with contextlib.suppress(StudyError):
        if asked.is_file() and load_study(asked) != study:
            log.warning("%s has been edited: what is said is of the study that ran; run it to have the other", asked)
    return study


def _check_study(run: Path, study: Study, rounds: int) -> None:
    """Make sure that the goals and the rules of the study are those that the rounds were searched and verified for."""
    for round_ in range(rounds):

        def key(stage: Stage, round_: int = round_) -> str:
            return str((read_artifact(run / stage.of(round_)) or {}).get("key"))

        search = search_key(study, key(Stage.REGRESSOR), round_)
        verify = verify_key(study, search, round_)
        same = (key(Stage.SEARCH), key(Stage.VERIFY)) == (search, verify)
        if not same or (study.redraws and key(Stage.REDRAWS) != redraws_key(study, verify)):
            raise InputError(f"{run}: the study has changed since round {round_} was done; run it again")


def read_checks(run: Path, verified: Sequence[Verified]) -> tuple[tuple[int, Verified], ...]:
    """Further simulations of a run's candidates; those of candidates that an older study chose are passed over."""
    found = []
    for folder in sorted(path for path in (run / Stage.CHECKS).glob("*") if path.is_dir()):
        try:
            if not intact(folder):
                raise InputError(f"{folder}: damaged")
            batch = load_batch(folder)
        except InputError as error:
            log.warning("%s and left out; `verify` makes it anew", error)
            continue
        for number, item in enumerate(batch):
            if number < len(verified) and item.candidate.same_grains(verified[number].candidate):
                found.append((number, item))
    return tuple(found)
