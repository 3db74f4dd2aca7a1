"""Where the command line speaks: standard error for people, `run.log` in the run folder for later."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.logging import RichHandler

from simulation.errors import InputError

console = Console(stderr=True)
errors = Console(stderr=True)
"""Heard even with --quiet."""
log = logging.getLogger("inverse_design")
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
    """One line without what steers a terminal, whatever a file is called."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in sentence)


def warn(sentences: Iterable[str]) -> None:
    """Say what is doubtful on standard error and in the log of a run, quiet or not."""
    for sentence in sentences:
        log.warning("warning: %s", printable(sentence))


@contextmanager
def run_log(path: Path) -> Iterator[None]:
    """Append the package's messages to a file while the block runs."""
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.handleError = lambda record: None  # type: ignore[method-assign]  # on a full disk the results matter
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.setLevel(logging.INFO)
    log.addHandler(handler)
    try:
        yield
    finally:
        log.removeHandler(handler)
        handler.close()
