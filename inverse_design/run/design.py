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

from inverse_design.candidates.candidate import KNOWN, REFINED
from inverse_design.files import read_json
from inverse_design.front_plot import Pairs
from inverse_design.goals import Goals
from inverse_design.properties import PROPERTIES
from inverse_design.run.confirming import Checked, judged, load_confirmations
from inverse_design.run.folder import MANIFEST, RunFolder, intact, read_artifact, read_manifest, work_in_words
from inverse_design.run.keys import (
    FRONT,
    LABELS,
    Stage,
    confirm_key,
    known_key,
    redraws_key,
    refine_key,
    search_key,
    verify_key,
)
from inverse_design.run.redraws import with_redraws
from inverse_design.run.refining import stage_of
from inverse_design.run.verified import Verified, best, best_first, load_batch, part_in_words
from inverse_design.study.reading import StudyError, load_study, parse_study
from inverse_design.study.study import Study
from simulation.errors import InputError
from simulation.material import Material

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

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
        confirmations: candidate number and its simulation on a finer mesh (or whatever else the study asks of a hit).
        checks: the same of what `verify` has made since.
    """

    study: Study
    folder: Path
    rounds: int = 0
    reason: str = ""
    verified: tuple[Verified, ...] = ()
    labels: Mapping[str, float] = field(default_factory=dict)
    labelled: Mapping[str, Any] = field(default_factory=dict)
    confirmations: tuple[Checked, ...] = ()
    checks: tuple[Checked, ...] = ()

    def __repr__(self) -> str:
        hits = f"{sum(self.hits)} {'confirmed ' if self.study.checks else ''}hits"
        return f"<{type(self).__name__} {self.study.name}: {len(self.verified)} candidates, {hits}>"

    def _repr_html_(self) -> str:
        """In a notebook: the best structure, and how it all came out."""
        from simulation.pictures.grain_image import png_data_uri
        from simulation.pictures.notebook import beside

        best = self.best
        rows = [("candidates", str(len(self.verified))), ("hits", str(sum(self.hits))), ("stopped", self.reason)]
        for goal in self.goals:
            found = "" if best is None else f": {best.properties[goal.column]:.4f}"
            rows.append((goal.quantity, f"{goal.describe()}{found}"))
        rows.append(("report", str(self.folder / "report.html")))
        return beside("" if best is None else png_data_uri(best.candidate.structure), rows, self.study.name)

    def plot_front(self, ax: Axes | None = None) -> Axes:
        """Draw the predicted Pareto front of the last round, and what came of its candidates.

        Args:
            ax: Matplotlib axes; of a new figure if None.

        Returns:
            The axes.

        Raises:
            InputError: if nothing has been searched yet.
        """
        from inverse_design.front_plot import draw_front
        from simulation.pictures.plots import own_axes

        axes = own_axes() if ax is None else ax
        names = [f"{name}_predicted" for name in PROPERTIES]
        draw_front(axes, self.goals, self.front_table.reindex(columns=names).to_numpy(dtype=np.float64), self.pairs)
        return axes

    @property
    def front_table(self) -> pd.DataFrame:
        """`front.csv`: objectives and predicted anchor points of the last round's Pareto front.

        Raises:
            InputError: if nothing has been searched yet.
        """
        import pandas as pd

        if not (self.folder / FRONT).is_file():
            raise InputError(f"{self.folder}: nothing has been searched in this run, so that there is no front")
        return pd.read_csv(self.folder / FRONT)

    @property
    def pairs(self) -> Pairs:
        """What was predicted of the candidates and what came out."""
        converged = np.array([item.converged for item in self.verified], bool)
        simulated, predicted = self.of_verified("simulated"), self.of_verified("predicted")
        return Pairs(predicted, simulated, converged, np.array(self.hits, bool))

    @cached_property
    def goals(self) -> Goals:
        """What is wanted, in reduced units."""
        return self.study.reduced_goals

    @property
    def material(self) -> Material:
        """Gives the SI units."""
        return self.study.magnet

    @cached_property
    def hits(self) -> tuple[bool, ...]:
        """Of each candidate, whether it counts: every target and bound is met, and no further simulation says that
        they are not; where the study confirms its hits, each has been simulated further."""
        return tuple(item.counts(self.goals) for item in self.verified)

    @property
    def simulations(self) -> int:
        """Candidates that were simulated in full; those that are known from labels were simulated as such."""
        return sum(item.candidate.source != KNOWN for item in self.verified)

    @property
    def work(self) -> str:
        """What was simulated, in words: 24 simulations and 8 confirmations, 3 known before."""
        known = len(self.verified) - self.simulations
        return work_in_words(self.simulations, len(self.confirmations), known)

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
        """The best candidate: confirmed hits before others; None where no curve can be used."""
        return None if self.best_number is None else self.verified[self.best_number]

    @property
    def table(self) -> pd.DataFrame:
        """`verified.csv`: predicted beside verified anchor points."""
        import pandas as pd

        return pd.read_csv(self.folder / "verified.csv")

    def of_verified(self, kind: str) -> np.ndarray:
        """(candidates, 13): "predicted" or "simulated" properties."""
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
    known = bool(manifest["known"]) and (study.verification.known or bool(study.start))
    batches = _batches(rounds, manifest["refined"], known)
    more = [*([Stage.REDRAWS] if study.redraws else []), *([Stage.CONFIRM] if study.checks else [])]
    trained = [stage.of(round_) for round_ in range(rounds) for stage in (Stage.REGRESSOR, Stage.SEARCH)]
    folder.check(*([Stage.VAE, *trained] if rounds else []))
    for name, part in batches:
        folder.check(name, *(stage.of(part) for stage in more))
    _check_study(run, study, rounds, known)
    found: list[Verified] = []
    confirmations: list[Checked] = []
    for name, part in batches:
        batch = load_batch(run / name)
        if part.startswith(REFINED) and not _follows_refined(run, study, part, found):
            raise InputError(f"{run}: the study has changed since {part_in_words(part)} was done; run it again")
        if study.redraws:  # those of an earlier goal may lie there still
            batch = with_redraws(batch, run / Stage.REDRAWS.of(part))
        if study.checks:
            confirmations += load_confirmations(run / Stage.CONFIRM.of(part), len(found))
        found += batch
    checks = read_checks(run, found, confirmations)
    verified = judged(study.reduced_goals, found, confirmations if study.checks else None, checks)
    labels, labelled = manifest["labels"], manifest["labelled"]
    return Design(study, run, rounds, manifest["reason"], verified, labels, labelled, tuple(confirmations), checks)


def _batches(rounds: int, refined: Sequence[str], known: bool) -> list[tuple[str, str]]:
    """Stages of the batches of candidates and their `Verified.part`, in the order in which they were chosen.

    Args:
        rounds: searches done.
        refined: parts that the solver climbed to.
        known: whether there are candidates that were known before.
    """
    found = [(str(Stage.KNOWN), KNOWN)] if known else []
    for round_ in range(rounds + 1):
        found += [(stage_of(part), part) for part in refined if part.split("-")[1] == str(round_)]
        found += [(Stage.VERIFY.of(round_), str(round_))] if round_ < rounds else []
    return found


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


def _check_study(run: Path, study: Study, rounds: int, known: bool) -> None:
    """Make sure that the goals and the rules of the study are those that the rounds were searched and verified for."""

    def key(stage: str) -> str:
        return _key(run, stage)

    def follows(part: int | str, batch: str) -> bool:
        return _follows(run, study, part, batch)

    from_labels = read_json(run / Stage.KNOWN / LABELS) if known else {}
    of_known = known_key(study, from_labels["labels"], from_labels.get("start", ())) if known else ""
    for round_ in range(rounds):
        search = search_key(study, key(Stage.REGRESSOR.of(round_)), round_)
        verify = verify_key(study, search, round_)
        same = (key(Stage.SEARCH.of(round_)), key(Stage.VERIFY.of(round_))) == (search, verify)
        if not same or not follows(round_, verify):
            raise InputError(f"{run}: the study has changed since round {round_} was done; run it again")
    if known and not (key(Stage.KNOWN) == of_known and follows(KNOWN, of_known)):
        raise InputError(f"{run}: the study has changed since it was run; run it again")


def _key(run: Path, stage: str) -> str:
    return str((read_artifact(run / stage) or {}).get("key"))


def _follows(run: Path, study: Study, part: int | str, batch: str) -> bool:
    """Whether what was simulated beside a batch is of this batch and this study."""
    redrawn = not study.redraws or _key(run, Stage.REDRAWS.of(part)) == redraws_key(study, batch)
    return redrawn and (not study.checks or _key(run, Stage.CONFIRM.of(part)) == confirm_key(study, batch))


def _follows_refined(run: Path, study: Study, part: str, before: Sequence[Verified]) -> bool:
    """Whether a batch that the solver climbed to is of this study and comes after these candidates."""
    labels = read_json(run / stage_of(part) / LABELS)["labels"]
    batch = refine_key(study, labels, [item.label_key for item in before], part)
    return _key(run, stage_of(part)) == batch and _follows(run, study, part, batch)


def read_checks(run: Path, verified: Sequence[Verified], confirmations: Sequence[Checked] = ()) -> tuple[Checked, ...]:
    """What `verify` has simulated of a run's candidates; what an older study chose, and what a confirmation simulated
    already, is passed over."""
    found, there = [], {(number, item.label_key) for number, item in confirmations}
    for folder in sorted(path for path in (run / Stage.CHECKS).glob("*") if path.is_dir()):
        try:
            if not intact(folder):
                raise InputError(f"{folder}: damaged")
            batch = load_batch(folder)
        except InputError as error:
            log.warning("%s and left out; `verify` makes it anew", error)
            continue
        for number, item in enumerate(batch):
            same = number < len(verified) and item.candidate.same_grains(verified[number].candidate)
            if same and (number, item.label_key) not in there:
                found.append((number, item))
    return tuple(found)
