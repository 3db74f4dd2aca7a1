"""A small complete run killed at random moments: the same command must finish it with the tables of an undisturbed one.

    python -m studies.benchmarks.kills --kills 50 --seed 1

Every kill is a SIGKILL to the process and all its workers, or to the process alone, each in a run folder of its own.
The exit code is 1 if one of them lost or changed anything.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path

SMALL = (
    "name=small", "microstructures.size_nm=40", "microstructures.grains=[2, 8]", "labels.count=24", "labels.test=4",
    "surrogate.latent_dim=4", "surrogate.unlabelled=64", "surrogate.epochs=1", "surrogate.ensemble=2",
    "surrogate.regressor.epochs=4", "surrogate.regressor.more_epochs=2", "search.population=16",
    "search.generations=4", "verification.candidates=2", "verification.max_simulations=4", "verification.refine=0",
    "execution.workers=2",
)  # fmt: skip
"""The quickstart with everything in it, two rounds included, made small."""

TABLES = ("verified.csv", "front.csv")


def command(runs: Path) -> list[str]:
    """The command that does the small run in a folder, or goes on with it."""
    words = [sys.executable, "-m", "inverse_design", "run", str(files("studies") / "quickstart.yaml")]
    return [*words, "--runs", str(runs), *(word for override in SMALL for word in ("--set", override))]


def finish(runs: Path) -> dict[str, bytes]:
    """Run the command to its end; the tables it leaves.

    Raises:
        RuntimeError: if it does not end well.
    """
    done = subprocess.run(command(runs), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"exit code {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    return {name: (runs / "small" / name).read_bytes() for name in TABLES}


def kill_after(runs: Path, seconds: float, workers_too: bool) -> bool:
    """Start the command and kill it; whether it was still running then."""
    log = subprocess.DEVNULL
    process = subprocess.Popen(command(runs), stdout=log, stderr=log, start_new_session=True)
    try:
        process.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        if workers_too:
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
        process.wait()
        return True


def trace(runs: Path) -> str:
    """How far a killed run had come: the last line of its log."""
    log = runs / "small" / "run.log"
    lines = log.read_text(encoding="utf-8").splitlines() if log.exists() else []
    return lines[-1].split(" ", 3)[-1] if lines else "nothing yet"


def kills(count: int, seed: int, folder: Path) -> list[str]:
    """What went wrong at each kill that did harm, as a sentence."""
    draw, wrong = random.Random(seed), []
    began = time.monotonic()
    wanted = finish(folder / "undisturbed")
    duration = time.monotonic() - began
    print(f"undisturbed: {duration:.1f} s", flush=True)
    for number in range(count):
        runs, moment, workers_too = folder / f"{number:02d}", draw.uniform(0, duration), draw.random() < 0.5
        killed = kill_after(runs, moment, workers_too)
        where = trace(runs)
        try:
            found = finish(runs)
            verdict = ", ".join(f"{name} differs" for name in TABLES if found[name] != wanted[name]) or "the same"
        except RuntimeError as error:
            verdict = str(error)
        who = "all processes" if workers_too else "the driving process"
        line = f"kill {number} of {who} at {moment:.1f} s ({where if killed else 'it had ended'}): {verdict}"
        print(line, flush=True)
        if verdict != "the same":
            wrong.append(line)
    return wrong


def main() -> int:
    """The command line; 0 if no kill did harm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wrong = kills(given.kills, given.seed, Path(folder))
    print(f"{given.kills - len(wrong)} of {given.kills} as undisturbed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
