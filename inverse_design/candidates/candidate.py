"""Grain structures worth a full simulation.

They come from four sources, and compete on equal terms:

- "decoded": grains drawn from the best codes of the search of the latent space, their axes turned towards
  the code that was asked for;
- "steered": structures that come near the goals already, labelled, verified or freshly drawn, with their axes turned as
  little as possible until the goals are predicted;
- "turned": the same with the axis of a single grain turned: little is moved, so that most of what is known still holds;
- "drawn": fresh draws from the family that are predicted to meet the goals as they are.

The surrogate's error at structures that were simulated corrects what it says of their neighbours (`discrepancy`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from scipy.special import erfcx
from scipy.stats import norm

from inverse_design.candidates.error_model import Discrepancy, Posterior
from inverse_design.goals import Goal, aim, probability
from inverse_design.properties import PROPERTIES, STRUCTURE, derived_from_anchors, structure_properties
from simulation.anchors import ANCHORS
from simulation.material import Material, Nd2Fe14B
from simulation.microstructure import Microstructure

DECODED, STEERED, TURNED, DRAWN = SOURCES = ("decoded", "steered", "turned", "drawn")
MODEL_OPTIMIZED = (DECODED, STEERED)
"""Those that were chosen for their predictions, so that the errors which flatter are found."""

SHORTLIST = 1
"""Codes that grains are drawn from for each candidate that is simulated."""

PARENTS = 4
"""Structures that are steered for each candidate that is simulated, each as far as every one of `DEPTHS`."""

DEPTHS = (0.8, 0.15)
"""How far into the windows, of the way to their middle: well inside, and just inside with the least turn. Near what was
simulated the least turn is the safer one."""

TURNED_PARENTS, ROTATIONS_RAD = 6, np.pi * np.arange(1, 8) / 8
"""Structures of which single grains are turned, and by how much."""

REACH = 0.15
"""How far steering takes an anchor, in standard deviations over the labels, without moving everything else."""

OPTIMISM = np.array([1.5, 1.5, 1.8, 1.3, 1.2, 1.15])
"""By how much larger the errors of each anchor are of decoded and steered structures than of drawn ones (`python -m
studies.benchmarks.posterior`). Of turned ones they are not larger."""

PRIOR = 4
"""Candidates with errors as expected that count beside those that were simulated."""

CAUTION = (1.0, 4.0)
"""How many times the probability of meeting the bounds counts, for one candidate of a batch and the next in turn, where
something is to be maximised or minimised. Expected improvement alone fills whole batches with long shots (varied
greed in a batch: Hutter et al. 2012)."""

SERIES_BELOW = 100.0
"""Standard deviations below the best from where on the expected improvement is its asymptotic series."""

SAME = 1e-6
"""Square distance of two codes, in the mean square of a code, below which they are of one structure: rounding."""


class LatentModel(Protocol):
    """What candidates need of a surrogate."""

    @property
    def label_std(self) -> np.ndarray: ...

    def encode(self, microstructures: Sequence[Microstructure]) -> np.ndarray: ...

    def predict(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]: ...

    def draw(self, latent: np.ndarray) -> list[Microstructure]: ...

    def rotate_axes(self, microstructures: Sequence[Microstructure], wanted: np.ndarray) -> list[Microstructure]: ...

    def steer_axes(
        self, microstructures: Sequence[Microstructure], wanted: np.ndarray, scale: np.ndarray
    ) -> list[Microstructure]: ...


@dataclass(frozen=True, eq=False)
class Known:
    """Structures and what is known of them.

    Attributes:
        structures: n grain structures, on the grid of the surrogate.
        codes: (n, latent) their codes.
        anchors: (n, 6) simulated anchor points; NaN where there are none.
        simulated: (n,) whether it was simulated, be it in vain: what was is no candidate any more.
        raw_prediction: (n, 6) what the surrogate said of it when it was chosen, for a decoded or steered
            candidate, else
            NaN: a surrogate that has learnt it since would say something else.
    """

    structures: Sequence[Microstructure]
    codes: np.ndarray
    anchors: np.ndarray
    simulated: np.ndarray
    raw_prediction: np.ndarray

    @classmethod
    def of(
        cls,
        structures: Sequence[Microstructure],
        codes: np.ndarray,
        anchors: np.ndarray,
        raw_prediction: np.ndarray | None = None,
    ) -> Known:
        """Of structures whose first m were simulated, with their anchors (m, 6) and what was said of them (m, 6), if
        anything; the others are fresh draws."""
        nothing = np.full((len(structures), len(ANCHORS)), np.nan)
        done = len(anchors)
        anchors = np.vstack([anchors, nothing[done:]])
        raw_prediction = nothing if raw_prediction is None else np.vstack([raw_prediction, nothing[done:]])
        return cls(structures, codes, anchors, np.arange(len(structures)) < done, raw_prediction)


@dataclass(frozen=True, eq=False)
class Candidate:
    """A grain structure and what the surrogate says of it.

    Attributes:
        structure: the sharp grains, what will be simulated.
        wanted_code: (latent,) code that the search asked for; of a drawn structure its own, of a steered one that
            of the structure that it was steered from.
        code: (latent,) code of the sharp structure.
        predicted, std: (6,) anchor points predicted from `code`, so for the structure itself.
        source: where it comes from, one of `SOURCES`.
        more: (5,) predicted squareness and BHmax; grain size, spread of the axes and share of low-angle boundaries as
            the grains have them.
        raw_prediction: (6,) anchor points that the surrogate says alone, before what is known of errors corrects it.
    """

    structure: Microstructure
    wanted_code: np.ndarray
    code: np.ndarray
    predicted: np.ndarray
    std: np.ndarray
    source: str = DECODED
    more: np.ndarray = field(default_factory=lambda: np.full(len(PROPERTIES) - len(ANCHORS), np.nan))
    raw_prediction: np.ndarray = field(default_factory=lambda: np.full(len(ANCHORS), np.nan))

    @property
    def properties(self) -> np.ndarray:
        """(11,) what is predicted, in the order of `PROPERTIES`."""
        return np.concatenate([self.predicted, self.more])

    def same_grains(self, other: Candidate) -> bool:
        """Whether this is the other candidate, be it on finer cells."""
        factor = round(other.structure.cell_nm / self.structure.cell_nm)
        return factor >= 1 and other.structure.refine(factor).content_hash == self.structure.content_hash


def propose(
    model: LatentModel,
    codes: np.ndarray,
    goals: Sequence[Goal],
    count: int,
    known: Known,
    best: np.ndarray | None = None,
    sources: Sequence[str] = SOURCES,
    material: Material = Nd2Fe14B,
) -> list[Candidate]:
    """Choose a batch of structures to simulate.

    Args:
        model: the surrogate.
        codes: (n, latent) codes that the search visited.
        goals: what is wanted.
        count: size of the batch; fewer come back only where there are fewer distinct structures.
        known: structures that were simulated, and fresh draws that were not.
        best: (11,) properties of the best structure so far that was simulated and meets the goals.
        sources: which to use.
        material: what the energy product is figured with.
    """
    guess, spread = model.predict(known.codes)
    discrepancy = Discrepancy.of(known.codes, known.anchors, guess)
    structural = any(goal.quantity in STRUCTURE for goal in goals)
    posterior = discrepancy.correct(known.codes, guess, spread)
    posterior = _with_derived(posterior, known.structures if structural else None, material)
    selection_bias, std_ratio = _experience(known.raw_prediction - known.anchors, OPTIMISM * spread)

    structures: list[Microstructure] = []
    wanted_codes: list[np.ndarray] = []
    source: list[str] = []
    if DRAWN in sources:
        rows = _top(np.where(known.simulated, -np.inf, utilities(goals, posterior, best)), 4 * count)
        rows = rows[~known.simulated[rows]]
        structures += [known.structures[i] for i in rows]
        wanted_codes += list(known.codes[rows])
        source += [DRAWN] * len(rows)
    if STEERED in sources:
        rows = _parents(goals, posterior, REACH * model.label_std, PARENTS * count, best)
        rows = np.tile(rows, len(DEPTHS))
        estimate = posterior.mean[rows, : len(ANCHORS)]
        halves = [np.array_split(values, len(DEPTHS)) for values in (estimate, spread[rows])]
        aims = [aim(goals, middle, doubt, depth) for middle, doubt, depth in zip(*halves, DEPTHS, strict=True)]
        wanted, scale = (np.concatenate(column) for column in zip(*aims, strict=True))
        far = np.clip(np.abs(np.nan_to_num(wanted - estimate)) / (REACH * model.label_std), 0, 1)
        wanted += guess[rows] - estimate + selection_bias * far.max(axis=1, keepdims=True)
        structures += model.steer_axes([known.structures[i] for i in rows], wanted, scale)
        wanted_codes += list(known.codes[rows])
        source += [STEERED] * len(rows)
    if TURNED in sources:
        parents = _parents(goals, posterior, REACH / 2 * model.label_std, TURNED_PARENTS, best)
        turned = [structure for i in parents for structure in rotate_one_grain(known.structures[i], ROTATIONS_RAD)]
        codes_turned = model.encode(turned)
        found = discrepancy.correct(codes_turned, *model.predict(codes_turned))
        rows = _top(utilities(goals, _with_derived(found, turned if structural else None, material), best), 4 * count)
        structures += [turned[i] for i in rows]
        of_parent = np.repeat(parents, [len(ROTATIONS_RAD) * known.structures[i].grain_angle_rad.size for i in parents])
        wanted_codes += list(known.codes[of_parent[rows]])
        source += [TURNED] * len(rows)
    if DECODED in sources:
        codes = np.unique(codes, axis=0)
        mentioned = [goal for goal in goals if goal.quantity not in STRUCTURE]  # structure is judged by the grains
        promise = utilities(
            mentioned, _with_derived(discrepancy.correct(codes, *model.predict(codes)), None, material), best
        )
        shortlist = codes[diverse_batch(promise, codes, SHORTLIST * count)]
        structures += model.rotate_axes(model.draw(shortlist), shortlist)
        wanted_codes += list(shortlist)
        source += [DECODED] * len(shortlist)

    sharp = model.encode(structures)
    guess, spread = model.predict(sharp)
    posterior = discrepancy.correct(sharp, guess, spread)
    model_optimized = np.isin(np.array(source, dtype=str), MODEL_OPTIMIZED)[:, None]
    unknown = (posterior.change_std / spread) ** 2  # share of the variance that no structure nearby takes away
    posterior = posterior.adjusted(
        -selection_bias * model_optimized * unknown, np.where(model_optimized, OPTIMISM * std_ratio, 1.0)
    )
    posterior = _with_derived(posterior, structures, material)
    new = _new(sharp, known.codes[known.simulated])
    order = new[diverse_batch(utilities(goals, posterior[new], best), sharp[new], count)]
    (mean, more), std = np.hsplit(posterior.mean, [len(ANCHORS)]), posterior.std[:, : len(ANCHORS)]
    return [
        Candidate(structures[i], wanted_codes[i], sharp[i], mean[i], std[i], source[i], more[i], guess[i])
        for i in order
    ]


def _with_derived(posterior: Posterior, structures: Sequence[Microstructure] | None, material: Material) -> Posterior:
    """A posterior of all `PROPERTIES` from one of the anchor points: what follows from them, with the standard
    deviation of independent errors, and what the grains, if given, say for certain."""
    mean, std = posterior.mean, posterior.std
    derived = derived_from_anchors(mean, material)
    variance = np.zeros(derived.shape)
    for i in range(len(ANCHORS)):
        variance += (derived_from_anchors(mean + std * (np.arange(len(ANCHORS)) == i), material) - derived) ** 2
    certain = np.full((len(mean), len(STRUCTURE)), np.nan)
    if structures is not None and len(mean):
        certain = np.array([structure_properties(structure) for structure in structures])
    zero, one = np.zeros_like(derived), np.ones_like(certain)
    return Posterior(
        np.hstack([posterior.change_mean, derived, certain]),
        np.hstack([posterior.change_std, np.sqrt(variance), one]),
        np.hstack([posterior.persist_mean, zero, certain]),
        np.hstack([posterior.persist_std, zero, 0 * one]),
        np.hstack([posterior.persist_probability, zero, one]),
    )


def rotate_one_grain(structure: Microstructure, rotations_rad: np.ndarray) -> list[Microstructure]:
    """Every structure with one grain's axis turned by one of these angles, grain by grain."""
    angles = structure.grain_angle_rad
    each = np.repeat(angles[None], angles.size * len(rotations_rad), axis=0)
    each[np.arange(len(each)), np.repeat(np.arange(angles.size), len(rotations_rad))] += np.tile(
        rotations_rad, angles.size
    )
    return [Microstructure(structure.grain_id, turned, structure.cell_nm) for turned in each]


