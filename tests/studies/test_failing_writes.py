"""A write that fails ends a command with a sentence, and the same command then does what it would have done.

A handful of points; `python -m studies.benchmarks.failing_writes` goes through all of them.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from studies.benchmarks.failing_writes import Command, commands, execute, library, verdict

pytestmark = pytest.mark.skipif(
    not sys.platform.startswith("linux") or shutil.which("cc") is None,
    reason="preloads a small library, made by a C compiler",
)


@pytest.fixture(scope="module")
def preload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return library(tmp_path_factory.mktemp("library"))


@pytest.fixture(scope="module")
def wanted(preload: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Command, object]]:
    """A command by name, and what it leaves undisturbed."""
    known = commands()
    found: dict[str, object] = {}

    def of(name: str) -> tuple[Command, object]:
        if name not in found:
            folder = tmp_path_factory.mktemp(name)
            known[name].prepare(folder)
            assert execute(known[name].words(folder), folder, preload).code == 0
            found[name] = known[name].outcome(folder)
        return known[name], found[name]

    return of


@pytest.mark.parametrize(
    ("name", "fault", "at"),
    [
        ("init", "ENOSPC", 2), ("init", "EROFS", 1), ("init", "EIO", 3), ("init", "SIGKILL", 3), ("init", "SIGINT", 4),
        pytest.param("label", "ENOSPC", 12, marks=pytest.mark.slow),
        pytest.param("label", "SIGKILL", 9, marks=pytest.mark.slow),
        pytest.param("simulate", "EIO", 7, marks=pytest.mark.slow),
    ],
)  # fmt: skip
def test_a_write_that_fails_does_no_harm(wanted, preload: Path, tmp_path: Path, name: str, fault: str, at: int) -> None:
    known, outcome = wanted(name)
    assert verdict(known, preload, tmp_path, outcome, fault, at) == ""


def test_the_fault_happens(preload: Path, tmp_path: Path) -> None:
    """A sweep that fails nothing would find nothing."""
    known = commands()["init"]
    ended = execute(known.words(tmp_path), tmp_path, preload, "ENOSPC", 2)
    assert ended.code == 2
    assert "No space left on device" in ended.said
    assert ended.writes >= 2
