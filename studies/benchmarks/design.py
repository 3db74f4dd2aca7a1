"""What a user pays for a confirmed answer: the engine beside plain rivals, in CPU and wall seconds of whole commands.

    python -m studies.benchmarks.design [--targets N] [--sides NAME ...] [--minutes M] [--record FILE]

Targets are Mr +-0.01 Ms, Hc +-0.01 H_A and Hk90 +-0.015 H_A, all at once, at 320 nm, such that no labelled structure of
the shipped surrogate lies inside (`targets`): half of them curves of test structures, half at the rim of the labels.
Each side is one command, started anew for each target; what it takes is counted from its start to its end, imports and
workers and, for the engine, the report included. An answer is a structure that hits by elements of 2 nm with free
spins, and on cells half as large.

- engine: `run` of a study with these goals, new structures only;
- search alone: the same with nothing but decoded codes of the latent search, 40 simulations at most;
- hill-climb, nsga2, tpe, random: see `rivals`.

Answers are lines of a file: what was interrupted goes on. Half an hour of two cores for five targets.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from simulation.errors import InputError
from studies.benchmarks.rivals import RIVALS
from studies.benchmarks.targets import Target, targets
from studies.nd2fe14b.card import markdown
from studies.script import command

SURROGATE, SEED = "nd2fe14b-free", 20261126
SIDES = ("engine", "search alone", *RIVALS)
RECORD = Path(__file__).with_name("design.jsonl")
PATIENCE_S = 10.0
MOST = 200
"""Simulations of a side, confirmations not counted; of the search alone 40."""


def study_of(side: str, target: Target) -> dict[str, Any]:
    """The study that the engine runs for a target."""
    rule: dict[str, Any] = {"hits": 1, "known": False, "rounds": 8, "max_simulations": MOST, "patience": 8}
    if side == "search alone":
        rule |= {"sources": ["decoded"], "max_simulations": 40}
    return {
        "name": "target",
        "surrogate": {"pretrained": SURROGATE},
        "goals": target.in_study,
        "search": {"population": 64, "generations": 60},
        "verification": rule,
    }


def timed(arguments: list[str], seconds: float) -> tuple[float, float, str]:
    """CPU seconds of a command and all that it starts, wall seconds, and what it printed; killed when time is over, and
    then without the CPU seconds of workers that were killed with it."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    process = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True
    )
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)  # as a user would: it keeps what it has
        try:
            said, _ = process.communicate(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:  # a worker that is at a long curve would be waited for
            os.killpg(process.pid, signal.SIGKILL)
            said, _ = process.communicate()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return round(cpu, 1), round(time.monotonic() - began, 1), said


def answer(side: str, number: int, target: Target, seconds: float) -> dict[str, Any]:
    """One side's answer for one target."""
    python = [sys.executable, "-m"]
    if side in RIVALS:
        wanted = [str(value) for value in target.values]
        limits = ["--cap", str(MOST), "--seconds", str(seconds), "--seed", str(number)]
        cpu, wall, said = timed(
            [*python, "studies.benchmarks.rivals", side, "--labels", SURROGATE, "--target", *wanted, *limits],
            seconds + 60,
        )
        found = json.loads(said) if said.strip() else {"confirmed": False, "simulations": 0, "hits": 0}
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "target.yaml"
            path.write_text(json.dumps(study_of(side, target)), encoding="utf-8")  # JSON is YAML
            cpu, wall, _ = timed([*python, "inverse_design", "run", str(path), "--runs", folder], seconds)
            found = _found(Path(folder) / "target" / "verified.csv")
    return {"side": side, "target": number, "kind": target.kind, "nearest": target.nearest, "values": target.values,
            "cpu_s": cpu, "wall_s": wall, **found}  # fmt: skip


def _found(path: Path) -> dict[str, Any]:
    """What a run's table says: whether a hit was confirmed, simulations, and where they come from."""
    if not path.is_file():
        return {"confirmed": False, "simulations": 0, "hits": 0, "sources": {}}
    table = pd.read_csv(path)
    first = table.drop_duplicates("candidate")
    confirmed = first["confirmed"].astype(str) == "True"
    return {
        "confirmed": bool(confirmed.any()),
        "simulations": len(first),
        "hits": int(first["hit"].sum()),
        "expected": round(float(first["hit_probability"].sum()), 3),
        "sources": first["source"].value_counts().to_dict(),
        "by": list(first["source"][confirmed].unique()),
    }


def table(answers: list[dict[str, Any]]) -> str:
    """Medians by side, in Markdown; a target without an answer counts as more than the time."""
    rows = []
    for side in SIDES:
        of = [one for one in answers if one["side"] == side]
        if not of:
            continue
        values = {key: np.array([one[key] if one["confirmed"] else np.inf for one in of]) for key in _SHOWN}
        medians = [float(np.median(values[key])) for key in _SHOWN]
        cells = [f"{value:.0f}" if np.isfinite(value) else "none" for value in medians]
        rows.append([side, f"{sum(one['confirmed'] for one in of)} of {len(of)}", *cells])
    text = markdown(("side", "confirmed", "simulations, median", "CPU s, median", "wall s, median"), rows)
    return "\n\n".join([text, *_calibration(answers)])


def _calibration(answers: list[dict[str, Any]]) -> list[str]:
    """By side, how many of its candidates were to hit by what was told of them, and how many did."""
    lines = []
    for side in SIDES:
        of = [one for one in answers if one["side"] == side and "expected" in one]
        if of:
            expected, hits, count = (sum(one[key] for one in of) for key in ("expected", "hits", "simulations"))
            lines.append(f"{side}: of {count} candidates {expected:.1f} were to hit, {hits} did.")
    return lines


_SHOWN = ("simulations", "cpu_s", "wall_s")


def read_answers(path: Path = RECORD) -> list[dict[str, Any]]:
    """Lines of a record."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=20)
    parser.add_argument("--only", type=int, nargs="+", metavar="N", help="some of the targets, by their numbers")
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=SIDES)
    parser.add_argument("--minutes", type=float, default=5.0, help="that a side has for a target")
    parser.add_argument("--record", type=Path, default=RECORD)
    parser.add_argument("--seed", type=int, default=SEED, help="another one for targets to tune on")
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:1], os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    answers = read_answers(options.record)
    wanted = targets(SURROGATE, options.targets, options.seed)
    if any(list(wanted[one["target"]].values) != one["values"] for one in answers if one["target"] < len(wanted)):
        raise InputError(f"{options.record}: answers to other targets, of other labels; name another --record")
    there = {(one["side"], one["target"]) for one in answers}
    # All sides of a target before the next one: what is interrupted compares the same targets.
    for number, target in enumerate(wanted):
        if options.only and number not in options.only:
            continue
        for side in options.sides:
            if (side, number) in there:
                continue
            one = answer(side, number, target, 60 * options.minutes)
            answers.append(one)
            with options.record.open("a", encoding="utf-8") as file:
                file.write(json.dumps(one) + "\n")
            said = f"{one['simulations']} simulations, {one['cpu_s']} CPU s, {one['wall_s']} s"
            print(
                f"target {number}, {side}: {'confirmed' if one['confirmed'] else 'no answer'}, {said}", file=sys.stderr
            )
    print(table(answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
