"""Problems without a target: how far beyond the labels' Pareto front the engine and NSGA-II on the solver come.

    python -m studies.benchmarks.pareto [--problems NAME ...] [--sides NAME ...] [--minutes M] [--record FILE]

With free spins by elements at 320 nm, from the shipped labels `nd2fe14b-free`:

- alignment: the largest spread of the easy axes with Hc at least 0.40 H_A and Mr at least 0.70 Ms;
- hard: the largest Hc and the largest spread, with Hc at least 0.35 H_A and Mr at least 0.70 Ms;
- square: the largest Hk90 and the largest Mr, with a spread of at least 25 degrees, Hk90 at least 0.20 H_A and Mr at
  least 0.80 Ms.

Each side has the same CPU seconds (twice `--minutes`: of two cores), imports and workers included, and is one process
started anew:

- engine: `inverse_design.design` with these goals, which confirms its hits, and pays for that;
- nsga2: pymoo's NSGA-II with the solver as objective on the seeds and axes of `GRAINS` grains. It begins with the best
  labels, whose grains it knows by their middles, and is not charged for the confirmation of its front.

What counts is the hypervolume that the confirmed structures add to that of the labels which meet the bounds, from the
bounds on and, of the spread, from 0 degrees on, in units of 1 H_A, 1 Ms and 100 degrees. Answers are lines of a file:
what was interrupted goes on.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from inverse_design.goals import Goal, front, hits, ranking
from inverse_design.properties import DERIVED, PROPERTIES, grain_properties, simulated_properties
from simulation import FieldSweep, Microstructure, Nd2Fe14B, StructureFamily, demagnetization_curve
from simulation.execution.allotted import available_cores
from simulation.labels.sets import load_label_set
from studies.nd2fe14b.card import markdown
from studies.script import command

SURROGATE, SEED, RECORD = "nd2fe14b-free", 20261128, Path(__file__).with_name("pareto.jsonl")
SIDES = ("engine", "nsga2")
GOALS: dict[str, dict[str, Any]] = {
    "alignment": {"axis_spread_deg": "maximize", "Hc": {"at_least": 0.40}, "Mr": {"at_least": 0.70}},
    "hard": {"Hc": {"maximize": True, "at_least": 0.35}, "axis_spread_deg": "maximize", "Mr": {"at_least": 0.70}},
    "square": {
        "Hk90": {"maximize": True, "at_least": 0.20},
        "Mr": {"maximize": True, "at_least": 0.80},
        "axis_spread_deg": {"at_least": 25.0},
    },
}
UNIT = {"axis_spread_deg": 100.0}
POPULATION, GRAINS = 16, 100


def study_of(problem: str) -> dict[str, Any]:
    """The study that the engine runs for a problem, until it is stopped."""
    rule = {"candidates": 8, "rounds": 100, "max_simulations": 100_000, "hits": 100_000, "patience": 100}
    search = {"algorithm": "nsga2", "population": 64, "generations": 60}
    return {
        "name": problem, "seed": SEED, "surrogate": {"pretrained": SURROGATE}, "goals": GOALS[problem],
        "search": search, "verification": rule,
    }  # fmt: skip


def goals_of(problem: str) -> Sequence[Goal]:
    """In reduced units, as the engine has them."""
    from inverse_design.study.study import Study

    return Study.model_validate(study_of(problem)).reduced_goals


def labelled(goals: Sequence[Goal]) -> tuple[list[Microstructure], np.ndarray]:
    """Labelled structures that meet the goals, and their properties (n, 13), without BHmax and squareness."""
    found = load_label_set(SURROGATE)
    values = np.full((len(found.anchors), len(PROPERTIES)), np.nan)
    values[:, : found.anchors.shape[1]] = found.anchors
    curve = [goal for goal in goals if goal.column < found.anchors.shape[1]]
    rows = np.flatnonzero(hits(curve, values))
    structures = [found.structure(int(found.index[row])) for row in rows]
    values = values[rows]
    values[:, found.anchors.shape[1] + len(DERIVED) :] = grain_properties(structures)
    met = np.flatnonzero(hits(goals, values))
    return [structures[row] for row in met], values[met]


def hypervolume(goals: Sequence[Goal], values: np.ndarray) -> float:
    """Of properties (n, 13) that meet the goals."""
    from pymoo.indicators.hv import HV

    directed = [goal for goal in goals if goal.direction is not None]
    units = np.array([UNIT.get(goal.quantity, 1.0) for goal in directed])
    worst = np.array([goal.at_least or 0.0 for goal in directed]) / units
    if not len(values):
        return 0.0
    return float(HV(ref_point=-worst)(-values[:, [int(goal.column) for goal in directed]] / units))


def cpu_s() -> float:
    """CPU seconds of this process and of those below it, ended ones included."""
    import psutil

    own = os.times()
    alive = 0.0
    for child in psutil.Process().children(recursive=True):
        try:
            times = child.cpu_times()
        except psutil.NoSuchProcess:
            continue
        alive += times.user + times.system + times.children_user + times.children_system
    return own.user + own.system + own.children_user + own.children_system + alive


def evaluated(structure: Microstructure, refine: int = 1) -> np.ndarray:
    """(13,) properties of a structure, NaN where its curve did not converge."""
    sweep = FieldSweep(until="coercivity")
    curve = demagnetization_curve(structure.refine(refine), sweep=sweep, spins="free")
    if not curve.converged.all():
        return np.full(len(PROPERTIES), np.nan)
    return simulated_properties(structure, curve.h, curve.m, curve.anchors.as_array(), Nd2Fe14B)


Step = tuple[float, int, float]
"""CPU seconds, simulations, and what was gained over the labels."""


def engine(problem: str, budget: float) -> Iterator[Step]:
    """The engine, batch by batch."""
    from inverse_design import design
    from inverse_design.run.design import Design

    goals = goals_of(problem)
    known = labelled(goals)[1]
    base, steps = hypervolume(goals, known), list[Step]()

    def after(found: Design) -> bool:
        new = [item.properties for item in found.verified if item.confirmed and item.candidate.source != "known"]
        gained = hypervolume(goals, np.array([*known, *new])) - base
        steps.append((cpu_s(), found.simulations, gained))
        print(json.dumps(steps[-1]), flush=True)
        return steps[-1][0] > budget

    with tempfile.TemporaryDirectory() as folder:
        design(study_of(problem), folder, callback=after)
    yield from steps


def nsga2(problem: str, budget: float) -> Iterator[Step]:
    """NSGA-II on the solver, generation by generation; its last front is confirmed when time is over."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem

    goals = goals_of(problem)
    structures, known = labelled(goals)
    base = hypervolume(goals, known)
    bounded = [goal for goal in goals if goal.at_least is not None]
    directed = [goal for goal in goals if goal.direction is not None]
    rng = np.random.default_rng(SEED)
    best = [*front(goals, known), *ranking(goals, known)]
    first = [genes_of(structures[row], rng) for row in dict.fromkeys(best)][:POPULATION]
    setting = Problem(n_var=3 * GRAINS, n_obj=len(directed), n_ieq_constr=len(bounded), xl=0.0, xu=1.0)
    method = NSGA2(pop_size=POPULATION, sampling=np.array(first))
    method.setup(setting, termination=("n_gen", 100_000), seed=SEED, verbose=False)
    found: list[tuple[Microstructure, np.ndarray]] = []
    with ProcessPoolExecutor(available_cores(), mp_context=get_context("spawn")) as pool:
        while cpu_s() < budget:
            asked = method.ask()
            made = [of_genes(x) for x in asked.get("X")]
            values = np.array(list(pool.map(evaluated, made)))
            found += zip(made, values, strict=True)
            told = np.nan_to_num(values, nan=-1e3)
            asked.set("F", -told[:, [int(goal.column) for goal in directed]])
            asked.set("G", np.column_stack([goal.at_least - told[:, goal.column] for goal in bounded]))
            asked.set("H", np.zeros((len(asked), 0)))
            method.tell(infills=asked)
            yield cpu_s(), len(found), float("nan")
        spent = cpu_s()
        met = [pair for pair in found if hits(goals, pair[1][None])[0]]
        upheld: list[np.ndarray] = []
        while met:  # what a refuted one outdid is asked next
            rows = front(goals, np.array([*known, *upheld, *(values for _, values in met)])) - len(known) - len(upheld)
            wave = [int(row) for row in rows if row >= 0]
            if not wave:
                break
            again = pool.map(evaluated, [met[row][0] for row in wave], [2] * len(wave))
            upheld += [met[row][1] for row, values in zip(wave, again, strict=True) if hits(goals, values[None])[0]]
            met = [pair for row, pair in enumerate(met) if row not in wave]
    yield spent, len(found), hypervolume(goals, np.array([*known, *upheld])) - base


