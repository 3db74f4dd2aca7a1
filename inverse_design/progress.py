"""Progress of long stages: a bar with rate and time left on a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from inverse_design.console import console

log = logging.getLogger("inverse_design")


Update = Callable[[int, int, str], None]
"""Called with (done, in all, a few words)."""

Tracker = Callable[[str], AbstractContextManager[Update]]
"""Opens the progress of a named stage."""

LOG_EVERY_S = 15.0
WRITE_EVERY_S = 0.2


class _Rate(ProgressColumn):
    """Steps a second, or seconds a step where they are slow."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.3g}/s" if speed >= 1 else f"{1 / speed:.3g} s each")


@contextmanager
def track(name: str) -> Iterator[Update]:
    """Show the progress of one stage while the block runs.

    On a terminal it is a bar, in a notebook a line that is written over; where standard error is a file it is a line
    every 15 seconds and at the end, so that a log stays readable.
    """
    if console.quiet:
        yield _nothing
        return
    if console.is_jupyter:  # a bar there needs widgets that may not be installed
        yield _one_line(name)
        print()
        return
    if not console.is_terminal:
        yield _log_lines(name)
        return
    columns = (
        TextColumn("{task.description:<24}", markup=False),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}", markup=False),
    )
    with Progress(*columns, console=console, speed_estimate_period=60) as bar:
        task = bar.add_task(name, total=None, words="")

        def update(done: int, total: int, words: str = "") -> None:
            bar.update(task, completed=done, total=total, words=words)

        yield update


def _nothing(done: int, total: int, words: str = "") -> None:
    """The progress of a command that is to be quiet."""


def _log_lines(name: str) -> Update:
    began = last = time.monotonic()
    ended = False

    def update(done: int, total: int, words: str = "") -> None:
        nonlocal last, ended
        now, at_end = time.monotonic(), done >= total
        if (at_end and not ended) or now - last >= LOG_EVERY_S:  # the end may be told more than once
            last, ended = now, at_end
            log.info(_line(name, done, total, words, now - began))

    return update


def _one_line(name: str) -> Update:
    began, last, longest = time.monotonic(), 0.0, 0

    def update(done: int, total: int, words: str = "") -> None:
        nonlocal last, longest
        now = time.monotonic()
        if done < total and now - last < WRITE_EVERY_S:
            return
        last, line = now, _line(name, done, total, words, now - began)
        longest = max(longest, len(line))
        print(f"\r{line:<{longest}}", end="", flush=True)

    return update


def _line(name: str, done: int, total: int, words: str, seconds: float) -> str:
    rate = done / max(seconds, 1e-9)
    left = (total - done) / rate if rate > 0 else float("inf")
    return f"{name}: {done} of {total}, {rate:.3g}/s, {left:.0f} s left{f', {words}' if words else ''}"
