"""What the packages say of themselves: examples that run, notes that name what is there, one version."""

from __future__ import annotations

import doctest
import importlib
import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest

import simulation
from inverse_design.run.keys import VERSIONS
from simulation.backends.fidimag import ADAPTER_VERSION
from simulation.backends.planar import SOLVER_VERSION

ROOT = Path(simulation.__file__).parents[1]
PACKAGES = ("simulation", "surrogate", "inverse_design")
METHOD = "inverse_design/candidates/METHOD.md"
ELSEWHERE = {
    "concurrent.futures.Executor",
    "check",
    "ruff",
    "next",
    "Algorithm",
    "CMAES",
    "SimpleCMAES",
    "search",
    "verify",
    "version",
}
"""Names in the notes of other packages' things, of commands and of stages."""
SOURCE = "\n".join(
    path.read_text(encoding="utf-8") for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))
)
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


NOTES = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("CONTRIBUTING.md", METHOD)}


@pytest.mark.parametrize("note", NOTES)
def test_what_a_note_names_is_defined(note: str) -> None:
    names = set(re.findall(r"`([A-Za-z_][\w.]*)`", NOTES[note])) - ELSEWHERE
    parts = {part for name in names if not name.endswith((".toml", ".md", ".cff")) for part in name.split(".")}
    assert len(parts) > 15
    made = r"^\s*(def|class) {0}\b|(^\s*|= ){0}\s*[:=]"
    assert not [part for part in parts if not re.search(made.format(part), SOURCE, re.MULTILINE)]


@pytest.mark.parametrize("note", NOTES)
def test_the_commands_and_files_of_a_note_are_there(note: str) -> None:
    modules = re.findall(r"python -m (studies[\w.]+)", NOTES[note])
    assert modules
    assert all(ROOT.joinpath(*module.split(".")).with_suffix(".py").is_file() for module in modules)
    assert all((ROOT / path).exists() for path in re.findall(r"\]\(([\w/.]+)\)", NOTES[note]))


def test_the_changelog_names_the_versions_of_today() -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    cells, elements = SOLVER_VERSION["cells"], SOLVER_VERSION["elements"]
    assert f"Current: cells {cells}, elements {elements}, adapter of fidimag {ADAPTER_VERSION}." in changes
    stage, latest = "", {}
    for first, version in re.findall(
        r"^\| (\w*) *\| (\d+) \|", changes.split("### Stages")[1].split("###")[0], re.MULTILINE
    ):
        stage = first or stage
        latest[stage] = int(version)
    assert latest == VERSIONS


def test_one_version_is_told_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {project['version']}\n" in citation
    assert f"({project['version']})" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert project["urls"]["Paper"] in citation
