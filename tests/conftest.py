"""Settings of the whole suite."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest
from filelock import FileLock

from studies.benchmarks.kills import finish

REQUIRED = "SKIP_IS_FAILURE"
"""Set by `.ci/run`, which installs everything that a test may ask for but `PEERS`."""

PEERS = ("fidimag", "magnum.np")
"""Solvers that few have: the one is on no package index, the other brings PyTorch and with it gigabytes of CUDA."""


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="files, and the tests of each, in a random order")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Shuffle where it is asked for; the tests of a file stay together, because they may share a run."""
    seed = config.getoption("--shuffle")
    if seed is None:
        return
    draw = random.Random(seed)
    by_file: dict[Path, list[pytest.Item]] = {}
    for item in items:
        by_file.setdefault(item.path, []).append(item)
    groups = list(by_file.values())
    for group in (groups, *groups):
        draw.shuffle(group)  # type: ignore[arg-type]
    items[:] = [item for group in groups for item in group]


@pytest.fixture(scope="session")
def small_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small complete run of `studies.benchmarks.kills`, to be copied and not changed: one for all workers."""
    home = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        home = home.parent
    runs = home / "small-run"
    with FileLock(home / "small-run.lock"):
        if not (runs / "finished").exists():
            finish(runs)
            (runs / "finished").touch()
    return runs / "small"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not os.environ.get(REQUIRED):
        return
    every = terminalreporter.stats.get("skipped", [])
    skipped = [report for report in every if not any(peer in str(report.longrepr) for peer in PEERS)]
    if skipped:
        terminalreporter.write_line(f"{REQUIRED} is set and these were skipped:")
        for report in skipped:
            terminalreporter.write_line(f"  {report.nodeid}: {report.longrepr}")
        assert terminalreporter._session is not None
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED
