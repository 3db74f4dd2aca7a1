"""The labels of a study without the rest: for a job on a cluster, or a shard of it, and putting shards together."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

from inverse_design.console import warn
from inverse_design.progress import Tracker, track
from inverse_design.run.folder import RunFolder
from inverse_design.run.simulating import Simulator, make_engine, wanted_labels
from inverse_design.study.caveats import caveats
from inverse_design.study.study import Study
from simulation.labels.labelling import shard as part_of
from simulation.labels.sets import load_label_set
from simulation.labels.store import LabelStore

STORE = "labels.sqlite"


def label_study(
    study: Study, run: Path, store: Path | None = None, shard: str | None = None, tracker: Tracker = track
) -> str:
    """Simulate a study's labels into a store; a sentence that says how it went.

    Args:
        run: the run folder of the study.
        store: made if missing; that of the run if None, which then is locked against another run meanwhile.
        shard: "K/N" for every N-th structure from the K-th, all if None.

    Raises:
        InputError: if the shard is none, the store cannot be written, or a run is writing it.
    """
    wanted = wanted_labels(study)
    if shard is not None:
        wanted = part_of(wanted, shard)
    warn(caveats(study))
    path, own = store or run / STORE, run / STORE
    of_run = os.path.realpath(path) == os.path.realpath(own)  # unlike `resolve`, of a link to itself too
    lock = RunFolder(run).locked(or_read_only=True) if of_run else nullcontext()
    with lock, LabelStore(path) as labels, make_engine(study) as engine:
        simulator = Simulator(study, labels, engine, tracker)
        found = simulator.simulate("labels", wanted, simulator.conditions(study.labels.backend))
        usable = sum(label.converged for label in found)
        return f"{path}: {usable} of {len(wanted)} labels usable, {len(labels)} simulations in the store"


def merge_into(path: Path, parts: Sequence[Path]) -> str:
    """Add the labels of stores and of label sets (.npz) to a store; a sentence that says what was added.

    Raises:
        InputError: if a part cannot be read, or the store not be written.
    """
    sets = [load_label_set(part) for part in parts if part.suffix == ".npz"]
    stores = [part for part in parts if part.suffix != ".npz"]
    for part in stores:  # what is none is refused before a store is made for it
        LabelStore(part, read_only=True, salvage=True).close()
    with LabelStore(path) as store:
        merged = store.merge(*stores)
        fresh = [store.add(label) for labels in sets for label in labels.labels()]
        added, present = merged.added + sum(fresh), merged.present + len(fresh) - sum(fresh)
        damaged = f", {merged.damaged} damaged rows left out" if merged.damaged else ""
        return f"{path}: {added} labels added, {present} there before{damaged}, {len(store)} in all"
