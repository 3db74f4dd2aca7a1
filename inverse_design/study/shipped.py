"""Studies that start from a shipped surrogate: what its card fixes, and its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from simulation.errors import InputError
from simulation.labels.drawn import Drawn, Structures
from simulation.labels.label import Conditions, Label
from simulation.labels.labelled import LabelledStructures, label_name
from simulation.labels.sets import CHECKSUM_BYTES, SPLITS, load_label_set
from simulation.microstructure import Microstructure
from surrogate.card import find_surrogate, read_autoencoder_card, read_card
from surrogate.known_codes import Encoder, KnownCodes

FIXED = ("material", "microstructures", "field_sweep", "labels")
"""Sections of a study that are those of the surrogate's card."""

CONTINUED = {"more_epochs": 5, "learning_rate": 3e-4, "folds": 0}
"""How later rounds go on from a pretrained regressor, unless the study says otherwise: seconds, with small steps."""


def sizes_of(name: str) -> dict[str, Any]:
    """Keys of `surrogate` in a study that a shipped one answers by its card: what its networks are.

    Raises:
        InputError: if there is no such surrogate, or its cards are broken.
    """
    folder = find_surrogate(name)
    card = read_card(folder)
    autoencoder = read_autoencoder_card(folder / card.autoencoder)
    encoding, architecture = autoencoder.encoding, autoencoder.architecture
    return {
        "encoding": encoding.kind,
        "cells_per_pixel": encoding.cells_per_pixel,
        "layout": architecture.layout,
        "latent_dim": architecture.latent_dim,
        "width": architecture.width,
        "ensemble": card.architecture.members,
    }


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


def known_codes(name: str) -> KnownCodes | None:
    """Codes of the structures that a surrogate was trained and judged on, if they are shipped with it.

    Raises:
        InputError: if there is no such surrogate, or the file is damaged.
    """
    folder = find_surrogate(name)
    return KnownCodes.load(folder / read_card(folder).autoencoder)


def encoded(name: str | None, model: Encoder, structures: Sequence[Microstructure]) -> np.ndarray:
    """(n, latent_dim) codes of structures: those shipped with the surrogate of this name, if any, where there are such,
    so that these structures need not be drawn; the others by the model, whose autoencoder is that of `name`."""
    known = None if name is None else known_codes(name)
    return model.encode(structures) if known is None else known.encode(model, structures)


def labels_of(name: str, splits: Sequence[str] = ("train", "test")) -> LabelledStructures:
    """The labels that a surrogate was trained and judged on; of structures whose codes are shipped each is drawn again
    when it is asked for, of others at once."""
    labels = load_label_set(fixed_sections(name)["labels_of"])
    rows = np.flatnonzero(np.isin(labels.split, [SPLITS.index(split) for split in splits]))
    known = known_codes(name)
    whole = {} if known is None else {digest[:CHECKSUM_BYTES].tobytes(): digest for digest in known.structure_hash}

    def item(row: int) -> Drawn | Microstructure:
        draw = partial(labels.structure, int(labels.index[row]))
        digest = whole.get(labels.checksum[row].tobytes())
        return draw() if digest is None else Drawn(digest.tobytes().hex(), draw)

    structures = Structures(item(int(row)) for row in rows)
    conditions = Conditions.from_json(labels.conditions)
    return LabelledStructures(
        tuple(conditions.label_key(digest) for digest in structures.content_hashes),
        structures,
        labels.anchors[rows],
        labels.split[rows] == SPLITS.index("test"),
        names=tuple(label_name(int(index)) for index in labels.index[rows]),
    )


def shipped_labels(name: str, names: Sequence[str]) -> list[Label]:
    """Labels that a surrogate was trained and judged on, with their curves, by the names that `labels_of` gives."""
    labels = load_label_set(fixed_sections(name)["labels_of"])
    return [labels.label(int(each.partition(":")[2])) for each in names]
