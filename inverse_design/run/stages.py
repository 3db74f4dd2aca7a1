"""What a run does, stage by stage; each is skipped where it is there already."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inverse_design.candidates.candidate import KNOWN
from inverse_design.progress import Tracker, Update, track
from inverse_design.run.baseline import Baseline
from inverse_design.run.confirming import Checked, confirm, load_confirmations
from inverse_design.run.folder import RunFolder
from inverse_design.run.keys import (
    LABELS,
    PAIRS,
    Stage,
    confirm_key,
    known_key,
    labels_digest,
    labels_key,
    redraws_key,
    refine_key,
    search_key,
    vae_key,
    verify_key,
)
from inverse_design.run.known import known_candidates, tell
from inverse_design.run.redraws import redraws, save_redraws, with_redraws
from inverse_design.run.refining import part_of, refined, stage_of
from inverse_design.run.simulating import Simulator, wanted_labels
from inverse_design.run.start import OwnStructure, own_structures
from inverse_design.run.verified import Verified, load_batch, part_in_words, save_batch, verify_batch
from inverse_design.study.pairs import as_labels, mean_residuals, read_pairs, residuals
from inverse_design.study.shipped import labels_of
from inverse_design.study.study import Study
from simulation.anchors import UNITS
from simulation.errors import InputError
from simulation.files import write_text
from simulation.labels.drawn import Drawn, Structures
from simulation.labels.label import Conditions
from simulation.labels.labelled import LabelledStructures, label_name
from surrogate.card import CARD, checksum

if TYPE_CHECKING:
    from inverse_design.run.choosing import Round
    from surrogate import Surrogate

log = logging.getLogger("inverse_design")

ENOUGH = 0.9
"""Share of labels that must be usable: below it something is wrong with the study or the solver."""


class Stages:
    """The stages of one study in one run folder.

    Args:
        study: what is asked for.
        folder: the run folder.
        tracker: shows progress.
        began: when this attempt began, by `time.monotonic`; now, unless given.
    """

    def __init__(self, study: Study, folder: Path, tracker: Tracker = track, began: float | None = None) -> None:
        self.study, self.folder, self._tracker = study, RunFolder(folder, began), tracker
        self.goals = study.reduced_goals
        self._model: tuple[str, Surrogate] | None = None

    @cached_property
    def own(self) -> list[OwnStructure]:
        """The structures of the user's own that the search starts from; refused before anything is computed."""
        return own_structures(self.study, self.folder.path)

    @contextmanager
    def track(self, name: str) -> Iterator[Update]:
        """The progress of a stage, which also tells how long it has taken so far."""
        with self._tracker(name) as update:

            def told(done: int, total: int, words: str = "", there: int = 0) -> None:
                update(done, total, words, there)
                self.folder.times.tick()

            yield told

    def labels(self, simulator: Simulator) -> LabelledStructures:
        """Simulate the sampled structures that the store lacks; of a pretrained surrogate, the labels that it had.

        Raises:
            InputError: if too few of them converge.
        """
        study, store = self.study, simulator.store
        if study.surrogate.pretrained is not None:
            with self.track("shipped labels"):
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
        beside = self._measured(simulator, conditions)
        return LabelledStructures(
            tuple(label.key for label in usable),
            Structures(Drawn(label.structure_hash, label.microstructure) for label in usable),
            np.array([label.anchors.as_array() for label in usable]),
            np.array([label.specification.index < study.labels.test for label in usable if label.specification]),
            names=tuple(label_name(label.specification.index) for label in usable if label.specification),
            beside=beside,
        )

    def _measured(self, simulator: Simulator, conditions: Conditions) -> LabelledStructures | None:
        """Measured pairs as a training reads them; their maps are simulated, too, and a table says by how much the two
        differ."""
        part, pairs, path = self.study.labels, read_pairs(self.study), self.folder.path / PAIRS
        if not pairs:
            path.unlink(missing_ok=True)  # of an older study of this name
            return None
        table = residuals(pairs, simulator.simulate("measured maps", [pair.structure for pair in pairs], conditions))
        write_text(path, table.to_csv(index=False))
        for anchor, (mean, std, count) in mean_residuals(table).items():
            spread = f" ± {std:.3g}" if count > 1 else ""
            log.info("measured less simulated: %s %.3g%s %s, of %d pairs", anchor, mean, spread, UNITS[anchor], count)
        return as_labels(pairs, part.weight, part.uncertainty, self.study.seed)

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

    def known(
        self, labels: LabelledStructures, already: Baseline, simulator: Simulator
    ) -> tuple[list[Verified], list[Checked], bool]:
        """The user's own structures, and the best labelled ones that meet the goals unless the study wants new ones
        only, as candidates; their confirmations, and whether they were there already."""
        rows = already.rows if self.study.verification.known else ()
        if not rows and not self.own:
            return [], [], True
        digest, own = labels_digest(labels), [each.structure.content_hash for each in self.own]
        key = known_key(self.study, digest, own)

        def build(folder: Path) -> None:
            save_batch(folder, known_candidates(self.study, labels, rows, simulator, self.own))
            write_text(folder / LABELS, json.dumps({"labels": digest, "start": own}) + "\n")

        there = self.folder.state(Stage.KNOWN, key) == "there"
        batch = load_batch(self.folder.stage(Stage.KNOWN, key, build))
        tell(self.goals, batch)
        return *self.followed(KNOWN, key, batch, (), simulator), there

    def refined(
        self,
        place: tuple[int, int],
        labels: LabelledStructures,
        before: str,
        verified: Sequence[Verified],
        answers: Sequence[int],
        front: np.ndarray,
        simulator: Simulator,
    ) -> tuple[list[Verified], list[Checked], bool]:
        """A batch that the solver climbs to, simulated, its confirmations, and whether the batch was there already.

        Args:
            place: the round before whose search it comes, and its number there.
            labels: labelled structures, candidates at their end.
            before: digest of the labels that there were at the beginning.
            verified: candidates so far, judged.
            answers: rows of labelled structures that meet the goals.
            front: (m, 13) properties of those so far that meet the goals and that none outdoes.
        """
        part = part_of(*place)
        name = stage_of(part)
        key = refine_key(self.study, before, [item.label_key for item in verified], part)
        there = self.folder.state(name, key) == "there"

        def build(folder: Path) -> None:
            chosen = refined(self.study, place, labels, verified, answers, front)
            structures = [candidate.structure for candidate in chosen]
            found = simulator.simulate(part_in_words(part), structures, simulator.conditions(), reversals=True)
            save_batch(folder, verify_batch([place[0]] * len(chosen), chosen, found, part))
            write_text(folder / LABELS, json.dumps({"labels": before}) + "\n")

        batch = load_batch(self.folder.stage(name, key, build))
        return *self.followed(part, key, batch, verified, simulator), there

    def candidates(
        self, round_: Round, regressor: str, surrogate: Path, simulator: Simulator
    ) -> tuple[list[Verified], list[Checked], bool]:
        """The round's candidates, simulated, their confirmations, and whether the candidates were there already.

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
        return *self.followed(str(number), key, batch, round_.verified, simulator), known

    def followed(
        self, part: str, key: str, batch: list[Verified], before: Sequence[Verified], simulator: Simulator
    ) -> tuple[list[Verified], list[Checked]]:
        """What follows the simulation of a batch: redraws and confirmations of its hits, where the study asks for them.

        Args:
            part: the batch's round, or "known".
            key: of the batch.
            batch: candidates with their simulations.
            before: those of the run before it, judged.
            simulator: runs simulations.
        """
        if self.study.redraws:
            batch = self.redraw(part, redraws_key(self.study, key), batch, simulator)
        if not self.study.checks:
            return batch, []

        def build(folder: Path) -> None:
            confirm(folder, batch, self.goals, simulator, before)

        folder = self.folder.stage(Stage.CONFIRM.of(part), confirm_key(self.study, key), build)
        return batch, load_confirmations(folder, len(before))

    def search(self, round_: Round, key: str, surrogate: Path) -> Path:
        """Search the latent space; the folder of the result."""

        def build(folder: Path) -> None:
            from inverse_design.run.searching import make_search

            model = self._loaded(surrogate)
            with self.track(f"search, round {round_.number}") as update:
                make_search(self.study, round_.number, model, round_.labels, folder, update)

        return self.folder.stage(Stage.SEARCH.of(round_.number), key, build)

    def _loaded(self, folder: Path) -> Surrogate:
        """The surrogate in a folder, loaded once: search and choice ask for the same."""
        from surrogate import Surrogate

        key = checksum(folder / CARD)
        if self._model is None or self._model[0] != key:
            self._model = key, Surrogate.load(folder)
        return self._model[1]

    def verify(self, round_: Round, key: str, surrogate: Path, result: Path, simulator: Simulator) -> list[Verified]:
        """Choose candidates and simulate them in full; each simulation is in the store as soon as it is done."""

        def build(folder: Path) -> None:
            from inverse_design.run.choosing import choose
            from inverse_design.search.genetic import load_result

            visited = load_result(result).visited
            with self.track(f"steering, round {round_.number}"):  # and all other sources of candidates
                chosen = choose(self.study, round_, self._loaded(surrogate), visited)
            structures = [candidate.structure for candidate in chosen]
            found = simulator.simulate(
                f"simulations, round {round_.number}", structures, simulator.conditions(), reversals=True
            )
            save_batch(folder, verify_batch([round_.number] * len(chosen), chosen, found))

        return load_batch(self.folder.stage(Stage.VERIFY.of(round_.number), key, build))

    def redraw(self, part: str, key: str, batch: Sequence[Verified], simulator: Simulator) -> list[Verified]:
        """Simulate structures with the statistics of the batch's hits."""

        def build(folder: Path) -> None:
            rows = [i for i, item in enumerate(batch) if item.map_hits(self.goals)]
            study, hits = self.study, [batch[i].candidate.structure for i in rows]
            drawn = [redraws(hit, study.redraws, study.seed, study.family) for hit in hits]
            every = [structure for family in drawn for structure in family]
            found = simulator.simulate(f"redraws, {part_in_words(part)}", every, simulator.conditions())
            save_redraws(folder, rows, drawn, found)

        return with_redraws(batch, self.folder.stage(Stage.REDRAWS.of(part), key, build))
