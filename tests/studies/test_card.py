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
from studies.nd2fe14b.card import SECTIONS, blocks_of, fill, plane_table, spread_rows, with_places
from studies.nd2fe14b.pack import main, pack, shipped
from studies.nd2fe14b.scatter import CHANGES, UNCHANGED, moves
from studies.nd2fe14b.train import _solver

FOLDER = Path(str(files("studies") / "nd2fe14b"))


def test_the_tables_of_the_card_are_those_of_the_shipped_sets() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert fill(page, blocks_of(shipped())) == page


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


def test_what_the_plane_costs_is_told_by_misorientation_and_grain_size() -> None:
    planar = load_label_set("nd2fe14b-elements").frame()
    free = planar.copy()
    isotropic = planar["misorientation_rad"] > np.pi / 2
    free.loc[isotropic, "Hc"] -= 0.08
    rows = {row.split(" | ")[0].strip("| "): row.split(" | ") for row in plane_table(planar, free).splitlines()}
    assert rows["misorientation above 90°"][1:3] == ["2,016", "100%"]
    assert rows["misorientation above 90°"][-1] == "0.0800, 0.0800 |"
    assert rows["misorientation below 45°"][2:] == ["0%", *["0.0000, 0.0000"] * 5, "0.0000, 0.0000 |"]
    assert rows["all"][1:3] == ["4,000", f"{isotropic.mean():.0%}"]
    assert "plane" not in blocks_of({name: found for name, found in shipped().items() if name != "free"})


def test_the_card_gets_its_section_of_free_spins_once() -> None:
    page = "# a\n\n## How far a label can be trusted\n\nb\n\n## Agreement with fidimag\n"
    once = with_places(page, SECTIONS)
    assert with_places(once, SECTIONS) == once
    filled = fill(once, dict.fromkeys(SECTIONS, "| a table |"))
    assert filled.count("| a table |") == 2
    assert filled.index("## What the plane costs") < filled.index("## How far") < filled.index("free spins:\n")
    assert with_places(page, ["anchors"]) == page
    with pytest.raises(InputError, match="no heading"):
        with_places("# a\n", ["plane"])


def a_store(folder: Path, **options: str) -> Path:
    """Three labels of the study, by elements, with a made-up curve."""
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization="elements", **options)
    h = FieldSweep().h[:130]
    with LabelStore(folder / "s.sqlite") as store:
        for specification in wanted_labels(load_study(FOLDER / "labels.yaml"))[369:372]:
            store.add(Job.of(specification, conditions).label(h, (0.3 + h) / 2, [0] * h.size, "", 100, 0.1))
    return folder / "s.sqlite"


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return a_store(tmp_path)


def test_labels_of_free_spins_are_packed_under_their_own_name(tmp_path: Path) -> None:
    path = a_store(tmp_path, spins="free")
    name, labels = pack(path, partly=True)
    assert name == "nd2fe14b-free"
    assert _solver(Conditions.from_json(labels.conditions)) == {
        "backend": "planar", "discretization": "elements", "spins": "free",
    }  # fmt: skip
    with pytest.raises(InputError, match="3 of 4000 labels by elements, free spins"):
        pack(path)


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
    cells = load_label_set("nd2fe14b")
    assert UNCHANGED.conditions("cells") == Conditions.from_json(cells.conditions)
    assert UNCHANGED.conditions("free").settings["spins"] == CHANGES[-1].conditions("free").settings["spins"] == "free"
    in_x, tighter = CHANGES[0], CHANGES[-1]
    assert tighter.conditions("cells").key != in_x.conditions("cells").key
    with LabelStore(tmp_path / "s.sqlite") as store:
        h, m = cells.curve(2)
        store.add(Job.of(cells.structure(2).mirror_x(), in_x.conditions("cells")).label(h, m, [0] * h.size, "", 1, 0))
        moved = moves(in_x, "cells", store)
    assert moved.shape == (1, 6)  # what has not been simulated is left out
    np.testing.assert_allclose(moved, 0, atol=2e-6)