def genes_of(structure: Microstructure, rng: np.random.Generator) -> np.ndarray:
    """(3 `GRAINS`,) of a magnet: the middles of its grains, x and y, and their axes; some grains twice, or not all."""
    ids = np.unique(structure.grain_id)
    which = np.resize(rng.permutation(ids), GRAINS)
    y, x = np.indices(structure.shape) / np.array(structure.shape)[:, None, None]
    middles = {grain: (x[structure.grain_id == grain].mean(), y[structure.grain_id == grain].mean()) for grain in ids}
    places = np.array([middles[grain] for grain in which]).T
    axes = np.mod(structure.grain_angle_rad[which] / np.pi + 0.5, 1.0)
    return np.concatenate([*places, axes])


def of_genes(genes: np.ndarray) -> Microstructure:
    """Voronoi grains about `GRAINS` seeds."""
    family = StructureFamily()
    places, axes = genes[: 2 * GRAINS].reshape(2, GRAINS), np.pi * (genes[2 * GRAINS :] - 0.5)
    y, x = np.mgrid[: family.cells, : family.cells] / family.cells
    squares = (x[..., None] - places[0]) ** 2 + (y[..., None] - places[1]) ** 2
    used, ids = np.unique(squares.argmin(axis=-1), return_inverse=True)
    return Microstructure(ids.reshape(family.cells, family.cells), axes[used], family.cell_nm)


