"""Whether a confirmed hit is one by a third way, too: cells or elements a third as large.

    python -m studies.benchmarks.third_way STUDY.yaml|RUN ... [--runs DIR] [--store FILE] [--table FILE] [--workers N]

Every study is run, or taken as it is where a run folder is named, and every hit of it that counts is simulated again:
by cells up to 160 nm, another discretisation than the one that the hit was found by, and by elements beyond, with free
spins where the study has such or confirms by them. From 2 nm that is 0.67 nm. Simulations are rows of a store, so that
what was interrupted goes on. Prints the table, a row a hit, and writes it as CSV; without a study or run it prints the
table that is there. Ends with exit code 1 if fewer than 90 % of 40 hits still hit.

The table that is here is of the three studies in `squares/`, of the README's example (`first`) and of
`studies/nd2fe14b.yaml`.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from inverse_design import design
from inverse_design.run.design import Design, read_design
from inverse_design.run.simulating import conditions_of
from inverse_design.run.verified import verify_batch
from simulation import ANCHORS, LabelStore, label_all
from simulation.execution.executors import local
from simulation.files import write_text
from studies.script import command

FACTOR = 3
BY_CELLS_NM = 160.0
"""Largest square that is simulated by cells."""

GOAL, HITS = 0.9, 40
"""Share of the confirmed hits that shall still hit, and of how many."""

TABLE, STORE = Path(__file__).with_name("third_way.csv"), Path("runs/benchmarks/third_way.sqlite")


def third_way(run: Design, store: LabelStore, workers: int | None) -> pd.DataFrame:
    """One row a hit of a run that counts: its anchors as found and by the third way, and whether it still hits."""
    numbers = [number for number, hit in enumerate(run.hits) if hit]
    by_cells = run.study.family.size_nm <= BY_CELLS_NM
    kind = "cells" if by_cells else "elements"
    free = "free" in (run.study.labels.spins, *run.study.checks)
    conditions = conditions_of(run.study, "planar", kind, "free" if free else "planar")
    found = [run.verified[number] for number in numbers]
    fine = [item.candidate.structure.refine(FACTOR) for item in found]
    labels = []
    with local(workers) as engine:
        for label in label_all(fine, conditions, store, engine):
            labels.append(label)
            print(f"{run.study.name}: {len(labels)} of {len(fine)}", file=sys.stderr, flush=True)
    again = verify_batch(
        [item.round for item in found],
        [replace(item.candidate, structure=structure) for item, structure in zip(found, fine, strict=True)],
        labels,
    )
    rows = []
    for number, item, other in zip(numbers, found, again, strict=True):
        row: dict[str, Any] = {
            "study": run.study.name, "candidate": number, "source": item.candidate.source,
            "parent": item.candidate.parent, "found_by": item.discretization, "confirmed": item.confirmed is True,
            "goals": "; ".join(f"{goal.quantity} {goal.describe()}" for goal in run.goals),
            "discretization": kind, "spins": "free" if free else "planar",
            "cell_nm": round(other.candidate.structure.cell_nm, 4),
            "converged": other.converged, "hit": other.map_hits(run.goals),
        }  # fmt: skip
        for i, anchor in enumerate(ANCHORS):
            row[anchor], row[f"{anchor}_third"] = round(item.anchors[i], 5), round(other.anchors[i], 5)
        rows.append(row)
    return pd.DataFrame(rows)


def markdown(table: pd.DataFrame) -> str:
    """Hits by study, and what they have by both ways."""
    lines = [
        "| study | candidate | source | Mr | third | Hk90 | third | Hc | third | still a hit |",
        "| --- " * 10 + "|",
    ]
    for row in table.to_dict("records"):
        values = " | ".join(f"{row[a]:.4f} | {row[f'{a}_third']:.4f}" for a in ("Mr", "Hk90", "Hc"))
        still = "yes" if row["hit"] else "no"
        lines.append(f"| {row['study']} | {row['candidate']:02d} | {row['source']} | {values} | {still} |")
    return "\n".join(lines)


def verdict(table: pd.DataFrame) -> tuple[str, bool]:
    """How many still hit, in a sentence, and whether that is enough."""
    share = float(table["hit"].mean()) if len(table) else 0.0
    text = (
        f"{int(table['hit'].sum())} of {len(table)} confirmed hits still hit ({share:.0%}; goal {GOAL:.0%} of {HITS})"
    )
    return text, len(table) >= HITS and share >= GOAL


@command
def main(arguments: list[str] | None = None) -> int:
    """Simulate what the store lacks and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("sources", nargs="*", type=Path, metavar="STUDY.yaml|RUN")
    parser.add_argument("--runs", type=Path, default=Path("runs"), help="where studies are run (default runs)")
    parser.add_argument("--store", type=Path, default=STORE, help=f"label store (default {STORE})")
    parser.add_argument("--table", type=Path, default=TABLE, help="the CSV to write, or to print")
    parser.add_argument("--workers", type=int, default=None, help="processes (default one a core)")
    options = parser.parse_args(arguments)
    if options.sources:
        tables = []
        with LabelStore(options.store) as store:
            for source in options.sources:
                run = read_design(source) if source.is_dir() else design(source, options.runs)
                tables.append(third_way(run, store, options.workers))
        write_text(options.table, pd.concat(tables, ignore_index=True).to_csv(index=False))
    table = pd.read_csv(options.table)
    sentence, met = verdict(table)
    print(f"{markdown(table)}\n\n{sentence}: {'met' if met else 'missed'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
