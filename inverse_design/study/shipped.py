"""Studies that start from a shipped surrogate: what its card fixes, and its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from simulation.errors import InputError
from simulation.labels.label import Conditions
from simulation.labels.sets import SPLITS, load_label_set
from surrogate.card import find_surrogate, read_card

if TYPE_CHECKING:
    from inverse_design.run.keys import LabelledStructures

FIXED = ("material", "microstructures", "field_sweep", "labels")
"""Sections of a study that are those of the surrogate's card."""

CONTINUED = {"more_epochs": 5, "learning_rate": 3e-4, "folds": 0}
"""How later rounds go on from a pretrained regressor, unless the study says otherwise: seconds, with small steps."""


def fixed_sections(name: str) -> dict[str, Any]:
    """The sections of a study that a surrogate was trained for, and the set that its labels are from, as `labels_of`.

    Raises:
        InputError: if there is no such surrogate, or it says nothing of what it was trained for.
    """
    about = read_card(find_surrogate(name)).about
    if not isinstance(about.get("labels_of"), str) or not all(isinstance(about.get(key), Mapping) for key in FIXED):
        raise InputError(
            f"surrogate {name}: its card does not say which labels it was trained on: not a pretrained one"
        )
    return {key: about[key] for key in (*FIXED, "labels_of")}


def labels_of(name: str, splits: Sequence[str] = ("train", "test")) -> LabelledStructures:
    """The labels that a surrogate was trained and judged on, structures drawn again."""
    from inverse_design.run.keys import LabelledStructures

    labels = load_label_set(fixed_sections(name)["labels_of"])
    rows = np.flatnonzero(np.isin(labels.split, [SPLITS.index(split) for split in splits]))
    structures = tuple(labels.structure(int(labels.index[row])) for row in rows)
    conditions = Conditions.from_json(labels.conditions)
    return LabelledStructures(
        tuple(conditions.label_key(structure.content_hash) for structure in structures),
        structures,
        labels.anchors[rows],
        labels.split[rows] == SPLITS.index("test"),
    )
