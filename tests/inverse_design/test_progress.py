"""Progress tells the truth: rates of this session, no infinity, a line for every wait, on every kind of terminal."""

from __future__ import annotations

import io
import logging
import time

import pytest
from rich.console import Console
from rich.text import Text

from inverse_design import console as speech
from inverse_design import progress


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Seconds that a test sets."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_the_rate_is_of_what_this_session_did(clock: list[float]) -> None:
    """Neither what a store had before, nor the epochs of a checkpoint, makes a run look faster than it is."""
    pace = progress.Pace()
    pace.tell(0, 1000)
    for found in range(1, 501):  # 500 labels that were there, found at once
        clock[0] += 0.001
        pace.tell(found, 1000, "", found)
    assert (pace.rate, pace.each) == (0, "")
    clock[0] += 10
    pace.tell(505, 1000, "", 500)
    assert pace.rate == pytest.approx(0.5)
    assert pace.left == "16 min left"
    again = progress.Pace()
    clock[0] += 3
    again.tell(5, 8)  # goes on from the fourth epoch
    assert again.left == "for 3 s"
    clock[0] += 3
    again.tell(6, 8)
    assert again.left == "6 s left"


def test_a_stage_of_two_parts_has_the_rate_of_the_part_at_work(clock: list[float]) -> None:
    """As a training of two networks, one after the other."""
    pace = progress.Pace()
    for seconds, done, total in ((1, 1, 2), (1, 2, 2), (30, 1, 4), (30, 2, 4)):
        clock[0] += seconds
        pace.tell(done, total)
    assert pace.left == "60 s left"


def test_no_line_tells_of_infinity(clock: list[float]) -> None:
    pace = progress.Pace()
    said = [pace.line("report")]
    for done in (0, 0, 1, 2):
        pace.tell(done, 2)
        said.append(pace.line("labels"))
        clock[0] += 2
    assert said == ["report: for 0 s", "labels: 0 of 2, for 0 s", "labels: 0 of 2, for 2 s",
                    "labels: 1 of 2, 2 s each, 2 s left",
                    "labels: 2 of 2, 2 s each, in 6 s"]  # fmt: skip


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_bar_fits_the_terminal(monkeypatch: pytest.MonkeyPatch, clock: list[float], width: int) -> None:
    screen = io.StringIO()
    monkeypatch.setattr(progress, "console", Console(file=screen, force_terminal=True, width=width))
    with progress.track("simulations, round 0") as update:
        update(0, 1000)
        clock[0] += 3
        update(1, 1000, "1 unusable")
    plain = Text.from_ansi(screen.getvalue()).plain
    last = [line for line in plain.splitlines() if line.strip()][-1].rstrip()
    assert len(last) <= width
    assert last.startswith("simulations, round 0")
    assert "1/1000" in last
    assert "50 min left" in last
    assert ("3 s each" in last) == (width >= 80)


def logged(monkeypatch: pytest.MonkeyPatch, console: Console) -> io.StringIO:
    lines = io.StringIO()
    monkeypatch.setattr(speech.log, "handlers", [logging.StreamHandler(lines)])
    monkeypatch.setattr(speech.log, "propagate", False)
    monkeypatch.setattr(speech.log, "level", logging.INFO)
    monkeypatch.setattr(progress, "console", console)
    return lines


def test_a_terminal_that_cannot_go_back_gets_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, _environ={"TERM": "dumb"})
    lines = logged(monkeypatch, console)
    with progress.track("labels") as update:
        update(1, 1)
    assert lines.getvalue().startswith("labels: 1 of 1, ")
    assert screen.getvalue() == ""


def test_a_log_gets_a_line_while_nothing_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stage that tells nothing, and a step that takes long; 30 seconds are 0.3 here."""
    monkeypatch.setattr(progress, "LOG_AT_LEAST_S", 0.3)
    lines = logged(monkeypatch, Console(file=io.StringIO()))
    with progress.track("report"):
        time.sleep(1)
    said = lines.getvalue().splitlines()
    assert len(said) >= 2
    assert all(line.startswith("report: for ") for line in said)