def answer(problem: str, side: str, budget: float) -> dict[str, Any]:
    """One side's answer to a problem, in a process of its own."""
    goals = goals_of(problem)
    labels = hypervolume(goals, labelled(goals)[1])  # what the gain is over: a later label set has another
    began = time.monotonic()
    words = [sys.executable, "-m", "studies.benchmarks.pareto", "--one", problem, side, "--minutes", str(budget / 120)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    steps = [json.loads(line) for line in done.stdout.splitlines()]
    cpu, simulations, gained = steps[-1]
    return {
        "problem": problem, "side": side, "cpu_s": round(cpu, 1), "wall_s": round(time.monotonic() - began, 1),
        "simulations": simulations, "labels": labels, "gained": gained, "steps": steps,
    }  # fmt: skip


def table(answers: Sequence[dict[str, Any]]) -> str:
    """What each side gained, in Markdown."""
    rows = []
    for problem in GOALS:
        for one in answers:
            if one["problem"] == problem:
                cells = [f"{one['gained']:.4f}", str(one["simulations"]), f"{one['cpu_s']:.0f}", f"{one['wall_s']:.0f}"]
                rows.append([problem, f"{one['labels']:.4f}", one["side"], *cells])
    return markdown(("problem", "labels", "side", "gained", "simulations", "CPU s", "wall s"), rows)


def read_answers(path: Path = RECORD) -> list[dict[str, Any]]:
    """Lines of a record."""
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.is_file() else []


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="+", default=list(GOALS), choices=GOALS)
    parser.add_argument("--sides", nargs="+", default=list(SIDES), choices=SIDES)
    parser.add_argument("--minutes", type=float, default=5.0, help="of two cores that a side has for a problem")
    parser.add_argument("--record", type=Path, default=RECORD)
    parser.add_argument("--one", nargs=2, metavar=("PROBLEM", "SIDE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        problem, side = options.one
        for step in {"engine": engine, "nsga2": nsga2}[side](problem, 120 * options.minutes):
            if side != "engine":  # which tells while it runs
                print(json.dumps(step), flush=True)
        return 0
    os.environ["PYTHONPATH"] = os.pathsep.join([*sys.path[:1], os.environ.get("PYTHONPATH", "")]).strip(os.pathsep)
    answers = read_answers(options.record)
    there = {(one["problem"], one["side"]) for one in answers}
    for problem in options.problems:
        for side in options.sides:
            if (problem, side) not in there:
                one = answer(problem, side, 120 * options.minutes)
                answers.append(one)
                with options.record.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(one) + "\n")
                print(f"{problem}, {side}: {one['gained']:.4f} gained", file=sys.stderr)
    print(table(answers))
    return 0


if __name__ == "__main__":
    sys.exit(main())
