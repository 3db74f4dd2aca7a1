"""By how much labels of free spins depend on the push out of the plane: other seeds, and other sizes of it.

    python -m studies.benchmarks.label_noise [--simulate] [--rows FILE]

A label tilts all vectors towards +z by `simulation.spins.PERTURBATION_RAD` at each field. The first structures of
`nd2fe14b-free` with largest misorientations below 45, up to 80 and above 80 degrees are simulated with three seeds of
random tilts instead, and with tilts a tenth and ten times as large, and stand beside their labels; by cells, too.
`label_noise.csv` holds their anchor points; `--simulate` adds those that it lacks, each as it arrives (1 to 10 CPU
seconds each). Prints the mean and the largest range of each anchor point over +z and the seeds, and over the sizes of
the tilt.
"""

from __future__ import annotations

import argparse
import csv
import math
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from simulation import ANCHORS, FieldSweep, demagnetization_curve
from simulation.files import write_text
from simulation.labels.sets import load_labels, load_structures
from simulation.spins import PERTURBATION_RAD
from studies.benchmarks.cases import ALIGNED_DEG, GROUPS, ISOTROPIC_DEG
from studies.script import command

ROWS, LABELS = Path(__file__).with_suffix(".csv"), "nd2fe14b-free"
COUNTS = {"aligned": 3, "between": 3, "isotropic": 12}
SEEDS = ("", "1", "2", "3")
"""Of the random tilts; none: all towards +z."""
SIZES = (1.0, 0.1, 10.0)
"""Of the tilt, in `PERTURBATION_RAD`."""


class Row(NamedTuple):
    """A curve's anchor points; all as texts, as in the file."""

    discretization: str
    label: str
    group: str
    seed: str
    size: str
    converged: str
    anchors: tuple[str, ...]

    @property
    def key(self) -> tuple[str, ...]:
        """What was simulated."""
        return (self.discretization, self.label, self.seed, self.size)


HEAD = (*Row._fields[:-1], *ANCHORS)


def group_of(misorientation_rad: float) -> str:
    """One of `GROUPS`."""
    degrees = math.degrees(misorientation_rad)
    return "aligned" if degrees <= ALIGNED_DEG else "isotropic" if degrees > ISOTROPIC_DEG else "between"


def chosen() -> dict[str, list[int]]:
    """Indices of the structures in each group."""
    table = load_labels(LABELS)
    groups = table["misorientation_rad"].map(group_of)
    return {group: list(table.index[groups == group][: COUNTS[group]]) for group in GROUPS}


def wanted() -> Iterator[tuple[str, int, str, str, float]]:
    """Discretisation, index, group, seed and size of every curve."""
    pushes = [(seed, 1.0) for seed in SEEDS] + [("", size) for size in SIZES[1:]]
    for discretization in ("elements", "cells"):
        for seed, size in pushes if discretization == "elements" else pushes[: len(SEEDS)]:
            for group, indices in chosen().items():
                yield from ((discretization, index, group, seed, size) for index in indices)


def read(file: Path) -> list[Row]:
    """The rows of a file; none if it is not there."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        every = list(csv.reader(lines))[1:]
    return [Row(a, b, c, d, e, f, tuple(found)) for a, b, c, d, e, f, *found in every]


def write(file: Path, rows: list[Row]) -> None:
    """Write all rows."""
    lines = [HEAD, *((*row[:-1], *row.anchors) for row in rows)]
    write_text(file, "".join(",".join(line) + "\n" for line in lines))


def simulate(file: Path) -> None:
    """Add what a file lacks."""
    rows = read(file)
    for discretization, index, group, seed, size in wanted():
        if (discretization, str(index), seed, f"{size:g}") in {row.key for row in rows}:
            continue
        if (discretization, seed, size) == ("elements", "", 1.0):  # the label itself
            values, converged = load_labels(LABELS).loc[index, list(ANCHORS)].to_numpy(float), True
        else:
            found = demagnetization_curve(
                load_structures(LABELS, [index])[0],
                sweep=FieldSweep(until="coercivity"),
                discretization=discretization,
                spins="free",
                perturbation_rad=size * PERTURBATION_RAD,
                seed=int(seed) if seed else None,
            )
            values, converged = found.anchors.as_array(), bool(found.converged.all())
        anchors = tuple(f"{value:.5f}" for value in values)
        rows.append(Row(discretization, str(index), group, seed, f"{size:g}", str(converged), anchors))
        write(file, rows)
        print(*rows[-1][:-1], *anchors, file=sys.stderr, flush=True)


def ranges(rows: list[Row], discretization: str, group: str, pushes: list[tuple[str, str]]) -> np.ndarray:
    """(structures, 6) range of each anchor point over pushes (seed, size), of the structures that have them all."""
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        if (row.discretization, row.group) == (discretization, group) and (row.seed, row.size) in pushes:
            found.setdefault(row.label, []).append(row.anchors)
    whole = [np.array(each, float) for each in found.values() if len(each) == len(pushes)]
    return np.array([np.ptp(each, axis=0) for each in whole]).reshape(-1, len(ANCHORS))


def table(rows: list[Row]) -> str:
    """What the rows say."""
    lines = ["| discretisation | structures | pushes | " + " | ".join(f"{n}: mean, most" for n in ANCHORS) + " |"]
    lines.append("| --- |" + " --- |" * (2 + len(ANCHORS)))
    seeds, sizes = [(seed, "1") for seed in SEEDS], [("", f"{size:g}") for size in SIZES]
    for discretization in ("elements", "cells"):
        for what, pushes in (("+z and three seeds", seeds), ("a tenth to ten times", sizes)):
            for group in GROUPS:
                range_of = ranges(rows, discretization, group, pushes)
                if len(range_of):
                    numbers = zip(range_of.mean(axis=0), range_of.max(axis=0), strict=True)
                    cells = " | ".join(f"{mean:.4f}, {most:.4f}" for mean, most in numbers)
                    lines.append(f"| {discretization} | {len(range_of)} {group} | {what} | {cells} |")
    return "\n".join(lines)


@command
def main(arguments: list[str] | None = None) -> int:
    """Simulate what is missing if asked to, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--simulate", action="store_true", help="add the curves that the file lacks")
    parser.add_argument("--rows", type=Path, default=ROWS, help="file of anchor points (default the committed one)")
    options = parser.parse_args(arguments)
    if options.simulate:
        simulate(options.rows)
    print(table(read(options.rows)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
