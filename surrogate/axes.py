"""Turn the easy axes of sharp structures through the gradient of encoder and regressor, towards wanted anchor points,
as little as possible: what is known of a structure still holds of its neighbour.

The boundaries stay; one angle per grain is free, and the gradient runs through the frozen networks to it. The angles
of a whole batch are the only trainable weight of a small Keras model, so that any backend can train it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from simulation import ANCHORS, InputError, Microstructure
from surrogate.autoencoder import Autoencoder
from surrogate.backend import keras
from surrogate.encoding import Encoding
from surrogate.regressor import Regressor

ops = keras.ops

BATCH = 32
"""Structures turned at once; a last batch is filled up, so that nothing is traced twice."""

STEER_STEPS = 24
CLOSE = 0.05
"""Root mean square miss, in scales, at which a structure is steered no further."""

LONGEST_ROTATION_RAD = 0.3
"""Root mean square over the area that one step of steering may turn the axes by."""


def steer_axes(
    microstructures: Sequence[Microstructure],
    wanted: np.ndarray,
    scale: np.ndarray,
    autoencoder: Autoencoder,
    regressor: Regressor,
    steps: int = STEER_STEPS,
) -> list[Microstructure]:
    """The same grains with axes turned, little, until the predicted anchor points are the wanted ones.

    Gradient steps of Polyak's length, in the metric in which turning a grain costs its area times the square of the
    angle: where the prediction is linear in the angles they end at the nearest structure that has the anchors.

    Args:
        microstructures: n structures on the autoencoder's grid.
        wanted: (n, 6) anchor points that shall be predicted of each; NaN where any value will do.
        scale: (n, 6) misses that count the same.
        steps: gradient steps.

    Returns:
        Structures in the same order. One that could not be brought nearer comes back as it was.

    Raises:
        InputError: if a structure is not on this grid or the arrays do not fit.
    """
    wanted, scale = np.asarray(wanted, np.float32), np.asarray(scale, np.float32)
    shape = (len(microstructures), len(ANCHORS))
    if wanted.shape != shape or scale.shape != shape or not (scale > 0).all():
        raise InputError(f"steer_axes: wanted and scale must have shape {shape}, and scale be positive")
    for index, microstructure in enumerate(microstructures):
        autoencoder.encoding.check(microstructure, f"structure {index}")
    free = np.isnan(wanted)
    goals = np.stack([np.where(free, 0, wanted), np.where(free, 0, 1 / scale)], axis=1)
    cost = _anchor_cost(regressor)
    return _in_batches(
        microstructures,
        goals,
        lambda shape: _Turner(autoencoder, cost, shape),
        lambda turner: PolyakStep(turner.areas, keras.optimizers.schedules.CosineDecay(1.0, steps)),
        steps,
    )


def _in_batches(
    microstructures: Sequence[Microstructure],
    goals: np.ndarray,
    make_turner: Callable[[tuple[int, int]], _Turner],
    make_optimizer: Callable[[_Turner], Any],
    steps: int,
) -> list[Microstructure]:
    """Turn all structures, `BATCH` at a time."""
    if not microstructures:
        return []
    grains = max(m.grain_angle_rad.size for m in microstructures)
    rows = min(BATCH, len(microstructures))
    turner = make_turner((rows, grains))
    turner.compile(make_optimizer(turner), jit_compile=False)
    turned: list[Microstructure] = []
    for start in range(0, len(microstructures), rows):
        turned += _turned(turner, microstructures[start : start + rows], goals[start : start + rows], steps)
    return turned


def _turned(turner: _Turner, batch: Sequence[Microstructure], goals: np.ndarray, steps: int) -> list[Microstructure]:
    """The batch after the turn; what it did not bring nearer, as it was."""
    rows, grains = turner.angles.shape
    fill = [min(i, len(batch) - 1) for i in range(rows)]  # a short batch repeats its last structure
    ids = np.stack([batch[i].grain_id for i in fill])
    start, areas = np.zeros((rows, grains), np.float32), np.ones((rows, grains), np.float32)
    for row, i in enumerate(fill):
        size = batch[i].grain_angle_rad.size
        start[row, :size] = batch[i].grain_angle_rad
        areas[row, :size] = np.bincount(batch[i].grain_id.ravel(), minlength=size) / batch[i].grain_id.size
    goal = goals[fill]
    turner.begin(start, areas, turner.encoding.boundary_numbers([batch[i] for i in fill]))
    before = turner.losses_of(ids, goal)

    def again() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(steps):
            yield ids, goal

    turner.fit(again(), steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)
    angles = np.asarray(turner.angles.numpy(), np.float64)
    better = turner.losses_of(ids, goal) < before
    return [
        replace(m, grain_angle_rad=a[: m.grain_angle_rad.size]) if closer else m
        for m, a, closer in zip(batch, angles, better, strict=False)
    ]


class _Turner(keras.Model):  # type: ignore[name-defined, misc]
    """Grain ids (rows, ny, nx) to codes; the grains' angles (rows, grains) are its one trainable weight."""

    def __init__(self, autoencoder: Autoencoder, cost: Callable[[Any, Any], Any], shape: tuple[int, int]) -> None:
        super().__init__(name="turner")
        encoding, encoder = autoencoder.encoding, autoencoder.encoder
        self.encoding = encoding
        constants = (shape[0], encoding.channels - encoding.axis_channels)
        self.between = self.add_weight(shape=constants, initializer="zeros", trainable=False, name="between")
        self.angles = self.add_weight(shape=shape, initializer="zeros", trainable=True, name="angles")
        self.areas = self.add_weight(shape=shape, initializer="ones", trainable=False, name="areas")
        # Functions, not layers: what Keras does not track it does not train.
        self._code: Callable[[Any], Any] = lambda angle: encoder(
            with_constants(image_of_angles(encoding, angle), self.between), training=False
        )[0]
        self._grid = encoding.shape
        self._cost = cost

    def call(self, ids: Any) -> Any:
        rows, (ny, nx) = self.angles.shape[0], self._grid
        cells = ops.take_along_axis(self.angles, ops.reshape(ids, (rows, ny * nx)), axis=1)
        return self._code(ops.reshape(cells, (rows, ny, nx)))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Sum over the rows, which share nothing: each goes its own way."""
        return ops.sum(self._cost(y, y_pred))

    def begin(self, angles: np.ndarray, areas: np.ndarray, between: np.ndarray) -> None:
        """Start anew from these angles of grains with these areas and what lies between them, with an optimiser that
        remembers nothing."""
        self.angles.assign(angles)
        self.between.assign(between)
        self.areas.assign(areas)
        self.optimizer.build(self.trainable_variables)
        for variable in self.optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(ops.zeros_like(variable))

    def losses_of(self, ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """(rows,) loss of each structure as it stands."""
        return ops.convert_to_numpy(self._cost(wanted, self.call(ops.convert_to_tensor(ids))))


class PolyakStep(keras.optimizers.Optimizer):  # type: ignore[name-defined, misc]
    """Steps down the logarithm of a loss f >= 0, each row of the one variable (rows, n) on its own.

    Polyak's (1969) step is f / |grad f|^2 times the gradient, if the least f is 0; of log f it is 1 / |grad log f|^2.

    Args:
        areas: (rows, n) the metric: a change d costs the sum of areas d^2.
        learning_rate: multiplies the step.
    """

    def __init__(self, areas: Any, learning_rate: Any) -> None:
        super().__init__(learning_rate=learning_rate, name="polyak_step")
        self._areas: Callable[[], Any] = lambda: areas  # not a variable of the optimiser's own

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        areas = ops.maximum(ops.convert_to_tensor(self._areas()), 1e-6)
        direction = gradient / areas
        square = ops.sum(gradient * direction, axis=1, keepdims=True)
        step = direction / ops.maximum(square, 1e-12)
        turn = ops.sqrt(ops.sum(areas * ops.square(step), axis=1, keepdims=True))
        step = step * ops.minimum(1.0, LONGEST_ROTATION_RAD / ops.maximum(turn, 1e-12))
        self.assign_sub(variable, ops.cast(learning_rate, variable.dtype) * step)


def _anchor_cost(regressor: Regressor) -> Callable[[Any, Any], Any]:
    """(rows,) logarithm of the mean square miss of goals (rows, 2, 6): wanted anchors, and one over their scales."""
    network = regressor.network

    def cost(goals: Any, code: Any) -> Any:
        wanted, weight = goals[:, 0], goals[:, 1]
        miss = ops.square((ops.mean(network(code, training=False), axis=1) - wanted) * weight)
        count = ops.maximum(ops.sum(ops.cast(weight > 0, "float32"), axis=-1), 1.0)
        return ops.log(ops.maximum(ops.sum(miss, axis=-1) / count, CLOSE**2))

    return cost


def with_constants(image: Any, numbers: Any) -> Any:
    """Images (n, height, width, c) with numbers (n, k) as further channels, in the backend's own operations."""
    if numbers.shape[-1] == 0:
        return image
    shape = (*image.shape[:3], numbers.shape[-1])
    return ops.concatenate([image, ops.broadcast_to(numbers[:, None, None, :], shape)], axis=-1)


def image_of_angles(encoding: Encoding, angle_rad: Any) -> Any:
    """Images (n, height, width, axis channels) of axis angles (n, ny, nx) as `Encoding.images_of_angles` makes them,
    in the backend's own operations, so that a gradient runs through."""
    if encoding.kind == "kx":
        head = ops.where(ops.cos(angle_rad) < 0, -1.0, 1.0)
        image = (ops.sin(angle_rad) * head)[..., None]
    else:
        image = ops.stack([ops.sin(2 * angle_rad), ops.cos(2 * angle_rad)], axis=-1)
    step = encoding.cells_per_pixel
    return image if step == 1 else ops.average_pool(image, step, step, "valid", data_format="channels_last")
