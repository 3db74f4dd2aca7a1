"""A decoder that draws grains: from a decoded image to the seeds of a Laguerre diagram, sharp at once.

What an autoencoder decodes is blurred where its code says too little. This network reads that image, of whatever
layout the code is, and answers with five numbers for every place of a grid: a weight w <= 0, the seed's offset from the
middle of the place, and the axis of its grain as a double-angle vector. Seed i at s_i owns the points x of largest
score

    q_i(x) = w_i - |x - s_i|^2  =  2 x.s_i + (w_i - |s_i|^2) - |x|^2          (lengths in places)

which is the Laguerre (power) diagram of the seeds (Aurenhammer 1987): convex grains by construction. A seed whose
weight is low enough owns nothing, so the number of grains is free. Training sees the same diagram softly, the axes
mixed by softmax(beta q) over the 5 x 5 places around a point, with beta rising: `surrogate.grain_training`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np

from simulation import InputError, Microstructure
from surrogate.architecture import GrainDecoderArchitecture
from surrogate.backend import in_batches, keras
from surrogate.encoding import Encoding

layers, ops = keras.layers, keras.ops

NUMBERS = 5
"""Of a place, as the network puts them out: weight, offset in x, in y, axis (two), each before its activation."""

REACH = 2
"""Places around a point, on either side, whose seeds the soft picture knows."""

FARTHEST = 1.0
"""Offset of a seed from the middle of its place, places, at most; a second grain in one place moves into the next."""

LARGEST_BATCH, THREADS = 64, 4


def build_grain_network(architecture: GrainDecoderArchitecture) -> Any:
    """Network from decoded images (n, height, width, channels) to raw numbers (n, rows, columns, `NUMBERS`)."""
    filters, place = architecture.filters, architecture.place
    image = keras.Input(architecture.image_shape, name="image")
    x = layers.Conv2D(filters, max(3, 2 * place), place, padding="same", activation="elu", name="conv")(image)
    for block in range(architecture.blocks):
        y = layers.Conv2D(filters, 3, padding="same", activation="elu", name=f"conv_{block}_0")(x)
        y = layers.Conv2D(filters, 3, padding="same", name=f"conv_{block}_1")(y)
        x = layers.Activation("elu", name=f"elu_{block}")(layers.Add(name=f"bypass_{block}")([x, y]))
    return keras.Model(image, layers.Conv2D(NUMBERS, 1, name="seeds")(x), name="grain_decoder")


def seeds_of(raw: Any) -> tuple[Any, Any, Any]:
    """Weights (n, rows, columns), offsets (..., 2) in x and y, both in places, and unit axis vectors (..., 2)."""
    vector = raw[..., 3:5]
    length = ops.sqrt(ops.sum(ops.square(vector), axis=-1, keepdims=True) + 1e-6)
    return -0.5 * ops.softplus(-raw[..., 0]), FARTHEST * ops.tanh(raw[..., 1:3]), vector / length


def picture(raw: Any, place: int, beta: Any, sharp: bool = False) -> tuple[Any, Any]:
    """The diagram as the training sees it, `place` x `place` points in every place.

    Args:
        raw: (n, rows, columns, `NUMBERS`) as the network puts them out.
        place: points along the edge of a place, at the centres of as many pixels.
        beta: sharpness, for lengths in places.
        sharp: give the values of beta = infinity, with the gradients of this beta (the straight-through estimator of
            Bengio et al. 2013): what is judged is what will be drawn.

    Returns:
        The double-angle field (n, rows * place, columns * place, 2), and the area (n, rows, columns) in places that
        each seed owns of it.
    """
    rows, columns = raw.shape[1:3]
    weight, offset, vector = seeds_of(raw)
    around = _around(ops.concatenate([offset, weight[..., None], vector], axis=-1))  # (n, rows, columns, 25, 5)
    there = _around(ops.ones((1, rows, columns, 1)))[..., 0]
    seed = around[..., :2] + _SHIFTS
    own = around[..., 2] - ops.sum(ops.square(seed), axis=-1) - 100.0 * (1.0 - there)
    middle = (np.arange(place, dtype=np.float32) + 0.5) / place - 0.5
    x, y = np.tile(middle, place), np.repeat(middle, place)
    score = 2 * (seed[..., :1] * x + seed[..., 1:2] * y) + own[..., None]
    share = ops.softmax(beta * score, axis=3)  # (n, rows, columns, 25, points)
    if sharp:
        first = ops.cast(score >= ops.max(score, axis=3, keepdims=True), "float32")
        share = share + ops.stop_gradient(first - share)
    field = ops.stack([ops.sum(share * around[..., i : i + 1], axis=3) for i in (3, 4)], axis=-1)
    field = ops.transpose(ops.reshape(field, (-1, rows, columns, place, place, 2)), (0, 1, 3, 2, 4, 5))
    return ops.reshape(field, (-1, rows * place, columns * place, 2)), _owned(ops.mean(share, axis=-1))


_SIDE = 2 * REACH + 1
_SHIFTS = np.array([(ix - REACH, iy - REACH) for iy in range(_SIDE) for ix in range(_SIDE)], np.float32)


def _around(values: Any) -> Any:
    """(n, rows, columns, c) to (n, rows, columns, 25, c): those of the places around each, 0 beyond the edge."""
    rows, columns = values.shape[1:3]
    padded = ops.pad(values, ((0, 0), (REACH, REACH), (REACH, REACH), (0, 0)))
    views = [padded[:, iy : iy + rows, ix : ix + columns] for iy in range(_SIDE) for ix in range(_SIDE)]
    return ops.stack(views, axis=3)


def _owned(share: Any) -> Any:
    """(n, rows, columns, 25) shares of the places around each to (n, rows, columns) what each owns in all."""
    rows, columns = share.shape[1:3]
    padded = ops.pad(share, ((0, 0), (REACH, REACH), (REACH, REACH), (0, 0)))
    total = 0.0
    for i in range(_SIDE**2):
        iy, ix = 2 * REACH - i // _SIDE, 2 * REACH - i % _SIDE
        total = total + padded[:, iy : iy + rows, ix : ix + columns, i]
    return total


class GrainDecoder:
    """A trained network with the grid of the structures that it draws.

    Args:
        encoding: of the autoencoder whose images it knows.
        architecture: of the network.
        network: trained; a new one with untrained weights if None.
    """

    def __init__(self, encoding: Encoding, architecture: GrainDecoderArchitecture, network: Any = None) -> None:
        if architecture.image_shape != encoding.image_shape:
            raise InputError(
                f"a grain decoder for images of {architecture.image_shape} cannot read those of {encoding.image_shape}"
            )
        self.encoding, self.architecture = encoding, architecture
        self.network = build_grain_network(architecture) if network is None else network
        self.network.compile(optimizer=None, jit_compile=False)

    def draw(self, images: np.ndarray) -> list[Microstructure]:
        """Structures of decoded images (n, height, width, channels): the sharp diagram, neighbours that tell one grain
        merged."""
        from surrogate.laguerre import grains_of_seeds  # Numba takes half a second

        def structure(seeds: np.ndarray, weights: np.ndarray, vectors: np.ndarray) -> Microstructure:
            grain_id, means = grains_of_seeds(seeds, weights, vectors, *self.encoding.shape)
            return Microstructure(grain_id, 0.5 * np.arctan2(means[:, 0], means[:, 1]), self.encoding.cell_nm)

        with ThreadPoolExecutor(THREADS) as pool:  # what is compiled lets go of the interpreter
            return list(pool.map(structure, *self.seeds(images)))

    def seeds(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Positions (n, k, 2) of seeds (x, y) in cells, weights (n, k) in squared cells, and unit double-angle vectors
        (n, k, 2), one seed for each of k places."""
        raw = in_batches(self.network.predict_on_batch, images, LARGEST_BATCH)[0]
        weight, offset, vector = (ops.convert_to_numpy(part).astype(np.float64) for part in seeds_of(raw))
        rows, columns = self.architecture.grid
        cells = self.architecture.place * self.encoding.cells_per_pixel
        middle = np.stack(np.meshgrid(np.arange(columns) + 0.5, np.arange(rows) + 0.5), axis=-1)
        n, places = len(raw), rows * columns
        return (
            (cells * (middle + offset)).reshape(n, places, 2),
            (cells**2 * weight).reshape(n, places),
            vector.reshape(n, places, 2),
        )


def with_axes_moved(structure: Microstructure, by: np.ndarray) -> Microstructure:
    """The same grains, each axis moved by the mean of a double-angle field (ny, nx, 2) over its grain."""
    owner, angle = structure.grain_id.ravel(), structure.grain_angle_rad
    count = len(angle)
    area = np.maximum(np.bincount(owner, minlength=count), 1)
    sine, cosine = (np.bincount(owner, by[..., i].ravel(), count) / area for i in range(2))
    moved = 0.5 * np.arctan2(np.sin(2 * angle) + sine, np.cos(2 * angle) + cosine)
    return replace(structure, grain_angle_rad=moved)
