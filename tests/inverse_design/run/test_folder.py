"""Stages are written whole or not at all, skipped when they are there, made again when they are damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from inverse_design.run.folder import ARTIFACT, RunFolder
from inverse_design.run.keys import VERSIONS, Stage, stage_key
from simulation.errors import InputError

KEY = stage_key(Stage.VAE, seed=1)


def build(text: str, calls: list[str]) -> Callable[[Path], None]:
    def into(folder: Path) -> None:
        calls.append(text)
        (folder / "weights.txt").write_text(text)

    return into


def test_a_stage_is_made_once(tmp_path: Path) -> None:
    calls: list[str] = []
    for _ in range(2):
        folder = RunFolder(tmp_path).stage("vae", KEY, build("a", calls))
    assert calls == ["a"]
    assert (folder / "weights.txt").read_text() == "a"


def test_another_key_replaces_it(tmp_path: Path) -> None:
    calls: list[str] = []
    run = RunFolder(tmp_path)
    run.stage("vae", KEY, build("a", calls))
    folder = run.stage("vae", stage_key(Stage.VAE, seed=2), build("b", calls))
    assert (folder / "weights.txt").read_text() == "b"
    assert calls == ["a", "b"]


def test_key_depends_on_stage_version_and_inputs(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {KEY, stage_key(Stage.VAE, seed=2), stage_key(Stage.SEARCH, seed=1)}
    monkeypatch.setitem(VERSIONS, Stage.VAE, 99)
    assert len(keys | {stage_key(Stage.VAE, seed=1)}) == 4
    assert stage_key(Stage.VAE, a=1, b=2) == stage_key(Stage.VAE, b=2, a=1)


@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "record"])
def test_a_damaged_stage_is_made_again(tmp_path: Path, damage: str) -> None:
    calls: list[str] = []
    run = RunFolder(tmp_path)
    folder = run.stage("vae", KEY, build("abc", calls))
    target = folder / "weights.txt"
    if damage == "flip":
        target.write_text("abd")
    elif damage == "truncate":
        target.write_text("ab")
    elif damage == "remove":
        target.unlink()
    else:
        (folder / ARTIFACT).write_text("{")
    assert run.state("vae", KEY) == "damaged"
    run.stage("vae", KEY, build("abc", calls))
    assert calls == ["abc", "abc"]
    assert run.state("vae", KEY) == "there"


def test_a_file_that_is_not_of_the_stage_damages_nothing(tmp_path: Path) -> None:
    calls: list[str] = []
    run = RunFolder(tmp_path)
    folder = run.stage("vae", KEY, build("abc", calls))
    (folder / ".DS_Store").write_text("x")
    assert run.state("vae", KEY) == "there"
    run.stage("vae", KEY, build("abc", calls))
    assert calls == ["abc"]


def test_what_is_interrupted_leaves_no_stage_and_its_checkpoints(tmp_path: Path) -> None:
    run = RunFolder(tmp_path)

    def interrupted(folder: Path) -> None:
        (folder / "checkpoint").write_text("step 5")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run.stage("vae", KEY, interrupted)
    assert run.state("vae", KEY) == "absent"
    found = []
    run.stage("vae", KEY, lambda folder: found.append((folder / "checkpoint").read_text()))
    assert found == ["step 5"]


def test_a_finished_stage_that_was_not_yet_put_in_place_is_kept(tmp_path: Path) -> None:
    calls: list[str] = []
    run = RunFolder(tmp_path)
    folder = run.stage("vae", KEY, build("a", calls))
    work = tmp_path / ".work" / f"vae-{KEY[:12]}"
    work.parent.mkdir(exist_ok=True)
    folder.rename(work)
    run.stage("vae", KEY, build("a", calls))
    assert calls == ["a"]


def test_a_second_run_is_refused(tmp_path: Path) -> None:
    with (
        RunFolder(tmp_path / "run").locked(),
        pytest.raises(InputError, match="another run is writing this folder"),
        RunFolder(tmp_path / "run").locked(),
    ):
        pass
    with RunFolder(tmp_path / "run").locked():
        pass


def test_a_run_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(InputError, match="cannot be written"), RunFolder(tmp_path / "run").locked():
        pass
