"""Variational autoencoder of grain structures: Kovacs et al. (2022), Table 1.

Loss of a structure x with code mean mu, log-variance s and decoded image y(z), z = mu + exp(s / 2) e:

    sum over pixels and channels of (x - y)^2  +  kl_weight * 1/2 sum over latents of (exp(s) + mu^2 - 1 - s)

Both are sums, so this is, up to a factor, the evidence bound of a decoder with Gaussian noise of variance
kl_weight / 2 in every channel of a pixel: the weight says how well a pixel is to be known, whatever the grid. (The
mean over pixels with a weight of 1, a common reading of "MSE + KL", is kl_weight = the number of pixels: no latent
dimension survives that.)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from surrogate.architecture import VAEArchitecture
from surrogate.backend import keras

layers, ops = keras.layers, keras.ops


def build_encoder(architecture: VAEArchitecture) -> Any:
    """Network from images to [mean, log-variance] of the code, each (n, latent_dim)."""
    image = keras.Input(architecture.image_shape, name="image")
    if architecture.layout == "grid":
        return keras.Model(image, _grid_code(architecture, image), name="encoder")
    x = image
    for level, filters in enumerate(architecture.filters):
        kernel = 4 if level == 0 else 2
        x = layers.Conv2D(filters, kernel, strides=2, padding="same", activation="elu", name=f"conv_{level}")(x)
    x = layers.Flatten(name="flat")(x)
    x = layers.Dense(architecture.hidden, activation="elu", name="hidden")(x)
    mean = layers.Dense(architecture.latent_dim, name="mean")(x)
    log_variance = layers.Dense(architecture.latent_dim, name="log_variance")(x)
    return keras.Model(image, [mean, log_variance], name="encoder")


def build_decoder(architecture: VAEArchitecture) -> Any:
    """Network from codes (n, latent_dim) to images in (-1, 1).

    tanh bounds every channel for itself. In the double angle a blurred axis is a vector shorter than 1, which both
    channels can be, so the pair is left free to shrink where the decoder is in doubt: its length is its confidence.
    """
    code = keras.Input((architecture.latent_dim,), name="code")
    if architecture.layout == "grid":
        return keras.Model(code, _grid_image(architecture, code), name="decoder")
    x = layers.Dense(architecture.hidden, activation="elu", name="hidden")(code)
    x = layers.Dense(architecture.flat, activation="elu", name="flat")(x)
    x = layers.Reshape((*architecture.grids[-1], architecture.filters[-1]), name="features")(x)
    outputs = [*architecture.filters[-2::-1], architecture.image_shape[2]]
    for level, (filters, grid) in enumerate(zip(outputs, architecture.grids[-2::-1], strict=True)):
        last = level == len(outputs) - 1
        x = layers.Conv2DTranspose(
            filters,
            4 if last else 2,
            strides=2,
            padding="same",
            activation="tanh" if last else "elu",
            name=f"conv_{level}",
        )(x)
        surplus = (x.shape[1] - grid[0], x.shape[2] - grid[1])  # an edge that was odd has come back one too long
        if any(surplus):
            x = layers.Cropping2D(((0, surplus[0]), (0, surplus[1])), name=f"crop_{level}")(x)
    return keras.Model(code, x, name="decoder")


GRID_FILTERS = (24, 48)
"""Filters of the two convolutions of stride 2 between an image and a code that is a grid; kernels are 4 x 4."""


def _grid_code(architecture: VAEArchitecture, image: Any) -> list[Any]:
    """Mean and log-variance: two convolutions of stride 2, one of stride 1 with a bypass, and one for each number."""
    x, (low, high) = image, (max(1, round(n * architecture.width)) for n in GRID_FILTERS)
    for level, filters in enumerate((low, high)):
        x = layers.Conv2D(filters, 4, strides=2, padding="same", activation="elu", name=f"conv_{level}")(x)
    x = layers.Add(name="bypass")([x, layers.Conv2D(high, 3, padding="same", activation="elu", name="conv_2")(x)])
    channels = architecture.latent_dim // math.prod(architecture.latent_grid)
    return [layers.Flatten(name=f"flat_{n}")(layers.Conv2D(channels, 1, name=n)(x)) for n in ("mean", "log_variance")]


def _grid_image(architecture: VAEArchitecture, code: Any) -> Any:
    """The way back of `_grid_code`."""
    low, high = (max(1, round(n * architecture.width)) for n in GRID_FILTERS)
    channels = architecture.latent_dim // math.prod(architecture.latent_grid)
    x = layers.Reshape((*architecture.latent_grid, channels), name="grid")(code)
    x = layers.Conv2D(high, 3, padding="same", activation="elu", name="conv_0")(x)
    x = layers.Add(name="bypass")([x, layers.Conv2D(high, 3, padding="same", activation="elu", name="conv_1")(x)])
    x = layers.Conv2DTranspose(low, 4, strides=2, padding="same", activation="elu", name="conv_2")(x)
    height, width, colors = architecture.image_shape
    x = Conv2DTranspose(colors, 4, strides=2, padding="same", activation="tanh", name="conv_3")(x)
    surplus = (x.shape[1] - height, x.shape[2] - width)
    return layers.Cropping2D(((0, surplus[0]), (0, surplus[1])), name="crop")(x) if any(surplus) else x


class Conv2DTranspose(layers.Conv2DTranspose):  # type: ignore[name-defined, misc]
    """Kernel 4, stride 2, padding "same", by one convolution of 2 x 2: in half the time where few filters come out.

    Two neighbouring pixels give the two between their centres, in each direction: with a margin of zeros, (n + 1)^2
    places of four pixels each, of which the outermost are cut off. Weights and name are those of Keras's own layer.
    """

    def call(self, x: Any) -> Any:
        """(n, height, width, c) to (n, 2 height, 2 width, filters)."""
        height, width, channels = x.shape[1:]
        taps = ops.flip(ops.reshape(self.kernel, (2, 2, 2, 2, self.filters, channels)), (0, 2))
        taps = ops.reshape(ops.transpose(taps, (0, 2, 5, 1, 3, 4)), (2, 2, channels, 4 * self.filters))
        x = ops.conv(ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), taps, 1, "valid")
        x = ops.reshape(x, (-1, height + 1, width + 1, 2, 2, self.filters))
        x = ops.reshape(ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, 2 * height + 2, 2 * width + 2, self.filters))
        return self.activation(x[:, 1:-1, 1:-1] + self.bias)


class VAE(keras.Model):  # type: ignore[name-defined, misc]
    """Encoder and decoder with the loss above; `kl_weight` is a variable, so that it can be warmed up.

    Args:
        architecture: sizes of both networks.
        seed: of the initial weights and of the noise.
    """

    def __init__(self, architecture: VAEArchitecture, seed: int = 0) -> None:
        super().__init__(name="vae")
        self.architecture = architecture
        keras.utils.set_random_seed(seed)  # initial weights; the noise has a generator of its own
        self.encoder = build_encoder(architecture)
        self.decoder = build_decoder(architecture)
        self.noise = keras.random.SeedGenerator(seed)
        self.kl_weight = self.add_weight(name="kl_weight", shape=(), initializer="ones", trainable=False)
        self.error_tracker = keras.metrics.Mean(name="squared_error")
        self.kl_tracker = keras.metrics.Mean(name="kl")
        self.built = True

    def call(self, images: Any, training: bool = False) -> Any:
        """(decoded image, mean, log-variance); decodes a random code in training, the mean otherwise."""
        mean, log_variance = self.encoder(images, training=training)
        code = mean
        if training:
            code = mean + ops.exp(0.5 * log_variance) * keras.random.normal(ops.shape(mean), seed=self.noise)
        return self.decoder(code, training=training), mean, log_variance

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss above, mean over the batch."""
        decoded, mean, log_variance = y_pred
        error = ops.mean(ops.sum(ops.square(x - decoded), axis=(1, 2, 3)))
        kl = ops.mean(0.5 * ops.sum(ops.exp(log_variance) + ops.square(mean) - 1.0 - log_variance, axis=1))
        pixels = self.architecture.image_shape[0] * self.architecture.image_shape[1]
        self.error_tracker.update_state(error / pixels)
        self.kl_tracker.update_state(kl)
        # Nadam does not care for the scale of a loss; per pixel it stays a number of order one
        return (error + self.kl_weight * kl) / pixels


def parameters(model: Any) -> int:
    """Number of trainable weights."""
    return int(sum(np.prod(variable.shape) for variable in model.trainable_variables))
