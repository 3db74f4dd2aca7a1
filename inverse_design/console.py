"""Where the command line speaks: standard error for people, `run.log` in the run folder for later."""

from __future__ import annotations

import io
import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from simulation.errors import InputError

# Square brackets in the name of a file are no markup.
console = Console(stderr=True, markup=False, highlight=False)
errors = Console(stderr=True, markup=False, highlight=False)
"""Heard even with --quiet."""
log = logging.getLogger("inverse_design")
MOST_LETTERS = 1000
LEVELS = ("debug", "info", "warning", "error")


def configure_logging(level: str, quiet: bool) -> None:
    """Send the package's messages to standard error: above a progress bar on a terminal, as plain lines elsewhere.

    Quiet, only warnings and errors are said; what is written into files and to standard output stays.
    """
    if level not in LEVELS:
        raise InputError(f"--log-level must be one of {', '.join(LEVELS)}, got {level!r}")
    console.quiet = quiet
    handler: logging.Handler
    if console.is_terminal:
        handler = RichHandler(
            console=errors if quiet else console, show_path=False, show_level=False, log_time_format="%H:%M:%S"
        )
        handler.setFormatter(logging.Formatter("%(message)s"))
    else:
        handler = logging.StreamHandler(sys.stderr)
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
