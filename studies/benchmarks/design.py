"""Simulations until a simulated structure has the wanted curve: the engine beside four other ways to look for it.

    python -m studies.benchmarks.design [--targets N] [--cap N] [--sides NAME ...] [--work DIR] [--picture FILE]

Targets are Mr +-0.01 Ms, Hc +-0.01 H_A and Hk90 +-0.015 H_A, all at once, at 320 nm with the shipped surrogate, such
that no shipped label lies inside. Half are curves of fresh structures; half lie at the rim of the labels or just beyond
it, and count if any side reaches them. Every side proposes four structures at a time and has the same cap.

- engine: what `run` does, without the training between rounds;
- draws: structures from the generator, in their order;
- tpe: Optuna's TPE on the generator's parameters (grains, misorientation, one of eight seeds);
- one grain: the nearest labelled structures, and what was simulated since, with one grain's axis turned; which grain
  and how far is chosen by the surrogate, corrected by the known curve;
- screening: as many fresh draws as the engine's search evaluates codes, chosen as the engine chooses.

Besides: `search alone`, the engine with nothing but decoded codes of the latent search, and `steering alone`, that
without them. Simulations are rows of a label store, answers lines of a file: a run that was killed goes on where it
was. `--targets 1 --cap 8` takes a few minutes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from inverse_design.candidates.acquisition import utility
from inverse_design.candidates.candidate import (
    DECODED,
    DRAWN,
    MODEL_OPTIMIZED,
    SOURCES,
    STEERED,
    TURNED,
    BatchRequest,
    Known,
)
from inverse_design.candidates.error_model import Posterior
from inverse_design.candidates.propose import propose
from inverse_design.candidates.selection import diverse_batch
from inverse_design.candidates.sources import rotate_one_grain
from inverse_design.goals import Goal, distance, hits
from inverse_design.search.genetic import search
from inverse_design.search.problem import LatentProblem, Plausibility
from simulation import (
    Conditions,
    FieldSweep,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Purpose,
    StructureFamily,
    label_all,
)
from simulation.anchors import ANCHORS
from simulation.execution.engine import Engine
from simulation.execution.executors import local
from simulation.labels.sets import SPLITS, load_label_set
from simulation.sampling import generator
from studies.script import command
from surrogate import Surrogate

SURROGATE = "nd2fe14b"
TOLERANCES = {"Mr": 0.01, "Hc": 0.01, "Hk90": 0.015}
COLUMNS, SCALES = [ANCHORS.index(name) for name in TOLERANCES], np.array(list(TOLERANCES.values()))
BATCH, POPULATION, GENERATIONS = 4, 128, 100
POOL, POOL_START = 750, 10_000
"""Fresh structures that targets are taken from, and that `draws` simulates; the index that they start at."""

ROUND_DRAWS, SCREENED = 1000, POPULATION * GENERATIONS
SCREENING_ROUNDS = 4
SEED = 20261125
STORE, ANSWERS, PICTURE = "design.sqlite", "design.jsonl", Path("studies/pictures/design.png")

History = list[tuple[Microstructure, np.ndarray]]
"""What a side has simulated: structures and their (6,) anchors, NaN where not converged."""

Side = Callable[[History], list[Microstructure]]
"""From what was simulated to the next batch."""


@dataclass(frozen=True)
class Target:
    """A wanted curve; `source` is the index of the fresh structure that has it, -1 at the rim."""

    values: tuple[float, ...]
    source: int

    @property
    def goals(self) -> tuple[Goal, ...]:
        wanted = zip(TOLERANCES.items(), self.values, strict=True)
        return tuple(Goal(name, value, tolerance) for (name, tolerance), value in wanted)


class Bench:
    """All that the sides share: labels, surrogate, `pool` fresh structures, the store of simulations."""

    def __init__(self, store: LabelStore, engine: Engine, pool: int = POOL) -> None:
        self.store, self.engine = store, engine
        self.family, self.model = StructureFamily(), Surrogate.load(SURROGATE)
        self.conditions = Conditions.of(Nd2Fe14B, FieldSweep(until="coercivity"), discretization="cells")
        labels = load_label_set(SURROGATE)
        self.all_anchors = labels.anchors
        rows = np.flatnonzero(labels.split != SPLITS.index("test"))
        self.anchors = labels.anchors[rows]
        self.structures = [labels.structure(int(labels.index[row])) for row in rows]
        self.codes = self.model.encode(self.structures)
        self.plausibility = Plausibility.of_codes(self.codes, 0.99)
        self.sources: list[str] = []  # of the candidates of the engine in the search that is under way
        self._screened: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None
        self.pool = self.simulate([self.fresh(i) for i in range(pool)], "fresh structures")

    def fresh(self, number: int) -> Microstructure:
        """One of the pool."""
        return self.family.draw(0, Purpose.BENCHMARK, POOL_START + number)

    def simulate(self, structures: Sequence[Microstructure], name: str = "") -> np.ndarray:
        """(n, 6) anchors; NaN where not converged."""
        found = {}
        for number, label in enumerate(label_all(structures, self.conditions, self.store, self.engine), 1):
            found[label.structure_hash] = label.anchors.as_array() if label.converged else np.full(len(ANCHORS), np.nan)
            if name and number % 20 == 0:
                print(f"{name}: {number} of {len(structures)}", file=sys.stderr, flush=True)
        return np.array([found[structure.content_hash] for structure in structures])

    def targets(self, count: int) -> list[Target]:
        """`count` curves of fresh structures, and two more at the rim, of which the first that anyone reaches
        count."""
        inside = [
            Target(tuple(float(v) for v in self.pool[i, COLUMNS]), i)
            for i in range(POOL)
            if self._is_free(self.pool[i, COLUMNS])
        ]
        return inside[:count] + self._rim(count + 2)

    def _rim(self, count: int) -> list[Target]:
        """Labels in thin surroundings, pushed 0.5 to 2 tolerances away from the mean of their neighbours."""
        scaled = self.all_anchors[:, COLUMNS] / SCALES
        rng = generator(SEED, Purpose.BENCHMARK, 0)
        found: list[Target] = []
        for i in rng.permutation(len(scaled)):
            near = np.argsort(np.linalg.norm(scaled - scaled[i], axis=1))[1:21]
            outward = scaled[i] - scaled[near].mean(axis=0)
            length = float(np.linalg.norm(outward))
            if np.linalg.norm(scaled[near[0]] - scaled[i]) < 1 or length == 0:
                continue
            values = (scaled[i] + outward / length * rng.uniform(0.5, 2.0)) * SCALES
            if self._is_free(values) and 0 < values[2] <= values[1] and 0 < values[0] < 1:
                found.append(Target(tuple(float(v) for v in values), -1))
            if len(found) == count:
                break
        return found

    def _is_free(self, values: np.ndarray) -> bool:
        away = np.abs(self.all_anchors[:, COLUMNS] - values) / SCALES
        return bool(np.isfinite(values).all() and not (away <= 1).all(axis=1).any())

    def screened(self, rounds: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Codes, means and standard deviations of all draws that screening looks at."""
        if self._screened is None:
            parts = []
            for start in range(0, SCREENED * SCREENING_ROUNDS, 512):
                codes = self.model.encode([self.screened_structure(i) for i in range(start, start + 512)])
                parts.append((codes.astype(np.float16), *self.model.predict(codes)))
                print(f"screening: {start + 512} drawn", file=sys.stderr, flush=True)
            codes, mean, std = (np.concatenate(column) for column in zip(*parts, strict=True))
            self._screened = codes, mean, std
        stop = SCREENED * min(rounds, SCREENING_ROUNDS)
        codes, mean, std = (values[:stop] for values in self._screened)
        return codes, mean, std

    def screened_structure(self, number: int) -> Microstructure:
        return self.family.draw(1, Purpose.BENCHMARK, POOL_START + number)


