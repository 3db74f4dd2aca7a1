"""What the trainings learn from, step by step; every batch is a function of (seed, epoch, step) alone."""

from __future__ import annotations

from typing import Any

import numpy as np

from simulation import InputError, Purpose
from simulation.sampling import generator
from surrogate.backend import in_batches
from surrogate.encoding import Encoding
from surrogate.images import FamilyImages, ImageArray
from surrogate.regressor import RegressorNetwork
from surrogate.settings import RegressorTraining, VAETraining
from surrogate.vae import VAE


class Order:
    """A new permutation of n things in every epoch."""

    def __init__(self, seed: int, n: int) -> None:
        self.seed, self.n = seed, n
        self._epoch, self._permutation = -1, np.arange(n)

    def __call__(self, epoch: int) -> np.ndarray:
        if epoch != self._epoch:
            rng = generator(self.seed, Purpose.TRAINING, epoch)
            self._epoch, self._permutation = epoch, rng.permutation(self.n)
        return self._permutation


class ImageBatches:
    """Images in a random order, mirrored at random."""

    def __init__(self, model: VAE, source: FamilyImages | ImageArray, encoding: Encoding, settings: VAETraining):
        self.model, self.source, self.encoding, self.settings = model, source, encoding, settings
        held = int(len(source) * settings.validation)
        self.count = len(source) - held
        self.size = min(settings.schedule.batch_size, self.count)
        if self.size < 1:
            raise InputError("there are no images to train an autoencoder on")
        self.steps_per_epoch = self.count // self.size
        self.steps = self.steps_per_epoch * settings.schedule.epochs
        self.held = np.arange(self.count, len(source))
        self.order = Order(settings.seed, self.count)

    def batch(self, epoch: int, step: int) -> tuple[Any, ...]:
        index = self.order(epoch)[step * self.size : (step + 1) * self.size]
        images = self.source.take(epoch, index)
        if self.settings.mirror:
            rng = generator(self.settings.seed, Purpose.TRAINING, epoch, step)
            images = self.encoding.mirrored_at(images, *(rng.random((2, self.size)) < 0.5))
        return (images,)

    def before_step(self, step: int) -> None:
        warmup = self.settings.kl_warmup * self.steps
        self.model.kl_weight.assign(self.settings.kl_weight * min(1.0, step / warmup if warmup else 1.0))

    def validate(self, epoch: int) -> dict[str, float]:
        """The loss of the mean code, with the full weight whatever the warm-up."""
        if not len(self.held):
            return {}
        images = self.source.take(0, self.held)
        decoded, mean, log_variance = in_batches(self.model.predict_on_batch, images, self.size)
        pixels = images.shape[1] * images.shape[2]
        error = float(np.mean(np.sum((images - decoded) ** 2, axis=(1, 2, 3)))) / pixels
        kl = float(np.mean(0.5 * np.sum(np.exp(log_variance) + mean**2 - 1 - log_variance, axis=1)))
        return {"val_loss": error + self.settings.kl_weight * kl / pixels, "val_squared_error": error, "val_kl": kl}


class LabelBatches:
    """Codes of labelled structures in a random order, of each structure one of its mirrored copies at random.

    Args:
        network: the ensemble.
        codes: (n, copies, 2, latent_dim) mean of each copy's code and standard deviation of the noise added to it.
        labels: (n, 6), NaN where missing.
        settings: of the training.
        number: (n,) of each label, which decides what fold it belongs to; 0, 1, 2, ... if None.
    """

    VALIDATIONS = 40
    """How often at most the held-out labels are looked at."""

    def __init__(
        self,
        network: RegressorNetwork,
        codes: np.ndarray,
        labels: np.ndarray,
        settings: RegressorTraining,
        number: np.ndarray | None = None,
    ) -> None:
        self.network, self.settings = network, settings
        self.codes, self.labels = codes.astype(np.float32), labels.astype(np.float32)
        self.held = held_out(np.arange(len(labels)) if number is None else number, network.members, settings.folds)
        self.weight = (~self.held).astype(np.float32)
        self.size = min(settings.schedule.batch_size, len(labels))
        self.steps_per_epoch = len(labels) // self.size
        self.every = max(1, settings.schedule.epochs // self.VALIDATIONS)
        self.order = Order(settings.seed, len(labels))

    def batch(self, epoch: int, step: int) -> tuple[Any, ...]:
        rows = self.order(epoch)[step * self.size : (step + 1) * self.size]
        rng = generator(self.settings.seed, Purpose.TRAINING, epoch, step)
        shown = self.codes[rows, rng.integers(self.codes.shape[1], size=len(rows))]
        code = shown[:, 0]
        if self.settings.noise:
            code = code + shown[:, 1] * rng.standard_normal(code.shape, np.float32)
        return code, self.labels[rows], self.weight[rows]

    def before_step(self, step: int) -> None:
        """Nothing to warm up."""

    def validate(self, epoch: int) -> dict[str, float]:
        """Mean square error of the members on what they have not seen, in units of the labels' variance."""
        if not self.held.any() or (epoch % self.every and epoch != self.settings.schedule.epochs):
            return {}
        scaled = self.residuals() / np.asarray(self.network.scaling.std)
        return {"val_loss": float(np.nanmean(scaled**2))}

    def residuals(self) -> np.ndarray:
        """Predicted minus computed of what a member has not seen (members, n, 6); NaN elsewhere."""
        if not self.held.any():
            return np.full((self.network.members, *self.labels.shape), np.nan)
        predicted = in_batches(self.network.predict_on_batch, self.codes[:, 0, 0], 4096)[0]
        error = predicted - self.labels[:, None, :]
        return np.where(self.held[:, :, None], error, np.nan).transpose(1, 0, 2).astype(np.float64)


def held_out(number: np.ndarray, members: int, folds: int) -> np.ndarray:
    """(n, members) whether a label is left out for a member, which is one label in `folds`.

    Label number i lies in half-fold i % (2 folds), and member m leaves out half-folds m and m + 1: neighbours share
    one, so that there are labels which two members have not seen. Labels added at the end leave those of before as
    they are.
    """
    if folds == 0 or len(number) < 2 * folds:
        return np.zeros((len(number), members), bool)
    behind = (number[:, None] - np.arange(members)[None, :]) % (2 * folds)
    return behind <= 1
