"""The page of the benchmarks says what the committed files hold, and names commands that are there."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from studies.benchmarks.card import blocks, design_table, read_answers, sources_table
from studies.nd2fe14b.card import fill

FOLDER = Path(str(files("studies") / "benchmarks"))
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
ROOT = FOLDER.parents[1]


def test_the_tables_of_the_page_are_those_of_the_committed_files() -> None:
    assert fill(PAGE, blocks()) == PAGE


def test_a_hit_counts_for_the_source_of_the_candidate_that_hit_first() -> None:
    values = [0.8, 0.4, 0.2]
    answer = {"distances": [2.0, 0.0, 1.0], "values": values, "cap": 8, "of": 1}
    engine = {**answer, "hit": 2, "sources": ["drawn", "turned", "drawn"]}
    answers = {("engine", 0): engine, ("engine", 1): {**engine, "hit": None}}
    assert sources_table(answers).splitlines()[2:] == ["| drawn | 4 | 0 |", "| turned | 2 | 1 |", "| all | 6 | 1 |"]


def test_a_target_that_nobody_was_asked_for_is_in_no_table() -> None:
    """Twenty targets count of the 22 that were tried: two at the rim came after the tenth that a side reached."""
    answers = read_answers()
    assert len({number for _, number in answers}) == 22
    assert all("of 20 |" in line for line in design_table(answers).splitlines()[2:])


@pytest.mark.parametrize("page", [FOLDER / "README.md", ROOT / "README.md"], ids=["benchmarks", "README"])
def test_the_commands_files_and_pictures_of_a_page_are_there(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    modules = set(re.findall(r"python -m\s+(studies[\w.]+)", text))
    assert all(ROOT.joinpath(*module.split(".")).with_suffix(".py").is_file() for module in modules)
    links = [link for link in re.findall(r"\]\(([\w./-]+)(?:#[\w-]+)?\)", text) if not link.startswith("http")]
    assert links
    assert [link for link in links if not (page.parent / link).exists()] == []


def test_every_benchmark_has_a_place_on_the_page() -> None:
    scripts = {path.stem for path in FOLDER.glob("*.py") if "@command" in path.read_text(encoding="utf-8")}
    assert scripts <= set(re.findall(r"python -m\s+studies\.benchmarks\.(\w+)", PAGE))
