"""Descent to a local minimum of the energy, along the path that a falling field prescribes.

Limited-memory BFGS whose initial inverse Hessian is the inverse of the local Hessian (anisotropy, exchange and field;
Exl et al. 2019): what is left for the memory is the long-range part, whose norm is only q/2. Steps are no longer than
`LONGEST_STEP_RAD` and go downhill, so that through an avalanche the descent is followed to the minimum that it leads
to. The size of a step is judged by slopes alone: a difference of energies would drown in rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import numpy as np
from numba import njit

from simulation.energy import Energy

MEMORY = 8
LONGEST_STEP_RAD = 1.0


class FieldStatus(Enum):
    """How the relaxation at one field ended; the value is the sentence for the user."""

    CONVERGED = "the largest angle gradient fell below the tolerance"
    OUT_OF_EVALUATIONS = (
        "the largest angle gradient stayed above the tolerance within the allowed field evaluations; "
        "raise max_evaluations or the tolerance"
    )
    STALLED = "no shorter step went downhill: the tolerance is below the rounding error of single precision; raise it"


@dataclass
class Descent:
    """Where a descent stands: angles, gradient and local Hessian there, and the curvature pairs of earlier steps."""

    energy: Energy
    angle: np.ndarray
    gradient: np.ndarray
    h: float
    steps: np.ndarray
    changes: np.ndarray
    inverse_products: np.ndarray
    count: int = 0

    @classmethod
    def start(cls, energy: Energy, angle: np.ndarray, h: float) -> Descent:
        """Evaluate the gradient at `angle` (padded) and field h."""
        gradient = np.zeros(energy.shape, np.float32)
        angle = np.array(angle, dtype=np.float64)
        energy.gradient(angle, h, gradient)
        pairs = [np.zeros((MEMORY, *energy.shape), np.float32) for _ in range(2)]
        return cls(energy, angle, gradient, h, pairs[0], pairs[1], np.zeros(MEMORY))

    def change_field(self, h: float) -> None:
        """Go to another field at the same angles: the gradient follows without a convolution."""
        self.energy.change_field(h - self.h, self.gradient)
        self.h = h


def minimize(descent: Descent, tolerance: float, max_evaluations: int) -> FieldStatus:
    """Relax to a local minimum at the descent's field.

    Args:
        descent: changed in place.
        tolerance: largest angle gradient allowed, units of 2 K1.
        max_evaluations: of the long-range field, for this minimum.
    """
    energy, last = descent.energy, descent.energy.evaluations + max_evaluations
    direction, trial_gradient = np.zeros_like(descent.gradient), np.zeros_like(descent.gradient)
    trial = np.zeros_like(descent.angle)
    while float(np.abs(descent.gradient).max()) >= tolerance:
        slope = search_direction(descent, direction)
        length = min(1.0, LONGEST_STEP_RAD / float(np.abs(direction).max()))
        for _ in range(20):
            if energy.evaluations >= last:
                return FieldStatus.OUT_OF_EVALUATIONS
            np.multiply(direction, length, out=trial)
            trial += descent.angle
            energy.gradient(trial, descent.h, trial_gradient)
            new_slope = dot(trial_gradient, direction)
            if new_slope <= 0.9 * abs(slope):
                break
            length *= max(0.1, slope / (slope - new_slope))
        else:
            return FieldStatus.STALLED
        remember(descent, direction, length, trial_gradient)
        descent.angle, trial = trial, descent.angle
        descent.gradient, trial_gradient = trial_gradient, descent.gradient
    return FieldStatus.CONVERGED


def search_direction(descent: Descent, direction: np.ndarray) -> float:
    """Write the direction to go and return the slope along it, which is negative."""
    energy, size = descent.energy, min(descent.count, MEMORY)
    order = np.array([(descent.count - 1 - i) % MEMORY for i in range(size)], dtype=np.int64)
    residual, weights = np.negative(descent.gradient), np.zeros(MEMORY)
    _newest_first(residual, descent.steps, descent.changes, descent.inverse_products, order, weights)
    if not energy.solve_local(residual, direction, 0.0, False):
        energy.solve_local(residual, direction, 0.0, True)
    _oldest_first(direction, descent.steps, descent.changes, descent.inverse_products, order, weights)
    slope = dot(descent.gradient, direction)
    if slope >= 0:
        descent.count = 0
        energy.solve_local(-descent.gradient, direction, 0.0, True)
        slope = dot(descent.gradient, direction)
    return slope


def remember(descent: Descent, direction: np.ndarray, length: float, new_gradient: np.ndarray) -> None:
    """Keep the pair (step, change of gradient) if the energy curves upwards along it."""
    slot = descent.count % MEMORY
    np.multiply(direction, np.float32(length), out=descent.steps[slot])
    np.subtract(new_gradient, descent.gradient, out=descent.changes[slot])
    product = dot(descent.steps[slot], descent.changes[slot])
    if product > 1e-2 * dot(descent.steps[slot], descent.steps[slot]):
        descent.inverse_products[slot] = 1 / product
        descent.count += 1


@njit(cache=True, fastmath=True)
def dot(a, b):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sum of products: rows in single precision, their sum in double."""
    total: Any = 0.0
    for i in range(a.shape[0]):
        row = np.float32(0)
        for j in range(a.shape[1]):
            row += a[i, j] * b[i, j]
        total += row
    return total


@njit(cache=True, fastmath=True)
def _newest_first(vector, steps, changes, inverse_products, order, weights):  # type: ignore[no-untyped-def]  # pragma: no cover
    for k in order:
        weights[k] = inverse_products[k] * dot(steps[k], vector)
        w = np.float32(weights[k])
        for i in range(vector.shape[0]):
            for j in range(vector.shape[1]):
                vector[i, j] -= w * changes[k, i, j]


@njit(cache=True, fastmath=True)
def _oldest_first(vector, steps, changes, inverse_products, order, weights):  # type: ignore[no-untyped-def]  # pragma: no cover
    for k in order[::-1]:
        w = np.float32(weights[k] - inverse_products[k] * dot(changes[k], vector))
        for i in range(vector.shape[0]):
            for j in range(vector.shape[1]):
                vector[i, j] += w * steps[k, i, j]