def _experience(errors: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much predictions of such candidates are too high, and how many times as far they scatter as expected.

    What seeks good predictions finds errors of one sign, round after round, and the further it goes beyond the labels
    the larger they are. Both are learnt from the candidates simulated so far and from `PRIOR` that are as expected.

    Args:
        errors: (n, 6) predicted minus simulated, NaN where there is none.
        expected: (n, 6) standard deviations.

    Returns:
        Shift and factor of the standard deviation, each (6,).
    """
    rows = np.isfinite(errors).all(axis=1)
    errors, count = errors[rows], PRIOR + np.count_nonzero(rows)
    shift = errors.sum(axis=0) / count
    square = (((errors - shift) / expected[rows]) ** 2).sum(axis=0)
    return shift, np.sqrt((PRIOR + square) / count)


def _parents(
    goals: Sequence[Goal], posterior: Posterior, reach: np.ndarray, count: int, best: np.ndarray | None
) -> np.ndarray:
    """Indices of the structures that steering promises most of: those it is likeliest to bring to the goals."""
    std = posterior.std
    std[:, : len(reach)] = np.hypot(std[:, : len(reach)], reach)
    return _top(utilities(goals, Posterior.gaussian(posterior.mean, std), best), count)


def _top(scores: np.ndarray, count: int) -> np.ndarray:
    """Indices of the best `count` of n by scores (k, n) that choose in turn."""
    turns = np.argsort(-scores, axis=1, kind="stable")[:, :count].T.ravel()
    return turns[np.sort(np.unique(turns, return_index=True)[1])][:count]


def utilities(goals: Sequence[Goal], posterior: Posterior, best: np.ndarray | None = None) -> np.ndarray:
    """(k, n) `utility` with each `CAUTION`; with the first alone where nothing is to be maximised or minimised."""
    cautions = CAUTION if any(goal.direction for goal in goals) else CAUTION[:1]
    return np.array([utility(goals, posterior, best, caution) for caution in cautions])


def utility(
    goals: Sequence[Goal], posterior: Posterior, best: np.ndarray | None = None, caution: float = 1.0
) -> np.ndarray:
    """(n,) how much a simulation promises: log of the probability of meeting every target and bound, times the
    expected improvement of what is to be maximised or minimised (constrained expected improvement, Gardner et al.
    2014).

    Args:
        best: (11,) properties of the best hit, None if there is none: then only the probability counts, the
            wish to maximise or minimise breaking ties.
        caution: how many times the probability counts.
    """
    total = np.maximum(caution * probability(goals, posterior), -1e6)
    mean, std = posterior.mean, posterior.std
    for goal in goals:
        if goal.direction is None:
            continue
        i, sign = goal.column, 1 if goal.direction == "maximize" else -1
        scale = np.maximum(std[:, i], 1e-6)
        if not np.isfinite(std[:, i]).any():
            continue  # the choice of codes to decode knows nothing of grains
        if best is None:
            among = max(float(np.nanstd(mean[:, i])), 1e-9)
            total = total + 0.1 * sign * (mean[:, i] - np.nanmedian(mean[:, i])) / among
        else:
            total = total + _log_expected_improvement(sign * (mean[:, i] - best[i]) / scale) + np.log(scale)
    return np.nan_to_num(total, nan=-1e9)


def _log_expected_improvement(z: np.ndarray) -> np.ndarray:
    """log(z Phi(z) + phi(z)), of Ament et al. 2023 (arXiv 2310.20708), equation 9, exact to rounding at any z.

    Below zero the sum cancels, so that phi(z) is taken out: what is left is 1 + z sqrt(pi/2) erfcx(-z / sqrt 2).
    Further down that cancels, too, and its own series 1/z^2 - 3/z^4 + 15/z^6 - 105/z^8 + ... takes over.
    """
    middle, low = np.clip(z, -SERIES_BELOW, 0.0), np.minimum(z, -SERIES_BELOW)
    ratio = middle * np.sqrt(np.pi / 2) * erfcx(-middle / np.sqrt(2))
    square = 1 / low**2
    series = square * (1 - 3 * square * (1 - 5 * square * (1 - 7 * square * (1 - 9 * square))))
    high = np.maximum(z, 0.0)
    below = norm.logpdf(z) + np.where(z < -SERIES_BELOW, np.log(series), np.log1p(ratio))
    return np.where(z < 0, below, np.log(high * norm.cdf(high) + norm.pdf(high)))


def diverse_batch(score: np.ndarray, codes: np.ndarray, count: int) -> np.ndarray:
    """Indices of a batch that is good and not all of one kind.

    Greedy choice with local penalisation (González et al. 2016): each point chosen takes its neighbourhood out of the
    running by the factor 1 - exp(-d^2 / 2 l^2), with l a quarter of the codes' root mean square distance from their
    mean. What was simulated in earlier rounds needs no penalty: the score knows of it.

    Args:
        score: (n,), or (k, n) scores that choose in turn.
        codes: (n, latent).
        count: size of the batch.
    """
    if len(codes) == 0:
        return np.zeros(0, dtype=int)
    length = 0.25 * float(np.sqrt(np.sum(codes.var(axis=0)))) or 1.0
    running = np.array(score, dtype=float, ndmin=2)
    chosen: list[int] = []
    for turn in range(min(count, len(codes))):
        best = int(np.argmax(running[turn % len(running)]))
        chosen.append(best)
        squared = np.sum((codes - codes[best]) ** 2, axis=1) / (2 * length**2)
        running += np.log(np.maximum(-np.expm1(-squared), 1e-12))
        running[:, best] = -np.inf
    return np.asarray(chosen, dtype=int)


def _new(codes: np.ndarray, done: np.ndarray) -> np.ndarray:
    """Indices of structures whose codes (n, latent) are neither done (m, latent) nor those of an earlier one."""
    if not len(codes):
        return np.zeros(0, dtype=int)
    seen = np.vstack([done, codes])
    size = np.einsum("ij,ij->i", seen, seen)
    squared = size[len(done) :, None] + size - 2 * codes @ seen.T
    same = squared <= SAME * size.mean()
    earlier = np.tril(same[:, len(done) :], -1)
    return np.flatnonzero(~same[:, : len(done)].any(axis=1) & ~earlier.any(axis=1))
