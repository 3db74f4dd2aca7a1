"""Training of a grain decoder on what an autoencoder decodes, which stays as it is.

Loss of a structure with double-angle picture x and code z, whose diagram shows the field y(z) in which seed i owns
the area A_i (in places, P of them):

    mean_pixels |x - y|^2  +  code_weight mean_latents (E(y) - z)^2  +  price / P sum_i A_i / (A_i + a)

E is the frozen encoder: what is drawn shall have the code that was asked for. The last term counts the seeds that own
something, with a = `SMALL`, so that no seed lives which is not worth its price.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from simulation import InputError, Purpose
from simulation.sampling import generator
from surrogate.architecture import GrainDecoderArchitecture
from surrogate.autoencoder import Autoencoder
from surrogate.axes import with_constants
from surrogate.backend import keras, worth_compiling
from surrogate.batches import Order
from surrogate.encoding import Encoding
from surrogate.fitting import History, Progress, fit
from surrogate.grain_decoder import GrainDecoder, build_grain_network, picture
from surrogate.images import FamilyImages
from surrogate.settings import GrainDecoderTraining
from surrogate.training import checkpoint_of, identity_of

ops = keras.ops

SMALL = 0.25
"""Area in places at which a seed costs half its price."""


def train_grain_decoder(
    autoencoder: Autoencoder,
    images: FamilyImages,
    settings: GrainDecoderTraining,
    architecture: GrainDecoderArchitecture | None = None,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[GrainDecoder, History]:
    """Train a grain decoder for an autoencoder, on structures of the family that this was trained on.

    Args:
        autoencoder: gives the codes; it stays as it is.
        images: of the family's structures, in the autoencoder's encoding.
        settings: of the training.
        architecture: of the network; None: `GrainDecoderArchitecture.of` the family.
        progress, checkpoint: as for `train_vae`.
    """
    if images.encoding != autoencoder.encoding:
        raise InputError("the images for a grain decoder must be in its autoencoder's encoding")
    if architecture is None:
        architecture = GrainDecoderArchitecture.of(autoencoder.encoding.image_shape, images.family.grains[1])
    model = SoftGrains(autoencoder, architecture, settings)
    batches = GrainBatches(model, autoencoder, images, settings)
    steps = settings.schedule.epochs * batches.steps_per_epoch
    model.compile(keras.optimizers.Nadam(settings.schedule.learning_rate), jit_compile=worth_compiling(steps))
    identity = identity_of(
        "grain decoder", architecture, settings, images.identity, *_checksums(autoencoder.encoder.get_weights())
    )
    history = fit(model, batches, settings.schedule, progress, checkpoint_of(checkpoint, identity))
    return GrainDecoder(autoencoder.encoding, architecture, model.network), history


class SoftGrains(keras.Model):  # type: ignore[name-defined, misc]
    """Decoded images to [field, areas]: the network and the diagram of its seeds, with the loss above."""

    def __init__(
        self, autoencoder: Autoencoder, architecture: GrainDecoderArchitecture, settings: GrainDecoderTraining
    ) -> None:
        super().__init__(name="soft_grains")
        keras.utils.set_random_seed(settings.seed)
        self.architecture, self.settings = architecture, settings
        self.network = build_grain_network(architecture)
        self.beta = self.add_weight(name="beta", shape=(), initializer="ones", trainable=False)
        encoding, encoder = autoencoder.encoding, autoencoder.encoder
        # A function, not a layer: what Keras does not track it does not train.
        self._code: Callable[[Any, Any], Any] = lambda field, between: encoder(
            with_constants(image_of_field(encoding, field), between), training=False
        )[0]
        self.error_tracker = keras.metrics.Mean(name="squared_error")
        self.code_tracker = keras.metrics.Mean(name="code_error")
        self.seeds_tracker = keras.metrics.Mean(name="seeds")
        self.built = True

    def call(self, images: Any, training: bool = False) -> Any:
        field, areas = picture(self.network(images, training=training), self.architecture.place, self.beta, sharp=True)
        height, width, _ = self.architecture.image_shape
        return field[:, :height, :width], areas

    def compute_loss(
        self, x: Any = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Any:
        """The loss above, mean over the batch; y the codes, the true double-angle fields in pixels and what
        lies between grains."""
        (field, areas), (code, truth, between) = y_pred, y
        error = ops.mean(ops.sum(ops.square(truth), axis=-1) + 1.0 - 2.0 * ops.sum(field * truth, axis=-1))
        code_error = ops.mean(ops.square(self._code(field, between) - code))
        seeds = ops.mean(ops.sum(areas / (areas + SMALL), axis=(1, 2)))
        self.error_tracker.update_state(error)
        self.code_tracker.update_state(code_error)
        self.seeds_tracker.update_state(seeds)
        rows, columns = self.architecture.grid
        price = self.settings.price / (rows * columns)
        return error + self.settings.code_weight * code_error + price * seeds


class GrainBatches:
    """Decoded images of structures in a random order, mirrored at random, with their codes and double-angle fields."""

    def __init__(
        self, model: SoftGrains, autoencoder: Autoencoder, source: FamilyImages, settings: GrainDecoderTraining
    ) -> None:
        self.model, self.autoencoder, self.settings = model, autoencoder, settings
        encoding = autoencoder.encoding
        self.axes = replace(encoding, kind="double_angle")
        self.source, self.fields = source, source
        if encoding != self.axes:  # the same structures in the double angle, where axes may be averaged
            self.fields = FamilyImages(source.family, self.axes, source.count, source.seed, source.fresh)
        self.size = min(settings.schedule.batch_size, len(source))
        self.steps_per_epoch = len(source) // self.size
        self.steps = self.steps_per_epoch * settings.schedule.epochs
        self.order = Order(settings.seed, len(source))

    def batch(self, epoch: int, step: int) -> tuple[Any, ...]:
        index = self.order(epoch)[step * self.size : (step + 1) * self.size]
        mirror = generator(self.settings.seed, Purpose.TRAINING, epoch, step).random((2, self.size)) < 0.5
        mirror &= self.settings.mirror
        images = self.autoencoder.encoding.mirrored_at(self.source.take(epoch, index), *mirror)
        fields = images
        if self.fields is not self.source:
            fields = self.axes.mirrored_at(self.fields.take(epoch, index), *mirror)
        codes = self.autoencoder.encode_images(images)
        between = images[:, 0, 0, self.autoencoder.encoding.axis_channels :]
        fields = fields[..., : self.axes.axis_channels]
        return self.autoencoder.decode_images(codes), (codes, fields, between)

    def before_step(self, step: int) -> None:
        first, last = self.settings.beta
        share = min(1.0, step / max(1.0, self.settings.sharpening * self.steps))
        self.model.beta.assign(first * (last / first) ** share)

    def validate(self, epoch: int) -> dict[str, float]:
        """What counts, the drawn grains, is judged by `studies.benchmarks.decoding`."""
        return {}


def image_of_field(encoding: Encoding, field: Any) -> Any:
    """Images (n, height, width, axis channels) of a double-angle field r (sin 2a, cos 2a), (n, height, width, 2), on
    the same pixels, so that a gradient runs through; "kx" is sin a with cos a >= 0, and sin 2a = 2 sin a cos a."""
    if encoding.kind == "double_angle":
        return field
    length = ops.sqrt(ops.sum(ops.square(field), axis=-1, keepdims=True) + 1e-6)
    cosine = field[..., 1:] / length
    return field[..., :1] / length / ops.sqrt(2 * (1 + cosine) + 1e-3)


def _checksums(arrays: list[np.ndarray]) -> list[str]:
    return [hashlib.sha256(array.tobytes()).hexdigest() for array in arrays]
