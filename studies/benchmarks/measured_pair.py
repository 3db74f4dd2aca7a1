"""A synthetic measured pair, and what a run finds that follows its curve.

    python -m studies.benchmarks.measured_pair --make
    python -m studies.benchmarks.measured_pair [--runs DIR] [--workers N] [--table FILE]

`--make` writes `studies/measured/`: a structure that no seed of a study draws, on cells of 1 nm, as a microscope would
write it (.ctf: a point a cell, noise in the Euler angles, some points without an orientation), and its full loop by
elements as a magnetometer would, in kOe and emu/cm3, with noise in both columns.
Without it the study `studies/specimen.yaml` is run, which reads both by the package's readers; prints a row a
candidate, the best first, with its distance from the measured curve and, in degrees of axis averaged over the cells,
from the map, and writes them as CSV. Ends with exit code 1 if no candidate counts as a hit.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from inverse_design import design
from inverse_design.candidates.distances import axis_distance_deg
from simulation import FieldSweep, Microstructure, Nd2Fe14B, Purpose, StructureFamily, demagnetization_curve
from simulation.files import write_text
from studies.script import command

HERE = Path(__file__).parent.parent
STUDY, PAIR = HERE / "specimen.yaml", HERE / "measured"
TABLE = Path(__file__).with_name("measured_pair.csv")

FAMILY, SEED = StructureFamily(80.0, 1.0, (18, 22), (1.0, 1.3)), 2027
NOISE_M, NOISE_H = 0.003, 0.001
"""Standard deviations in Ms and H_A."""

KOE = 79577.47154594767
"""A/m."""

NOISE_DEG, NOT_INDEXED, AT_BOUNDARIES = 0.3, 0.005, 0.05
"""Standard deviation of Euler angles, and shares of the points without an orientation: inside of grains, and with a
neighbour in another grain."""

CTF = """Channel Text File
Prj\ta synthetic map
Author\tpython -m studies.benchmarks.measured_pair --make
JobMode\tGrid
XCells\t{nx}
YCells\t{ny}
XStep\t{step:.4f}
YStep\t{step:.4f}
AcqE1\t0
AcqE2\t0
AcqE3\t0
Euler angles refer to Sample Coordinate system (CS0)!\tMag\t0\tKV\t20\tTiltAngle\t70
Phases\t1
8.800;8.800;12.200\t90.000;90.000;90.000\tNd2Fe14B\t5\t136
Phase\tX\tY\tBands\tError\tEuler1\tEuler2\tEuler3\tMAD\tBC\tBS
"""
"""The head of a Channel Text File: lengths in micrometres, Laue group 5 is 4/mmm."""


def make() -> Microstructure:
    """Write the pair."""
    structure = FAMILY.draw(SEED, Purpose.BENCHMARK, 0)
    curve = demagnetization_curve(structure, sweep=FieldSweep(1.5, -1.5, 0.01))
    if not curve.converged.all():
        raise SystemExit("a field of the loop did not converge")
    rng = np.random.default_rng(SEED)
    h, m = np.concatenate([curve.h, -curve.h]), np.concatenate([curve.m, -curve.m])
    h, m = h + NOISE_H * rng.standard_normal(h.size), m + NOISE_M * rng.standard_normal(m.size)
    lines = [
        f"{field:.4f},{value:.3f}"
        for field, value in zip(h * Nd2Fe14B.H_A_A_per_m / KOE, m * Nd2Fe14B.Ms_A_per_m / 1e3, strict=True)
    ]
    PAIR.mkdir(exist_ok=True)
    write_text(PAIR / "map.ctf", as_ctf(structure, rng))
    write_text(PAIR / "loop.csv", "\n".join(["# a synthetic loop", "H (kOe),M (emu/cm3)", *lines, ""]))
    return structure


def as_ctf(structure: Microstructure, rng: np.random.Generator) -> str:
    """The map of a microscope that sees the grains from above: the upper row first, Bunge's angles in degrees, of a
    crystal whose c axis lies in the plane at the grain's angle and which is turned about it by any other."""
    ny, nx = structure.shape
    about_c = rng.uniform(0, 360, len(structure.grain_angle_rad))
    of_grain = np.column_stack([180 - np.degrees(structure.grain_angle_rad), np.full(len(about_c), 90.0), about_c])
    grain = structure.grain_id[::-1]
    euler = (of_grain[grain] + NOISE_DEG * rng.standard_normal((ny, nx, 3))) % [360, 180, 360]
    framed = np.pad(grain, 1, mode="edge")
    beside = np.stack([framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:]])
    lost = rng.random((ny, nx)) < np.where((beside != grain).any(axis=0), AT_BOUNDARIES, NOT_INDEXED)
    step = structure.cell_nm / 1e3
    lines = []
    for y, x in np.ndindex(ny, nx):
        angles = (0.0, 0.0, 0.0) if lost[y, x] else euler[y, x]
        phase, bands, error, mad = (0, 0, 3, 0) if lost[y, x] else (1, 8, 0, 0.5)
        words = "\t".join(f"{angle:.2f}" for angle in angles)
        lines.append(f"{phase}\t{x * step:.3f}\t{y * step:.3f}\t{bands}\t{error}\t{words}\t{mad}\t100\t200\n")
    return CTF.format(nx=nx, ny=ny, step=step) + "".join(lines)


def found(runs: Path, workers: int | None) -> tuple[pd.DataFrame, bool]:
    """One row a candidate of the study, the best first, and whether one of them counts as a hit."""
    run = design(STUDY, runs=runs, overrides=[f"execution.workers={workers}"] if workers else ())
    measured = Microstructure.load(PAIR / "map.ctf")
    rows = []
    for number in run.ranking:
        item = run.verified[number]
        fine = item.candidate.structure.refine(2)
        rows.append({
            "candidate": number, "round": item.round, "source": item.candidate.source, "hit": item.is_hit(run.goals),
            "confirmed": item.confirmed, "curve_distance": round(item.apart(run.goals), 4),
            "axis_distance_deg": round(axis_distance_deg(fine, measured), 1), "grains": item.candidate.structure.grains,
        })  # fmt: skip
    return pd.DataFrame(rows), any(run.hits)


@command
def main() -> int:
    """The command line, see above."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--make", action="store_true")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--workers", type=int)
    parser.add_argument("--table", type=Path, default=TABLE)
    asked = parser.parse_args()
    if asked.make:
        print(make())
        return 0
    table, hit = found(asked.runs, asked.workers)
    print(table.to_string(index=False))
    write_text(asked.table, table.to_csv(index=False))
    return 0 if hit else 1


if __name__ == "__main__":
    sys.exit(main())
