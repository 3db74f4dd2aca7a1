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


class _Rate(ProgressColumn):
    """Steps a second, or seconds a step where they are slow."""

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        if not speed:
            return Text("")
        return Text(f"{speed:.3g}/s" if speed >= 1 else f"{1 / speed:.3g} s each")


@contextmanager
def track(name: str, quiet: bool = False) -> Iterator[Update]:
    """Show the progress of one stage while the block runs.

    On a terminal it is a bar; where standard error is a file it is a line at the start, every 15 seconds and at the
    end, so that a log stays readable.
    """
    if quiet or not console.is_terminal:
        yield _log_lines(name)
        return
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        _Rate(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )
    with Progress(*columns, console=console, speed_estimate_period=60) as bar:
        task = bar.add_task(name, total=None, words="")

        def update(done: int, total: int, words: str = "") -> None:
            bar.update(task, completed=done, total=total, words=words)

        yield update


def _log_lines(name: str) -> Update:
    began = last = time.monotonic()

    def update(done: int, total: int, words: str = "") -> None:
        nonlocal last
        now = time.monotonic()
        if done >= total or now - last >= LOG_EVERY_S:
            last = now
            rate = done / max(now - began, 1e-9)
            left = (total - done) / rate if rate > 0 else float("inf")
            log.info(
                "%s: %d of %d, %.3g/s, %.0f s left%s", name, done, total, rate, left, f", {words}" if words else ""
            )

    return update
