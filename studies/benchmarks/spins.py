"""What the plane costs, and what it costs to leave it: curves of free spins beside planar ones.

    python -m studies.benchmarks.spins [--references N] [--squares N] [--reference DIR]

Three tables. Ten squares of 80 nm by cells of 1 nm and by elements of 2, 1 and 0.5 nm, planar and free: Hc, Mr and the
field at which the plane becomes unstable. The same squares by elements of 2 nm with other tilts out of it (sizes,
seeds) and a tighter tolerance. And squares of 320 nm that fidimag has simulated: evaluations and CPU seconds, free over
planar. Ends with exit code 1 if a curve of free spins costs more than three times the planar one in the median.

The tables are held against a plain steepest descent with three components by cells of 1 nm (torque below 3e-4 of 2 K1,
a perturbation of 3e-3 rad at each field). It gave Hc of 0.1284, 0.1457, 0.394 to 0.404 and 0.1731 for the third,
eighth, ninth and tenth square, and planar values for the others. The ninth (6 grains, 1.0 rad) had not converged there:
by a tolerance of 1e-7 its Hc is 0.364 to 0.374, and that is the number to compare with.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from simulation import DemagnetizationCurve, FieldSweep, Microstructure, demagnetization_curve, voronoi
from studies.benchmarks.cases import reference_cases
from studies.script import command

SWEEP = FieldSweep(until="coercivity")
SQUARES = (
    (24, 1.57),
    (24, 1.05),
    (12, 1.57),
    (12, 0.5),
    (8, 3.1),
    (16, 2.2),
    (20, 0.3),
    (30, 3.1),
    (6, 1.0),
    (10, 2.6),
)
"""Grains and misorientation (rad) of squares with seeds 100, 101 .."""
MESHES = (("cells", 2), ("elements", 1), ("elements", 2), ("elements", 4))
TILTS: tuple[dict[str, float], ...] = (
    {},
    {"perturbation_rad": 3e-4},
    {"perturbation_rad": 3e-2},
    {"tolerance": 1e-5},
    {"seed": 1},
    {"seed": 2},
    {"seed": 3},
    {"seed": 3, "perturbation_rad": 3e-4},
)
GOAL = 3.0
REFERENCE = Path(__file__).parents[1] / "nd2fe14b" / "nd2fe14b-fidimag"


def square(number: int) -> Microstructure:
    """One of the squares, on cells of 2 nm."""
    grains, misorientation_rad = SQUARES[number]
    return voronoi(80.0, 2.0, grains, misorientation_rad, np.random.default_rng(100 + number))


def curve(structure: Microstructure, discretization: str, spins: str, **options: Any) -> DemagnetizationCurve:
    """A curve to the coercive field."""
    return demagnetization_curve(structure, sweep=SWEEP, discretization=discretization, spins=spins, **options)


def said(found: DemagnetizationCurve) -> str:
    """Hc and Mr, and whether a field did not converge."""
    return f"{found.anchors.Hc:.4f} {found.anchors.Mr:.3f}{'' if found.converged.all() else ' not converged'}"


def meshes(count: int) -> None:
    """Print Hc and Mr, planar and free, on each mesh."""
    names = [f"{kind}, {2 / factor:g} nm" for kind, factor in MESHES]
    print("| grains, theta | " + " | ".join(f"{name}: planar, free, unstable" for name in names) + " |")
    print("| --- |" + " --- |" * len(names))
    for number, (grains, misorientation_rad) in enumerate(SQUARES[:count]):
        row = [f"{grains}, {misorientation_rad}"]
        for kind, factor in MESHES:
            structure = square(number).refine(factor)
            planar, free = (curve(structure, kind, spins) for spins in ("planar", "free"))
            row.append(f"{said(planar)}, {said(free)}, {planar.plane_unstable_h:.2f}")
        print("| " + " | ".join(row) + " |", flush=True)


def tilts(count: int) -> None:
    """Print Hc and Mr by elements of 2 nm with each kind of tilt."""
    names = [", ".join(f"{key} {value:g}" for key, value in options.items()) or "default" for options in TILTS]
    print("\n| grains, theta | " + " | ".join(names) + " |")
    print("| --- |" + " --- |" * len(names))
    for number, (grains, misorientation_rad) in enumerate(SQUARES[:count]):
        row = [f"{grains}, {misorientation_rad}"]
        row += [said(curve(square(number), "elements", "free", **options)) for options in TILTS]
        print("| " + " | ".join(row) + " |", flush=True)


def cost(structure: Microstructure, spins: str) -> tuple[DemagnetizationCurve, float]:
    """A curve by elements and its CPU seconds."""
    began = time.process_time()
    found = curve(structure, "elements", spins)
    return found, time.process_time() - began


def costs(folder: Path, count: int) -> float:
    """Print what free spins cost on structures of fidimag's; the median of CPU time over that of planar ones."""
    for spins in ("planar", "free"):
        cost(square(2), spins)  # what is compiled at first use
    print("\n| structure | planar: Hc, Mr, evaluations, s | free: Hc, Mr, evaluations, s | ratio |")
    print("| --- |" + " --- |" * 3)
    ratios = []
    for case in reference_cases(folder)[:count]:
        both = [cost(case.structure, spins) for spins in ("planar", "free")]
        ratios.append(both[1][1] / both[0][1])
        row = [f"{said(found)}, {found.evaluations}, {seconds:.2f}" for found, seconds in both]
        print(f"| {case.name} | {row[0]} | {row[1]} | {ratios[-1]:.2f} |", flush=True)
    return statistics.median(ratios)


@command
def main(arguments: list[str] | None = None) -> int:
    """Print the tables."""
    about = __doc__ or ""
    parser = argparse.ArgumentParser(description=about.partition("\n")[0])
    parser.add_argument("--references", type=int, default=22, help="structures of 320 nm (default 22)")
    parser.add_argument("--squares", type=int, default=len(SQUARES), help="squares of 80 nm (default all)")
    parser.add_argument("--reference", type=Path, default=REFERENCE, help="folder of fidimag_*.npz")
    options = parser.parse_args(arguments)
    if options.squares:
        print(about.rpartition("\n\n")[2])
        meshes(options.squares)
        tilts(options.squares)
    if not options.references:
        return 0
    ratio = costs(options.reference, options.references)
    print(f"\nfree spins cost {ratio:.2f} times the planar ones in the median, goal {GOAL:g}", end=": ")
    print("met" if ratio <= GOAL else "missed")
    return 0 if ratio <= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
