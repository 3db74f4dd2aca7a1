"""Measured pairs train beside simulated labels, are never one of them, and say how far the two differ."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from inverse_design.commands.plan import describe, plan
from inverse_design.progress import track
from inverse_design.run.keys import PAIRS, regressor_key
from inverse_design.run.simulating import Simulator
from inverse_design.run.stages import Stages
from inverse_design.study.pairs import as_labels, mean_residuals, read_pairs, residuals
from inverse_design.study.read_options import options_of_words
from inverse_design.study.reading import StudyError, load_study
from inverse_design.study.study import Study
from simulation import FieldSweep, InputError, LabelStore, Purpose, StructureFamily, demagnetization_curve
from simulation.execution.executors import local
from simulation.formats import ReadOptions
from simulation.labels.labelled import LabelledStructures

FAMILY = StructureFamily(20.0, 2.0, (2, 4), (0.0, 0.8))
EVERY = [FAMILY.draw(5, Purpose.BENCHMARK, i) for i in range(4)]
TEXT = """name: a
microstructures: {size_nm: 20, cell_nm: 2, grains: [2, 4], misorientation_deg: [0, 45]}
field_sweep: {step: 0.05}
labels: {count: 8, test: 1, measured: pairs.csv, weight: 3, uncertainty: 0.01}
surrogate: {latent_dim: 8}
goals: {Mr: maximize}
"""
"""Small enough that a curve takes milliseconds."""


@pytest.fixture
def pairs(tmp_path: Path) -> Path:
    """Two maps, and their simulated curves with M lower by 0.02 as what was measured."""
    lines = ["structure,curve,demagnetizing_factor"]
    for i in (0, 1):
        EVERY[i].save(tmp_path / f"map{i}.npz")
        curve = demagnetization_curve(EVERY[i], sweep=FieldSweep(step=0.05, until="coercivity"))
        rows = "".join(f"{h},{m - 0.02}\n" for h, m in zip(curve.h, curve.m, strict=True))
        (tmp_path / f"loop{i}.csv").write_text(f"h,m\n{rows}")
        lines.append(f"map{i}.npz,loop{i}.csv,0.5")
    (tmp_path / "pairs.csv").write_text("\n".join(lines) + "\n")
    (tmp_path / "s.yaml").write_text(TEXT)
    return tmp_path


def study_of(folder: Path, *overrides: str) -> Study:
    return load_study(folder / "s.yaml", overrides)


def test_pairs_are_read_and_their_residual_is_what_was_put_in(pairs: Path) -> None:
    study = study_of(pairs)
    with LabelStore(pairs / "labels.sqlite") as store, local(1) as engine:
        stages = Stages(study, pairs / "run", track)
        stages.folder.path.mkdir()
        labels = stages.labels(Simulator(study, store, engine, track))
        assert len(store) == 8 + 2  # the maps are simulated, too
    assert len(labels.keys) == 8  # and are no labels
    assert labels.beside is not None
    assert labels.beside.names == ("measured:0",) * 3 + ("measured:1",) * 3
    assert (pairs / "run" / PAIRS).is_file()
    table = residuals(read_pairs(study), [])
    assert table["Mr_simulated"].isna().all()
    found = mean_residuals(pd.read_csv(pairs / "run" / PAIRS))
    assert found["Mr"][0] == pytest.approx(-0.02, abs=2e-4)
    assert found["Mr"][2] == 2
    assert found["Hc"][0] == pytest.approx(0, abs=0.03)  # within a step of the field


def test_a_training_reads_them_before_the_candidates_and_a_test_does_not(pairs: Path) -> None:
    study = study_of(pairs)
    beside = as_labels(read_pairs(study), 2, 0.0, 1)
    assert beside is not None
    plain = LabelledStructures(("a", "b"), EVERY[:2], np.zeros((2, 6)), np.array([False, True]))
    whole = LabelledStructures(("a", "b"), EVERY[:2], np.zeros((2, 6)), np.array([False, True]), beside=beside)
    more = whole.append(["c"], EVERY[2:3], np.ones((1, 6)))
    train = more.split(test=False).with_those_beside()
    assert train.keys == ("a", *beside.keys, "c")
    assert train.added == 1
    assert list(train.structures) == [EVERY[0], EVERY[0], EVERY[0], EVERY[1], EVERY[1], EVERY[2]]
    assert more.split(test=True).with_those_beside().keys == ("b",)
    assert plain.with_those_beside() is plain
    assert regressor_key(study, "x", whole, 0) != regressor_key(study, "x", plain, 0)


def test_copies_scatter_by_their_uncertainty(pairs: Path) -> None:
    measured = read_pairs(study_of(pairs))
    labels = as_labels(measured, 400, 0.05, 1)
    assert labels is not None
    of_first = labels.anchors[:400]
    assert of_first[:, 1].std() == pytest.approx(0.05, rel=0.1)
    assert of_first[:, 1].mean() == pytest.approx(measured[0].anchors[1], abs=0.01)
    assert len(set(labels.keys)) == 800
    again = as_labels(measured, 400, 0.05, 1)
    assert again is not None
    np.testing.assert_array_equal(again.anchors, labels.anchors)
    assert as_labels([], 3, 0.1, 1) is None


def test_a_correction_moves_the_goals(pairs: Path) -> None:
    study = study_of(pairs, "goals={Mr: {target: 0.8, tolerance: 0.01}}", "verification.correction={Mr: -0.02}")
    (goal,) = study.reduced_goals
    assert (goal.target, goal.tolerance) == (0.82, 0.01)
    said = "\n".join(describe(study, plan(study, pairs, False)))
    assert "measured: 2 pairs of" in said
    assert "each as 3 labels in the training" in said
    assert "taken as Mr -0.02" in said


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ("structure\nmap0.npz\n", "must have the columns structure and curve"),
        ("structure,curve\nmap0.npz,\n", "every row needs a structure and a curve"),
        ("structure,curve\n", "must have 1 to 10000 rows"),
        ("structure,curve\nnone.npz,loop0.csv\n", "pairs.csv:2: .*none.npz: no such"),
        ("structure,curve\nmap0.npz,none.csv\n", "pairs.csv:2: .*none.csv: no such file"),
        ("structure,curve,slope,speed\nmap0.npz,loop0.csv,true,1\n", "must have the columns"),
        ("structure,curve,volume_mm3\nmap0.npz,loop0.csv,-1\n", "pairs.csv:2: .*greater than 0"),
        ("structure,curve,cell_nm\nmap0.npz,loop0.csv,two\n", "pairs.csv:2: cell_nm must be a number, got 'two'"),
        ("structure,curve,cell_nm\nmap0.npz,loop0.csv,-2\n", "pairs.csv:2: --cell-nm must lie within"),
        ("structure,curve,project\nmap0.npz,loop0.csv,true\n", "pairs.csv:2: .*map0.npz: --project means nothing to"),
    ],
)
def test_wrong_pairs_are_refused_in_one_sentence(pairs: Path, table: str, sentence: str) -> None:
    (pairs / "pairs.csv").write_text(table)
    with pytest.raises(InputError, match=sentence):
        read_pairs(study_of(pairs))


def test_a_map_on_finer_cells_is_resampled_where_its_row_says_so(pairs: Path) -> None:
    """The same grains by two programs, on cells of 1 nm: each is the map on the study's cells."""
    EVERY[0].refine(2).save(pairs / "fine.npz")
    fine = EVERY[0].refine(2)
    np.savetxt(pairs / "fine.csv", fine.grain_id, "%d", ",")
    axes = "".join(f"{n},{angle!r}\n" for n, angle in enumerate(np.degrees(fine.grain_angle_rad).tolist()))
    (pairs / "axes.csv").write_text("id,angle_deg\n" + axes)
    table = "structure,curve,cell_nm,step_nm,axes\nfine.npz,loop0.csv,2,,\nfine.csv,loop0.csv,2,1,axes.csv\n"
    (pairs / "pairs.csv").write_text(table)
    for pair in read_pairs(study_of(pairs)):
        assert pair.structure.shape == EVERY[0].shape
        np.testing.assert_allclose(pair.structure.angle_rad, EVERY[0].angle_rad, atol=1e-12)
    (pairs / "pairs.csv").write_text("structure,curve\nfine.npz,loop0.csv\n")
    with pytest.raises(InputError, match=r"map has 20 x 20 cells of 1 nm.* resample it by a column cell_nm"):
        read_pairs(study_of(pairs))


def test_a_table_says_how_maps_are_read_in_words() -> None:
    words = {"easy_axis": "A=[100]; B=none", "project": "TRUE", "least_pixels": "3", "fill": "", "rotate_deg": "-90"}
    assert options_of_words(words) == ReadOptions(
        easy_axis=("A=[100]", "B=none"), project=True, least_pixels=3, rotate_deg=-90
    )


def test_a_map_of_another_size_and_a_pretrained_surrogate_are_refused(pairs: Path) -> None:
    with pytest.raises(InputError, match=r"map has 10 x 10 cells of 2 nm, the study 20 x 20 of 2 nm"):
        read_pairs(study_of(pairs, "microstructures.size_nm=40"))
    text = "name: a\nsurrogate: {pretrained: nd2fe14b-elements}\nlabels: {measured: pairs.csv}\ngoals: {Mr: maximize}\n"
    (pairs / "s.yaml").write_text(text)
    with pytest.raises(StudyError, match=r"s.yaml:3: labels: surrogate nd2fe14b-elements was trained for"):
        study_of(pairs)
