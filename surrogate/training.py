"""Training of autoencoder and regressor: settings, data, and the calls that a study makes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from simulation import ANCHORS, InputError, Microstructure, Purpose
from simulation.sampling import generator
from surrogate.architecture import RegressorArchitecture, VAEArchitecture
from surrogate.autoencoder import Autoencoder
from surrogate.backend import keras, worth_compiling
from surrogate.batches import ImageBatches, LabelBatches
from surrogate.checkpoint import Checkpoint
from surrogate.encoding import Encoding
from surrogate.fitting import History, Progress, fit
from surrogate.images import FamilyImages, ImageArray
from surrogate.novelty import Novelty
from surrogate.regressor import Regressor, RegressorNetwork, TargetScaling
from surrogate.settings import RegressorTraining, Schedule, VAETraining
from surrogate.surrogate import Surrogate
from surrogate.vae import VAE

REHEARSED = 1024
"""Labels at most that a regressor goes over again when new ones are added."""


def train_vae(
    images: FamilyImages | np.ndarray,
    encoding: Encoding,
    architecture: VAEArchitecture,
    settings: VAETraining,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Autoencoder, History]:
    """Train an autoencoder.

    Args:
        images: where they come from, or (n, height, width, channels) themselves.
        encoding: that they were made with.
        architecture: of the networks.
        settings: of the training.
        progress: called as progress(done, total, losses).
        checkpoint: folder for the state, resumed from if it holds one of this very training.

    Returns:
        The autoencoder and its history.
    """
    source = ImageArray(images) if isinstance(images, np.ndarray) else images
    model = VAE(architecture, settings.seed)
    batches = ImageBatches(model, source, encoding, settings)
    _compile(model, batches, settings.schedule)
    identity = identity_of("vae", architecture, settings, source.identity)
    history = fit(model, batches, settings.schedule, progress, checkpoint_of(checkpoint, identity))
    return Autoencoder(encoding, architecture, model.encoder, model.decoder), history


def train_regressor(
    autoencoder: Autoencoder,
    microstructures: Sequence[Microstructure],
    labels: np.ndarray,
    architecture: RegressorArchitecture,
    settings: RegressorTraining,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Surrogate, History]:
    """Train an ensemble of regressors on labelled structures and, if the settings say so, their mirrored copies.

    Args:
        autoencoder: gives the codes; it stays as it is.
        microstructures: n structures.
        labels: (n, 6) anchor points in the order of `simulation.ANCHORS`, NaN where missing.
        architecture: of the regressor.
        settings: of the training.
        progress, checkpoint: as for `train_vae`.

    Returns:
        The surrogate and the history of its regressor.

    Raises:
        InputError: if labels and structures do not fit each other.
    """
    codes = label_codes(autoencoder, microstructures, settings)
    regressor, history = fit_regressor(codes, labels, architecture, settings, None, progress, checkpoint)
    novelty = Novelty.of(autoencoder, architecture.grid, microstructures)
    return Surrogate(autoencoder, regressor, known=novelty), history


def continue_training(
    surrogate: Surrogate,
    microstructures: Sequence[Microstructure],
    labels: np.ndarray,
    settings: RegressorTraining,
    new: int = 0,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Surrogate, History]:
    """Go on from a surrogate's regressor with more labels: those it had, in the same order, and then the new ones.

    The order decides which fold a label belongs to, so that what a member has never seen stays unseen. The new ones are
    learnt beside a random choice of the old ones, `REHEARSED` at most, lest these be forgotten (rehearsal, Robins
    1995): it takes seconds however many labels there are.

    Args:
        surrogate: stays as it is.
        microstructures, labels: all of them, old and new.
        settings: of the continued training: few epochs at a small rate will do.
        new: how many of them, at the end, are new.
        progress, checkpoint: as for `train_vae`.
    """
    labels = _checked(np.asarray(labels, np.float64), len(microstructures))
    old = max(0, len(labels) - new)
    rehearsed = generator(settings.seed, Purpose.TRAINING, 0, 0, old).permutation(old)[:REHEARSED]
    rows = np.concatenate([np.sort(rehearsed), np.arange(old, len(labels))])
    codes = label_codes(surrogate.autoencoder, [microstructures[i] for i in rows], settings)
    start = surrogate.regressor
    regressor, history = fit_regressor(
        codes, labels[rows], start.architecture, settings, start, progress, checkpoint, number=rows
    )
    return replace(surrogate, regressor=regressor), history


def settle_between(
    autoencoder: Autoencoder,
    start: Regressor,
    codes: np.ndarray,
    labels: np.ndarray,
    midpoints: int,
    settings: RegressorTraining,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
) -> tuple[Regressor, History]:
    """Go on training until a code half way between two structures predicts what its decoded field does.

    In such a code both structures show through. A regressor that has seen codes of structures only says one thing of
    it, and another of the field that it decodes to, encoded again; a search walks through just these codes. So random
    midpoints, as they are and encoded again, join the labels, with what the regressor itself says of the latter
    (pseudo-labels, Lee 2013).

    Args:
        autoencoder: of the codes; it stays as it is.
        start: a trained regressor; it stays as it is.
        codes, labels: (n, copies, 2, latent_dim) and (n, 6) that it was trained on.
        midpoints: how many, of random pairs of these codes.
        settings: of this training; no label is held out.
        progress, checkpoint: as for `train_vae`.
    """
    rng = generator(settings.seed, Purpose.TRAINING, 0, 0, midpoints)
    every = codes[:, :, 0].reshape(-1, codes.shape[-1])
    one, other = rng.integers(len(every), size=(2, midpoints))
    between = (every[one] + every[other]) / 2
    again = autoencoder.encode_images(autoencoder.decode_images(between))
    shown = np.zeros((midpoints, *codes.shape[1:]), codes.dtype)  # without noise
    shown[:, 0::2, 0], shown[:, 1::2, 0] = between[:, None], again[:, None]
    extended = np.concatenate([codes, shown]), np.concatenate([labels, start.mean_and_spread(again)[0]])
    settings = replace(settings, folds=0)
    settled, history = fit_regressor(*extended, start.architecture, settings, start, progress, checkpoint)
    settled.residual_std = start.residual_std
    return settled, history


def fit_regressor(
    codes: np.ndarray,
    labels: np.ndarray,
    architecture: RegressorArchitecture,
    settings: RegressorTraining,
    start: Regressor | None = None,
    progress: Progress | None = None,
    checkpoint: str | Path | None = None,
    number: np.ndarray | None = None,
) -> tuple[Regressor, History]:
    """Train an ensemble on codes (n, copies, 2, latent_dim), from new weights or from those of `start`.

    `number` (n,) decides which fold a label belongs to: 0, 1, 2, ... if None.
    """
    labels = _checked(np.asarray(labels, np.float64), len(codes))
    scaling = TargetScaling.of(labels) if start is None else start.scaling
    network = RegressorNetwork(architecture, scaling, settings.seed, settings.huber)
    if start is not None:
        network.set_weights(start.network.get_weights())
    batches = LabelBatches(network, codes, labels, settings, number)
    _compile(network, batches, settings.schedule)
    identity = identity_of(
        "regressor",
        architecture,
        scaling,
        settings,
        [
            hashlib.sha256(a.tobytes()).hexdigest()
            for a in (batches.codes, batches.labels, batches.held, *network.get_weights())
        ],
    )
    history = fit(network, batches, settings.schedule, progress, checkpoint_of(checkpoint, identity))
    calibration = None if start is None else start.calibration
    return Regressor(network, architecture, scaling, _residual_std(batches.residuals()), calibration), history


def _compile(model: Any, batches: ImageBatches | LabelBatches, schedule: Schedule) -> None:
    steps = schedule.epochs * batches.steps_per_epoch
    model.compile(keras.optimizers.Nadam(schedule.learning_rate), jit_compile=worth_compiling(steps))


def _checked(labels: np.ndarray, count: int) -> np.ndarray:
    if labels.shape != (count, len(ANCHORS)) or count == 0:
        raise InputError(f"labels must be ({count}, {len(ANCHORS)}) anchor points, one row a structure: {labels.shape}")
    if np.isinf(labels).any():
        raise InputError("labels must be finite, or NaN where an anchor is missing")
    return labels


def _root_mean_square(residuals: np.ndarray) -> np.ndarray:
    """(members, n, 6) with NaN to (6,), 0 where nothing was held out."""
    finite = np.isfinite(residuals)
    square = np.where(finite, residuals, 0.0) ** 2
    return np.sqrt(square.sum(axis=(0, 1)) / np.maximum(finite.sum(axis=(0, 1)), 1))


def _residual_std(residuals: np.ndarray) -> np.ndarray:
    """(6,) what the mean of M members is still wrong about, beside what the members disagree about.

    On unseen structures the mean square error of the mean is that of a member less (1 - 1 / M) times the variance s^2
    between members (Krogh and Vedelsby 1995). Both are known from labels that two members or more have not seen. A
    prediction's variance is s^2 + residual_std^2; to be right on average, residual_std^2 is the mean square error of a
    member less (2 - 1 / M) s^2, and at least a tenth of that error.

    Args:
        residuals: (members, n, 6), NaN where a member has seen a label or the label lacks the anchor.
    """
    members = len(residuals)
    several = np.isfinite(residuals).sum(axis=0) >= 2
    if not several.any():
        return _root_mean_square(residuals)
    shared = np.where(several, residuals, np.nan)
    error = _root_mean_square(shared) ** 2
    seen = ~np.isfinite(shared)
    count = np.maximum((~seen).sum(axis=0), 1)
    values = np.where(seen, 0.0, shared)
    deviation = np.where(seen, 0.0, values - values.sum(axis=0) / count)
    variance = (deviation**2).sum(axis=0) / np.maximum(count - 1, 1)
    spread = variance.sum(axis=0) / np.maximum(several.sum(axis=0), 1)
    return np.sqrt(np.maximum(error - (2 - 1 / members) * spread, 0.1 * error))


def label_codes(
    autoencoder: Autoencoder, microstructures: Sequence[Microstructure], settings: RegressorTraining
) -> np.ndarray:
    """(n, 4 or 1, 2, latent_dim): of each structure's copies the mean code and the noise it is shown with."""
    mean, std = autoencoder.encode_mirrored(microstructures)
    copies = slice(None) if settings.mirror else slice(1)  # the first copy is the structure itself
    return np.stack([mean, std * settings.noise], axis=2)[:, copies]


def identity_of(kind: str, *parts: object) -> str:
    text = repr((kind, keras.backend.backend(), keras.__version__, *parts))
    return hashlib.sha256(text.encode()).hexdigest()


def checkpoint_of(folder: str | Path | None, identity: str) -> Checkpoint | None:
    return None if folder is None else Checkpoint(Path(folder), identity)
