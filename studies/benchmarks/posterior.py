"""How far a simulated curve speaks for its neighbours: what the constants of the posterior rest on.

    python -m studies.benchmarks.posterior [--parents N] [--targets N] [--data FILE] [--work DIR]

Constants of largest likelihood under `inverse_design.candidates.error_model.condition`, from the structures of
`neighbours` not chosen for their prediction; then by how much more the steered and decoded ones miss than
others. Intervals are
of 95 %, from a bootstrap over parents and targets; log scores of fitted constants are cross-validated over them.

Structures that `--data` lacks are simulated first. The shipped file lacks none: seconds. `--data new.npz` measures it
all again, about twenty minutes of CPU time, and goes on where it was if killed; more parents or targets narrow the
intervals.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from inverse_design.candidates.candidate import DRAWN, TURNED
from inverse_design.candidates.error_model import (
    LENGTHS,
    OPTIMISM,
    PERSISTENCE_NOISE,
    PERSISTENT,
    Posterior,
    correlation,
)
from simulation.anchors import ANCHORS
from studies.benchmarks.neighbours import DATA, LABEL, TESTED, Kernel, Measured, simulated
from studies.script import command

LENGTH_GRID, NOISE_GRID, FACTOR_GRID = np.geomspace(0.02, 5, 45), np.geomspace(0.01, 1, 15), np.geomspace(0.4, 4, 60)
RESAMPLES, FOLDS = 500, 5

CONTROL = (LABEL, TURNED, DRAWN)
"""What the misses of steered and decoded structures are compared with."""

DISTANCES, STILL = (0, 0.03, 0.06, 0.12, 0.25, 0.5, 2), 0.1

KERNELS: dict[str, Kernel] = {
    "exponential": lambda x: np.exp(-x),
    "Matérn 3/2": lambda x: (1 + np.sqrt(3) * x) * np.exp(-np.sqrt(3) * x),
    "Gaussian": lambda x: np.exp(-(x**2) / 2),
}


def table_row(name: str, cells: Sequence[str | float]) -> str:
    """In Markdown."""
    return "| " + " | ".join([name, *(cell if isinstance(cell, str) else f"{cell:.2f}" for cell in cells)]) + " |"


def resampled(found: Measured) -> np.ndarray:
    """(1 + RESAMPLES, n) how often each structure counts: once; then as often as its group is drawn."""
    count = found.number.max() + 1
    drawn = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), RESAMPLES)
    return np.vstack([np.ones(len(found.number)), drawn[:, found.number]])


def fit(
    found: Measured, weights: np.ndarray, persistent: np.ndarray = PERSISTENT, kernel: Kernel = correlation
) -> tuple[np.ndarray, np.ndarray]:
    """`LENGTHS` (b, 6) and `PERSISTENCE_NOISE` (b,) of largest likelihood for each weighting (b, n) of structures."""

    def scores(persistence_noise: float, persistent: np.ndarray) -> np.ndarray:
        posteriors = [
            found.posterior(np.full(len(ANCHORS), length), persistence_noise, persistent, kernel)
            for length in LENGTH_GRID
        ]
        return np.array([found.log_score(posterior) for posterior in posteriors])

    inherited = scores(PERSISTENCE_NOISE, np.zeros_like(persistent))
    persisting = np.array([scores(persistence_noise, np.ones_like(persistent)) for persistence_noise in NOISE_GRID])
    # (b, persistence_noise, length, anchor)
    total = np.tensordot(weights, np.where(persistent, persisting, inherited), (1, 2))
    best = total.max(axis=2)[:, :, persistent].sum(axis=2).argmax(axis=1)
    return LENGTH_GRID[total[np.arange(len(weights)), best].argmax(axis=1)], NOISE_GRID[best]


def fit_factor(found: Measured, weights: np.ndarray) -> np.ndarray:
    """(b, 6) factors of largest likelihood on the standard deviation of what does not persist."""
    posterior = found.posterior()
    scores = [found.log_score(posterior.adjusted(np.zeros(1), np.full(1, factor))) for factor in FACTOR_GRID]
    return np.asarray(FACTOR_GRID[np.tensordot(weights, np.array(scores), (1, 1)).argmax(axis=1)])


@dataclass(frozen=True, eq=False)
class Constant:
    """A constant as shipped and as fitted, with the bounds of the interval."""

    shipped: np.ndarray
    fitted: np.ndarray
    low: np.ndarray
    high: np.ndarray

    @classmethod
    def of(cls, shipped: np.ndarray | float, fitted: np.ndarray) -> Constant:
        """From fits (1 + RESAMPLES, ...) as `Measured.resampled` weights them."""
        return cls(np.asarray(shipped), fitted[0], *np.percentile(fitted[1:], (2.5, 97.5), axis=0))

    def line(self, name: str) -> str:
        """A row of a table."""
        cells = np.broadcast_arrays(self.shipped, self.fitted, self.low, self.high, np.empty(len(ANCHORS)))[:4]
        return table_row(name, [f"{s:.2f}; {f:.2f}, {a:.2f} to {b:.2f}" for s, f, a, b in zip(*cells, strict=True)])


def constants(found: Measured) -> dict[str, Constant]:
    """All of them, by name."""
    weights, model_optimized, control = resampled(found), found.model_optimized, np.isin(found.kind, CONTROL)
    lengths, persistence_noise = fit(found[~model_optimized], weights[:, ~model_optimized])
    factor = fit_factor(found[model_optimized], weights[:, model_optimized]) / fit_factor(
        found[control], weights[:, control]
    )
    return {
        "LENGTHS": Constant.of(LENGTHS, lengths),
        "PERSISTENCE_NOISE": Constant.of(PERSISTENCE_NOISE, persistence_noise),
        "OPTIMISM": Constant.of(OPTIMISM, factor),
    }


def cross_validated(found: Measured, persistent: np.ndarray = PERSISTENT, kernel: Kernel = correlation) -> np.ndarray:
    """(n, 6) log score of each structure with constants fitted to other groups."""
    fold, scores = found.number % FOLDS, np.zeros(found.simulated.shape)
    lengths, persistence_noise = fit(found, (fold != np.arange(FOLDS)[:, None]).astype(float), persistent, kernel)
    for i in range(FOLDS):
        part = found[fold == i]
        scores[fold == i] = part.log_score(part.posterior(lengths[i], persistence_noise[i], persistent, kernel))
    return scores


def by_distance(found: Measured) -> list[str]:
    """A row for each range of distances: correlation of errors, or share of structures that have the value still."""
    nearest, away = found.distance.argmin(axis=1), found.distance.min(axis=1)
    before = found.errors[np.arange(len(nearest)), nearest] / found.std
    after = (found.simulated - found.predicted) / found.std
    still = np.abs(found.simulated - found.persist_mean) < STILL * found.std
    lines = []
    for low, high in pairwise(DISTANCES):
        rows = (away >= low) & (away < high)
        one, two = before[rows], after[rows]
        cosine = np.sum(one * two, axis=0) / np.sqrt(np.sum(one**2, axis=0) * np.sum(two**2, axis=0))
        shown = np.where(PERSISTENT, still[rows].mean(axis=0), cosine)
        lines.append(table_row(f"{low:g} to {high:g}: {rows.sum()}", shown.tolist()))
    return lines


def gain(found: Measured, name: str, difference: np.ndarray) -> str:
    """A row with the mean of a log score's difference (n, 6) and its interval."""
    weights = resampled(found)
    mean, *drawn = weights @ difference / weights.sum(axis=1, keepdims=True)
    bounds = np.percentile(drawn, (2.5, 97.5), axis=0)
    return table_row(name, [f"{m:+.2f}, {a:+.2f} to {b:+.2f}" for m, a, b in zip(mean, *bounds, strict=True)])


