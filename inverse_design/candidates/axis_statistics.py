"""What a curve is by the statistics of a magnet's axes alone: a Gaussian process of seven numbers, and no network.

With w_i the share of the area of grain i and a_i its axis from the field, these are the moments sum_i w_i cos 2k a_i of
the axes' distribution for k = 1 to 4, the remanence of grains without neighbours, sum_i w_i |cos a_i|, the logarithm of
how many grains of one size would have such shares, ln 1 / sum_i w_i^2, and (sum_i w_i |a_i|^8)^(1/8), because reversal
begins in the worst grains. The process has a constant mean and a squared exponential kernel (Rasmussen and Williams,
Gaussian Processes for Machine Learning, 2006, algorithm 2.1), one for all anchor points. It says where curves go as
axes are turned further than any avalanche persists, and how little is known beyond the axes that were simulated.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from simulation.microstructure import Microstructure, axis_angle

MOMENTS, WORST = 4, 8
"""Even moments of the axes, and the power that the worst ones are told by."""

LENGTH, NOISE = 2.0, 0.03
"""Of the kernel, in standard deviations of the numbers over what was simulated, and variance of what they do not say,
in that of the anchor point."""


LEAST, LEAST_SPREAD = 0.02, np.array([0.005, 0.05, 0.05, 0.05, 0.05, 0.05])
"""Standard deviations of the numbers and of the anchor points are taken to be no smaller: few structures, or such as
are all alike, say little of others."""


def axis_statistics(structure: Microstructure, angle_rad: np.ndarray) -> np.ndarray:
    """(n, 7) the numbers above of a magnet's grains with axes (n, grains)."""
    share = np.bincount(structure.grain_id.ravel(), minlength=structure.grain_angle_rad.size) / structure.grain_id.size
    moments = [np.cos(2 * k * angle_rad) @ share for k in range(1, MOMENTS + 1)]
    grains = np.full(len(angle_rad), -np.log(np.sum(share**2)))
    worst = (np.abs(axis_angle(angle_rad)) ** WORST @ share) ** (1 / WORST)
    return np.column_stack([*moments, np.abs(np.cos(angle_rad)) @ share, grains, worst])


@dataclass(frozen=True, eq=False)
class AxisModel:
    """The process, given what was simulated.

    Attributes:
        middle, scale: (7,) mean and standard deviation of the numbers.
        points: (m, 7) numbers of what was simulated, so scaled.
        level, spread: (6,) mean and standard deviation of the anchor points.
        factor: lower Cholesky factor of the covariance (m, m).
        weights: (m, 6) its inverse times the scaled anchor points.
    """

    middle: np.ndarray
    scale: np.ndarray
    points: np.ndarray
    level: np.ndarray
    spread: np.ndarray
    factor: np.ndarray
    weights: np.ndarray

    @classmethod
    def of(cls, numbers: np.ndarray, anchors: np.ndarray) -> AxisModel:
        """From `axis_statistics` (m, 7) and simulated anchor points (m, 6), m at least 1."""
        middle, scale = numbers.mean(axis=0), np.maximum(numbers.std(axis=0), LEAST)
        level, spread = anchors.mean(axis=0), np.maximum(anchors.std(axis=0), LEAST_SPREAD)
        points = (numbers - middle) / scale
        factor, lower = cho_factor(_kernel(points, points) + NOISE * np.eye(len(points)), lower=True)
        weights = cho_solve((factor, lower), (anchors - level) / spread)
        return cls(middle, scale, points, level, spread, factor, weights)

    @property
    def unsaid(self) -> np.ndarray:
        """(6,) standard deviation of what the statistics do not say."""
        return np.sqrt(NOISE) * self.spread

    def predict(self, numbers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation (n, 6) of the anchor points at `axis_statistics` (n, 7), without what these do
        not say."""
        towards = _kernel((numbers - self.middle) / self.scale, self.points)
        inner = solve_triangular(self.factor, towards.T, lower=True)
        variance = np.clip(1 - np.einsum("ij,ij->j", inner, inner), 0, 1)
        return self.level + self.spread * (towards @ self.weights), np.sqrt(variance)[:, None] * self.spread


def _kernel(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    squared = np.sum(a**2, axis=1)[:, None] + np.sum(b**2, axis=1) - 2 * a @ b.T
    return np.asarray(np.exp(-np.maximum(squared, 0) / (2 * LENGTH**2)))
