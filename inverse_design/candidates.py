"""From the codes of a search to grain structures worth a full simulation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.stats import norm

from inverse_design.goals import Goal, probability
from inverse_design.grains import fit_grains
from inverse_design.progress import Update
from simulation.anchors import ANCHORS
from simulation.microstructure import Microstructure

SHORTLIST = 4
"""Codes that are decoded to grains for each candidate that is simulated: sharpening moves predictions, and the choice
falls on those that were moved least away from the goals."""


class LatentModel(Protocol):
    """What candidates need of a surrogate."""

    def encode(self, microstructures: Sequence[Microstructure]) -> np.ndarray: ...

    def predict(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def decode_field(self, latent: np.ndarray) -> np.ndarray: ...

    def turn_axes(self, microstructures: Sequence[Microstructure], wanted: np.ndarray) -> list[Microstructure]: ...


@dataclass(frozen=True, eq=False)
class Candidate:
    """A grain structure and what the surrogate says of it.

    Attributes:
        structure: the sharp grains, what will be simulated.
        wanted_code: (latent,) code that the search asked for.
        code: (latent,) code of the sharp structure.
        predicted, std: (6,) anchor points predicted from `code`, so for the structure itself.
    """

    structure: Microstructure
    wanted_code: np.ndarray
    code: np.ndarray
    predicted: np.ndarray
    std: np.ndarray

    def same_grains(self, other: Candidate) -> bool:
        """Whether this is the other candidate, be it on finer cells."""
        factor = round(other.structure.cell_nm / self.structure.cell_nm)
        return factor >= 1 and other.structure.refine(factor).content_hash == self.structure.content_hash


def propose(
    model: LatentModel,
    codes: np.ndarray,
    goals: Sequence[Goal],
    count: int,
    cell_nm: float,
    grains: tuple[int, int],
    known: np.ndarray,
    known_hashes: frozenset[str] = frozenset(),
    best: np.ndarray | None = None,
    progress: Update = lambda done, total, words: None,
) -> list[Candidate]:
    """Choose a batch of structures to simulate.

    The most promising codes are decoded and turned into grains, whose axes are turned towards the code that was asked
    for; the grains are encoded and predicted again, and the batch is chosen by that second prediction.

    Args:
        model: the surrogate.
        codes: (n, latent) codes that the search visited.
        goals: what is wanted.
        count: size of the batch; fewer come back only where sharpening leads to fewer distinct structures.
        cell_nm, grains: cell size and allowed number of grains of the family.
        known: (k, latent) codes of candidates simulated before.
        known_hashes: content hashes of structures that need no second simulation.
        best: (6,) anchors of the best verified hit so far.
    """
    codes = np.unique(codes, axis=0)
    score = utility(goals, *model.predict(codes), best)
    shortlist = codes[diverse_batch(score, codes, SHORTLIST * count, known)]
    fields = model.decode_field(shortlist)
    structures = []
    for i, field in enumerate(fields):
        structures.append(fit_grains(field, cell_nm, grains))
        progress(i + 1, len(fields), "")
    structures = model.turn_axes(structures, shortlist)
    sharp = model.encode(structures)
    mean, std = model.predict(sharp)
    new = _first_of_each(structures, known_hashes)
    order = diverse_batch(utility(goals, mean[new], std[new], best), sharp[new], count, known)
    return [Candidate(structures[i], shortlist[i], sharp[i], mean[i], std[i]) for i in np.asarray(new, int)[order]]


def utility(goals: Sequence[Goal], mean: np.ndarray, std: np.ndarray, best: np.ndarray | None = None) -> np.ndarray:
    """(n,) how much a simulation promises: log of the probability of meeting every target and bound, times the
    expected improvement of what is to be maximised or minimised (constrained expected improvement, Gardner et al.
    2014).

    Args:
        best: (6,) anchors of the best verified hit, None if there is none: then only the probability counts, the wish
            to maximise or minimise breaking ties.
    """
    total = np.maximum(probability(goals, mean, std), -1e6)
    for goal in goals:
        if goal.direction is None:
            continue
        i, sign = ANCHORS.index(goal.anchor), 1 if goal.direction == "maximize" else -1
        scale = np.maximum(std[:, i], 1e-6)
        if best is None:
            total = total + 0.1 * sign * (mean[:, i] - np.median(mean[:, i])) / scale
        else:
            total = total + _log_expected_improvement(sign * (mean[:, i] - best[i]) / scale) + np.log(scale)
    return np.nan_to_num(total, nan=-1e9)


def _log_expected_improvement(z: np.ndarray) -> np.ndarray:
    """log(z Phi(z) + phi(z)); far below, its asymptote phi(z) / z^2, which does not underflow."""
    low = np.minimum(z, -6)
    exact = np.maximum(z, -6) * norm.cdf(np.maximum(z, -6)) + norm.pdf(np.maximum(z, -6))
    return np.where(z < -6, norm.logpdf(low) - 2 * np.log(-low), np.log(exact))


def diverse_batch(score: np.ndarray, codes: np.ndarray, count: int, known: np.ndarray) -> np.ndarray:
    """Indices of a batch that is good and not all of one kind.

    Greedy choice with local penalisation (González et al. 2016): each point chosen, now or in an earlier round, takes
    its neighbourhood out of the running by the factor 1 - exp(-d^2 / 2 l^2), with l a quarter of the codes' root mean
    square distance from their mean.
    """
    if len(codes) == 0:
        return np.zeros(0, dtype=int)
    length = 0.25 * float(np.sqrt(np.sum(codes.var(axis=0)))) or 1.0

    def penalty(point: np.ndarray) -> np.ndarray:
        squared = np.sum((codes - point) ** 2, axis=1) / (2 * length**2)
        return np.log(np.maximum(-np.expm1(-squared), 1e-12))

    running = np.array(score, dtype=float)
    for point in known:
        running += penalty(point)
    chosen: list[int] = []
    for _ in range(min(count, len(codes))):
        best = int(np.argmax(running))
        chosen.append(best)
        running += penalty(codes[best])
        running[best] = -np.inf
    return np.asarray(chosen, dtype=int)


def _first_of_each(structures: Sequence[Microstructure], known: frozenset[str]) -> list[int]:
    """Indices of structures that are neither known nor the same as an earlier one."""
    seen, new = set(known), []
    for i, structure in enumerate(structures):
        if structure.content_hash not in seen:
            seen.add(structure.content_hash)
            new.append(i)
    return new
