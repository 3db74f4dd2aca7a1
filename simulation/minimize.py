"""Descent to a local minimum of the energy, along the path that a falling field prescribes.

Two kinds of steps. Near a minimum: limited-memory BFGS whose initial inverse Hessian is the inverse of the local
Hessian (anisotropy, exchange and field; the preconditioner of Exl et al. 2019, arXiv 1801.03690); what is left to its
memory is the long-range part, whose norm is only q/2. In an avalanche, where some torque is above `Energy.avalanche`:
the gradient flow itself, so that the descent is followed to the minimum that it leads to. Whether a step went downhill
is judged by slopes: a difference of energies would drown in the rounding of single precision.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

import numpy as np

from simulation.compiled import compiled
from simulation.energy import Energy

FIRST_REACH, LONGEST_REACH, LEAST_REACH = 1.6, 4.0, 0.4
REACH_GROWTH = 1.1
"""Time of the flow in one far field, in units of 1/q: grows while the flow goes downhill, halves where it does not.

A lagging field of norm q/2 is unstable beyond 4/q, and with extrapolation beyond 2/q where nothing else holds."""
PATIENCE, SHORTEST_REACH = 7_000, 0.1
"""Evaluations at one field after which `LEAST_REACH` no longer holds, and what holds from then on.

Where neighbours on coarse cells are 120 degrees apart or more, a corner that is unstable by itself and owes its place
to the far field may run away from it within the least reach, and back in the far field of where it has come to: a limit
cycle of a few steps. (Seen with free spins on elements of 4 nm of Nd2Fe14B, 3 sqrt(A/K1).) No curve of the shipped
labels took as many evaluations in all of its fields together, so that nothing of those depends on this."""
MEMORY = 8
LONGEST_STEP_RAD = 1.0
MOST_CUTS = 20


class FieldStatus(Enum):
    """How the relaxation at one field ended; the value is the sentence for the user."""

    CONVERGED = "the largest angle gradient fell below the tolerance"
    OUT_OF_EVALUATIONS = (
        "the largest angle gradient stayed above the tolerance within the allowed field evaluations; "
        "raise max_evaluations or the tolerance"
    )
    STALLED = "no step, however short, went downhill: the tolerance is below the rounding error; raise it"
    UNRESOLVED = (
        "neighbouring corners of the mesh differ by more than 180 degrees: a 360 degree wall is narrower than a cell; "
        "use smaller cells"
    )


@dataclass
class Descent:
    """Where a descent stands: angles, gradient and local Hessian there, and the curvature pairs of earlier steps."""

    energy: Energy
    angle: np.ndarray
    h: float
    gradient: np.ndarray = field(init=False)
    pairs: int = 0
    flowing: bool = False
    reach: float = FIRST_REACH
    began: int = field(init=False)
    """Evaluations of the energy when the descent came to the field."""

    def __post_init__(self) -> None:
        shape = self.energy.shape
        self.angle = np.array(self.angle, dtype=np.float64)
        self.gradient, self.direction, self.trial_gradient = (np.zeros(shape, np.float32) for _ in range(3))
        self.trial_angle = np.zeros(shape)
        self.steps, self.changes = (np.zeros((MEMORY, *shape), np.float32) for _ in range(2))
        self.inverse_products, self.weights = np.zeros(MEMORY), np.zeros(MEMORY)
        self.began = self.energy.evaluations
        self.energy.gradient(self.angle, self.h, self.gradient)

    def restart(self, angle: np.ndarray, h: float) -> None:
        """Take other angles at a field; what was learnt of curvatures belongs to the old ones."""
        np.copyto(self.angle, angle)
        self.h, self.pairs, self.flowing, self.began = h, 0, False, self.energy.evaluations
        self.energy.gradient(self.angle, self.h, self.gradient)

    def change_field(self, h: float) -> None:
        """Go to another field at the same angles: the gradient follows without a convolution."""
        self.energy.change_field(h - self.h, self.gradient)
        self.h, self.began = h, self.energy.evaluations

    @property
    def cycling(self) -> bool:
        """Whether so many evaluations went by at this field that it will not end by itself."""
        return self.energy.evaluations - self.began > PATIENCE


def minimize(descent: Descent, tolerance: float, max_evaluations: int) -> FieldStatus:
    """Relax to a local minimum at the descent's field, changing it in place.

    Args:
        descent: where to start.
        tolerance: largest angle gradient allowed, units of 2 K1.
        max_evaluations: of the long-range field, for this minimum.
    """
    last = descent.energy.evaluations + max_evaluations
    while (largest := descent.energy.largest_torque(descent.gradient)) >= tolerance:
        if descent.energy.evaluations >= last:
            return FieldStatus.OUT_OF_EVALUATIONS
        if largest > descent.energy.avalanche:
            flow_step(descent)
        elif not quasi_newton_step(descent):
            return FieldStatus.STALLED
    if math.isnan(largest):  # smaller than nothing, and converged least of all
        raise FloatingPointError("the angle gradient is not a number")
    return FieldStatus.CONVERGED


def flow_step(descent: Descent) -> None:
    """Follow the gradient flow for as long as one far field allows; what was learnt of curvatures is then stale."""
    least = SHORTEST_REACH if descent.cycling else LEAST_REACH
    reach = descent.reach if descent.flowing or descent.cycling else FIRST_REACH
    np.copyto(descent.trial_angle, descent.angle)
    descent.energy.flow(descent.angle, reach, descent.flowing)
    descent.energy.gradient(descent.angle, descent.h, descent.gradient)
    overshot = dot(descent.gradient, descent.angle - descent.trial_angle) > 0
    descent.reach = max(reach / 2, least) if overshot else min(reach * REACH_GROWTH, LONGEST_REACH)
    descent.flowing, descent.pairs = True, 0


def quasi_newton_step(descent: Descent) -> bool:
    """One step of limited-memory BFGS; False if no length of it goes downhill."""
    energy, direction = descent.energy, descent.direction
    descent.flowing = False
    slope = find_direction(descent)
    length = min(1.0, LONGEST_STEP_RAD / largest_magnitude(direction))
    for _ in range(MOST_CUTS):
        np.multiply(direction, length, out=descent.trial_angle)
        descent.trial_angle += descent.angle
        energy.gradient(descent.trial_angle, descent.h, descent.trial_gradient)
        new_slope = dot(descent.trial_gradient, direction)
        if new_slope <= -0.9 * slope:  # the mean slope on the way was downhill
            remember(descent, length)
            descent.angle, descent.trial_angle = descent.trial_angle, descent.angle
            descent.gradient, descent.trial_gradient = descent.trial_gradient, descent.gradient
            return True
        length *= max(0.1, slope / (slope - new_slope))
    energy.gradient(descent.angle, descent.h, descent.gradient)  # back to where the energy's own state belongs
    return False


def find_direction(descent: Descent) -> float:
    """Set the direction to go and return the slope along it, which is negative."""
    energy, size = descent.energy, min(descent.pairs, MEMORY)
    newest_first = (descent.pairs - 1 - np.arange(size)) % MEMORY
    memory = (descent.steps, descent.changes, descent.inverse_products)
    right_side = np.negative(descent.gradient)
    _before_solve(right_side, *memory, newest_first, descent.weights)
    if not energy.solve_local(right_side, descent.direction, convex=False):
        energy.solve_local(right_side, descent.direction, convex=True)
    _after_solve(descent.direction, *memory, newest_first, descent.weights)
    slope = dot(descent.gradient, descent.direction)
    if slope >= 0:  # rounding, or a memory that no longer fits: forget it
        descent.pairs = 0
        energy.solve_local(np.negative(descent.gradient), descent.direction, convex=True)
        slope = dot(descent.gradient, descent.direction)
    return slope


def remember(descent: Descent, length: float) -> None:
    """Keep the pair (step, change of gradient) if the energy curves upwards enough along it."""
    slot = descent.pairs % MEMORY
    step, change = descent.steps[slot], descent.changes[slot]
    np.multiply(descent.direction, np.float32(length), out=step)
    np.subtract(descent.trial_gradient, descent.gradient, out=change)
    product = dot(step, change)
    if product > descent.energy.softest * dot(step, step):
        descent.inverse_products[slot] = 1 / product
        descent.pairs += 1


def largest_magnitude(a: np.ndarray) -> float:
    """max |a|."""
    return float(np.abs(a).max())


@compiled(fastmath=True)
def dot(a, b):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Sum of products: rows in single precision, their sum in double."""
    total: Any = 0.0
    for i in range(a.shape[0]):
        row = np.float32(0)
        for j in range(a.shape[1]):
            row += a[i, j] * b[i, j]
        total += row
    return total


@compiled(fastmath=True)
def _before_solve(vector, steps, changes, inverse_products, newest_first, weights):  # type: ignore[no-untyped-def]  # pragma: no cover
    """First half of the two-loop recursion (Nocedal 1980)."""
    for k in newest_first:
        weights[k] = inverse_products[k] * dot(steps[k], vector)
        w = np.float32(weights[k])
        for i in range(vector.shape[0]):
            for j in range(vector.shape[1]):
                vector[i, j] -= w * changes[k, i, j]


@compiled(fastmath=True)
def _after_solve(vector, steps, changes, inverse_products, newest_first, weights):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Second half of the two-loop recursion."""
    for k in newest_first[::-1]:
        w = np.float32(weights[k] - inverse_products[k] * dot(changes[k], vector))
        for i in range(vector.shape[0]):
            for j in range(vector.shape[1]):
                vector[i, j] += w * steps[k, i, j]
