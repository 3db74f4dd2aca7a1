"""Structures of one's own as a start: simulated first, parents of what is searched, named, and measured against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from inverse_design import design
from inverse_design.cli import app
from inverse_design.run.design import read_design
from inverse_design.run.keys import known_key
from inverse_design.run.start import apart_in_words
from inverse_design.run.verified import in_words
from inverse_design.study.reading import StudyError, parse_study
from inverse_design.study.study import study_text
from simulation import InputError, Microstructure, voronoi
from simulation.labels.labelled import LabelledStructures
from tests.inverse_design.run.test_confirming import STUDY, Searched, Stub, stub
from tests.simulation.formats.files_of_others import write_tesr

__all__ = ["stub"]


def own(seed: int = 5, grains: int = 40) -> Microstructure:
    return voronoi(320.0, 2.0, grains, 3.0, np.random.default_rng(seed))


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """mine.npz and a map of Neper with pixels of 4 nm, in the folder that the study is asked from."""
    monkeypatch.chdir(tmp_path)
    own().save(tmp_path / "mine.npz")
    write_tesr(tmp_path / "map.tesr", voronoi(320.0, 4.0, 30, 3.0, np.random.default_rng(6)))
    return tmp_path


STARTS: list[Any] = ["mine.npz", {"file": "map.tesr", "step_nm": 4.0, "cell_nm": 2.0}]


def asked(**more: Any) -> dict[str, Any]:
    rules = {**STUDY["verification"], "known": False, "confirm": "none"}
    return {**STUDY, "name": "started", "start": STARTS, "verification": rules, **more}


@pytest.fixture
def parents(monkeypatch: pytest.MonkeyPatch) -> list[LabelledStructures]:
    """What the rounds begin with; nothing is searched."""
    seen: list[LabelledStructures] = []

    def rounds(self: Any, labels: LabelledStructures, *rest: Any) -> Any:
        seen.append(labels)
        raise Searched

    monkeypatch.setattr("inverse_design.loop.Run._rounds", rounds)
    return seen


def test_own_structures_are_simulated_first_and_searched_from(
    stub: Stub, files: Path, parents: list[LabelledStructures]
) -> None:
    stub.misses = lambda structure, kind: True
    with pytest.raises(Searched):
        design(asked(), files / "runs")
    assert [structure.content_hash for structure, _ in stub.asked][:1] == [own().content_hash]
    assert len(stub.asked) == 2
    (labels,) = parents
    assert labels.names[-2:] == ("start:mine.npz", "start:map.tesr")
    assert labels.structures[len(labels.keys) - 2] == own()
    assert labels.added == 2
    assert not labels.test[-2:].any()
    table = pd.read_csv(files / "runs" / "started" / "verified.csv")
    assert table["parent"].tolist() == ["start:mine.npz", "start:map.tesr"]
    assert set(table["source"]) == {"known"}
    with pytest.raises(Searched):
        design(asked(), files / "runs")
    assert len(stub.asked) == 2, "the same command simulates nothing again"


def test_a_start_that_meets_the_goals_is_an_answer_and_the_report_says_how_far_it_is(stub: Stub, files: Path) -> None:
    found = design(asked(), files / "runs")
    assert found.reason.startswith("2 verified hits, all of them known before")
    again = read_design(files / "runs" / "started")
    assert [in_words(item.candidate) for item in again.verified] == [
        "Given as a start: mine.npz.",
        "Given as a start: map.tesr.",
    ]
    page = (files / "runs" / "started" / "report.html").read_text()
    assert "which the search started from" in page


def test_how_far_an_answer_is_from_a_start() -> None:
    start = own()
    angles = start.grain_angle_rad.copy()
    angles[3] += np.radians(30)
    turned = Microstructure(start.grain_id, angles, start.cell_nm)
    share = np.mean(start.grain_id == 3)
    words = apart_in_words(turned, start)
    assert words.startswith("1 of 40 grains turned, by 30 degrees")
    assert words.endswith(f"{30 * share:.3g} degrees of axis in the mean over the cells")
    assert "with other grains" in apart_in_words(own(6), start)
    assert apart_in_words(start, start).startswith("no grain turned, 0 degrees")


def test_a_run_that_was_moved_goes_on_without_the_files(
    stub: Stub, files: Path, parents: list[LabelledStructures]
) -> None:
    stub.misses = lambda structure, kind: True
    with pytest.raises(Searched):
        design(asked(), files / "runs")
    for name in ("mine.npz", "map.tesr"):
        (files / name).unlink()
    with pytest.raises(Searched):
        design(asked(), files / "runs")
    assert len(stub.asked) == 2
    assert parents[0].keys == parents[1].keys
    with pytest.raises(InputError, match=r"mine\.npz: no such structure file"):
        design(asked(name="another"), files / "runs")


@pytest.mark.parametrize(
    ("structure", "sentence"),
    [
        (voronoi(80.0, 2.0, 20, 1.0, 1), r"40 x 40 cells of 2 nm, and surrogate nd2fe14b-elements: 160 x 160 of 2 nm"),
        (voronoi(160.0, 1.0, 20, 1.0, 1), "160 x 160 cells of 1 nm, and surrogate"),
        (own(grains=5), "5 grains, and surrogate nd2fe14b-elements: 16 to 256; let the study train its own"),
    ],
)
def test_what_the_surrogate_does_not_know_is_refused_before_anything_runs(
    tmp_path: Path, structure: Microstructure, sentence: str
) -> None:
    structure.save(tmp_path / "a.npz")
    with pytest.raises(InputError, match=r"start: a\.npz: " + sentence):
        design(asked(start=[str(tmp_path / "a.npz")]), tmp_path / "runs")
    assert not (tmp_path / "runs" / "started" / "verified.csv").exists()


def test_axes_beyond_the_family_are_refused(tmp_path: Path) -> None:
    own(grains=20).save(tmp_path / "a.npz")
    study = {"name": "a", "goals": {"Mr": "maximize"}, "start": [str(tmp_path / "a.npz")],
             "microstructures": {"misorientation_deg": [0, 30]}}  # fmt: skip
    with pytest.raises(InputError, match="degrees off the field, and microstructures of this study: up to 15"):
        design(study, tmp_path / "runs")


def test_check_names_the_starts_and_refuses_wrong_ones(files: Path) -> None:
    text = "name: a\nsurrogate: {pretrained: nd2fe14b-elements}\ngoals: {Mr: maximize}\nstart: [../mine.npz]\n"
    (files / "sub").mkdir()
    (files / "sub" / "a.yaml").write_text(text)
    done = CliRunner().invoke(app, ["check", "sub/a.yaml"])
    assert done.exit_code == 0, done.output
    assert "  start: mine.npz, simulated first and searched from\n" in done.stdout, "relative to the study's folder"
    (files / "sub" / "a.yaml").write_text(text.replace("../mine.npz", "none.npz"))
    done = CliRunner().invoke(app, ["check", "sub/a.yaml"])
    assert done.exit_code == 2
    assert "none.npz: no such structure file" in done.stderr


@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ("map.ctf", "start: must be a list of at most 100 structure files"),
        ("[3]", "start.0: must be a structure file, or a mapping with its name under file"),
        ("[{cell_nm: 2}]", "start.0: must be a structure file, or a mapping"),
        ("[{file: a.ctf, cells: 2}]", "start.0: unknown key 'cells'; allowed here: file, degrees, cell_nm"),
        ("[{file: a.ctf, cell_nm: two}]", "start.0: cell_nm must be a number, got 'two'"),
        ("[{file: a.ctf, project: 1}]", "start.0: project must be true or false, got '1'"),
        ("[{file: a.ctf, fill: 2}]", "start.0: --fill must be a share"),
    ],
)
def test_a_wrong_start_is_a_sentence(start: str, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        parse_study(f"name: a\ngoals: {{Mr: maximize}}\nstart: {start}\n", "s.yaml")
    assert str(caught.value).startswith(f"s.yaml:3: {sentence}")


def test_a_study_with_a_start_is_written_and_read_back_and_others_keep_their_keys(files: Path) -> None:
    study = parse_study(study_text(parse_study(str(asked()), "s")), "again")
    assert study == parse_study(str(asked()), "s")
    assert [each.options.cell_nm for each in study.start] == [None, 2.0]
    assert Path(study.start[0].file) == files / "mine.npz"
    plain = parse_study(str(asked(start=[])), "s")
    assert known_key(plain, "labels") == known_key(study, "labels"), "the key goes by content, not by names of files"
    assert known_key(study, "labels", ["hash"]) != known_key(study, "labels")
