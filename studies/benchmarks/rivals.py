"""Plain ways to a wanted curve, with the solver and without any network: what the engine has to beat.

    python -m studies.benchmarks.rivals NAME --labels SET --target MR HC HK90 --cap N [--seconds S]

- hill-climb: of the five nearest structures one of the best three, one or two of its axes turned by a normal angle;
- nsga2: pymoo's NSGA-II with the solver as objective, on seeds and axes of `GRAINS` grains, from the nearest labels'
  axes statistics;
- tpe: Optuna's tree-structured Parzen estimator on grains, misorientation and seed;
- random: draws of the family.

Each simulates by elements, with the spins that the labels have, in as many processes as there are cores, and what hits
again with free spins on a mesh twice as fine (and, of planar labels, before on the same mesh): as soon as one stands
that it is done. Prints one line of JSON.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from simulation import Conditions, FieldSweep, Microstructure, Purpose, StructureFamily, demagnetization_curve
from simulation.execution.allotted import available_cores
from simulation.labels.sets import SPLITS, load_label_set
from studies.benchmarks.targets import COLUMNS, SCALES
from studies.script import command

BATCH, GRAINS = 4, 100
FAMILY = StructureFamily()
SWEEP = FieldSweep(until="coercivity")

Told = list[tuple[Microstructure, np.ndarray]]
"""Structures and their Mr, Hc, Hk90; NaN where not converged."""

Proposer = Callable[["Told", np.random.Generator], Iterator[list[Microstructure]]]


def simulated(structure: Microstructure, refine: int = 1, spins: str = "planar") -> np.ndarray:
    """Mr, Hc, Hk90 of a structure."""
    curve = demagnetization_curve(structure.refine(refine), sweep=SWEEP, spins=spins)
    return curve.anchors.as_array()[COLUMNS] if curve.converged.all() else np.full(len(COLUMNS), np.nan)


def hill_climb(known: Told, wanted: np.ndarray, rng: np.random.Generator) -> Iterator[list[Microstructure]]:
    """The plain rival; `known` begins with the labels and grows by what comes of each batch."""
    while True:
        best = sorted(known, key=lambda pair: _miss(pair[1], wanted))[:5]
        batch = []
        for _ in range(BATCH):
            parent = best[rng.integers(min(3, len(best)))][0]
            angles = parent.grain_angle_rad.copy()
            which = rng.choice(angles.size, size=min(int(rng.integers(1, 3)), angles.size), replace=False)
            angles[which] += rng.normal(scale=0.6, size=which.size)
            batch.append(Microstructure(parent.grain_id, angles, parent.cell_nm))
        yield batch


def random_draws(known: Told, wanted: np.ndarray, rng: np.random.Generator) -> Iterator[list[Microstructure]]:
    """Draws of the family."""
    first = int(rng.integers(1 << 30))
    while True:
        yield [FAMILY.draw(4, Purpose.BENCHMARK, first + i) for i in range(BATCH)]
        first += BATCH


def nsga2(known: Told, wanted: np.ndarray, rng: np.random.Generator) -> Iterator[list[Microstructure]]:
    """NSGA-II on places and axes of seeds; objectives are the three misses."""
    from pymoo.algorithms.moo.nsga2 import NSGA2
    from pymoo.core.problem import Problem

    spread = float(np.std(known[0][0].grain_angle_rad)) if known else 1.0
    first = np.column_stack(
        [rng.random((4 * BATCH, 2 * GRAINS)), rng.normal(scale=spread, size=(4 * BATCH, GRAINS)) / np.pi + 0.5]
    )
    problem = Problem(n_var=3 * GRAINS, n_obj=3, xl=0.0, xu=1.0)
    method = NSGA2(pop_size=len(first), sampling=np.clip(first, 0, 1))
    method.setup(problem, termination=("n_gen", 10_000), seed=int(rng.integers(1 << 30)), verbose=False)
    while True:
        asked = method.ask()
        told: list[np.ndarray] = []
        for start in range(0, len(asked), BATCH):
            part = asked[start : start + BATCH]
            yield [_of_genes(x) for x in part.get("X")]
            told += [np.abs(values - wanted) / SCALES for _, values in known[len(known) - len(part) :]]
        asked.set("F", np.nan_to_num(np.array(told), nan=1e3))
        asked.set("G", np.zeros((len(asked), 0)))
        asked.set("H", np.zeros((len(asked), 0)))
        method.tell(infills=asked)


def _of_genes(genes: np.ndarray) -> Microstructure:
    places, axes = genes[: 2 * GRAINS].reshape(2, GRAINS), np.pi * (genes[2 * GRAINS :] - 0.5)
    cells = FAMILY.cells
    y, x = np.mgrid[:cells, :cells]
    squares = (x[..., None] / cells - places[0]) ** 2 + (y[..., None] / cells - places[1]) ** 2
    used, ids = np.unique(squares.argmin(axis=-1), return_inverse=True)
    return Microstructure(ids.reshape(cells, cells), axes[used], FAMILY.cell_nm)


def tpe(known: Told, wanted: np.ndarray, rng: np.random.Generator) -> Iterator[list[Microstructure]]:
    """Optuna's TPE on the parameters of the generator."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=int(rng.integers(1 << 30)), constant_liar=True))
    while True:
        asked = [study.ask() for _ in range(BATCH)]
        batch = []
        for trial in asked:
            grains = trial.suggest_int("grains", *FAMILY.grains)
            angle = trial.suggest_float("misorientation_rad", *FAMILY.misorientation_rad)
            family = StructureFamily(grains=(grains, grains), misorientation_rad=(angle, angle))
            batch.append(family.draw(3, Purpose.BENCHMARK, trial.suggest_categorical("seed", list(range(8)))))
        yield batch
        for trial, (_, values) in zip(asked, known[len(known) - BATCH :], strict=True):
            study.tell(trial, min(_miss(values, wanted), 1e3))


