"""A measured curve as a goal of a study: from its file to targets, and to what a hit is."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inverse_design.commands.plan import describe, plan
from inverse_design.curve_goal import CurveGoal
from inverse_design.goals import Goal, Goals, ranking
from inverse_design.report.figures import curve_figure
from inverse_design.report.plots import curve_frame, goal_bands
from inverse_design.run import keys
from inverse_design.run.verified import best_first, verified_table
from inverse_design.study.caveats import caveats
from inverse_design.study.reading import StudyError, load_study, parse_study
from inverse_design.study.study import Study, study_text
from simulation import Nd2Fe14B, anchor_points
from tests.inverse_design.test_stopping import batch

H = np.arange(1.2, -0.805, -0.01)
M = 0.9 * np.tanh((H + 0.3) / 0.15) + 0.02 * H
H_A, MS = Nd2Fe14B.H_A_A_per_m, Nd2Fe14B.Ms_A_per_m


def study_of(tmp_path: Path, text: str, curve: str = "tolerance: 0.02", more: str = "") -> Study:
    (tmp_path / "loop.csv").write_text(text)
    (tmp_path / "s.yaml").write_text(f"name: a\ngoals:\n  curve: {{file: loop.csv, {curve}}}\n{more}")
    return load_study(tmp_path / "s.yaml")


def table(header: str, h: np.ndarray, m: np.ndarray, separator: str = ",") -> str:
    return header + "\n" + "".join(f"{a!r}{separator}{b!r}\n" for a, b in zip(h.tolist(), m.tolist(), strict=True))


# -- reading


@pytest.mark.parametrize(
    ("header", "h", "m", "separator"),
    [
        ("h,m", 1.0, 1.0, ","),
        ("H (kOe),M (emu/cm3)", H_A / 79577.47154594767, MS / 1e3, ","),
        ("mu0H [T]\tJ [T]", H_A * 1.25663706143592e-6, 1.61, "\t"),
        ("Field\tMagnetization\nA/m\tkA/m", H_A, MS / 1e3, "\t"),
        ("# a specimen of 2026\nH_Oe M_T", H_A / 79.57747154594767, 1.61, " "),
        ("H / MA/m;mu0M / T", H_A / 1e6, 1.61, ";"),
    ],
)
def test_units_are_read_from_the_header(tmp_path: Path, header: str, h: float, m: float, separator: str) -> None:
    study = study_of(tmp_path, table(header, H * h, M * m, separator))
    curve = study.reduced_goals.curve
    assert curve is not None
    np.testing.assert_allclose(curve.h, H, atol=2e-5)
    np.testing.assert_allclose(curve.m, M, atol=2e-5)
    exact = anchor_points(H, M)
    targets = {goal.quantity: goal.target for goal in study.reduced_goals}
    assert targets == {name: pytest.approx(value, abs=1e-4) for name, value in exact.items()}


def test_a_magnetometers_file_with_other_columns_and_a_moment(tmp_path: Path) -> None:
    volume_mm3 = 2.0
    moment = M * MS * volume_mm3 * 1e-9 * 1e3  # emu
    rows = "".join(
        f",{i},300.1,{field!r},{value!r},1e-5\n"
        for i, (field, value) in enumerate(zip((H * H_A / 79.57747154594767).tolist(), moment.tolist(), strict=True))
    )
    text = (
        "[Header]\n; a VSM\nINFO,specimen,NdFeB\n[Data]\n"
        f"Comment,Time Stamp (sec),Temperature (K),Magnetic Field (Oe),Moment (emu),M. Std. Err. (emu)\n{rows}"
    )
    with pytest.raises(StudyError, match=r"s.yaml:3: goals.curve: .*a moment in emu needs the volume.*: volume_mm3"):
        study_of(tmp_path, text)
    curve = study_of(tmp_path, text, "tolerance: 0.02, volume_mm3: 2.0").reduced_goals.curve
    assert curve is not None
    np.testing.assert_allclose(curve.m, M, atol=2e-5)


def test_b_of_a_closed_circuit_is_brought_to_the_prism(tmp_path: Path) -> None:
    inside = H - Nd2Fe14B.q * M / 2
    flux = table("H (kA/m),B (T)", inside * H_A / 1e3, 4e-7 * np.pi * (inside * H_A + M * MS))
    study = study_of(tmp_path, flux, "tolerance: 0.02, demagnetizing_factor: 0")
    curve = study.reduced_goals.curve
    assert curve is not None
    np.testing.assert_allclose(np.interp(-H[5:-5], -curve.h, curve.m), M[5:-5], atol=1e-3)
    assert not any("of demagnetising factor" in said for said in caveats(study))
    assert any("demagnetising factor 0.5" in said for said in caveats(study_of(tmp_path, table("h,m", H, M))))


def test_what_was_not_measured_is_left_free(tmp_path: Path) -> None:
    part = (H <= 0.5) & (H >= -0.2 - 1e-9)
    study = study_of(tmp_path, table("h,m", H[part], M[part]), "tolerance: 0.02, anchor_tolerance: 0.03")
    assert [goal.quantity for goal in study.reduced_goals] == ["Mr", "Hk90", "Hk80", "Hk70"]
    assert {goal.tolerance for goal in study.reduced_goals} == {0.03}
    assert any("measured down to H = -0.2 H_A" in said for said in caveats(study))
    chosen = study_of(tmp_path, table("h,m", H, M), "tolerance: 0.02, anchors: [Hc]", "  Hk90: maximize\n")
    assert [(goal.quantity, goal.direction) for goal in chosen.reduced_goals] == [("Hc", None), ("Hk90", "maximize")]


def test_the_study_as_run_holds_the_curve_itself(tmp_path: Path) -> None:
    study = study_of(tmp_path, table("h,m", H, M))
    (tmp_path / "loop.csv").unlink()
    again = parse_study(study_text(study), "run")
    assert again == study
    assert keys.confirm_key(again, "b") == keys.confirm_key(study, "b")
    other = study_of(tmp_path, table("h,m", H, M), "tolerance: 0.03, anchor_tolerance: 0.02")
    assert keys.confirm_key(other, "b") != keys.confirm_key(study, "b")
    assert keys.search_key(other, "r", 0) == keys.search_key(study, "r", 0)
    assert "rms distance from loop.csv ≤ 0.02" in "\n".join(describe(study, plan(study, tmp_path, False)))


@pytest.mark.parametrize(
    ("text", "curve", "sentence"),
    [
        ("h,m\n1,0.9\n0.5,0.8\n0,0.7\n", "file: no.csv, tolerance: 0.02", "no.csv: no such file"),
        ("h,m\n1,0.9\n0.5,0.8\n0,0.7\n", "minimize: false", "needs a tolerance, or minimize: true"),
        ("H,M\n20000,900\n10000,800\n0,700\n", "tolerance: 0.02", "says no unit of the field, and 20000 is none"),
        ("H (kOe),M (parsec)\n20,9\n10,8\n0,7\n", "tolerance: 0.02", "column 2: '1 parsec' is no magnetization"),
        ("H (kOe),M (T)\n20,3.5\n10,3.4\n0,3.3\n", "tolerance: 0.02", "M reaches 2.17 Ms, more than the material"),
        ("x,y,z\n1,2,3\n0,1,2\n-1,0,1\n", "tolerance: 0.02", "which columns are field and magnetisation"),
        ("x,y,z\n1,2,3\n0,1,2\n-1,0,1\n", "tolerance: 0.02, columns: [1, 4]", "columns must be two of 1 to 3"),
        ("h,m\n0,0.1\n0.5,0.5\n1,0.9\n", "tolerance: 0.02", "the field only rises"),
        ("nothing here\n", "tolerance: 0.02", "no lines of at least two numbers"),
        ("h,m\n1,0.9\n0.5,0.8\n0,0.7\n", "tolerance: 2", "curve.tolerance: must be at most 1, got 2"),
        ("h,m\n1,0.9\n0.5,0.8\n0,0.7\n", "tolerence: 0.02", "unknown key; did you mean tolerance?"),
    ],
)
def test_a_wrong_curve_is_refused_in_one_sentence(tmp_path: Path, text: str, curve: str, sentence: str) -> None:
    (tmp_path / "loop.csv").write_text(text)
    file = "" if curve.startswith("file") else "file: loop.csv, "
    (tmp_path / "s.yaml").write_text(f"name: a\ngoals:\n  curve: {{{file}{curve}}}\n")
    with pytest.raises(StudyError) as refused:
        load_study(tmp_path / "s.yaml")
    assert str(refused.value).startswith(f"{tmp_path / 's.yaml'}:3: goals.curve")
    assert sentence in str(refused.value)


@pytest.mark.parametrize("seed", range(30))
def test_damaged_bytes_are_read_or_refused_in_a_sentence(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    good = table("H (kOe),M (T)", H, M).encode()
    data = bytearray(good[: rng.integers(1, len(good))])
    for _ in range(20):
        data[rng.integers(len(data))] = rng.integers(256)
    (tmp_path / "f.csv").write_bytes(bytes(data))
    with contextlib.suppress(StudyError):
        parse_study("name: a\ngoals: {curve: {file: f.csv, tolerance: 0.02}}\n", str(tmp_path / "s.yaml"))


# -- judging


def goals(tolerance: float | None = 0.02, minimize: bool = False) -> Goals:
    return Goals([Goal("Hc", at_least=0.2)], CurveGoal(H, M, tolerance, minimize, "loop.csv"))


def test_a_hit_follows_the_measured_curve_too() -> None:
    near, far, wrong = (replace(item, h=H, m=M) for item in batch(0, 0.3, 0.3, 0.1))
    far = replace(far, m=M - 0.1)
    wanted = goals()
    assert [item.map_hits(wanted) for item in (near, far, wrong)] == [True, False, False]
    assert near.apart(wanted) < 1e-9
    assert far.apart(wanted) > 0.02
    assert best_first(wanted, [wrong, far, near])[0] == 2
    assert list(verified_table([near, far], wanted)["curve_distance"]) == [near.apart(wanted), far.apart(wanted)]
    assert "curve_distance" not in verified_table([near], list(wanted))


def test_the_nearest_curve_is_the_best_where_it_is_to_be() -> None:
    values = np.array([[1, 0.8, 0.1, 0.2, 0.2, 0.3], [1, 0.8, 0.1, 0.2, 0.2, 0.4]])
    apart = np.array([0.01, 0.005])
    assert ranking(goals(minimize=True), values, apart=apart).tolist() == [1, 0]
    assert ranking(goals(minimize=True), values, apart=apart[::-1]).tolist() == [0, 1]
    assert ranking(goals(), values, np.array([False, False]), apart=np.array([0.5, 0.04])).tolist() == [1, 0]


def test_the_measured_curve_is_drawn_behind() -> None:
    assert 'class="measured"' in goal_bands(curve_frame([-0.8]), goals(), 0.8)
    assert "measured" not in goal_bands(curve_frame([-0.8]), [Goal("Hc", at_least=0.2)], 0.8)
    labels = [line.get_label() for line in curve_figure(H, M, goals=goals()).axes[0].lines]
    assert "measured" in labels