def engine(bench: Bench, target: Target, sources: Sequence[str] = SOURCES) -> Side:
    """The latent search, steering and choice of `run`."""

    def side(history: History) -> list[Microstructure]:
        round_ = len(history) // BATCH
        draws = [bench.family.draw(2, Purpose.BENCHMARK, round_ * ROUND_DRAWS + i) for i in range(ROUND_DRAWS)]
        done = [structure for structure, _ in history]
        structures = [*bench.structures, *done, *draws]
        more = bench.model.encode([*done, *draws])
        anchors = np.array([*bench.anchors, *(found for _, found in history)])
        raw_prediction = np.full(anchors.shape, np.nan)
        if done:
            rows = np.isin(bench.sources[: len(done)], MODEL_OPTIMIZED)
            raw_prediction[len(bench.structures) :][rows] = bench.model.predict(more[: len(done)][rows])[0]
        known = Known.of(structures, np.vstack([bench.codes, more]), anchors, raw_prediction)
        visited = np.zeros((0, bench.codes.shape[1]))
        if DECODED in sources:
            problem = LatentProblem(target.goals, bench.model.predict, bench.plausibility)
            visited = search(problem, known.codes, "nsga2", POPULATION, GENERATIONS, seed=round_).visited
        request = BatchRequest(target.goals, BATCH, sources=sources)
        batch = propose(bench.model, request, visited, known)
        bench.sources += [candidate.source for candidate in batch]
        return [candidate.structure for candidate in batch]

    return side


