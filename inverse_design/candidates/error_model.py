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

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

LENGTHS = np.array([0.4, 0.4, 0.25, 0.1, 0.1, 0.1])
"""Of M1, Mr, Hk90, Hk80, Hk70, Hc, in units of the distance between two codes drawn at random. Within what
`python -m studies.benchmarks.belief` finds with the shipped surrogate at 320 nm, as are `STAYS` and `WIGGLE`: at a
distance of 0.03 half of the values of Hc have changed, at 0.3 the error in Mr is forgotten."""

STAYS = np.array([False, False, False, True, True, True])
"""Which anchors stay as they are until they jump."""

WIGGLE = 0.1
"""By how much an anchor that stays still moves, in standard deviations of the surrogate's error."""

NEIGHBOURS = 8
"""Simulated structures that a prediction is corrected by."""

_CHUNK = 1024


@dataclass(frozen=True, eq=False)
class Belief:
    """What is believed of anchor points, each array (n, 6): about `kept` with the probability `stays`, else `moved`;
    both Gaussian."""

    moved_mean: np.ndarray
    moved_std: np.ndarray
    kept: np.ndarray
    kept_std: np.ndarray
    stays: np.ndarray

    @classmethod
    def gaussian(cls, mean: np.ndarray, std: np.ndarray) -> Belief:
        """A plain prediction."""
        return cls(mean, std, *(np.zeros_like(mean) for _ in range(3)))

    @property
    def mean(self) -> np.ndarray:
        return self.stays * self.kept + (1 - self.stays) * self.moved_mean

    @property
    def std(self) -> np.ndarray:
        """Standard deviation; never quite zero."""
        moved = self.moved_std**2 + self.stays * (self.moved_mean - self.kept) ** 2
        variance = (1 - self.stays) * moved + self.stays * self.kept_std**2
        return np.sqrt(np.maximum(variance, 1e-4 * self.moved_std**2))

    def moved(self, shift: np.ndarray, factor: np.ndarray) -> Belief:
        """With means shifted and standard deviations multiplied, of what does not stay."""
        return Belief(self.moved_mean + shift, self.moved_std * factor, self.kept, self.kept_std, self.stays)

    def __getitem__(self, rows: np.ndarray) -> Belief:
        return Belief(*(values[rows] for values in vars(self).values()))


@dataclass(frozen=True, eq=False)
class Neighbours:
    """Simulated structures around each of m others.

    Attributes:
        away: (m, k) distances, in the unit of `LENGTHS`.
        between: (m, k, k) distances among them.
        errors: (m, k, 6) simulated minus predicted.
        kept: (m, 6) anchors of the closest.
    """

    away: np.ndarray
    between: np.ndarray
    errors: np.ndarray
    kept: np.ndarray


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

    def correct(self, codes: np.ndarray, mean: np.ndarray, std: np.ndarray) -> Belief:
        """What to believe of predictions (m, 6) at codes (m, latent)."""
        mean, std = np.asarray(mean, np.float64), np.asarray(std, np.float64)
        if not len(self.codes) or not len(codes):
            return Belief.gaussian(mean, std)
        parts = [slice(i, i + _CHUNK) for i in range(0, len(codes), _CHUNK)]
        beliefs = [believe(self.around(codes[part]), mean[part], std[part]) for part in parts]
        return Belief(*(np.concatenate(column) for column in zip(*(vars(b).values() for b in beliefs), strict=True)))

    def around(self, codes: np.ndarray) -> Neighbours:
        """The nearest simulated structures of each code (m, latent)."""
        codes = np.asarray(codes, np.float32)
        count = min(NEIGHBOURS, len(self.codes))
        nearest = np.argpartition(_distances(codes, self.codes), count - 1, axis=1)[:, :count]
        around = self.codes[nearest]
        away = np.linalg.norm(around - codes[:, None], axis=2) / self.unit
        between = np.linalg.norm(around[:, :, None] - around[:, None], axis=3) / self.unit
        closest = nearest[np.arange(len(codes)), away.argmin(axis=1)]
        return Neighbours(away, between, self.errors[nearest], self.anchors[closest])


def correlation(distance: np.ndarray) -> np.ndarray:
    """Of the errors of two structures, by the distance of their codes in `LENGTHS`: once differentiable."""
    scaled = np.sqrt(3) * distance
    return np.asarray((1 + scaled) * np.exp(-scaled))


def believe(
    around: Neighbours,
    mean: np.ndarray,
    std: np.ndarray,
    lengths: np.ndarray = LENGTHS,
    wiggle: float = WIGGLE,
    stay: np.ndarray = STAYS,
    kernel: Callable[[np.ndarray], np.ndarray] = correlation,
) -> Belief:
    """What to believe of predictions (m, 6) with these neighbours."""
    mean, std = mean.copy(), std.copy()
    away = around.away.min(axis=1)[:, None]
    stays = np.where(stay, np.exp(-away / lengths), 0.0)
    for i in np.flatnonzero(~stay):
        covariance = kernel(around.between / lengths[i]) + 1e-6 * np.eye(around.away.shape[1])
        towards = kernel(around.away / lengths[i])
        weights = np.linalg.solve(covariance, towards[..., None])[..., 0]
        mean[:, i] += np.sum(weights * around.errors[..., i], axis=1)
        std[:, i] *= np.sqrt(np.clip(1 - np.sum(weights * towards, axis=1), 1e-4, 1))
    # A structure that was simulated itself has what it has: the wiggle begins with the distance.
    kept_std = wiggle * std * np.sqrt(1 - np.exp(-2 * away / lengths))
    return Belief(mean, std, around.kept, kept_std, stays)


def _distances(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """(m, n) squared distances less what is the same in each row."""
    return np.asarray(np.einsum("ij,ij->i", b, b) - 2 * a @ b.T)
