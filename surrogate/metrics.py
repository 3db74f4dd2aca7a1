"""How good a surrogate is: errors beside the paper's, calibration, decoded axes, use of the latent code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulation import ANCHORS, Microstructure
from surrogate.encoding import axis_error_rad

if TYPE_CHECKING:
    from surrogate.surrogate import Surrogate

PAPER_MAE = {"M1": 0.0030, "Mr": 0.0152, "Hk90": 0.0184, "Hk80": 0.0245, "Hk70": 0.0234, "Hc": 0.0206}
"""Kovacs et al. (2022), Table 3: mean absolute error on 370 test structures, Ms and H_A."""


@dataclass(frozen=True)
class Evaluation:
    """Errors of predicted anchors against simulated ones; every tuple in the order of `ANCHORS`.

    Args:
        n: structures.
        mae: mean absolute error; NaN for an anchor that no label has.
        within_1_std, within_2_std: share of errors within one and two predicted standard deviations.
        rank_correlation: Spearman's, of predicted standard deviation and absolute error.
    """

    n: int
    mae: tuple[float, ...]
    within_1_std: tuple[float, ...]
    within_2_std: tuple[float, ...]
    rank_correlation: tuple[float, ...]

    def as_dict(self) -> dict[str, object]:
        """By anchor name, beside the paper's errors: what `evaluate --json` prints; None where there is no number."""

        def named(values: tuple[float, ...]) -> dict[str, float | None]:
            return {a: (v if np.isfinite(v) else None) for a, v in zip(ANCHORS, values, strict=True)}

        return {
            "mae": named(self.mae),
            "paper": dict(PAPER_MAE),
            "n": self.n,
            "within_1_std": named(self.within_1_std),
            "within_2_std": named(self.within_2_std),
            "rank_correlation": named(self.rank_correlation),
        }


def evaluate(surrogate: Surrogate, microstructures: Sequence[Microstructure], labels: np.ndarray) -> Evaluation:
    """Judge `predict(encode(structure))` against (n, 6) simulated anchors, NaN where missing."""
    mean, std = surrogate.predict(surrogate.encode(microstructures))
    return compare(mean, std, labels)


def compare(mean: np.ndarray, std: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Errors and calibration of predictions (n, 6) with standard deviations (n, 6) against labels (n, 6)."""
    error = np.abs(np.asarray(mean, np.float64) - np.asarray(labels, np.float64))
    columns = range(error.shape[1])
    known = [np.isfinite(error[:, i]) for i in columns]

    def of_known(values: np.ndarray) -> tuple[float, ...]:
        return tuple(float(values[known[i], i].mean()) if known[i].any() else float("nan") for i in columns)

    return Evaluation(
        n=len(error),
        mae=of_known(error),
        within_1_std=of_known(error <= std),
        within_2_std=of_known(error <= 2 * std),
        rank_correlation=tuple(_spearman(std[known[i], i], error[known[i], i]) for i in columns),
    )


def axis_error_deg(surrogate: Surrogate, microstructures: Sequence[Microstructure]) -> np.ndarray:
    """(n,) mean over the cells of the angle between decoded and original axis, degrees; 45 would be chance."""
    decoded = surrogate.decode(surrogate.encode(microstructures))
    original = np.stack([microstructure.angle_rad for microstructure in microstructures])
    return np.degrees(axis_error_rad(decoded, original).mean(axis=(1, 2)))


@dataclass(frozen=True)
class LatentSpace:
    """How well a latent space generates; drifts are mean changes (6,) of predicted anchors when the decoded field of a
    code is encoded again.

    Args:
        axis_error_deg: mean over structures and cells of the angle between decoded and original axis.
        dimensions, in_use: of the code, and those along which the codes vary.
        drift: for codes of the structures.
        drift_halfway: for codes half way between random pairs of them.
        drift_drawn: for draws from the encoder's distribution around them.
    """

    axis_error_deg: float
    dimensions: int
    in_use: int
    drift: tuple[float, ...]
    drift_halfway: tuple[float, ...]
    drift_drawn: tuple[float, ...]


def latent_space(surrogate: Surrogate, microstructures: Sequence[Microstructure], seed: int = 0) -> LatentSpace:
    """Measure on structures that trained nothing."""
    rng = np.random.default_rng(seed)
    images = surrogate.autoencoder.encoding.images(microstructures)
    mean, std = surrogate.autoencoder.encode_distribution(images)
    partner = rng.permutation(len(mean))
    codes = (mean, (mean + mean[partner]) / 2, mean + std * rng.standard_normal(mean.shape, np.float32))

    def drift(latent: np.ndarray) -> tuple[float, ...]:
        change = surrogate.predict(surrogate.reencode(latent))[0] - surrogate.predict(latent)[0]
        return tuple(np.abs(change).mean(axis=0).tolist())

    error = float(axis_error_deg(surrogate, microstructures).mean())
    return LatentSpace(error, mean.shape[1], latent_dimensions_in_use(mean), *(drift(latent) for latent in codes))


def latent_dimensions_in_use(codes: np.ndarray, least_std: float = 0.1) -> int:
    """Dimensions along which the mean codes (n, latent_dim) of many structures vary.

    The mean code of a dimension that has collapsed to the prior stays at 0; one in full use has a standard deviation
    of about 1.
    """
    return int((np.std(codes, axis=0) > least_std).sum())


def _spearman(a: np.ndarray, b: np.ndarray) -> float:
    """Rank correlation, NaN where one of the two does not vary."""
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    from scipy.stats import spearmanr

    return float(spearmanr(a, b).statistic)
