"""Progress of long stages: a bar with rate and time left on a terminal, a line now and then in a log."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn
from rich.table import Column
from rich.text import Text

from inverse_design.console import console

log = logging.getLogger("inverse_design")


class Update(Protocol):
    """Called with (done, in all, a few words, how many of those done were there before and took no time)."""

    def __call__(self, done: int, total: int, words: str = "", there: int = 0) -> None: ...


Tracker = Callable[[str], AbstractContextManager[Update]]
"""Opens the progress of a named stage."""

LOG_EVERY_S = 15.0
LOG_AT_LEAST_S = 30.0
"""So long nothing is said at most where standard error is a file, whether or not a step has ended."""

WRITE_EVERY_S = 0.2
NARROW, WIDE = 60, 110
"""Columns of a terminal below which a bar has no room, and above which it has plenty."""


class Pace:
    """The rate of what this session did, and the time left at it: what was there before is in neither.

    What is there when the first step is told, of a training that goes on from a checkpoint for one, was not done here
    unless it is that step alone.
    """

    def __init__(self) -> None:
        self.began = self._told = time.monotonic()
        self._from: tuple[float, int] | None = None
        self.done = self.total = 0
        self.words = ""
        self.rate = 0.0

    def tell(self, done: int, total: int, words: str = "", there: int = 0) -> None:
        now, here = time.monotonic(), done - there
        if done < self.done:  # the next part of the stage begins anew, with its first step
            self._from = (self._told, 0)
        self._told = now
        self.done, self.total, self.words = done, total, words
        if self._from is None:
            self._from = (self.began, 0) if here == 1 else (now, here)
        elif here == self._from[1]:
            self._from = (now, here)  # nothing done so far: the time that it took to find what was there is no work
        seconds, steps = now - self._from[0], here - self._from[1]
        self.rate = steps / seconds if seconds > 0 and steps > 0 else 0.0

    @property
    def seconds(self) -> float:
        """Since the stage began."""
        return time.monotonic() - self.began

    @property
    def each(self) -> str:
        """Steps a second, or seconds a step where they are slow; nothing where it is not known."""
        if not self.rate:
            return ""
        return f"{self.rate:.3g}/s" if self.rate >= 1 else f"{1 / self.rate:.3g} s each"

    @property
    def left(self) -> str:
        """Time left, or, where that is not known, the time so far."""
        if self.total and self.done >= self.total:
            return f"in {duration(self.seconds)}"
        if not self.rate:
            return f"for {duration(self.seconds)}"
        return f"{duration((self.total - self.done) / self.rate)} left"

    def line(self, name: str) -> str:
        """All that is known of a stage, as a line of a log."""
        count = f"{self.done} of {self.total}" if self.total else ""
        return f"{name}: " + ", ".join(part for part in (count, self.each, self.left, self.words) if part)


def duration(seconds: float) -> str:
    """As a person would say it, in few letters.

    >>> duration(0.4), duration(75), duration(4000), duration(200_000)
    ('0 s', '75 s', '67 min', '56 h')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.0f} h"


@contextmanager
def track(name: str) -> Iterator[Update]:
    """Show the progress of one stage while the block runs.

    On a terminal it is a bar, in a notebook a line that is written over; where standard error is a file, or a terminal
    that cannot go back in a line, it is a line every 15 seconds and at the end, and every 30 seconds where no step has
    ended, so that a log stays readable and nobody takes the run for dead.
    """
    if console.quiet:
        yield _nothing
    elif console.is_jupyter:  # a bar there needs widgets that may not be installed
        with _one_line(name) as update:
            yield update
    elif not console.is_terminal or console.is_dumb_terminal:
        with _log_lines(name) as update:
            yield update
    else:
        with _bar(name, console) as update:
            yield update


class _Of(ProgressColumn):
    """A part of a pace, which is asked again at every refresh: time goes on where nothing is told."""

    max_refresh = 0.5

    def __init__(self, part: Callable[[Pace], str]) -> None:
        super().__init__(Column(no_wrap=True, justify="right"))
        self._part = part

    def render(self, task: Task) -> Text:
        return Text(self._part(task.fields["pace"]))


@contextmanager
def _bar(name: str, where: Console) -> Iterator[Update]:
    """A bar, or what of it a narrow terminal has room for."""
    pace, width = Pace(), where.width
    title = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, overflow="ellipsis"))
    count = _Of(lambda pace: f"{pace.done}/{pace.total}" if pace.total else "")
    columns: list[ProgressColumn] = [title, count, _Of(lambda pace: pace.left)]
    if width >= NARROW:
        each = _Of(lambda pace: pace.each)
        columns = [title, BarColumn(bar_width=30 if width >= WIDE else 10), count, each, columns[-1]]
    if width >= WIDE:
        name = f"{name:<24}"
        words = Column(no_wrap=True, overflow="ellipsis")
        columns.append(TextColumn("{task.fields[words]}", markup=False, table_column=words))
    with Progress(*columns, console=where) as bar:
        task = bar.add_task(name, total=None, pace=pace, words="")

        def update(done: int, total: int, words: str = "", there: int = 0) -> None:
            pace.tell(done, total, words, there)
            bar.update(task, completed=done, total=total, words=words)

        yield update


def _nothing(done: int, total: int, words: str = "", there: int = 0) -> None:
    """The progress of a command that is to be quiet."""


@contextmanager
def _log_lines(name: str) -> Iterator[Update]:
    pace, ended, over = Pace(), False, threading.Event()
    last, lock = time.monotonic(), threading.Lock()

    def say_if(due_s: float, at_end: bool = False) -> None:
        nonlocal last
        with lock:
            now = time.monotonic()
            if at_end or now - last >= due_s:
                last = now
                log.info(pace.line(name))

    def update(done: int, total: int, words: str = "", there: int = 0) -> None:
        nonlocal ended
        pace.tell(done, total, words, there)
        at_end = done >= total and not ended  # the end may be told more than once
        ended = done >= total
        say_if(LOG_EVERY_S, at_end)

    def watch() -> None:
        while not over.wait(LOG_AT_LEAST_S / 30):
            say_if(LOG_AT_LEAST_S)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield update
    finally:
        over.set()
        watcher.join()


@contextmanager
def _one_line(name: str) -> Iterator[Update]:
    pace, last, longest = Pace(), 0.0, 0

    def update(done: int, total: int, words: str = "", there: int = 0) -> None:
        nonlocal last, longest
        pace.tell(done, total, words, there)
        now = time.monotonic()
        if done < total and now - last < WRITE_EVERY_S:
            return
        last, line = now, pace.line(name)
        longest = max(longest, len(line))
        print(f"\r{line:<{longest}}", end="", flush=True)

    yield update
    if longest:
        print()