def report(found: Measured) -> str:
    """Tables in Markdown."""
    fair, model_optimized = found[~found.model_optimized], found[found.model_optimized]
    head = [table_row("", ANCHORS), table_row("---", ["---"] * len(ANCHORS))]
    posterior, shipped = model_optimized.posterior(), fair.log_score(fair.posterior())
    optimism = model_optimized.log_score(posterior.adjusted(np.zeros(1), OPTIMISM))
    others = {
        "the surrogate alone": fair.log_score(Posterior.gaussian(fair.predicted, fair.std)),
        **{f"fitted, {name} kernel": cross_validated(fair, kernel=kernel) for name, kernel in KERNELS.items()},
        "fitted, what persists inherits and the reverse": cross_validated(fair, ~PERSISTENT),
    }
    lines = [
        f"{len(fair.kind)} structures not chosen by their prediction, {len(model_optimized.kind)} that were. "
        "Shipped; fitted, interval:\n",
        *head,
        *(constant.line(f"`{name}`") for name, constant in constants(found).items()),
        "\nLog score in nats of those not chosen by it, and what other constants gain:\n",
        *head,
        table_row("shipped constants", shipped.mean(axis=0).tolist()),
        *(gain(fair, name, scores - shipped) for name, scores in others.items()),
        gain(model_optimized, "`OPTIMISM`, of those chosen by it", optimism - model_optimized.log_score(posterior)),
        "\nBy distance to the nearest label, the others: correlation of the errors, or share whose value is "
        f"the same within {STILL:g} standard deviations:\n",
        *head,
        *by_distance(fair),
    ]
    return "\n".join(lines)


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parents", type=int, default=20, help="labels whose axes are turned")
    parser.add_argument("--targets", type=int, default=6)
    parser.add_argument("--data", type=Path, default=DATA, help="file of what was measured")
    parser.add_argument("--work", type=Path, default=Path("runs/benchmarks"), help="folder of the simulations")
    parser.add_argument("--workers", type=int, default=None)
    args = parser.parse_args()
    counts = {"test": TESTED, "parent": args.parents, "target": args.targets}
    names = [f"{what} {i}" for what, count in counts.items() for i in range(count)]
    print(report(simulated(names, args.data, args.work, args.workers)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
