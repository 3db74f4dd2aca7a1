"""The page of the benchmarks says what the committed files hold, and names commands that are there."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from simulation.labels.sets import load_label_set
from studies.benchmarks.card import blocks
from studies.benchmarks.design import table
from studies.benchmarks.targets import COLUMNS, SCALES, targets
from studies.nd2fe14b.card import fill

FOLDER = Path(str(files("studies") / "benchmarks"))
PAGE = (FOLDER / "README.md").read_text(encoding="utf-8")
ROOT = FOLDER.parents[1]


def test_the_tables_of_the_page_are_those_of_the_committed_files() -> None:
    assert fill(PAGE, blocks()) == PAGE


def test_a_target_without_an_answer_counts_as_longer_than_any() -> None:
    answer = {"side": "engine", "simulations": 8, "cpu_s": 30.0, "wall_s": 20.0}
    answers = [{**answer, "confirmed": confirmed} for confirmed in (True, True, False)]
    assert table(answers).splitlines()[2:] == ["| engine | 2 of 3 | 8 | 30 | 20 |"]
    assert table(answers[1:]).splitlines()[2:] == ["| engine | 1 of 2 | none | none | none |"]


def test_what_was_to_hit_is_held_against_what_did() -> None:
    answer = {"side": "engine", "confirmed": True, "simulations": 8, "cpu_s": 30.0, "wall_s": 20.0}
    answers = [{**answer, "expected": 0.75, "hits": 1}, {**answer, "expected": 1.5, "hits": 2}]
    assert table(answers).splitlines()[-1] == "engine: of 16 candidates 2.2 were to hit, 3 did."


def test_targets_lie_outside_of_the_tolerances_of_every_label() -> None:
    found = load_label_set("nd2fe14b-elements").anchors[:, COLUMNS]
    wanted = targets("nd2fe14b-elements", 6, 1)
    assert [target.kind for target in wanted] == ["inside"] * 3 + ["rim"] * 3
    for target in wanted:
        inside = (np.abs(found - target.values) <= SCALES).all(axis=1).sum()
        assert inside == (target.kind == "inside")  # the test structure itself, which no side knows


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
