"""Settings of the two trainings, readable without Keras."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulation import InputError


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train.

    Args:
        epochs: passes over the data.
        batch_size: samples a step.
        learning_rate: of Nadam, at the start.
        cosine: let the rate fall to zero along half a cosine; else it stays (the paper's).
        patience: stop when the validation loss has not fallen for so many epochs and go back to the best weights;
            None: train to the end and keep the last.

    Raises:
        InputError: if a number is out of range.
    """

    epochs: int
    batch_size: int
    learning_rate: float = 1e-4
    cosine: bool = False
    patience: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.epochs <= 10**6 or not 1 <= self.batch_size <= 10**6:
            raise InputError(f"epochs and batch_size must be at least 1, got {self.epochs} and {self.batch_size}")
        if not 0 < self.learning_rate <= 1:
            raise InputError(f"learning_rate must lie in (0, 1], got {self.learning_rate}")
        if self.patience is not None and self.patience < 1:
            raise InputError(f"patience must be at least 1 epoch, got {self.patience}")

    def rate(self, step: int, steps: int) -> float:
        """Learning rate at a step of `steps`."""
        return self.learning_rate * (0.5 * (1 + math.cos(math.pi * step / steps)) if self.cosine else 1.0)


@dataclass(frozen=True)
class VAETraining:
    """Settings of the autoencoder's training.

    Args:
        schedule: epochs, batch size, learning rate.
        kl_weight: of the Kullback-Leibler divergence against the squared error, see `surrogate.vae`.
        kl_warmup: share of the training over which that weight rises from zero, 0 to 1.
        mirror: show mirrored copies too, drawn at random.
        validation: share of the images held out, 0 to 0.5.
        seed: of initial weights, noise and order.
    """

    schedule: Schedule = Schedule(epochs=6, batch_size=64, learning_rate=2e-3, cosine=True)
    kl_weight: float = 0.03
    kl_warmup: float = 0.1
    mirror: bool = True
    validation: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.kl_weight < 1e9 or not 0 <= self.kl_warmup <= 1 or not 0 <= self.validation <= 0.5:
            raise InputError("kl_weight must not be negative, kl_warmup lie in 0 to 1 and validation in 0 to 0.5")


@dataclass(frozen=True)
class RegressorTraining:
    """Settings of the regressor's training.

    Args:
        schedule: epochs (passes over the labels, of each one copy at random), batch size, learning rate.
        folds: every member leaves one label in so many out, each others, for the early stop and the residuals;
            0: every member learns from all labels, as the paper's.
        noise: standard deviations of the encoder's own posterior added to a code when it is shown, against
            overfitting; 0: the mean code, as the paper's.
        mirror: show the mirrored copies of a structure too, drawn at random; they have its label.
        huber: errors beyond so many standard deviations of a target count linearly; 0: squared error throughout.
        seed: of initial weights and order.
    """

    schedule: Schedule = Schedule(epochs=300, batch_size=64, learning_rate=4e-3, cosine=True)
    folds: int = 4
    noise: float = 1.0
    mirror: bool = True
    huber: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.folds == 1 or not 0 <= self.folds <= 64 or not 0 <= self.noise <= 10 or self.huber < 0:
            raise InputError("folds must be 0 or 2 to 64, noise lie in 0 to 10 and huber not be negative")


@dataclass(frozen=True)
class GrainDecoderTraining:
    """Settings of the grain decoder's training, see `surrogate.grain_training`.

    Args:
        schedule: epochs, batch size, learning rate.
        beta: sharpness of the soft diagram at first and at last, for lengths in places.
        sharpening: share of the training over which it rises, 0 to 1.
        price: of a seed that owns something.
        code_weight: of the error of the code of what is drawn, against that of the picture.
        mirror: show mirrored copies too, drawn at random.
        seed: of initial weights and order.
    """

    schedule: Schedule = Schedule(epochs=2, batch_size=32, learning_rate=2e-3, cosine=True)
    beta: tuple[float, float] = (4.0, 20.0)
    sharpening: float = 0.6
    price: float = 0.05
    code_weight: float = 2.0
    mirror: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        if not all(0 < value <= 1e4 for value in self.beta) or not 0 <= self.sharpening <= 1:
            raise InputError("beta must be positive numbers and sharpening lie in 0 to 1")
        if not 0 <= self.price < 1e9 or not 0 <= self.code_weight < 1e9:
            raise InputError("price and code_weight must not be negative")
