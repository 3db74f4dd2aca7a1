"""Wall times of stages outlive interruptions and kills, and never stand in the way."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from inverse_design.run import seconds as stage_times
from inverse_design.run.folder import RunFolder
from inverse_design.run.seconds import FILE, REST, StageTimes


def test_interrupted_attempts_add_up(tmp_path: Path) -> None:
    def interrupted(folder: Path) -> None:
        time.sleep(0.2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        RunFolder(tmp_path).stage("vae", "key", interrupted)
    folder = RunFolder(tmp_path)
    assert folder.seconds("vae") == 0, "it is not there yet"
    folder.stage("vae", "key", lambda work: time.sleep(0.1))
    assert 0.3 <= folder.seconds("vae") < 0.6
    RunFolder(tmp_path).stage("vae", "key", lambda work: pytest.fail("it is there"))
    assert RunFolder(tmp_path).seconds("vae") == folder.seconds("vae"), "finding it there takes no time"


def test_a_killed_attempt_counts_up_to_its_last_tick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    times = StageTimes(tmp_path)
    with times.timed("labels", "key"):
        time.sleep(0.1)
        times.tick()
        assert not (tmp_path / FILE).exists(), "not so soon"
        monkeypatch.setattr(stage_times, "TICK_S", 0.0)
        times.tick()
        left = (tmp_path / FILE).read_text()  # what a kill would leave here
    (tmp_path / FILE).write_text(left)
    with StageTimes(tmp_path).timed("labels", "key"):
        time.sleep(0.1)
    assert 0.2 <= StageTimes(tmp_path).seconds("labels", "key") < 0.4


def test_another_key_has_a_time_of_its_own(tmp_path: Path) -> None:
    times = StageTimes(tmp_path)
    for key, seconds in (("a", 0.1), ("b", 0.0), ("a", 0.1)):
        with times.timed("labels", key):
            time.sleep(seconds)
    assert times.seconds("labels", "a") >= 0.2
    assert times.seconds("labels", "b") < 0.1


def test_an_attempt_that_found_everything_done_does_not_count(tmp_path: Path) -> None:
    with StageTimes(tmp_path).timed("labels", "key", counts=lambda: False):
        time.sleep(0.05)
    assert not (tmp_path / FILE).exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"labels": 3}', '{"labels": {"key": "x"}}', '"\\ud800"'])
def test_a_damaged_file_loses_the_times_and_nothing_else(tmp_path: Path, text: str) -> None:
    (tmp_path / FILE).write_text(text)
    times = StageTimes(tmp_path)
    assert times.seconds("labels", "key") == 0
    with times.timed("labels", "key"):
        pass
    assert set(json.loads((tmp_path / FILE).read_text())["labels"]) == {"key"}


def test_what_no_stage_took_is_told_too(tmp_path: Path) -> None:
    """From the start of the command, over all attempts that did something."""
    began = time.monotonic() - 5  # five seconds of imports
    for attempt in (1, 2):
        folder = RunFolder(tmp_path, began)
        folder.times.note_rest("key")
        before = folder.times.seconds(REST, "key")
        assert before == pytest.approx(5 * (attempt - 1), abs=0.5), "an attempt that finds all there counts nothing"
        folder.stage(f"vae/{attempt}", "key", lambda work: time.sleep(0.3))
        for _ in range(2):  # after each round
            folder.times.note_rest("key")
        assert folder.times.seconds(REST, "key") == pytest.approx(5 * attempt, abs=0.5)
        began = time.monotonic() - 5
    assert StageTimes(tmp_path).seconds(REST, "another") == 0
