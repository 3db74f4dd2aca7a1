"""The loop: labels, surrogate, search, full simulation, and round again until the goals are met."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inverse_design.candidates.candidate import KNOWN
from inverse_design.console import run_log
from inverse_design.goals import Goal, front, has_front
from inverse_design.outputs import write_outputs
from inverse_design.progress import Tracker, track
from inverse_design.properties import PROPERTIES
from inverse_design.run.baseline import Baseline, baseline, in_words
from inverse_design.run.confirming import Checked, judged
from inverse_design.run.design import Design, read_checks
from inverse_design.run.folder import GOES_ON, RunFolder
from inverse_design.run.keys import labels_digest, regressor_key, vae_key
from inverse_design.run.known import tell
from inverse_design.run.memory import check_memory
from inverse_design.run.refining import batches_of
from inverse_design.run.seconds import REPORT
from inverse_design.run.simulating import Simulator, make_engine
from inverse_design.run.stages import Stages
from inverse_design.run.start import with_starts
from inverse_design.run.verified import Verified, best_first
from inverse_design.study.study import Study, study_text
from simulation.files import write_text
from simulation.labels.label import Outcome
from simulation.labels.labelled import LabelledStructures
from simulation.labels.store import LabelStore

log = logging.getLogger("inverse_design")

Callback = Callable[[Design], object]
"""Called with the run as it stands after each batch; a true answer stops it."""

STOPPED = "the callback asked to stop"
"""The reason of a run that was stopped so; the same study goes on from there."""


@dataclass(frozen=True, eq=False)
class Found:
    """What has been simulated for a study so far.

    Attributes:
        verified: candidates in the order of choice, those that were known first.
        confirmations: further simulations of their hits, with their numbers.
    """

    verified: tuple[Verified, ...] = ()
    confirmations: tuple[Checked, ...] = ()

    def and_then(self, batch: Sequence[Verified], confirmations: Sequence[Checked]) -> Found:
        """With one more batch."""
        return Found((*self.verified, *batch), (*self.confirmations, *confirmations))


class Run(Stages):
    """One study in one run folder, from the labels to the last round.

    Args:
        study, folder, tracker, began: see `Stages`.
        callback: asked after each batch, once its outputs are written, whether to stop; not after the last.
    """

    def __init__(
        self,
        study: Study,
        folder: Path,
        tracker: Tracker = track,
        began: float | None = None,
        callback: Callback | None = None,
    ) -> None:
        super().__init__(study, folder, tracker, began)
        self._callback = callback

    def go(self) -> Design:
        """Do every stage that is missing, until a stop rule of the study is met.

        Decisions fall at the end of a batch only, so that a killed run and an undisturbed one decide alike.
        """
        with LabelStore(self.folder.path / "labels.sqlite") as store, make_engine(self.study) as engine:
            simulator = Simulator(self.study, store, engine, self.track)
            _ = self.own  # refused before anything is simulated
            labels = self.labels(simulator)
            already = baseline(self.goals, labels, self.study.magnet)
            log.info("labels: %s", in_words(already.as_dict(self.goals)))
            batch, confirmations, there = self.known(labels, already, simulator)
            labels = with_starts(labels, batch)
            engine.close()  # idle workers would share the cores with the training
            found = Found(tuple(batch), tuple(confirmations))
            design = self._design(0, found, already, store)
            reason = self._known_stop(design.verified)
            design = replace(design, reason=reason or GOES_ON)
            if self.study.checks:
                tell(self.goals, design.verified)
            if reason or (batch and not there):
                self._write(design)
            if not reason and batch:
                design = self._asked(design)
            if not reason and design.reason == GOES_ON:
                design = self._rounds(labels, already, found, simulator)
        self.folder.clear_work()
        return design

    def _rounds(self, labels: LabelledStructures, already: Baseline, found: Found, simulator: Simulator) -> Design:
        """Search and verify, round after round.

        Args:
            labels: labelled structures.
            already: what they hold.
            found: those of them that are candidates.
            simulator: runs simulations.
        """
        vae: Path | None = None
        surrogate: Path | None = None
        key, at_first = vae_key(self.study), labels_digest(labels)
        for number in range(self.study.verification.rounds):
            for place in ((number, batch) for batch in range(batches_of(self.study))):
                so_far = self._judged(found)
                best = self._front(already, labels, so_far)
                batch, confirmations, there = self.refined(
                    place, labels, at_first, so_far, already.rows, best, simulator
                )
                labels, found = _with(labels, batch, len(found.verified)), found.and_then(batch, confirmations)
                design = self._come_to(number, found, already, simulator.store, batch, there, searched=False)
                if design.reason != GOES_ON:
                    return design
            if vae is None:
                if self.study.surrogate.pretrained is None:
                    simulator.engine.close()  # idle workers would share the cores with the training
                with self.track("loading TensorFlow"):
                    from inverse_design.run.choosing import Round
                vae = self.vae()
            so_far = self._judged(found)
            round_ = Round(number, labels, found.verified, self._front(already, labels, so_far), already.rows)
            key = regressor_key(self.study, key, labels, number)
            surrogate = self.regressor(round_, key, vae, surrogate)
            batch, confirmations, there = self.candidates(round_, key, surrogate, simulator)
            labels, found = _with(labels, batch, len(found.verified)), found.and_then(batch, confirmations)
            design = self._come_to(number + 1, found, already, simulator.store, batch, there)
            if design.reason != GOES_ON:
                break
        return design

    def _come_to(
        self,
        rounds: int,
        found: Found,
        already: Baseline,
        store: LabelStore,
        batch: Sequence[Verified],
        there: bool,
        searched: bool = True,
    ) -> Design:
        """The run after a batch, with the reason to stop if there is one; its outputs are written where they are asked
        for: after a search, at the end, and for a callback.

        Args:
            rounds: searches done.
            batch: the last one.
            there: whether an earlier attempt had it: going through known batches again must not shrink the tables.
            searched: whether it came of a search, and not of the climb before one.
        """
        design = self._design(rounds, found, already, store)
        reason = self._stop(rounds, design.verified, batch, searched)
        design = replace(design, reason=reason or GOES_ON)
        if reason or (not there and (searched or self._callback is not None)):
            self._write(design)
        return design if reason else self._asked(design)

    def _asked(self, design: Design) -> Design:
        """The run as it stands, stopped if the callback says so; then its outputs say it, too.

        It is asked after batches of an earlier attempt again: a run that was killed and one that was not decide alike.
        """
        if self._callback is None or not self._callback(design):
            return design
        design = replace(design, reason=STOPPED)
        self._write(design)
        return design

    def _write(self, design: Design) -> None:
        """Tables, figures and the report of what is known."""
        with self.folder.times.at(REPORT):
            write_outputs(design, self.folder.times, self.track)

    def _design(self, rounds: int, found: Found, already: Baseline, store: LabelStore) -> Design:
        """The run as it stands after so many rounds."""
        path = self.folder.path
        checks = read_checks(path, found.verified, found.confirmations)
        verified = self._judged(found, checks)
        labels, labelled = _counts(store), already.as_dict(self.goals)
        return Design(self.study, path, rounds, GOES_ON, verified, labels, labelled, found.confirmations, checks)

    def _judged(self, found: Found, checks: Sequence[Checked] = ()) -> tuple[Verified, ...]:
        return judged(self.goals, found.verified, found.confirmations if self.study.checks else None, checks)

    def _front(self, labelled: Baseline, labels: LabelledStructures, verified: Sequence[Verified]) -> np.ndarray:
        """(m, 13) properties of the structures so far that meet the goals and that none outdoes: labelled ones, too,
        unless a further simulation refuted them; these have no redraws, though, which a robust goal needs."""
        found = [item.properties for item in verified if item.counts(self.goals)]
        if not any(goal.robust for goal in self.goals):
            known = [item for item in verified if item.candidate.source == KNOWN]
            refuted = {item.candidate.parent for item in known if item.confirmed is False}
            names = [labels.names[row] for row in labelled.rows[: len(labelled.front)]]
            found += [values for values, name in zip(labelled.front, names, strict=True) if name not in refuted]
        values = np.array(found).reshape(-1, len(PROPERTIES))
        return values[front(self.goals, values)]

    def _known_stop(self, verified: Sequence[Verified]) -> str:
        """Why nothing has to be searched, in a sentence: enough is known already. Something is searched all the same
        where a goal is to be maximised or minimised, because that no number of hits is the end of."""
        count = sum(item.counts(self.goals) for item in verified)
        curve = self.goals.curve
        directed = any(goal.direction for goal in self.goals) or bool(curve and curve.minimize)
        return "" if directed or count < self.study.verification.hits else self._enough(verified)

    def _enough(self, verified: Sequence[Verified]) -> str:
        """That there are as many hits as were asked for."""
        count = sum(item.counts(self.goals) for item in verified)
        known = sum(item.counts(self.goals) for item in verified if item.candidate.source == KNOWN)
        kind, rule = "confirmed" if self.study.checks else "verified", self.study.verification
        of_them = ", known before" if known else ""
        if known and count > 1:
            of_them = f", {known if known < count else 'all'} of them known before"
        return f"{count} {kind} hit{'s' * (count != 1)}{of_them}, {rule.hits} wanted"

    def _stop(self, rounds: int, verified: Sequence[Verified], batch: Sequence[Verified], searched: bool = True) -> str:
        """Why to stop after a batch, in a sentence; nothing to go on.

        Args:
            rounds: searches done.
            verified: all candidates.
            batch: the last of them.
            searched: whether it came of a search.
        """
        rule = self.study.verification
        simulated = sum(item.candidate.source != KNOWN for item in verified)
        if sum(item.counts(self.goals) for item in verified) >= rule.hits:
            return self._enough(verified)
        if simulated + sum(len(item.redrawn) for item in verified) >= rule.max_simulations:
            return f"the budget of {rule.max_simulations} simulations is used up"
        if not searched:
            return ""
        if rounds >= rule.rounds:
            return f"{rule.rounds} rounds are done"
        if not batch:
            return "the search found no structure that differs from what was simulated before"
        if _idle_rounds(rounds - 1, verified, self.goals) >= rule.patience:
            return f"{rule.patience} rounds in a row brought nothing better"
        return ""


def _with(labels: LabelledStructures, batch: Sequence[Verified], first: int) -> LabelledStructures:
    """Labels, and after them those of a batch whose curves have converged, named by their numbers as candidates, of
    which this is the first."""
    fresh = [(number, item) for number, item in enumerate(batch, first) if item.converged]
    return labels.append(
        [item.label_key for _, item in fresh],
        [item.candidate.structure for _, item in fresh],
        np.array([item.anchors for _, item in fresh]),
        [str(candidate) for candidate, _ in fresh],
    )


def _idle_rounds(number: int, verified: Sequence[Verified], goals: Sequence[Goal]) -> int:
    """Rounds since one brought something: a candidate that ranks first of all so far, or that none outdoes."""
    if not verified:
        return 0
    best = [verified[best_first(goals, verified)[0]]]
    if has_front(goals):
        hits = [item for item in verified if item.counts(goals)]
        best += [hits[row] for row in front(goals, np.array([item.properties for item in hits]))] if hits else []
    return min(number + 1 if item.candidate.source == KNOWN else number - item.round for item in best)


def _counts(store: LabelStore) -> dict[str, int]:
    counts = store.counts()
    return {"count": sum(counts.values()), "converged": counts[Outcome.CONVERGED]}


def run_study(
    study: Study,
    runs: Path,
    tracker: Tracker = track,
    began: float | None = None,
    callback: Callback | None = None,
) -> Design:
    """Run a study in `runs`/<name>, or go on with it.

    Args:
        study: what is asked for.
        runs: where run folders are kept.
        tracker: shows progress.
        began: when this attempt began, by `time.monotonic`, for the report's wall time; now, unless given.
        callback: see `inverse_design.design`.

    Raises:
        InputError: with a sentence, for everything that a user can cause.
    """
    began = time.monotonic() if began is None else began
    check_memory(study)
    folder = RunFolder(runs / study.name)
    with folder.locked(), run_log(folder.path / "run.log"):
        folder.times.forget_current()
        write_text(folder.path / "study.yaml", study_text(study))
        design = Run(study, folder.path, tracker, began, callback).go()
        log.info("stopped: %s", design.reason)
        return design