def draws(bench: Bench, target: Target) -> Side:
    """The pool in its order, from the target's own structure on, which is left out."""

    def side(history: History) -> list[Microstructure]:
        first = max(target.source, 0) + 1 + len(history)
        return [bench.fresh((first + i) % POOL) for i in range(BATCH)]

    return side


def tpe(bench: Bench, target: Target) -> Side:
    """Optuna's tree-structured Parzen estimator; it minimises the distance from the windows."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0, constant_liar=True))
    asked: list[optuna.Trial] = []

    def side(history: History) -> list[Microstructure]:
        for trial, (_, anchors) in zip(asked, history[len(history) - len(asked) :], strict=True):
            study.tell(trial, float(np.minimum(distance(target.goals, anchors[None])[0], 1e3)))
        asked[:] = [study.ask() for _ in range(BATCH)]
        batch = []
        for trial in asked:
            grains = trial.suggest_int("grains", *bench.family.grains)
            angle = trial.suggest_float("misorientation_rad", *bench.family.misorientation_rad)
            seed = trial.suggest_categorical("seed", list(range(8)))
            family = StructureFamily(grains=(grains, grains), misorientation_rad=(angle, angle))
            batch.append(family.draw(3, Purpose.BENCHMARK, seed))
        return batch

    return side


def one_grain(bench: Bench, target: Target) -> Side:
    """From the nearest structures with known curves, one grain turned by a multiple of 22.5 degrees."""
    parents, turns = 4, np.pi * np.arange(1, 8) / 8

    def side(history: History) -> list[Microstructure]:
        structures = [*bench.structures, *(structure for structure, _ in history)]
        anchors = np.vstack([bench.anchors, *(found[None] for _, found in history)])
        tried = {structure.content_hash for structure, _ in history}
        score = np.nan_to_num(distance_to_middle(target, anchors), nan=np.inf)
        found: list[tuple[float, Microstructure]] = []
        for row in np.argsort(score)[:parents]:
            parent = structures[row]
            turned = rotate_one_grain(parent, turns)
            mean = bench.model.predict(bench.model.encode([parent, *turned]))[0]
            guess = anchors[row] + mean[1:] - mean[0]
            order = np.argsort(distance_to_middle(target, guess))[: 2 * BATCH]
            fresh = [i for i in order if turned[i].content_hash not in tried][:2]  # two a parent: errors go with it
            found += [(float(distance_to_middle(target, guess[i][None])[0]), turned[i]) for i in fresh]
        return [structure for _, structure in sorted(found, key=lambda pair: pair[0])[:BATCH]]

    return side


def distance_to_middle(target: Target, anchors: np.ndarray) -> np.ndarray:
    """(n,) root mean square distance from the middle of the windows, in tolerances."""
    misses = (anchors[:, COLUMNS] - np.array(target.values)) / SCALES
    return np.asarray(np.sqrt((misses**2).mean(axis=1)))


def screening(bench: Bench, target: Target) -> Side:
    """Fresh draws, chosen by the probability that they hit."""
    taken: set[int] = set()

    def side(history: History) -> list[Microstructure]:
        codes, mean, std = bench.screened(1 + len(history) // BATCH)
        score = utility(target.goals, Posterior.gaussian(mean, std))
        score[list(taken)] = -np.inf
        best = np.argsort(-score)[:200]
        rows = best[diverse_batch(score[best], codes[best].astype(np.float32), BATCH)]
        taken.update(int(row) for row in rows)
        return [bench.screened_structure(int(row)) for row in rows]

    return side


SIDES: dict[str, Callable[[Bench, Target], Side]] = {
    "engine": engine,
    "draws": draws,
    "tpe": tpe,
    "one grain": one_grain,
    "screening": screening,
    "search alone": lambda bench, target: engine(bench, target, (DECODED,)),
    "steering alone": lambda bench, target: engine(bench, target, (STEERED, TURNED, DRAWN)),
}
RIVALS = ("draws", "tpe", "one grain", "screening")


def look_for(bench: Bench, target: Target, side: Side, cap: int) -> dict[str, object]:
    """Simulate a side's batches until one hits: distances of all, and the number of the first hit."""
    history: History = []
    bench.sources.clear()
    while len(history) < cap:
        batch = side(history)[: cap - len(history)]
        if not batch:
            break
        history += list(zip(batch, bench.simulate(batch), strict=True))
        if hits(target.goals, np.array([found for _, found in history])).any():
            break
    anchors = np.array([found for _, found in history])
    met = np.flatnonzero(hits(target.goals, anchors))
    away = np.minimum(distance(target.goals, anchors), 1e3)
    return {"distances": [round(float(d), 4) for d in away], "hit": int(met[0]) + 1 if met.size else None,
            "sources": list(bench.sources)}  # fmt: skip


