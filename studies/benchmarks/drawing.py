"""Grains drawn from codes: how like the original they are, and how fast.

    python -m studies.benchmarks.drawing [NAME ...] [--structures N]

Fresh structures of the surrogate's family are encoded and drawn again from their codes: the mean over cells of the
angle between drawn and original axis, beside that of the blurred decoder; grains drawn for each grain of the original;
how far predictions move when what was drawn is encoded again; structures a second, from codes to grains, the network
included.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence

import numpy as np

from simulation import ANCHORS, Microstructure, Purpose, StructureFamily
from studies.script import command
from surrogate import Surrogate
from surrogate.encoding import axis_error_rad

SEED = 22
SHOWN = ("Mr", "Hk90", "Hc")
LARGEST_AXIS_ERROR_DEG, LARGEST_RATIO_ERROR, LARGEST_MOVE, LEAST_PER_S = 7.0, 0.15, 0.004, 200.0
"""Goals: mean over cells and structures; mean ratio of grains; mean of each shown anchor; of CPU time, all threads
together, which other programs disturb less."""


def family_of(surrogate: Surrogate) -> StructureFamily:
    """The family that a surrogate was trained on, as its card says."""
    part = surrogate.about["microstructures"]
    low, high = np.radians(part["misorientation_deg"])
    return StructureFamily(part["size_nm"], part["cell_nm"], tuple(part["grains"]), (float(low), float(high)))


def measure(name: str, count: int) -> tuple[list[str], list[str]]:
    """The lines of one surrogate's table, and the goals that it misses."""
    surrogate = Surrogate.load(name)
    originals = list(family_of(surrogate).stream(SEED, Purpose.BENCHMARK, 0, count))
    codes = surrogate.encode(originals)
    surrogate.draw(codes)  # compiles and traces
    wall, cpu = time.perf_counter(), time.process_time()
    drawn = surrogate.draw(codes)
    wall, cpu = count / (time.perf_counter() - wall), count / (time.process_time() - cpu)
    error = axis_error_deg(_angles(drawn), originals)
    blurred = axis_error_deg(surrogate.decode(codes), originals)
    grains = np.array([[d.grains, o.grains] for d, o in zip(drawn, originals, strict=True)])
    ratio = grains[:, 0] / grains[:, 1]
    columns = [ANCHORS.index(anchor) for anchor in SHOWN]
    moved = np.abs(surrogate.predict(surrogate.encode(drawn))[0] - surrogate.predict(codes)[0])[:, columns]
    again = np.abs(surrogate.predict_again(codes) - surrogate.predict(codes)[0])[:, columns]
    lines = [
        f"| {name}, {count} structures | |",
        "| --- | --- |",
        f"| axes off, degrees: drawn (blurred) | {error.mean():.2f} ({blurred.mean():.2f}) |",
        f"| grains, mean: drawn / original | {grains[:, 0].mean():.1f} / {grains[:, 1].mean():.1f} |",
        f"| ratio of grains: mean, mean distance from 1 | {ratio.mean():.3f}, {np.abs(ratio - 1).mean():.3f} |",
        f"| predictions moved, mean: {', '.join(SHOWN)} | {_row(moved.mean(axis=0))} |",
        f"| median | {_row(np.median(moved, axis=0))} |",
        f"| by the blurred decoder, mean | {_row(again.mean(axis=0))} |",
        f"| structures a second: of wall time, of CPU time | {wall:.0f}, {cpu:.0f} |",
    ]
    checks = {
        f"axes off by at most {LARGEST_AXIS_ERROR_DEG:g} degrees": error.mean() <= LARGEST_AXIS_ERROR_DEG,
        f"grains within {LARGEST_RATIO_ERROR:.0%} in the mean": abs(ratio.mean() - 1) <= LARGEST_RATIO_ERROR,
        f"predictions moved by at most {LARGEST_MOVE:g}": bool((moved.mean(axis=0) <= LARGEST_MOVE).all()),
        f"{LEAST_PER_S:g} structures a second": cpu >= LEAST_PER_S,
    }
    return lines, [f"{name}: {goal}" for goal, met in checks.items() if not met]


def axis_error_deg(angle_rad: np.ndarray, originals: Sequence[Microstructure]) -> np.ndarray:
    """(n,) mean over the cells of the angle between axes (n, ny, nx) and the originals', degrees; 45 is chance."""
    return np.degrees(axis_error_rad(angle_rad, _angles(originals)).mean(axis=(1, 2)))


def _angles(structures: Sequence[Microstructure]) -> np.ndarray:
    return np.stack([structure.angle_rad for structure in structures])


def _row(values: np.ndarray) -> str:
    return ", ".join(f"{value:.4f}" for value in values)


@command
def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 1 if a goal is missed."""
    parser = argparse.ArgumentParser(
        prog="python -m studies.benchmarks.drawing", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("names", nargs="*", default=["nd2fe14b", "nd2fe14b-elements"], metavar="NAME",
                        help="shipped surrogates, or run folders")  # fmt: skip
    parser.add_argument("--structures", type=int, default=200, metavar="N")
    options = parser.parse_args(arguments)
    missed = []
    for name in options.names:
        lines, goals = measure(name, options.structures)
        print("\n".join(lines) + "\n", flush=True)
        missed += goals
    print("\n".join(f"goal missed: {goal}" for goal in missed) or "all goals met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
