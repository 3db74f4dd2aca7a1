"""Pack label stores into the shipped label sets.

    python -m studies.nd2fe14b.pack STORE [STORE] [--folder studies/nd2fe14b]

Writes nd2fe14b.npz from a store of labels by cells, nd2fe14b-elements.npz from one of labels by elements and
nd2fe14b-free.npz from one of labels by elements with free spins, with the fixed split into test, train and reserve.
Each store was made by a command at the top of labels.yaml.
"""

from __future__ import annotations

import argparse
import sys
from importlib.resources import files
from pathlib import Path

from inverse_design.run.simulating import conditions_of, wanted_labels
from inverse_design.study.reading import load_study
from simulation import InputError, LabelStore, Outcome
from simulation.labels.sets import LabelSet, load_label_set
from studies.script import command

SETS = {"cells": "nd2fe14b", "elements": "nd2fe14b-elements", "free": "nd2fe14b-free"}
"""Names of the label sets by what they are made by, see `solver_of`."""
TRAIN = 3607
"""Structures to train on, the paper's number; those after them are a reserve."""


def solver_of(kind: str) -> tuple[str, str]:
    """Discretisation and spins of a kind of labels in `SETS`."""
    return ("elements", "free") if kind == "free" else (kind, "planar")


def in_words(kind: str) -> str:
    """What a kind of labels is made by."""
    return "elements, free spins" if kind == "free" else kind


def shipped() -> dict[str, LabelSet]:
    """The label sets that are there, by kind."""
    folder = Path(str(files("studies") / "nd2fe14b"))
    return {kind: load_label_set(name) for kind, name in SETS.items() if (folder / f"{name}.npz").exists()}


def pack(path: Path, partly: bool = False) -> tuple[str, LabelSet]:
    """Name and label set of the one kind of labels that a store has.

    Args:
        path: the label store.
        partly: take what is there instead of asking for a label of every structure.

    Raises:
        InputError: if labels are missing or the store holds none of this study's.
    """
    study = load_study(Path(str(files("studies") / "nd2fe14b" / "labels.yaml")))
    count, test = study.labels.count, study.labels.test
    wanted = {specification.key for specification in wanted_labels(study)}
    with LabelStore(path, read_only=True) as store:
        for kind, name in SETS.items():
            conditions = conditions_of(study, study.labels.backend, *solver_of(kind))
            labels = [
                label for label in store.labels(conditions) if label.specification and label.specification.key in wanted
            ]
            if not labels:
                continue
            if len(labels) < count and not partly:
                raise InputError(f"{path}: {len(labels)} of {count} labels by {in_words(kind)}, make the others first")
            bounds = [("test", test), ("train", TRAIN), ("reserve", count - test - TRAIN)]
            return name, LabelSet.of_labels((label for label in labels if label.outcome is Outcome.CONVERGED), bounds)
    raise InputError(f"{path}: no labels of {study.name} by this version of the solver")


@command
def main(arguments: list[str] | None = None) -> int:
    """Pack every store that is named."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("stores", nargs="+", type=Path, metavar="STORE", help="label stores")
    parser.add_argument("--folder", type=Path, default=Path(__file__).parent, help="where to write the sets")
    parser.add_argument("--partly", action="store_true", help="pack stores that are not complete yet")
    options = parser.parse_args(arguments)
    for path in options.stores:
        name, labels = pack(path, options.partly)
        file = options.folder / f"{name}.npz"
        labels.save(file)
        print(f"{file}: {len(labels.index)} labels, {file.stat().st_size / 1e6:.2f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