def table(answers: dict[tuple[str, int], dict[str, object]], counted: list[int], sides: list[str], cap: int) -> str:
    """Hits and medians by side, in Markdown; a median counts a target that was not hit as more than the cap."""
    rng = np.random.default_rng(0)
    heads = ("side", "hit", "median simulations", "95 % interval", "within 8", "within 40")
    lines = [" | ".join(heads), " | ".join("---" for _ in heads)]
    for side in sides:
        numbers = np.array([answers[side, i]["hit"] or np.inf for i in counted], dtype=float)
        medians = np.sort([np.median(rng.choice(numbers, len(numbers))) for _ in range(2000)])
        low, high = medians[49], medians[1949]
        row = [side, f"{np.isfinite(numbers).sum()} of {len(numbers)}", _number(float(np.median(numbers)), cap)]
        row += [f"{_number(low, cap)} to {_number(high, cap)}", *(str((numbers <= most).sum()) for most in (8, 40))]
        lines.append(" | ".join(row))
    return "\n".join(f"| {line} |" for line in lines)


def _number(value: float, cap: int) -> str:
    return f"{value:g}" if np.isfinite(value) else f"over {cap}"


def picture(
    answers: dict[tuple[str, int], dict[str, object]], counted: list[int], sides: list[str], cap: int
) -> Figure:
    """Share of targets hit, and median of the best verified distance, against the number of simulations."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for number, side in enumerate(sides):
        best = np.full((len(counted), cap), np.nan)
        for row, i in enumerate(counted):
            away = np.minimum.accumulate(np.array(answers[side, i]["distances"], dtype=float))
            best[row, : len(away)], best[row, len(away) :] = away, away[-1]
        style = {"color": f"C{number}", "lw": 2.5 if side == "engine" else 1.5, "label": side}
        left.step(np.arange(1, cap + 1), 100 * (best == 0).mean(axis=0), where="post", **style)
        right.step(np.arange(1, cap + 1), np.median(best, axis=0), where="post", **style)
    left.set(xlabel="full simulations", ylabel="targets hit (%)", ylim=(-2, 102), xlim=(1, cap))
    right.set(
        xlabel="full simulations", ylabel="distance of the best (tolerances), median", xlim=(1, cap), ylim=(-0.05, 3)
    )
    figure.legend(
        *left.get_legend_handles_labels(), frameon=False, loc="outside upper center", ncols=len(sides), fontsize=9
    )
    return figure


def reached(answers: dict[tuple[str, int], dict[str, object]], targets: list[Target], count: int) -> list[int]:
    """Numbers of the targets that count: those of fresh structures, and the first at the rim that any side reached."""
    inside = [i for i, target in enumerate(targets) if target.source >= 0]
    rim = [i for i, target in enumerate(targets) if target.source < 0]
    met = [i for i in rim if any(answer["hit"] for (_, number), answer in answers.items() if number == i)]
    return inside + met[:count]


def run(args: argparse.Namespace) -> int:
    work = Path(args.work)
    work.mkdir(parents=True, exist_ok=True)
    record = work / ANSWERS
    lines = record.read_text(encoding="utf-8").splitlines() if record.exists() else []
    known = [json.loads(line) for line in lines]
    with LabelStore(work / STORE) as store, local(args.workers) as engine_:
        bench = Bench(store, engine_)
        targets = bench.targets(args.targets)
        answers = {(a["side"], a["target"]): a for a in known if a["cap"] == args.cap and a["of"] == args.targets}
        for side in args.sides:
            for number, target in enumerate(targets):
                if (side, number) in answers:
                    continue
                answer = look_for(bench, target, SIDES[side](bench, target), args.cap)
                answer |= {"side": side, "target": number, "cap": args.cap, "of": args.targets, "values": target.values}
                answers[side, number] = answer
                with record.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(answer) + "\n")
                print(
                    f"target {number + 1} of {len(targets)}, {side}: {answer['hit'] or 'no hit'}",
                    file=sys.stderr,
                    flush=True,
                )
    counted = reached(answers, targets, args.targets)
    rim = sum(target.source < 0 for target in targets)
    print(f"{len(counted)} targets ({args.targets} of fresh structures; {rim} at the rim were tried, the first "
          f"{len(counted) - args.targets} that a side reached count); cap {args.cap}; beside {len(bench.all_anchors)} "
          "labels that were simulated once for all\n")  # fmt: skip
    print(table(answers, counted, args.sides, args.cap))
    if args.picture:
        picture(answers, counted, args.sides, args.cap).savefig(args.picture, dpi=150)
    return 0


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=10, help="of each kind")
    parser.add_argument("--cap", type=int, default=40, help="simulations that a side has for a target")
    parser.add_argument("--sides", nargs="+", default=["engine", *RIVALS], choices=list(SIDES))
    parser.add_argument("--work", default="runs/benchmarks", help="folder for simulations and answers")
    parser.add_argument("--picture", default="", help=f"file for the figure, such as {PICTURE}")
    parser.add_argument("--workers", type=int, default=None)
    return run(parser.parse_args())


if __name__ == "__main__":
    sys.exit(main())
