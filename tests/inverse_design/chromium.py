"""A real headless Chromium for pages."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest


def comes_true(page: Any, condition: str, seconds: float = 10) -> None:
    """Wait until a condition holds; the page's policy forbids that it evaluates text by itself."""
    for _ in range(int(10 * seconds)):
        with contextlib.suppress(Exception):  # while the page goes over to its next version
            if page.evaluate(condition):
                return
        page.wait_for_timeout(100)
    pytest.fail(f"never came true: {condition}")
