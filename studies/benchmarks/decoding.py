"""What keeps a latent search where codes are those of magnets.

    python -m studies.benchmarks.decoding [--targets N] [--work DIR]

The latent search alone, with and without its limits: for each target (labels that no other label comes near) four
decoded candidates are simulated: errors of what was predicted of them, and how many hit.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from inverse_design.candidates.candidate import DECODED, BatchRequest, Known
from inverse_design.candidates.propose import propose
from inverse_design.goals import hits
from inverse_design.search.genetic import search
from inverse_design.search.problem import LatentProblem, Limit, Plausibility, drift, limit, spread
from simulation import LabelStore
from simulation.execution.executors import local
from studies.benchmarks.bench import BATCH, GENERATIONS, POPULATION, STORE, Bench
from studies.benchmarks.targets import COLUMNS, SCALES, TOLERANCES, Target
from studies.script import command

SPREADS, DRIFTS = (0.9, 0.5, 0.25), (0.9, 0.5)
"""Limits of the ablation, as shares of the labelled structures."""


def ablation(bench: Bench, count: int) -> str:
    """Errors and hits of four decoded candidates a target, by limit, in Markdown."""
    model = bench.model
    everywhere = replace(bench.plausibility, radius=np.inf)
    spreads = {share: limit(spread(model.label_std), model.predict, bench.codes, share) for share in SPREADS}
    drifts = {
        share: limit(drift(model.predict_again, model.label_std), model.predict, bench.codes, share) for share in DRIFTS
    }
    variants: list[tuple[str, Plausibility, list[Limit]]] = [
        ("nothing", everywhere, []),
        ("plausible codes", bench.plausibility, []),
        *((f"and a spread as {share:.0%} of the labels", bench.plausibility, [one]) for share, one in spreads.items()),
        *((f"and a drift as {share:.0%} of the labels", bench.plausibility, [one]) for share, one in drifts.items()),
        (f"and both ({SPREADS[1]:.0%}, {DRIFTS[0]:.0%})", bench.plausibility, [spreads[SPREADS[1]], drifts[DRIFTS[0]]]),
    ]
    heads = ("the search keeps to", *(f"{name}: error, median" for name in TOLERANCES), "bias of Hc", "hits")
    lines = [_row(heads[0], heads[1:]), _row("---", ["---"] * (len(heads) - 1))]
    targets = isolated(bench, count)
    for name, plausibility, limits in variants:
        errors, met = [], 0
        for number, (row, target) in enumerate(targets):
            keep = np.arange(len(bench.structures)) != row
            structures = [structure for structure, kept in zip(bench.structures, keep, strict=True) if kept]
            known = Known.of(structures, bench.codes[keep], bench.anchors[keep])
            problem = LatentProblem(target.goals, model.predict, plausibility, None, limits)
            visited = search(problem, known.codes, "nsga2", POPULATION, GENERATIONS, seed=number).visited
            request = BatchRequest(target.goals, BATCH, sources=(DECODED,))
            batch = propose(model, request, visited, known)
            found = bench.simulate([candidate.structure for candidate in batch])
            predicted = np.array([model.predict(candidate.code[None])[0][0] for candidate in batch])
            errors.append(found - predicted)
            met += int(hits(target.goals, found).sum())
            print(f"{name}: target {number + 1} of {len(targets)}", file=sys.stderr, flush=True)
        every = np.concatenate(errors)[:, COLUMNS]
        bias = np.nanmean(every[:, list(TOLERANCES).index("Hc")])
        lines.append(_row(name, [*np.nanmedian(np.abs(every), axis=0), bias, f"{met} of {len(every)}"]))
    return "\n".join(lines)


def isolated(bench: Bench, count: int) -> list[tuple[int, Target]]:
    """Training labels that have no other label within the tolerances, with their rows."""
    found = []
    for row, values in enumerate(bench.anchors[:, COLUMNS]):
        near = (np.abs(bench.all_anchors[:, COLUMNS] - values) <= SCALES).all(axis=1)
        if near.sum() == 1:
            found.append((row, Target(tuple(float(v) for v in values), "inside")))
        if len(found) == count:
            break
    return found


def _row(name: str, values: object) -> str:
    cells = [v if isinstance(v, str) else f"{v:.4f}" for v in values]  # type: ignore[attr-defined]
    return "| " + " | ".join([name, *cells]) + " |"


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=10)
    parser.add_argument("--work", default="runs/benchmarks", help="folder of the simulations, shared with `design`")
    parser.add_argument("--workers", type=int, default=None)
    args = parser.parse_args()
    Path(args.work).mkdir(parents=True, exist_ok=True)
    with LabelStore(Path(args.work) / STORE) as store, local(args.workers) as engine:
        bench = Bench(store, engine)
        print(ablation(bench, args.targets))
    return 0


if __name__ == "__main__":
    sys.exit(main())
