"""Settings of the whole suite."""

from __future__ import annotations

import os

import pytest

REQUIRED = "SKIP_IS_FAILURE"
"""Set by `.ci/run`, which installs everything that a test may ask for but fidimag, which is on no package index."""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not os.environ.get(REQUIRED):
        return
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "fidimag" not in str(report.longrepr)]
    if skipped:
        terminalreporter.write_line(f"{REQUIRED} is set and these were skipped:")
        for report in skipped:
            terminalreporter.write_line(f"  {report.nodeid}: {report.longrepr}")
        terminalreporter._session.exitstatus = pytest.ExitCode.TESTS_FAILED  # type: ignore[attr-defined]
