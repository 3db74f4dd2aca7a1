"""The loop: labels, surrogate, search, full simulation, and round again until the goals are met."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inverse_design.console import run_log
from inverse_design.goals import Goal, ranking
from inverse_design.outputs import write_outputs
from inverse_design.progress import Tracker, Update, track
from inverse_design.run.baseline import Baseline, baseline, in_words
from inverse_design.run.design import Design, read_checks
from inverse_design.run.folder import RunFolder
from inverse_design.run.keys import Stage, labels_key, redraws_key, regressor_key, search_key, vae_key, verify_key
from inverse_design.run.memory import check_memory
from inverse_design.run.redraws import redraws, save_redraws, with_redraws
from inverse_design.run.simulating import Simulator, make_engine, wanted_labels
from inverse_design.run.verified import Verified, best_first, load_batch, save_batch, verify_batch
from inverse_design.study.shipped import labels_of
from inverse_design.study.study import Study, study_text
from simulation.errors import InputError
from simulation.files import write_text
from simulation.labels.drawn import Drawn, Structures
from simulation.labels.label import Outcome
from simulation.labels.labelled import LabelledStructures
from simulation.labels.store import LabelStore

if TYPE_CHECKING:
    from inverse_design.run.choosing import Round

log = logging.getLogger("inverse_design")

ENOUGH = 0.9
"""Share of labels that must be usable: below it something is wrong with the study or the solver."""


class Run:
    """One study in one run folder: every stage skips what is there."""

    def __init__(self, study: Study, folder: Path, tracker: Tracker = track) -> None:
        self.study, self.folder, self._tracker = study, RunFolder(folder), tracker
        self.goals = study.reduced_goals

    def go(self) -> Design:
        """Do every stage that is missing, until a stop rule of the study is met.

        Decisions fall at the end of a batch only, so that a killed run and an undisturbed one decide alike.
        """
        from inverse_design.run.choosing import Round

        with LabelStore(self.folder.path / "labels.sqlite") as store, make_engine(self.study) as engine:
            simulator = Simulator(self.study, store, engine, self.track)
            labels = self.labels(simulator)
            engine.close()  # idle workers would share the cores with the training
            already = baseline(self.goals, labels, self.study.magnet)
            labelled = already.as_dict(self.goals)
            log.info("labels: %s", in_words(labelled))
            vae, surrogate, key = self.vae(), None, vae_key(self.study)
            verified: tuple[Verified, ...] = ()
            for number in range(self.study.verification.rounds):
                round_ = Round(number, labels, verified, self._best(already, verified))
                key = regressor_key(self.study, key, labels, number)
                surrogate = self.regressor(round_, key, vae, surrogate)
                batch, known = self.candidates(round_, key, surrogate, simulator)
                verified += tuple(batch)
                fresh = [item for item in batch if item.converged]
                labels = labels.append(
                    [item.label_key for item in fresh],
                    [item.candidate.structure for item in fresh],
                    np.array([item.anchors for item in fresh]),
                )
                reason = self._stop(number, verified, batch)
                words = reason or "the next round is under way"
                checks = read_checks(self.folder.path, verified)
                design = Design(
                    self.study, self.folder.path, number + 1, words, verified, _counts(store), labelled, checks
                )
                if reason or not known:  # going through known rounds again must not shrink the tables meanwhile
                    write_outputs(design)
                if reason:
                    break
        self.folder.clear_work()
        return design

    @contextmanager
    def track(self, name: str) -> Iterator[Update]:
        """The progress of a stage, which also tells how long it has taken so far."""
        with self._tracker(name) as update:

            def told(done: int, total: int, words: str = "") -> None:
                update(done, total, words)
                self.folder.times.tick()

            yield told

    def labels(self, simulator: Simulator) -> LabelledStructures:
        """Simulate the sampled structures that the store lacks; of a pretrained surrogate, the labels that it had.

        Raises:
            InputError: if too few of them converge.
        """
        study, store = self.study, simulator.store
        if study.surrogate.pretrained is not None:
            return labels_of(study.surrogate.pretrained)
        wanted, before = wanted_labels(study), len(store)
        conditions = simulator.conditions(study.labels.backend)
        with self.folder.times.timed(Stage.LABELS, labels_key(study), counts=lambda: len(store) > before):
            found = simulator.simulate("labels", wanted, conditions)
        usable = sorted((label for label in found if label.converged), key=lambda label: label.key)
        if len(usable) < ENOUGH * len(wanted):
            first = next((label.reason for label in found if not label.converged), "no label at all")
            raise InputError(
                f"{store.path}: only {len(usable)} of {len(wanted)} labels are usable; the first other: {first}"
            )
        return LabelledStructures(
            tuple(label.key for label in usable),
            Structures(Drawn(label.structure_hash, label.microstructure) for label in usable),
            np.array([label.anchors.as_array() for label in usable]),
            np.array([label.specification.index < study.labels.test for label in usable if label.specification]),
        )

    def vae(self) -> Path:
        """Train the autoencoder on unlabelled structures."""

        def build(folder: Path) -> None:
            from inverse_design.run.training import make_autoencoder

            with self.track("autoencoder") as update:
                make_autoencoder(self.study, folder, update)

        return self.folder.stage(Stage.VAE, vae_key(self.study), build)

    def regressor(self, round_: Round, key: str, vae: Path, before: Path | None) -> Path:
        """Train the regressors, from the second round on starting with those of the round before."""

        def build(folder: Path) -> None:
            from inverse_design.run.training import make_regressor

            with self.track(f"regressors, round {round_.number}") as update:
                make_regressor(self.study, round_.number, round_.labels, vae, before, folder, update)

        return self.folder.stage(Stage.REGRESSOR.of(round_.number), key, build)

    def candidates(
        self, round_: Round, regressor: str, surrogate: Path, simulator: Simulator
    ) -> tuple[list[Verified], bool]:
        """The round's candidates, simulated, and whether they were there already.

        Args:
            regressor: key of the surrogate.
            surrogate: its folder.
        """
        number = round_.number
        key = search_key(self.study, regressor, number)
        result = self.search(round_, key, surrogate)
        key = verify_key(self.study, key, number)
        known = self.folder.state(Stage.VERIFY.of(number), key) == "there"
        batch = self.verify(round_, key, surrogate, result, simulator)
        if self.study.redraws:
            batch = self.redraw(number, redraws_key(self.study, key), batch, simulator)
        return batch, known

    def search(self, round_: Round, key: str, surrogate: Path) -> Path:
        """Search the latent space; the folder of the result."""

        def build(folder: Path) -> None:
            from inverse_design.run.searching import make_search
            from surrogate import Surrogate

            model = Surrogate.load(surrogate)
            with self.track(f"search, round {round_.number}") as update:
                make_search(self.study, round_.number, model, round_.labels, folder, update)

        return self.folder.stage(Stage.SEARCH.of(round_.number), key, build)

    def verify(self, round_: Round, key: str, surrogate: Path, result: Path, simulator: Simulator) -> list[Verified]:
        """Choose candidates and simulate them in full; each simulation is in the store as soon as it is done."""

        def build(folder: Path) -> None:
            from inverse_design.run.choosing import choose
            from inverse_design.search.genetic import load_result
            from surrogate import Surrogate

            visited = load_result(result).visited
            with self.track(f"grains, round {round_.number}") as update:
                chosen = choose(self.study, round_, Surrogate.load(surrogate), visited, update)
            structures = [candidate.structure for candidate in chosen]
            found = simulator.simulate(f"simulations, round {round_.number}", structures, simulator.conditions())
            save_batch(folder, verify_batch([round_.number] * len(chosen), chosen, found))

        return load_batch(self.folder.stage(Stage.VERIFY.of(round_.number), key, build))

    def redraw(self, number: int, key: str, batch: Sequence[Verified], simulator: Simulator) -> list[Verified]:
        """Simulate structures with the statistics of the batch's hits."""

        def build(folder: Path) -> None:
            rows = [i for i, item in enumerate(batch) if item.map_hits(self.goals)]
            drawn = [redraws(batch[i].candidate.structure, self.study.redraws, self.study.seed) for i in rows]
            every = [structure for family in drawn for structure in family]
            found = simulator.simulate(f"redraws, round {number}", every, simulator.conditions())
            save_redraws(folder, rows, drawn, found)

        return with_redraws(batch, self.folder.stage(Stage.REDRAWS.of(number), key, build))

    def _best(self, labelled: Baseline, verified: Sequence[Verified]) -> np.ndarray | None:
        """(11,) properties of the best structure so far that meets the goals, labelled ones included; these have no
        redraws, though, which a robust goal needs."""
        found = [item.properties for item in verified if item.is_hit(self.goals)]
        if labelled.best is not None and not any(goal.robust for goal in self.goals):
            found.append(labelled.best)
        return found[ranking(self.goals, np.array(found))[0]] if found else None

    def _stop(self, number: int, verified: Sequence[Verified], batch: Sequence[Verified]) -> str:
        """Why to stop after this round, in a sentence; nothing to go on."""
        rule = self.study.verification
        hits = sum(item.is_hit(self.goals) for item in verified)
        if hits >= rule.hits:
            return f"{hits} verified hits, {rule.hits} wanted"
        if len(verified) + sum(len(item.redrawn) for item in verified) >= rule.max_simulations:
            return f"the budget of {rule.max_simulations} simulations is used up"
        if number + 1 >= rule.rounds:
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


def run_study(study: Study, runs: Path, tracker: Tracker = track) -> Design:
    """Run a study in `runs`/<name>, or go on with it.

    Raises:
        InputError: with a sentence, for everything that a user can cause.
    """
    check_memory(study)
    folder = RunFolder(runs / study.name)
    with folder.locked(), run_log(folder.path / "run.log"):
        write_text(folder.path / "study.yaml", study_text(study))
        design = Run(study, folder.path, tracker).go()
        log.info("stopped: %s", design.reason)
        return design
