"""The loop: labels, surrogate, search, full simulation, and round again until the goals are met."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inverse_design.candidates.candidate import MODEL_OPTIMIZED, BatchRequest, Known
from inverse_design.candidates.propose import propose
from inverse_design.console import run_log
from inverse_design.goals import Goal, ranking
from inverse_design.outputs import Findings, write_outputs
from inverse_design.progress import Tracker, Update, track
from inverse_design.properties import STRUCTURE, derived_from_anchors
from inverse_design.run import keys as stages
from inverse_design.run.baseline import Baseline, baseline, in_words
from inverse_design.run.folder import RunFolder
from inverse_design.run.keys import LabelledStructures
from inverse_design.run.memory import check_memory
from inverse_design.run.redraws import redraws, save_redraws, with_redraws
from inverse_design.run.simulating import conditions_of, make_engine, simulate_all, wanted_labels
from inverse_design.run.verified import Verified, best_first, load_batch, save_batch, verify_batch
from inverse_design.search.genetic import SearchResult, load_result, save_result, search
from inverse_design.search.structure_guess import StructureGuess
from inverse_design.study.shipped import labels_of
from inverse_design.study.study import Study, study_text
from simulation.anchors import ANCHORS
from simulation.errors import InputError
from simulation.execution.engine import Engine
from simulation.files import write_text
from simulation.labels.label import Outcome
from simulation.labels.store import LabelStore
from simulation.microstructure import Microstructure

if TYPE_CHECKING:
    from inverse_design.search.problem import Limit
    from surrogate import Surrogate

log = logging.getLogger("inverse_design")

LEARNT_FROM = 400
"""Structures that the look of decoded codes is compared with where a goal asks for grain sizes or axes."""

ENOUGH = 0.9
"""Share of labels that must be usable: below it something is wrong with the study or the solver."""


@dataclass(frozen=True, eq=False)
class Ending:
    """How a run ended.

    Attributes:
        verified: every simulated candidate, in the order of choice.
        rounds: rounds done.
        reason: why the loop stopped, as a sentence.
    """

    verified: tuple[Verified, ...]
    rounds: int
    reason: str


class Run:
    """One study in one run folder: every stage skips what is there."""

    def __init__(self, study: Study, folder: Path, tracker: Tracker = track) -> None:
        self.study, self.folder, self._tracker = study, RunFolder(folder), tracker
        self.goals = study.reduced_goals

    def go(self) -> Ending:
        """Do every stage that is missing, until a stop rule of the study is met.

        Decisions fall at the end of a batch only, so that a killed run and an undisturbed one decide alike.
        """
        with LabelStore(self.folder.path / "labels.sqlite") as store, make_engine(self.study) as engine:
            labels = self.labels(store, engine)
            engine.close()  # idle workers would share the cores with the training
            already = baseline(self.goals, labels, self.study.magnet)
            labelled = already.as_dict(self.goals)
            log.info("labels: %s", in_words(labelled))
            vae = self.vae()
            before, before_key = None, stages.vae_key(self.study)
            verified: list[Verified] = []
            reason = ""
            for round_ in range(self.study.verification.rounds):
                before_key = stages.regressor_key(self.study, before_key, labels, round_)
                before = self.regressor(round_, before_key, labels, vae, before)
                search_key = stages.search_key(self.study, before_key, round_)
                result = self.search(round_, search_key, before, labels)
                verify_key = stages.verify_key(self.study, search_key, round_)
                known = self.folder.state(f"verify/{round_}", verify_key) == "there"
                best = self._best(already, verified)
                batch = self.verify(round_, verify_key, before, result, labels, best, verified, store, engine)
                if self.study.redraws:
                    batch = self.redraw(round_, stages.redraws_key(self.study, verify_key), batch, store, engine)
                verified += batch
                fresh = [item for item in batch if item.converged]
                labels = labels.append(
                    [item.label_key for item in fresh],
                    [item.candidate.structure for item in fresh],
                    np.array([item.anchors for item in fresh]),
                )
                reason = self._stop(round_, verified, batch)
                if reason or not known:  # going through known rounds again must not shrink the tables meanwhile
                    words = reason or "the next round is under way"
                    findings = Findings(round_ + 1, words, tuple(verified), _counts(store), labelled)
                    write_outputs(self.study, self.folder, findings)
                if reason:
                    break
        self.folder.clear_work()
        return Ending(tuple(verified), round_ + 1, reason)

    @contextmanager
    def track(self, name: str) -> Iterator[Update]:
        """The progress of a stage, which also tells how long it has taken so far."""
        with self._tracker(name) as update:

            def told(done: int, total: int, words: str = "") -> None:
                update(done, total, words)
                self.folder.times.tick()

            yield told

    def labels(self, store: LabelStore, engine: Engine) -> LabelledStructures:
        """Simulate the sampled structures that the store lacks; of a pretrained surrogate, the labels that it had.

        Raises:
            InputError: if too few of them converge.
        """
        study = self.study
        if study.surrogate.pretrained is not None:
            return labels_of(study.surrogate.pretrained)
        wanted = wanted_labels(study)
        conditions = conditions_of(study, study.labels.backend, study.labels.discretization)
        before = len(store)
        with self.folder.times.timed("labels", stages.labels_key(study), counts=lambda: len(store) > before):
            found = simulate_all("labels", wanted, conditions, store, engine, self.track)
        usable = sorted((label for label in found if label.converged), key=lambda label: label.key)
        if len(usable) < ENOUGH * len(wanted):
            first = next((label.reason for label in found if not label.converged), "no label at all")
            raise InputError(
                f"{store.path}: only {len(usable)} of {len(wanted)} labels are usable; the first other: {first}"
            )
        return LabelledStructures(
            tuple(label.key for label in usable),
            tuple(label.microstructure() for label in usable),
            np.array([label.anchors.as_array() for label in usable]),
            np.array([label.specification.index < study.labels.test for label in usable if label.specification]),
        )

    def vae(self) -> Path:
        """Train the autoencoder on unlabelled structures."""

        def build(folder: Path) -> None:
            from inverse_design.run.training import make_autoencoder

            with self.track("autoencoder") as update:
                make_autoencoder(self.study, folder, update)

        return self.folder.stage("vae", stages.vae_key(self.study), build)

    def regressor(self, round_: int, key: str, labels: LabelledStructures, vae: Path, before: Path | None) -> Path:
        """Train the regressors, from the second round on starting with those of the round before."""

        def build(folder: Path) -> None:
            from inverse_design.run.training import make_regressor

            with self.track(f"regressors, round {round_}") as update:
                make_regressor(self.study, round_, labels, vae, before, folder, update)

        return self.folder.stage(f"regressor/{round_}", key, build)

    def search(self, round_: int, key: str, surrogate: Path, labels: LabelledStructures) -> SearchResult:
        """Search the latent space."""

        def build(folder: Path) -> None:
            from inverse_design.search.problem import LatentProblem, Plausibility

            model = self._load(surrogate)
            part = self.study.search
            pool = stages.pool_of_structures(self.study, labels)
            codes = model.encode(pool)
            problem = LatentProblem(
                self.goals,
                model.predict,
                Plausibility.of_codes(codes, part.plausibility),
                self._more(model, pool, codes),
                self._limits(model, codes),
            )
            seed = stages.search_seed(self.study, round_)
            with self.track(f"search, round {round_}") as update:
                result = search(problem, codes, part.algorithm, part.population, part.generations, seed, update)
            if not result.feasible:
                log.warning("search, round %d: no code meets all bounds; the nearest ones are taken", round_)
            mean, std = model.predict(result.front)
            table = stages.front_table(self.study, result.objectives, problem.values(result.front, mean), std)
            write_text(folder / "front.csv", table.to_csv(index=False))
            axes = model.decode(result.front).astype(np.float16)  # what hovering over the front shows: the blur
            np.savez_compressed(folder / stages.FRONT_AXES, angle_rad=axes)
            save_result(result, folder)

        return load_result(self.folder.stage(f"search/{round_}", key, build))

    def verify(
        self,
        round_: int,
        key: str,
        surrogate: Path,
        result: SearchResult,
        labels: LabelledStructures,
        best: np.ndarray | None,
        before: Sequence[Verified],
        store: LabelStore,
        engine: Engine,
    ) -> list[Verified]:
        """Choose candidates and simulate them in full; each simulation is in the store as soon as it is done."""

        def build(folder: Path) -> None:
            part, family = self.study.verification, self.study.family
            with self.track(f"grains, round {round_}") as update:
                model = self._load(surrogate)
                request = BatchRequest(self.goals, part.candidates, family, self.study.magnet, part.sources, best)
                known = self._known(round_, model, labels, before)
                chosen = propose(model, request, result.visited, known, update)
            conditions = conditions_of(self.study, part.backend, self.study.labels.discretization)
            structures = [candidate.structure for candidate in chosen]
            found = simulate_all(f"simulations, round {round_}", structures, conditions, store, engine, self.track)
            save_batch(folder, verify_batch([round_] * len(chosen), chosen, found))

        return load_batch(self.folder.stage(f"verify/{round_}", key, build))

    def redraw(
        self, round_: int, key: str, batch: Sequence[Verified], store: LabelStore, engine: Engine
    ) -> list[Verified]:
        """Simulate structures with the statistics of the batch's hits."""

        def build(folder: Path) -> None:
            rows = [i for i, item in enumerate(batch) if item.map_hits(self.goals)]
            drawn = [redraws(batch[i].candidate.structure, self.study.redraws, self.study.seed) for i in rows]
            conditions = conditions_of(self.study, self.study.verification.backend, self.study.labels.discretization)
            every = [structure for family in drawn for structure in family]
            found = simulate_all(f"redraws, round {round_}", every, conditions, store, engine, self.track)
            save_redraws(folder, rows, drawn, found)

        return with_redraws(batch, self.folder.stage(f"redraws/{round_}", key, build))

    def _best(self, labelled: Baseline, verified: Sequence[Verified]) -> np.ndarray | None:
        """(11,) properties of the best structure so far that meets the goals, labelled ones included; these have no
        redraws, though, which a robust goal needs."""
        found = [item.properties for item in verified if item.is_hit(self.goals)]
        if labelled.best is not None and not any(goal.robust for goal in self.goals):
            found.append(labelled.best)
        return found[ranking(self.goals, np.array(found))[0]] if found else None

    def _known(self, round_: int, model: Surrogate, labels: LabelledStructures, before: Sequence[Verified]) -> Known:
        """What was simulated, the test split left out, and the round's own draws."""
        train = labels.split(test=False)
        sound, failed = ([i.candidate for i in before if i.converged is wanted] for wanted in (True, False))
        draws = stages.draws_of(self.study, round_)
        structures = [*train.structures, *(candidate.structure for candidate in failed), *draws]
        anchors = np.vstack([train.anchors, np.full((len(failed), len(ANCHORS)), np.nan)])
        raw_prediction = np.full(anchors.shape, np.nan)
        for row, candidate in enumerate(sound, len(train.structures) - len(sound)):
            if candidate.source in MODEL_OPTIMIZED:
                raw_prediction[row] = candidate.raw_prediction
        return Known.of(structures, model.encode(structures), anchors, raw_prediction)

    def _more(
        self, model: Surrogate, pool: Sequence[Microstructure], codes: np.ndarray
    ) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
        """Codes and predicted anchors to the other properties, if a goal asks for one."""
        material, wanted = self.study.magnet, {goal.quantity for goal in self.goals}
        if wanted <= set(ANCHORS):
            return None
        guess: Callable[[np.ndarray], np.ndarray] = lambda codes: np.full((len(codes), len(STRUCTURE)), np.nan)  # noqa: E731
        if wanted & set(STRUCTURE):
            guess = StructureGuess(model.decode_field, pool[:LEARNT_FROM], codes[:LEARNT_FROM])
        return lambda codes, mean: np.hstack([derived_from_anchors(mean, material), guess(codes)])

    def _limits(self, model: Surrogate, codes: np.ndarray) -> list[Limit]:
        """What a search may not do beside leaving the plausible codes."""
        from inverse_design.search.problem import drift, limit, spread

        part, limits = self.study.search, []
        if part.spread is not None:
            limits.append(limit(spread(model.label_std), model.predict, codes, part.spread))
        if part.drift is not None:
            limits.append(limit(drift(model.predict_again, model.label_std), model.predict, codes, part.drift))
        return limits

    def _load(self, folder: Path) -> Surrogate:
        from surrogate import Surrogate

        return Surrogate.load(folder)

    def _stop(self, round_: int, verified: Sequence[Verified], batch: Sequence[Verified]) -> str:
        """Why to stop after this round, in a sentence; nothing to go on."""
        rule = self.study.verification
        hits = sum(item.is_hit(self.goals) for item in verified)
        if hits >= rule.hits:
            return f"{hits} verified hits, {rule.hits} wanted"
        if len(verified) + sum(len(item.redrawn) for item in verified) >= rule.max_simulations:
            return f"the budget of {rule.max_simulations} simulations is used up"
        if round_ + 1 >= rule.rounds:
            return f"{rule.rounds} rounds are done"
        if not batch:
            return "the search found no structure that was not simulated before"
        if _idle_rounds(verified, self.goals) >= rule.patience:
            return f"{rule.patience} rounds in a row brought nothing better"
        return ""


def _idle_rounds(verified: Sequence[Verified], goals: Sequence[Goal]) -> int:
    """Rounds since the best candidate: a round brings something if one of its candidates ranks first of all so far."""
    return verified[-1].round - verified[best_first(goals, verified)[0]].round if verified else 0


def _counts(store: LabelStore) -> dict[str, int]:
    counts = store.counts()
    return {"count": sum(counts.values()), "converged": counts[Outcome.CONVERGED]}


def run_study(study: Study, runs: Path, tracker: Tracker = track) -> Ending:
    """Run a study in `runs`/<name>, or go on with it.

    Raises:
        InputError: with a sentence, for everything that a user can cause.
    """
    check_memory(study)
    folder = RunFolder(runs / study.name)
    with folder.locked(), run_log(folder.path / "run.log"):
        write_text(folder.path / "study.yaml", study_text(study))
        ending = Run(study, folder.path, tracker).go()
        log.info("stopped: %s", ending.reason)
        return ending
