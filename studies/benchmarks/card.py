"""The numbers of the benchmarks' page that committed files hold: designs, accuracy, novelty, writes, a specimen.

    python -m studies.benchmarks.card

Writes the tables of README.md between their marks, from design.jsonl, from the cards of the shipped surrogates, from
novelty.csv, statistics.csv, pareto.jsonl, phases.csv, failing_writes.csv and measured_pair.csv. Nothing is simulated or
predicted. The others are what their commands printed.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

import pandas as pd

from simulation import ANCHORS
from simulation.files import write_text
from studies.benchmarks import pareto
from studies.benchmarks.design import read_answers, table
from studies.benchmarks.failing_writes import FAULTS
from studies.nd2fe14b.card import fill, markdown
from studies.script import command
from surrogate.card import find_surrogate, read_card
from surrogate.metrics import PAPER_MAE

FOLDER = Path(__file__).parent
NAMES = ("nd2fe14b", "nd2fe14b-elements", "nd2fe14b-free")


def design_table() -> str:
    """What a confirmed answer costs by side, as the benchmark prints it."""
    return table(read_answers())


def sources_table() -> str:
    """Where the engine's candidates for all targets came from, and which of them were the confirmed answer."""
    answers = [one for one in read_answers() if one["side"] == "engine"]
    simulated = sum((Counter(one["sources"]) for one in answers), Counter())
    confirmed = Counter(source for one in answers for source in one.get("by", ()))
    rows = [[source, str(count), str(confirmed[source])] for source, count in simulated.most_common()]
    return markdown(("source", "simulated", "confirmed"), rows)


def pareto_table() -> str:
    """How far beyond the labels' front each side came."""
    return pareto.table(pareto.read_answers())


def accuracy_table() -> str:
    """Mean absolute errors on the test split, from the cards of the shipped surrogates, beside the paper's Table 3."""
    rows = [["the paper (labels by fidimag)", *(f"{PAPER_MAE[anchor]:.4f}" for anchor in ANCHORS)]]
    for name in NAMES:
        mae = read_card(find_surrogate(name)).about["test"]["mae"]
        rows.append([f"`{name}`", *(f"{mae[anchor]:.4f}" for anchor in ANCHORS)])
    for row in pd.read_csv(FOLDER / "statistics.csv").to_dict("records"):
        rows.append([f"seven numbers, `{row['set']}`", *(f"{row[anchor]:.4f}" for anchor in ANCHORS)])
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


def writes_table() -> str:
    """Writes that were made to fail, by command and fault, and how many of them did harm."""
    found = pd.read_csv(FOLDER / "failing_writes.csv", keep_default_na=False)
    faults, rows = list(FAULTS), []
    for name, part in found.groupby("command", sort=False):
        counts = [str((part["fault"] == fault).sum()) for fault in faults]
        rows.append([f"`{name}`", str(part["writes"].max()), *counts, str((part["wrong"] != "").sum())])
    totals = [str((found["fault"] == fault).sum()) for fault in faults]
    rows.append(["all", "", *totals, str((found["wrong"] != "").sum())])
    return markdown(("command", "its writes", *faults, "did harm"), rows)


def phases_table() -> str:
    """What a second phase costs, and the code for it those that have none."""
    found = pd.read_csv(FOLDER / "phases.csv")
    rows = []
    for what, part in found.groupby("what", sort=False):
        cells = [f"{r.ratio:.2f} ({r.lower_quartile:.2f} to {r.upper_quartile:.2f})" for r in part.itertuples()]
        rows.append([str(what), *cells])
    first = found[found["what"] == found["what"].iloc[0]]
    return markdown(("CPU time", *(f"{r.discretization}, {r.spins}" for r in first.itertuples())), rows)


def measured_table() -> str:
    """What a run for a synthetic specimen simulated, the best ten of it."""
    found = pd.read_csv(FOLDER / "measured_pair.csv").fillna("").head(10)
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
        "degrees of axis from the map",
        "grains",
    )
    return markdown(heads, rows)


def blocks() -> dict[str, str]:
    """All tables by the names of their marks."""
    return {
        "design": design_table(),
        "sources": sources_table(),
        "pareto": pareto_table(),
        "accuracy": accuracy_table(),
        "novelty": novelty_table(),
        "writes": writes_table(),
        "phases": phases_table(),
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
