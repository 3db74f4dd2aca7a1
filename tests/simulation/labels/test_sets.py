"""Label sets: one file, a table in one call, curves and structures on demand."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import (
    FieldSweep,
    InputError,
    LabelStore,
    Nd2Fe14B,
    demagnetization_curve,
    load_labels,
    load_structures,
)
from simulation.anchors import ANCHORS, anchor_points
from simulation.labels.label import Conditions, Job, Specification
from simulation.labels.reference_curves import ReferenceCurves
from simulation.labels.sets import LabelSet, load_label_set
from simulation.sampling import Purpose, StructureFamily

FAMILY = StructureFamily(16, 2, (1, 4), (0.0, 1.0))
CONDITIONS = Conditions(Nd2Fe14B, FieldSweep(until="coercivity"))


@pytest.fixture
def store(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "labels.sqlite"
    with LabelStore(path) as labels:
        for index in range(12):
            job = Job.of(Specification(FAMILY, 5, Purpose.LABELS, index), CONDITIONS)
            h = FieldSweep().h[: 130 + index]
            m = np.linspace(0.95, -0.1, len(h)) + rng.normal(scale=1e-4, size=len(h))
            labels.add(job.label(h, m, [0] * len(h), "", 100 + index, 0.1))
    return path


@pytest.fixture
def packed(store: Path, tmp_path: Path) -> Path:
    with LabelStore(store, read_only=True) as labels:
        LabelSet.of_labels(labels.labels(), [("test", 3), ("train", 8), ("reserve", 1)]).save(tmp_path / "set.npz")
    return tmp_path / "set.npz"


def test_a_set_is_a_table_in_one_call(packed: Path) -> None:
    table = load_labels(packed)
    assert list(table.columns) == ["grains", "misorientation_rad", "split", *ANCHORS]
    assert table.index.tolist() == list(range(12))
    assert table["split"].value_counts().to_dict() == {"train": 8, "test": 3, "reserve": 1}


def test_the_split_goes_by_index_so_that_sets_of_the_same_structures_share_it(store: Path) -> None:
    with LabelStore(store, read_only=True) as labels:
        some = [label for label in labels.labels() if label.specification and label.specification.index not in (0, 4)]
    table = LabelSet.of_labels(some, [("test", 3), ("train", 8), ("reserve", 1)]).frame()
    assert table.index[table["split"] == "test"].tolist() == [1, 2]
    assert table.index[table["split"] == "reserve"].tolist() == [11]
    assert set(LabelSet.of_labels(some).frame()["split"]) == {"train"}


def test_structures_are_those_that_were_labelled(packed: Path, store: Path) -> None:
    with LabelStore(store, read_only=True) as labels:
        hashes = {label.specification.index: label.structure_hash for label in labels.labels() if label.specification}
    assert [s.content_hash for s in load_structures(packed, [7, 2])] == [hashes[7], hashes[2]]


def test_a_curve_gives_its_anchors_back(packed: Path) -> None:
    labels = load_label_set(packed)
    for identity in (0, 5, 11):
        h, m = labels.curve(identity)
        assert len(h) == 130 + identity
        expected = labels.frame().loc[identity, list(ANCHORS)].to_numpy(float)
        np.testing.assert_allclose(anchor_points(h, m).as_array(), expected, atol=1e-6)


def test_a_store_is_read_like_a_set(store: Path, packed: Path) -> None:
    assert load_labels(store).drop(columns="split").equals(load_labels(packed).drop(columns="split"))


def test_a_store_can_start_from_a_set(packed: Path, store: Path, tmp_path: Path) -> None:
    with LabelStore(tmp_path / "new.sqlite") as new, LabelStore(store, read_only=True) as old:
        for label in load_label_set(packed).labels():
            assert new.add(label)
        for label in old.labels():
            again = new.get(label.key)
            assert again is not None
            assert again.anchors == label.anchors
            np.testing.assert_allclose(again.m, label.m, atol=1e-7)
        assert len(new) == len(old)


def test_another_draw_is_refused(packed: Path) -> None:
    labels = load_label_set(packed)
    labels.checksum[4, 0] ^= 1
    with pytest.raises(InputError, match="structure 4: this release of NumPy"):
        labels.structure(4)


def test_what_is_no_set_is_one_sentence(tmp_path: Path, packed: Path) -> None:
    with pytest.raises(InputError, match="no label set 'nothing': neither a file nor shipped"):
        load_labels("nothing")
    with pytest.raises(InputError, match=r"gone\.npz: no such label set"):
        load_labels(tmp_path / "gone.npz")
    with pytest.raises(InputError, match="no label of id 99"):
        load_structures(packed, [99])
    with pytest.raises(InputError, match="holds curves of another solver"):
        load_label_set("nd2fe14b-fidimag")
    with pytest.raises(InputError, match="no curve of id 4"):
        load_structures("nd2fe14b-fidimag", [4])
    packed.write_bytes(packed.read_bytes()[:500])
    with pytest.raises(InputError, match="not a readable"):
        load_labels(packed)


FORGED: dict[str, tuple[dict[str, Any], str]] = {
    "fewer numbers": ({"index": np.arange(3, dtype=np.uint32)}, "does not fit the rest of the label set"),
    "numbers with a point": ({"index": np.arange(12.0)}, "index does not fit"),
    "curves cut off": ({"m": np.zeros(5, np.float32)}, "m does not fit"),
    "no sweep": ({"h": np.zeros((1, 3))}, "h does not fit"),
    "too few anchors": ({"anchors": np.zeros((12, 2))}, "anchors does not fit"),
    "an unknown split": ({"split": np.full(12, 9, np.uint8)}, "split must name one of train, test, reserve"),
    "a bomb": ({"m": np.zeros(10**7, np.float32)}, "m holds 40000128 bytes, at most"),
    "text about it": ({"about": np.array("[" * 100_000)}, "not a readable label set"),
    "a negative seed": ({"seed": -1}, "seed must be a whole number of at least 0, got -1"),
    "a seed of text": ({"seed": "x"}, "seed must be a whole number of at least 0, got x"),
    "another version": ({"format": 9}, "another version of this package"),
    "no family": ({"family": 3}, "not a readable label set"),
    "a family of 10^17 cells": (
        {"family": {"size_nm": 1e9, "cell_nm": 2.0, "grains": [2, 8], "misorientation_rad": [0, 1]}},
        "at most 4194304 cells are allowed",
    ),
    "no conditions": ({"conditions": "{}"}, "not a readable label set"),
    "more than it should": ({"more": 1}, "not a readable label set"),
}


@pytest.mark.parametrize("name", FORGED)
def test_a_set_whose_parts_do_not_fit_is_one_sentence(tmp_path: Path, packed: Path, name: str) -> None:
    """Before a structure is drawn, and before memory is taken for what it states."""
    changes, sentence = FORGED[name]
    with np.load(packed) as file:
        arrays = dict(file)
    about = json.loads(str(arrays["about"]))
    inside = {key: value for key, value in changes.items() if key not in arrays}
    arrays |= {"about": np.array(json.dumps(about | inside))} | {k: v for k, v in changes.items() if k in arrays}
    path = tmp_path / "forged.npz"
    np.savez_compressed(path, **arrays)
    with pytest.raises(InputError) as refused:
        load_label_set(path)
    assert str(refused.value).startswith(str(path))
    assert sentence in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


# -- what is shipped


@pytest.mark.parametrize("name", ["nd2fe14b", "nd2fe14b-elements"])
def test_a_shipped_set_is_whole_small_and_drawn_as_it_was(name: str) -> None:
    file = Path(str(files("studies") / "nd2fe14b" / f"{name}.npz"))
    assert file.stat().st_size <= 6_000_000
    table, labels = load_labels(name), load_label_set(name)
    assert table.index.tolist() == list(range(4000))
    assert table["split"].tolist() == ["test"] * 370 + ["train"] * 3607 + ["reserve"] * 23
    assert table["grains"].between(16, 256).all()
    assert table["misorientation_rad"].between(0, np.pi).all()
    anchors = table[list(ANCHORS)].to_numpy()
    assert np.isfinite(anchors).all()
    assert (np.diff(anchors[:, 2:], axis=1) >= 0).all()
    assert (anchors[:, 2] > 0).all()
    for identity in range(0, 4000, 97):
        assert load_structures(name, [identity])[0].shape == (160, 160)  # refused if it is another draw
        h, m = labels.curve(identity)
        np.testing.assert_allclose(anchor_points(h, m).as_array(), anchors[identity], atol=2e-6)


def test_both_sets_label_the_same_structures() -> None:
    cells, elements = (load_label_set(name) for name in ("nd2fe14b", "nd2fe14b-elements"))
    np.testing.assert_array_equal(cells.checksum, elements.checksum)
    for labels, kind in ((cells, "cells"), (elements, "elements")):
        conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization=kind)
        assert Conditions.from_json(labels.conditions) == conditions


@pytest.mark.parametrize(("name", "discretization"), [("nd2fe14b", "cells"), ("nd2fe14b-elements", "elements")])
def test_a_shipped_label_is_what_the_solver_gives_today(name: str, discretization: str) -> None:
    """An aligned magnet, whose curve is quick and has no avalanche that could end elsewhere on another machine."""
    table = load_labels(name)
    identity = int(table.index[int(table["misorientation_rad"].argmin())])
    (structure,) = load_structures(name, [identity])
    curve = demagnetization_curve(structure, sweep=FieldSweep(until="coercivity"), discretization=discretization)
    np.testing.assert_allclose(curve.anchors.as_array(), table.loc[identity, list(ANCHORS)].to_numpy(float), atol=1e-4)


def test_fidimags_curves_are_a_part_of_the_set() -> None:
    table = load_labels("nd2fe14b-fidimag")
    assert len(table) == 22
    assert set(table["split"]) == {"test"}
    curves = ReferenceCurves(Path(str(files("studies") / "nd2fe14b" / "nd2fe14b-fidimag")))
    for identity, structure in zip(table.index, load_structures("nd2fe14b-fidimag", table.index), strict=True):
        assert structure.grains == table.loc[identity, "grains"]
        expected = table.loc[identity, list(ANCHORS)].to_numpy(float)
        np.testing.assert_allclose(anchor_points(*curves.curve(identity)).as_array(), expected, atol=1e-9)
