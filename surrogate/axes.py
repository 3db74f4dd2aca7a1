"""Turn the easy axes of sharp structures until their codes are those that a search asked for.

A search chooses a code; the decoder shows it blurred; the grains made from that image have a code of their own, near
the wanted one but not it. The boundaries stay; one angle per grain is free, and the gradient of the squared distance
between the codes runs through the frozen encoder to it. The angles of a whole batch are the only trainable weight of
a small Keras model, so that any backend can train it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from simulation import InputError, Microstructure
from surrogate.autoencoder import Autoencoder
from surrogate.backend import keras
from surrogate.encoding import Encoding
from surrogate.regressor import Regressor

ops = keras.ops

BATCH = 32
"""Structures turned at once; a last batch is filled up, so that nothing is traced twice."""

STEPS = 60
RATE_RAD = 0.05
"""First step of Adam; it falls to zero along a cosine, so that the last steps are small."""


def turn_axes(
    microstructures: Sequence[Microstructure],
    wanted: np.ndarray,
    autoencoder: Autoencoder,
    regressor: Regressor | None = None,
    anchor_weight: float = 1.0,
    steps: int = STEPS,
    rate_rad: float = RATE_RAD,
) -> list[Microstructure]:
    """The same grains with axes turned towards wanted codes.

    Args:
        microstructures: n structures on the autoencoder's grid.
        wanted: (n, latent_dim) the code that each of them should have.
        autoencoder: whose encoder is asked; it stays as it is.
        regressor: if given, the anchor points predicted from the structure's code are also drawn towards those
            predicted from the wanted one, in units of the labels' standard deviation. Give it wherever there is one:
            where no sharp structure has the wanted code, the nearest code can be one with other anchors.
        anchor_weight: of that term against the codes' squared distance per latent dimension.
        steps: gradient steps.
        rate_rad: length of the first of them.

    Returns:
        Structures in the same order. One whose loss could not be lowered comes back as it was.

    Raises:
        InputError: if a structure is not on this grid or there is not one wanted code for each.
    """
    wanted = np.asarray(wanted, np.float32)
    if wanted.shape != (len(microstructures), autoencoder.latent_dim):
        raise InputError(
            f"turn_axes: one code of length {autoencoder.latent_dim} is needed for each of "
            f"{len(microstructures)} structures, got an array of shape {wanted.shape}"
        )
    if not np.isfinite(wanted).all():
        raise InputError("turn_axes: the wanted codes must be finite")
    for index, microstructure in enumerate(microstructures):
        autoencoder.encoding.check(microstructure, f"structure {index}")
    if not microstructures:
        return []
    grains = max(m.grain_angle_rad.size for m in microstructures)
    rows = min(BATCH, len(microstructures))
    turner = _Turner(autoencoder, regressor, anchor_weight, (rows, grains))
    turner.compile(keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(rate_rad, steps)), jit_compile=False)
    turned: list[Microstructure] = []
    for start in range(0, len(microstructures), rows):
        batch = microstructures[start : start + rows]
        angles = _turned(turner, batch, wanted[start : start + rows], steps)
        turned += [
            Microstructure(m.grain_id, a[: m.grain_angle_rad.size], m.cell_nm)
            for m, a in zip(batch, angles, strict=True)
        ]
    return turned


def _turned(turner: _Turner, batch: Sequence[Microstructure], wanted: np.ndarray, steps: int) -> np.ndarray:
    """(rows of the batch, grains) angles after the turn."""
    rows, grains = turner.angles.shape
    fill = [min(i, len(batch) - 1) for i in range(rows)]  # a short batch repeats its last structure
    ids = np.stack([batch[i].grain_id for i in fill])
    start = np.zeros((rows, grains), np.float32)
    for row, i in enumerate(fill):
        start[row, : batch[i].grain_angle_rad.size] = batch[i].grain_angle_rad
    goal = wanted[fill]
    turner.begin(start)
    before = turner.losses_of(ids, goal)

    def again() -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for _ in range(steps):
            yield ids, goal

    turner.fit(again(), steps_per_epoch=steps, epochs=1, verbose=0, shuffle=False)
    angles = np.asarray(turner.angles.numpy(), np.float64)
    better = turner.losses_of(ids, goal) < before
    return np.where(better[:, None], angles, start)[: len(batch)]


class _Turner(keras.Model):  # type: ignore[name-defined, misc]
    """Grain ids (rows, ny, nx) to codes; the grains' angles (rows, grains) are its one trainable weight."""

    def __init__(
        self, autoencoder: Autoencoder, regressor: Regressor | None, anchor_weight: float, shape: tuple[int, int]
    ) -> None:
        super().__init__(name="turner")
        encoding, encoder = autoencoder.encoding, autoencoder.encoder
        self.angles = self.add_weight(shape=shape, initializer="zeros", trainable=True, name="angles")
        # Functions, not layers: what Keras does not track it does not train.
        self._code: Callable[[Any], Any] = lambda angle: encoder(image_of_angles(encoding, angle), training=False)[0]
        self._grid = encoding.shape
        self._cost = _cost(regressor, anchor_weight)

    def call(self, ids: Any) -> Any:
        rows, (ny, nx) = self.angles.shape[0], self._grid
        cells = ops.take_along_axis(self.angles, ops.reshape(ids, (rows, ny * nx)), axis=1)
        return self._code(ops.reshape(cells, (rows, ny, nx)))

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """Sum over the rows, which share nothing: each goes its own way."""
        return ops.sum(self._cost(y, y_pred))

    def begin(self, angles: np.ndarray) -> None:
        """Start anew from these angles, with an optimiser that remembers nothing."""
        self.angles.assign(angles)
        self.optimizer.build(self.trainable_variables)
        for variable in self.optimizer.variables:
            if "learning_rate" not in variable.path:
                variable.assign(ops.zeros_like(variable))

    def losses_of(self, ids: np.ndarray, wanted: np.ndarray) -> np.ndarray:
        """(rows,) loss of each structure as it stands."""
        return ops.convert_to_numpy(self._cost(wanted, self.call(ops.convert_to_tensor(ids))))


def _cost(regressor: Regressor | None, weight: float) -> Callable[[Any, Any], Any]:
    """(rows,) mean squared distance of codes, plus that of the anchors predicted from them."""

    def distance(wanted: Any, code: Any) -> Any:
        return ops.mean(ops.square(code - wanted), axis=-1)

    if regressor is None:
        return distance
    network, std = regressor.network, np.asarray(regressor.scaling.std, np.float32)

    def with_anchors(wanted: Any, code: Any) -> Any:
        change = ops.mean(network(code, training=False) - network(wanted, training=False), axis=1) / std
        return distance(wanted, code) + weight * ops.mean(ops.square(change), axis=-1)

    return with_anchors


def image_of_angles(encoding: Encoding, angle_rad: Any) -> Any:
    """Images (n, height, width, channels) of axis angles (n, ny, nx) as `Encoding.images_of_angles` makes them, in
    the backend's own operations, so that a gradient runs through."""
    if encoding.kind == "kx":
        head = ops.where(ops.cos(angle_rad) < 0, -1.0, 1.0)
        image = (ops.sin(angle_rad) * head)[..., None]
    else:
        image = ops.stack([ops.sin(2 * angle_rad), ops.cos(2 * angle_rad)], axis=-1)
    step = encoding.cells_per_pixel
    return image if step == 1 else ops.average_pool(image, step, step, "valid", data_format="channels_last")
