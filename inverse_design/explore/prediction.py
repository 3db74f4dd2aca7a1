"""What the surrogate says of one structure, and what that is worth."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from simulation.anchors import AnchorPoints
from simulation.microstructure import Microstructure
from surrogate.novelty import widened

if TYPE_CHECKING:
    from surrogate import Surrogate


@dataclass(frozen=True, eq=False)
class Prediction:
    """What the surrogate says of a structure, and what that is worth.

    Attributes:
        mean, std: (6,) anchor points; the standard deviation is widened where the structure is unlike what is known.
        novelty: above 1 outside of what the surrogate was trained on; NaN where that cannot be told.
        code: (latent,) of the structure.
    """

    mean: np.ndarray
    std: np.ndarray
    novelty: float
    code: np.ndarray


def predict(model: Surrogate, structure: Microstructure) -> Prediction:
    """Of one structure."""
    code = model.encode([structure])
    mean, std = model.predict(code)
    novelty = float(model.novelty([structure])[0])
    if math.isfinite(novelty):
        std = widened(std, np.array([novelty]), model.label_std)
    return Prediction(mean[0], std[0], novelty, code[0])


def anchors_in_words(anchors: np.ndarray) -> str:
    """Remanence and coercive field, which a screen reader is told."""
    points = AnchorPoints(*(float(value) for value in anchors))
    return f"Mr {points.Mr:.3f} Ms, Hc {points.Hc:.3f} H_A"
