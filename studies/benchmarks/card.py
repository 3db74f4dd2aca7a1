"""The numbers of the benchmarks' page that committed files hold: designs, accuracy, novelty, a measured loop.

    python -m studies.benchmarks.card

Writes the tables of README.md between their marks, from design.jsonl, from the cards of the shipped surrogates, from
novelty.csv and from measured_pair.csv. Nothing is simulated or predicted. The other tables of the page are what their
commands printed.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pandas as pd

from simulation import ANCHORS
from simulation.files import write_text
from studies.benchmarks.design import RIVALS, Target, reached, table
from studies.nd2fe14b.card import fill, markdown
from studies.script import command
from surrogate.card import find_surrogate, read_card
from surrogate.metrics import PAPER_MAE

FOLDER = Path(__file__).parent
NAMES = ("nd2fe14b", "nd2fe14b-elements")

Answers = dict[tuple[str, int], dict[str, Any]]


def read_answers() -> Answers:
    """Lines of design.jsonl by side and number of the target."""
    lines = (FOLDER / "design.jsonl").read_text(encoding="utf-8").splitlines()
    return {(answer["side"], answer["target"]): answer for answer in map(json.loads, lines)}


def design_table(answers: Answers) -> str:
    """Hits and medians by side, as the benchmark prints them."""
    some = next(iter(answers.values()))
    numbers = sorted({number for _, number in answers})
    # The first `of` targets are curves of fresh structures, those after them lie at the rim.
    targets = [Target(tuple(answers["engine", i]["values"]), i if i < some["of"] else -1) for i in numbers]
    return table(answers, reached(answers, targets, some["of"]), ["engine", *RIVALS], some["cap"])


def sources_table(answers: Answers) -> str:
    """Where the engine's candidates for all targets came from, and which of them hit."""
    simulated: Counter[str] = Counter()
    hit: Counter[str] = Counter()
    for (side, _), answer in answers.items():
        if side == "engine":
            simulated.update(answer["sources"])
            hit.update([answer["sources"][answer["hit"] - 1]] if answer["hit"] else [])
    rows = [[source, str(count), str(hit[source])] for source, count in simulated.most_common()]
    rows.append(["all", str(simulated.total()), str(hit.total())])
    return markdown(("source", "simulated", "first to hit"), rows)


def accuracy_table() -> str:
    """Mean absolute errors on the test split, from the cards of the shipped surrogates, beside the paper's Table 3."""
    rows = [["the paper (labels by fidimag)", *(f"{PAPER_MAE[anchor]:.4f}" for anchor in ANCHORS)]]
    for name in NAMES:
        mae = read_card(find_surrogate(name)).about["test"]["mae"]
        rows.append([f"`{name}`", *(f"{mae[anchor]:.4f}" for anchor in ANCHORS)])
    return markdown(("mean absolute error", *ANCHORS), rows)


def novelty_table() -> str:
    """Novelty of structures and what the surrogate misses, in predicted standard deviations, by kind."""
    found = pd.read_csv(FOLDER / "novelty.csv")
    rows = []
    for kind, part in found.groupby("kind", sort=False):
        values = [part["novelty"].median(), part["rms_before"].median(), part["largest_before"].max()]
        values += [part["rms"].median(), part["largest"].max()]
        rows.append([str(kind), str(len(part)), *(f"{value:.2f}" for value in values)])
    heads = ("structures", "number", "novelty, median", "error without widening: rms, median", "largest")
    return markdown((*heads, "with it: rms, median", "largest"), rows)


def measured_table() -> str:
    """What a run for a synthetic measured loop simulated, the best first."""
    found = pd.read_csv(FOLDER / "measured_pair.csv").fillna("")
    said = {"True": "confirmed", "False": "not confirmed", "": ""}
    rows = []
    for row in found.to_dict("records"):
        numbers = [f"{row['curve_distance']:.4f}", f"{row['axis_distance_deg']:.0f}", str(row["grains"])]
        rows.append([str(row["source"]), "yes" if row["hit"] else "no", said[str(row["confirmed"])], *numbers])
    heads = (
        "source",
        "hit",
        "finer mesh",
        "rms distance from the loop",
        "degrees of axis from its structure",
        "grains",
    )
    return markdown(heads, rows)


def blocks() -> dict[str, str]:
    """All tables by the names of their marks."""
    answers = read_answers()
    return {
        "design": design_table(answers),
        "sources": sources_table(answers),
        "accuracy": accuracy_table(),
        "novelty": novelty_table(),
        "measured": measured_table(),
    }


@command
def main(arguments: list[str] | None = None) -> int:
    """Write the tables."""
    argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0]).parse_args(arguments)
    page = FOLDER / "README.md"
    write_text(page, fill(page.read_text(encoding="utf-8"), blocks()))
    print(f"wrote {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
