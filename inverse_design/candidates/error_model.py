"""What is known of the surrogate's error near structures that were simulated.

Two things happen to a curve when axes are turned a little. It changes smoothly, and there the surrogate's error at the
structure before is inherited; or the avalanche that decides a knee or the coercive field starts at the same site in the
same field as before and the number does not change at all, until another avalanche takes over. So

- M1, Mr and Hk90 are corrected by the error at simulated structures close by: the additive discrepancy of Kennedy and
  O'Hagan (2000), a Gaussian process over the latent code, here with the Matérn 3/2 kernel;
- Hk80, Hk70 and Hc have stayed about what they are at the nearest simulated structure with the probability
  exp(-distance / length), and are what the surrogate says with the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from inverse_design.properties import STRUCTURE, derived_from_anchors
from simulation.anchors import ANCHORS
from simulation.material import Material

LENGTHS = np.array([0.5, 0.4, 0.2, 0.07, 0.06, 0.06])
"""Of M1, Mr, Hk90, Hk80, Hk70, Hc, in units of the distance between two codes drawn at random. Within what
`python -m studies.benchmarks.posterior` finds with free spins at 320 nm, as are `PERSISTENT` and `PERSISTENCE_NOISE`:
within a distance of 0.03 more than half of the values of Hc have changed, at 0.3 the error in Mr is forgotten."""

PERSISTENT = np.array([False, False, False, True, True, True])
"""Which anchors persist until they jump."""

PERSISTENCE_NOISE = 0.01
"""By how much an anchor that persists still moves, in standard deviations of the surrogate's error."""

NEIGHBOURS = 8
"""Simulated structures that a prediction is corrected by."""

OPTIMISM = np.array([1.2, 1.5, 1.6, 0.95, 1.0, 0.95])
"""By how much larger the errors of each anchor are of decoded and steered structures than of drawn ones (`python -m
studies.benchmarks.posterior`): those of Mr and Hk90 are, those of the fields past the knee are not. Of turned ones none
are."""

PRIOR = 4
"""Candidates with errors as expected that count beside those that were simulated."""

