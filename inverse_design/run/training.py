"""A study's surrogate: which networks it asks for, and their training."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from inverse_design.progress import Update
from inverse_design.run.keys import GRAIN_HISTORY, HISTORY, TEST
from inverse_design.study.shipped import encoded
from inverse_design.study.study import Study
from simulation.labels.labelled import LabelledStructures
from simulation.sampling import Purpose
from surrogate import (
    Autoencoder,
    Encoding,
    FamilyImages,
    GrainDecoderTraining,
    History,
    RegressorArchitecture,
    RegressorTraining,
    Schedule,
    Surrogate,
    VAEArchitecture,
    VAETraining,
    continue_training,
    save_history,
    train_grain_decoder,
    train_regressor,
    train_vae,
)
from surrogate.card import copy_autoencoder, find_surrogate
from surrogate.metrics import compare

_CHECKPOINT = "checkpoint"
GRAINS = GrainDecoderTraining()


def make_autoencoder(study: Study, folder: Path, update: Update) -> None:
    """Train the study's autoencoder and its grain decoder into a folder, or copy the pretrained ones; goes on from the
    checkpoint that an interrupted training left."""
    if study.surrogate.pretrained is not None:
        copy_autoencoder(find_surrogate(study.surrogate.pretrained), folder)
        return
    part, cells = study.surrogate, study.family.cells
    encoding = Encoding(part.encoding, (cells, cells), study.family.cell_nm, part.cells_per_pixel)
    images = FamilyImages(study.family, encoding, part.unlabelled, study.seed)
    autoencoder, history = train_vae(
        images,
        encoding,
        VAEArchitecture(encoding.image_shape, part.latent_dim, part.width, part.layout),
        VAETraining(
            schedule=Schedule(part.epochs, part.batch, part.learning_rate, cosine=part.schedule == "cosine"),
            kl_weight=part.kl_weight,
            kl_warmup=part.kl_warmup,
            mirror=part.mirrored,
            seed=_seed(study, 0, 0),
        ),
        progress=_showing(update),
        checkpoint=folder / _CHECKPOINT / "autoencoder",
    )
    autoencoder.grain_decoder, grain_history = train_grain_decoder(
        autoencoder,
        images,
        replace(
            GRAINS,
            schedule=replace(GRAINS.schedule, epochs=part.grain_epochs),
            mirror=part.mirrored,
            seed=_seed(study, 2, 0),
        ),
        progress=_showing(update),
        checkpoint=folder / _CHECKPOINT / "grains",
    )
    autoencoder.save(folder)
    save_history(history, folder / HISTORY)
    save_history(grain_history, folder / GRAIN_HISTORY)
    shutil.rmtree(folder / _CHECKPOINT, ignore_errors=True)


def make_regressor(
    study: Study, round_: int, labels: LabelledStructures, vae: Path, before: Path | None, folder: Path, update: Update
) -> None:
    """Train round `round_`'s ensemble into a folder, from the second round on starting with that of the round before.

    The first of a pretrained surrogate is copied.

    Args:
        labels: the training split is learnt from; the error on the test split is written beside the weights.
        vae: folder of the autoencoder.
        before: folder of the round before, None in the first.
        folder: to write to; as deep below the run as the place where it will stand in the end, because the card's
            path to the autoencoder is relative.
    """
    part, pretrained = study.surrogate.regressor, study.surrogate.pretrained
    epochs = part.epochs if before is None else part.more_epochs
    settings = RegressorTraining(
        schedule=Schedule(epochs, part.batch, part.learning_rate, cosine=part.schedule == "cosine"),
        folds=part.folds,
        noise=part.noise,
        mirror=study.surrogate.mirrored,
        seed=_seed(study, 1, round_),
    )
    train, test = labels.split(test=False).with_those_beside(), labels.split(test=True)
    history: History = []
    common: dict[str, Any] = {"progress": _showing(update), "checkpoint": folder / _CHECKPOINT}
    if before is None and pretrained is not None:
        surrogate = Surrogate.load(pretrained)
    elif before is None:
        autoencoder, members = Autoencoder.load(vae), study.surrogate.ensemble
        latent = autoencoder.latent_dim
        if part.layout == "paper":
            architecture = RegressorArchitecture.paper(latent, members)
        elif study.surrogate.layout == "grid":
            architecture = RegressorArchitecture.on_grid(latent, autoencoder.architecture.latent_grid, members)
        else:
            architecture = RegressorArchitecture(latent, members=members)
        surrogate, history = train_regressor(
            autoencoder, train.structures, train.anchors, architecture, settings, **common
        )
    else:
        surrogate, history = continue_training(
            Surrogate.load(before), train.structures, train.anchors, settings, train.added, **common
        )
    mean, std = surrogate.predict(encoded(pretrained, surrogate, test.structures))
    about = study.model_dump(
        mode="json", include={"name", "seed", "material", "microstructures", "field_sweep", "labels"}
    )
    about |= {"training_labels": len(train.keys), "mae": compare(mean, std, test.anchors).mae}
    replace(surrogate, about=about).save(folder, autoencoder=vae)
    if history:
        save_history(history, folder / HISTORY)
    np.savez_compressed(folder / TEST, mean=mean, std=std, anchors=test.anchors)
    shutil.rmtree(folder / _CHECKPOINT, ignore_errors=True)


def _seed(study: Study, network: int, round_: int) -> int:
    sequence = np.random.SeedSequence(study.seed, spawn_key=(int(Purpose.TRAINING), network, round_))
    return int(sequence.generate_state(1)[0]) >> 1  # Keras takes 31 bits


def _showing(update: Update) -> Any:
    def show(done: int, total: int, losses: dict[str, float]) -> None:
        update(done, total, f"loss {losses['loss']:.4g}" if "loss" in losses else "")

    return show
