"""Where the command line speaks: results to standard output; progress, warnings and the log to standard error, and to
`run.log` in the run folder for later."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.logging import RichHandler

from simulation.errors import InputError


class OutputClosed(Exception):
    """Nobody reads standard output any more, as after `| head -1`: no failure of anything."""


class _Results(Console):
    def on_broken_pipe(self) -> None:
        del self._buffer[:]  # else it is said to the next reader, if there is one
        raise OutputClosed


# Square brackets in the name of a file are no markup, and colons no pictures.
console = Console(stderr=True, markup=False, highlight=False, emoji=False)
errors = Console(stderr=True, markup=False, highlight=False, emoji=False)
"""Heard even with --quiet."""
results = _Results(markup=False, highlight=False, emoji=False)
"""Standard output: what a command was asked for, quiet or not."""
log = logging.getLogger("inverse_design")
MOST_LETTERS = 1000
LEVELS = ("debug", "info", "warning", "error")
WIDTH_OF_FILES = 160
"""Columns of a table that goes into a file or a pipe, which nobody resizes."""


class _StandardError(logging.StreamHandler[Any]):
    """To standard error as it is when something is said, not as it was when a command began."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> Any:  # type: ignore[override]
        return sys.stderr


def result(*lines: str) -> None:
    """Say what a command was asked for, on standard output, a line each.

    Raises:
        OutputClosed: if nobody reads it.
    """
    for line in lines:
        results.print(line, soft_wrap=True)


def result_table(table: Any) -> None:
    """The same for a table: as wide as the terminal, or as a file may be; see `result`."""
    wide = _Results(markup=False, highlight=False, emoji=False, width=WIDTH_OF_FILES)
    (results if results.is_terminal else wide).print(table)


def result_json(found: Any) -> None:
    """The same as JSON; see `result`."""
    result(json.dumps(found, indent=1))


def flush_results() -> None:
    """Make sure that what was said has left; see `result`."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        raise OutputClosed from None


def forget_results() -> None:
    """Let what is said to a reader who has gone be lost without a word, at the end of the process too."""
    with suppress(OSError, ValueError), Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def configure_logging(level: str, quiet: bool) -> None:
    """Send the package's messages to standard error: above a progress bar on a terminal, as plain lines elsewhere.

    Quiet, only warnings and errors are said; what is written into files and to standard output stays.
    """
    if level not in LEVELS:
        raise InputError(f"--log-level must be one of {', '.join(LEVELS)}, got {level!r}")
    console.quiet = quiet
    handler: logging.Handler
    if console.is_terminal and not console.is_dumb_terminal:
        handler = RichHandler(
            console=errors if quiet else console, show_path=False, show_level=False, log_time_format="%H:%M:%S"
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = _StandardError()
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", "%H:%M:%S"))
    handler.setLevel(logging.WARNING if quiet else level.upper())
    log.handlers[:] = [handler]
    log.setLevel(logging.DEBUG)
    log.propagate = False


def printable(sentence: str) -> str:
    """One line without what steers a terminal, whatever a file is called, and no longer than a person reads."""
    if len(sentence) > MOST_LETTERS:
        half = MOST_LETTERS // 2
        sentence = f"{sentence[:half]} [...] {sentence[-half:]}"
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in sentence)


def print_any_name() -> None:
    """Let standard output take names of files that are no UTF-8, escaped, as standard error does."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def say_loading() -> None:
    """Say that TensorFlow is being loaded, seconds in which nothing else is said; nothing where it is there already."""
    if "keras" not in sys.modules:
        backend = os.environ.get("KERAS_BACKEND", "tensorflow")
        log.info("loading %s", "TensorFlow" if backend == "tensorflow" else printable(backend))


def warn(sentences: Iterable[str]) -> None:
    """Say what is doubtful on standard error and in the log of a run, quiet or not."""
    for sentence in sentences:
        log.warning("warning: %s", printable(sentence))


@contextmanager
def said_aloud() -> Iterator[None]:
    """Let warnings go to standard error while the block runs, where neither the command nor the user's script has
    said where they shall go."""
    if log.handlers or logging.getLogger().handlers:
        yield
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(logging.WARNING)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Append the package's messages to a file while the block runs, whatever level is heard elsewhere.

    A script that has set up no logging hears warnings only, and Python would not even make the messages below.
    """
    level = log.level
    if not log.isEnabledFor(logging.INFO):
        log.setLevel(logging.INFO)
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.handleError = lambda record: None  # type: ignore[method-assign]  # on a full disk the results matter
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        log.setLevel(level)
        handler.close()