_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Posterior:
    """The posterior of anchor points, each array (n, 6): about `persist_mean` with the probability
    `persist_probability`, else about `change_mean`; both Gaussian."""

    change_mean: np.ndarray
    change_std: np.ndarray
    persist_mean: np.ndarray
    persist_std: np.ndarray
    persist_probability: np.ndarray

    @classmethod
    def gaussian(cls, mean: np.ndarray, std: np.ndarray) -> Posterior:
        """A plain prediction."""
        return cls(mean, std, *(np.zeros_like(mean) for _ in range(3)))

    @property
    def mean(self) -> np.ndarray:
        return self.persist_probability * self.persist_mean + (1 - self.persist_probability) * self.change_mean

    @property
    def std(self) -> np.ndarray:
        """Standard deviation; never quite zero."""
        change_variance = self.change_std**2 + self.persist_probability * (self.change_mean - self.persist_mean) ** 2
        variance = (1 - self.persist_probability) * change_variance + self.persist_probability * self.persist_std**2
        return np.sqrt(np.maximum(variance, 1e-4 * self.change_std**2))

    def adjusted(self, shift: np.ndarray, factor: np.ndarray) -> Posterior:
        """With means shifted and standard deviations multiplied, of what does not persist."""
        return Posterior(
            self.change_mean + shift,
            self.change_std * factor,
            self.persist_mean,
            self.persist_std,
            self.persist_probability,
        )

    @classmethod
    def of(cls, parts: Sequence[Posterior]) -> Posterior:
        """Several, one after the other."""
        return cls(*(np.concatenate(values) for values in zip(*(vars(part).values() for part in parts), strict=True)))

    def __getitem__(self, rows: np.ndarray) -> Posterior:
        return Posterior(*(values[rows] for values in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Simulated structures around each of m others.

    Attributes:
        distance: (m, k) distances, in the unit of `LENGTHS`.
        pairwise_distance: (m, k, k) distances among them.
        errors: (m, k, 6) simulated minus predicted.
        persist_mean: (m, 6) anchors of the closest.
    """

    distance: np.ndarray
    pairwise_distance: np.ndarray
    errors: np.ndarray
    persist_mean: np.ndarray


@dataclass(frozen=True, eq=False)
class Discrepancy:
    """Simulated structures and the surrogate's errors there.

    Args:
        codes: (n, latent) their codes.
        anchors: (n, 6) simulated.
        errors: (n, 6) simulated minus predicted.
        unit: root mean square distance between two codes drawn at random, what `LENGTHS` are measured in.
    """

    codes: np.ndarray
    anchors: np.ndarray
    errors: np.ndarray
    unit: float

    @classmethod
    def of(cls, codes: np.ndarray, anchors: np.ndarray, predicted: np.ndarray) -> Discrepancy:
        """From (n, latent) codes and (n, 6) anchors and predictions; one that lacks an anchor (NaN) says nothing."""
        known = np.isfinite(anchors).all(axis=1)
        codes, anchors = np.asarray(codes, np.float32)[known], np.asarray(anchors, np.float64)[known]
        unit = float(np.sqrt(2 * codes.var(axis=0).sum())) if len(codes) else 0.0
        return cls(codes, anchors, anchors - predicted[known], unit or 1.0)

    def correct(self, codes: np.ndarray, mean: np.ndarray, std: np.ndarray) -> Posterior:
        """The posterior of predictions (m, 6) at codes (m, latent)."""
        mean, std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if not len(self.codes) or not len(codes):
            return Posterior.gaussian(mean, std)
        parts = [slice(i, i + _CHUNK) for i in range(0, len(codes), _CHUNK)]
        posteriors = [condition(self.around(codes[part]), mean[part], std[part]) for part in parts]
        return Posterior(
            *(np.concatenate(column) for column in zip(*(vars(b).values() for b in posteriors), strict=True))
        )

    def around(self, codes: np.ndarray) -> Neighbours:
        """The nearest simulated structures of each code (m, latent)."""
        codes = np.asarray(codes, np.float32)
        count = min(NEIGHBOURS, len(self.codes))
        nearest = np.argpartition(_distances(codes, self.codes), count - 1, axis=1)[:, :count]
        around = self.codes[nearest]
        distance = np.linalg.norm(around - codes[:, None], axis=2) / self.unit
        pairwise_distance = np.linalg.norm(around[:, :, None] - around[:, None], axis=3) / self.unit
        closest = nearest[np.arange(len(codes)), distance.argmin(axis=1)]
        return Neighbours(distance, pairwise_distance, self.errors[nearest], self.anchors[closest])


def correlation(distance: np.ndarray) -> np.ndarray:
    """Of the errors of two structures, by the distance of their codes in `LENGTHS`: once differentiable."""
    scaled = np.sqrt(3) * distance
    return np.asarray((1 + scaled) * np.exp(-scaled))


def condition(
    around: Neighbours,
    mean: np.ndarray,
    std: np.ndarray,
    lengths: np.ndarray = LENGTHS,
    persistence_noise: float = PERSISTENCE_NOISE,
    persistent: np.ndarray = PERSISTENT,
    kernel: Callable[[np.ndarray], np.ndarray] = correlation,
) -> Posterior:
    """The posterior of predictions (m, 6) with these neighbours."""
    mean, std = mean.copy(), std.copy()
    distance = around.distance.min(axis=1)[:, None]
    persist_probability = np.where(persistent, np.exp(-distance / lengths), 0.0)
    for i in np.flatnonzero(~persistent):
        covariance = kernel(around.pairwise_distance / lengths[i]) + 1e-6 * np.eye(around.distance.shape[1])
        towards = kernel(around.distance / lengths[i])
        weights = np.linalg.solve(covariance, towards[..., None])[..., 0]
        mean[:, i] += np.sum(weights * around.errors[..., i], axis=1)
        std[:, i] *= np.sqrt(np.clip(1 - np.sum(weights * towards, axis=1), 1e-4, 1))
    # A structure that was simulated itself has what it has: the persistence_noise begins with the distance.
    persist_std = persistence_noise * std * np.sqrt(1 - np.exp(-2 * distance / lengths))
    return Posterior(mean, std, around.persist_mean, persist_std, persist_probability)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(m, n) squared distances less what is the same in each row."""
    return np.asarray(np.einsum("ij,ij->i", b, b) - 2 * a @ b.T)


def with_derived(
    posterior: Posterior, grains: np.ndarray | None, material: Material, grains_std: np.ndarray | None = None
) -> Posterior:
    """A posterior of all `PROPERTIES` from one of the anchor points: what follows from them, with the standard
    deviation of independent errors, and `STRUCTURE` (n, 5), if given, for certain or with a standard deviation (5,)."""
    mean, std = posterior.mean, posterior.std
    derived = derived_from_anchors(mean, material)
    variance = np.zeros(derived.shape)
    for i in range(len(ANCHORS)):
        variance += (derived_from_anchors(mean + std * (np.arange(len(ANCHORS)) == i), material) - derived) ** 2
    certain = np.full((len(mean), len(STRUCTURE)), np.nan) if grains is None else grains
    zero, one = np.zeros_like(derived), np.ones_like(certain)
    spread = 0 * one if grains_std is None else grains_std * one
    return Posterior(
        np.hstack([posterior.change_mean, derived, certain]),
        np.hstack([posterior.change_std, np.sqrt(variance), one]),
        np.hstack([posterior.persist_mean, zero, certain]),
        np.hstack([posterior.persist_std, zero, spread]),
        np.hstack([posterior.persist_probability, zero, one]),
    )


def selection_bias(errors: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """By how much predictions of such candidates are too high, and how many times as far they scatter as expected.

    What seeks good predictions finds errors of one sign, round after round, and the further it goes beyond the labels
    the larger they are. Both are learnt from the candidates simulated so far and from `PRIOR` that are as expected.

    Args:
        errors: (n, 6) predicted minus simulated, NaN where there is none.
        expected: (n, 6) standard deviations.

    Returns:
        Bias, and the ratio of the standard deviation to the expected one, each (6,).
    """
    rows = np.isfinite(errors).all(axis=1)
    errors, count = errors[rows], PRIOR + np.count_nonzero(rows)
    bias = errors.sum(axis=0) / count
    square = (((errors - bias) / expected[rows]) ** 2).sum(axis=0)
    return bias, np.sqrt((PRIOR + square) / count)
