"""The shipped label sets are packed from stores, and their card says what the files say."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from inverse_design.run.simulating import wanted_labels
from inverse_design.study.reading import load_study
from simulation import Conditions, FieldSweep, InputError, LabelStore, Nd2Fe14B
from simulation.labels.label import Job
from simulation.labels.sets import load_label_set
from studies.nd2fe14b.card import blocks_of, fill, spread_rows
from studies.nd2fe14b.pack import SETS, main, pack
from studies.nd2fe14b.scatter import CHANGES, UNCHANGED, moves

FOLDER = Path(str(files("studies") / "nd2fe14b"))


def test_the_tables_of_the_card_are_those_of_the_shipped_sets() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert fill(page, blocks_of({name: load_label_set(shipped) for name, shipped in SETS.items()})) == page


def test_the_figures_of_the_card_are_there_and_small() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in ("anchors.png", "difference.png"):
        assert f"({name})" in page
        assert (FOLDER / name).stat().st_size < 150_000


def test_a_block_is_replaced_between_its_marks_only() -> None:
    page = "a\n<!-- x -->\nold\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    filled = fill(page, {"x": "new"})
    assert filled == "a\n<!-- x -->\n\nnew\n\n<!-- end -->\nb\n<!-- y -->\n<!-- end -->\n"
    assert fill(filled, {"x": "new"}) == filled
    with pytest.raises(InputError, match="no place for z"):
        fill(page, {"z": ""})


def test_spread_is_mean_median_percentile_and_largest() -> None:
    rows = spread_rows("any", np.linspace(0, 1, 101)[:, None] * np.ones(6))
    assert [row[2:4] for row in rows] == [
        ["mean", "0.50000"], ["median", "0.50000"], ["95 %", "0.95000"], ["largest", "1.00000"]
    ]  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """Three labels of the study, by elements, with a made-up curve."""
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization="elements")
    h = FieldSweep().h[:130]
    with LabelStore(tmp_path / "s.sqlite") as store:
        for specification in wanted_labels(load_study(FOLDER / "labels.yaml"))[369:372]:
            store.add(Job.of(specification, conditions).label(h, 0.3 + h, [0] * h.size, "", 100, 0.1))
    return tmp_path / "s.sqlite"


def test_a_store_is_packed_under_the_name_and_with_the_split_of_its_set(store: Path, tmp_path: Path) -> None:
    name, labels = pack(store, partly=True)
    assert name == "nd2fe14b-elements"
    assert labels.frame()["split"].to_dict() == {369: "test", 370: "train", 371: "train"}
    assert main([str(store), "--partly", "--folder", str(tmp_path)]) == 0
    assert load_label_set(tmp_path / "nd2fe14b-elements.npz").frame().equals(labels.frame())


def test_a_store_that_is_not_complete_is_not_packed(
    store: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputError, match="3 of 4000 labels by elements"):
        pack(store)
    with LabelStore(tmp_path / "empty.sqlite"), pytest.raises(InputError, match="no labels of nd2fe14b-labels"):
        pack(tmp_path / "empty.sqlite")
    assert main([str(store), "--folder", str(tmp_path)]) == 2
    assert "3 of 4000" in capsys.readouterr().err


def test_scatter_is_measured_from_the_shipped_label(tmp_path: Path) -> None:
    shipped = load_label_set("nd2fe14b")
    assert UNCHANGED.conditions("cells") == Conditions.from_json(shipped.conditions)
    in_x, tighter = CHANGES[0], CHANGES[-1]
    assert tighter.conditions("cells").key != in_x.conditions("cells").key
    with LabelStore(tmp_path / "s.sqlite") as store:
        h, m = shipped.curve(2)
        store.add(Job.of(shipped.structure(2).mirror_x(), in_x.conditions("cells")).label(h, m, [0] * h.size, "", 1, 0))
        moved = moves(in_x, "cells", store)
    assert moved.shape == (1, 6)  # what has not been simulated is left out
    np.testing.assert_allclose(moved, 0, atol=2e-6)
