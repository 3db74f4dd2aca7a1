"""What a second phase costs, and what it costs magnets that have none.

    python -m studies.benchmarks.phases [--before FOLDER] [--repeats N]

Curves to the coercive field of two squares of 160 nm, in the plane and with free spins, by cells and by elements. With
one phase beside the same with a boundary layer that has the numbers of the main phase: as many evaluations, by the code
for two phases. With `--before`, a folder with an older checkout of `simulation`, its curves with one phase beside those
of now, which have to be the same bit for bit. Both sides take turns, curve by curve: two phases and one in one process,
older and newer code in a process each. CPU time of an evaluation; the median of the ratios of neighbours in time, and
their quartiles, go to phases.csv.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulation.files import write_text
from studies.script import command

RESULT = Path(__file__).with_name("phases.csv")
KINDS = [(kind, spins) for spins in ("planar", "free") for kind in ("cells", "elements")]
SQUARES = ((40, 0.6, 1), (40, 1.2, 2))
"""Grains, largest angle of their axes (rad) and seed."""

WORKER = """
import hashlib, json, sys, time
import numpy as np
from simulation import FieldSweep, Nd2Fe14B, Phase, demagnetization_curve, voronoi

same = Phase(Nd2Fe14B.A_J_per_m, Nd2Fe14B.Js_T, Nd2Fe14B.K1_J_per_m3)
for line in sys.stdin:
    grains, theta, seed, two, kind, spins = json.loads(line)
    made = voronoi(160, 2, grains, theta, np.random.default_rng(seed))
    made = made.with_boundary(4, same) if two else made
    began = time.process_time()
    curve = demagnetization_curve(made, sweep=FieldSweep(until="coercivity"), discretization=kind, spins=spins)
    took = time.process_time() - began
    print(json.dumps([1e3 * took / curve.evaluations, hashlib.sha256(curve.m.tobytes()).hexdigest()]), flush=True)
"""


class Worker:
    """A process that simulates what it is asked for.

    Args:
        code: the folder that `simulation` is imported from.
    """

    def __init__(self, code: Path) -> None:
        env = {**os.environ, "PYTHONPATH": str(code), "OMP_NUM_THREADS": "1"}
        self._process = subprocess.Popen(
            [sys.executable, "-c", WORKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env, cwd=code, text=True
        )

    def ask(self, *of: Any) -> tuple[float, str]:
        """CPU milliseconds of an evaluation, and a hash of the curve."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - both are pipes
        assert stdout is not None  # noqa: S101
        stdin.write(json.dumps(of) + "\n")
        stdin.flush()
        ms, digest = json.loads(stdout.readline())
        return float(ms), str(digest)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None  # noqa: S101 - a pipe
        self._process.stdin.close()
        self._process.wait()


def ratios(new: Worker, other: Worker, two: bool, kind: str, spins: str, repeats: int) -> np.ndarray:
    """CPU time of an evaluation, over that of the other side: two phases over one, or newer code over older.

    Raises:
        RuntimeError: if older and newer code have other curves.
    """
    found = []
    for square in SQUARES:
        for turn in range(repeats + 1):
            sides = [(new, two), (other, False)]
            answers = [side.ask(*square, layer, kind, spins) for side, layer in sides[:: 1 if turn % 2 else -1]]
            (ms, digest), (other_ms, other_digest) = answers[:: 1 if turn % 2 else -1]
            if not two and digest != other_digest and turn:
                raise RuntimeError(f"{kind}, {spins} spins: curves of one phase differ from those of before")
            if turn:  # the first compiles
                found.append(ms / other_ms)
    return np.array(found)


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", type=Path, metavar="FOLDER", help="an older checkout")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    rows = []
    for what, code, two in (("two phases over one", None, True), ("one phase, over before", options.before, False)):
        if not two and code is None:
            continue
        new = Worker(Path(__file__).parents[2])
        other = new if code is None else Worker(code.resolve())
        for kind, spins in KINDS:
            low, middle, high = np.quantile(ratios(new, other, two, kind, spins, options.repeats), (0.25, 0.5, 0.75))
            rows.append([what, kind, spins, *(round(float(x), 3) for x in (middle, low, high))])
            print(*rows[-1], flush=True)
        for worker in {new, other}:
            worker.close()
    table = pd.DataFrame(rows, columns=["what", "discretization", "spins", "ratio", "lower_quartile", "upper_quartile"])
    write_text(RESULT, table.to_csv(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