RIVALS = {"hill-climb": hill_climb, "nsga2": nsga2, "tpe": tpe, "random": random_draws}


def _miss(values: np.ndarray, wanted: np.ndarray) -> float:
    """Root mean square, in tolerances."""
    miss = float(np.sqrt((((values - wanted) / SCALES) ** 2).mean()))
    return miss if np.isfinite(miss) else 1e6


def nearest_labels(name: str, wanted: np.ndarray, count: int = 5) -> Told:
    """The labelled structures nearest to a target, test ones left out."""
    labels = load_label_set(name)
    rows = np.flatnonzero((labels.split != SPLITS.index("test")) & np.isfinite(labels.anchors[:, COLUMNS]).all(axis=1))
    rows = rows[np.argsort([_miss(values, wanted) for values in labels.anchors[rows][:, COLUMNS]])[:count]]
    return [(labels.structure(int(labels.index[row])), labels.anchors[row, COLUMNS]) for row in rows]


def look_for(name: str, labels: str, wanted: np.ndarray, cap: int, seconds: float, seed: int) -> dict[str, object]:
    """Run a rival until a hit is confirmed, the simulations are used up or the time is over."""
    began, known = time.monotonic(), nearest_labels(labels, wanted)
    batches = RIVALS[name](known, wanted, np.random.default_rng(seed))
    spins = str(Conditions.from_json(load_label_set(labels).conditions).settings.get("spins", "planar"))
    checks = [(2, "free")] if spins == "free" else [(1, "free"), (2, "free")]
    simulations, hits = 0, 0
    with ProcessPoolExecutor(available_cores(), mp_context=get_context("spawn")) as pool:
        while simulations < cap and time.monotonic() - began < seconds:
            batch = next(batches)
            found = list(pool.map(simulated, batch, [1] * len(batch), [spins] * len(batch)))
            known += zip(batch, found, strict=True)
            simulations += len(batch)
            for structure, values in zip(batch, found, strict=True):
                if (np.abs(values - wanted) <= SCALES).all():
                    hits += 1
                    if _confirmed(pool, structure, wanted, checks):
                        return {"confirmed": True, "simulations": simulations, "hits": hits}
    return {"confirmed": False, "simulations": simulations, "hits": hits}


def _confirmed(
    pool: Executor, structure: Microstructure, wanted: np.ndarray, checks: Sequence[tuple[int, str]]
) -> bool:
    """Whether every check, a refinement and spins each, has the curve too; the cheaper first."""
    for refine, spins in checks:
        values = pool.submit(simulated, structure, refine, spins).result()
        if not (np.abs(values - wanted) <= SCALES).all():
            return False
    return True


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(RIVALS))
    parser.add_argument("--labels", default="nd2fe14b-free")
    parser.add_argument("--target", type=float, nargs=3, required=True, metavar=("MR", "HC", "HK90"))
    parser.add_argument("--cap", type=int, default=200, help="simulations, confirmations not counted")
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    wanted = np.array(options.target)
    print(json.dumps(look_for(options.name, options.labels, wanted, options.cap, options.seconds, options.seed)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
