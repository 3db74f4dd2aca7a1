"""What the packages say of themselves: their version, and examples in docstrings that run."""

from __future__ import annotations

import doctest
import importlib
import importlib.metadata
from pathlib import Path

import pytest

import simulation

ROOT = Path(simulation.__file__).parents[1]
PACKAGES = ("simulation", "surrogate", "inverse_design")
WITH_EXAMPLES = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts)
    for package in PACKAGES
    for path in (ROOT / package).rglob("*.py")
    if ">>> " in path.read_text(encoding="utf-8")
)


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_the_examples_of_docstrings_run(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name))
    assert result.attempted
    assert not result.failed, "see the output above"


def test_what_everyone_calls_first_has_an_example() -> None:
    first = {"hysteresis", "microstructure", "tessellation", "material", "anchors", "files"}
    assert {f"simulation.{name}" for name in first} | {"inverse_design.goals"} <= set(WITH_EXAMPLES)


@pytest.mark.parametrize("name", PACKAGES)
def test_a_package_knows_its_version(name: str) -> None:
    assert importlib.import_module(name).__version__ == importlib.metadata.version("inverse-design")
