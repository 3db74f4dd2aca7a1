"""The table of what each change to the paper's surrogate brings."""

from __future__ import annotations

from importlib.resources import files

import numpy as np

from inverse_design.study.reading import load_study
from studies.nd2fe14b.changes import variants
from studies.nd2fe14b.train import AUTOENCODER, ENCODING, REGRESSOR_TRAINING, VAE_TRAINING


def test_the_first_row_is_the_study_of_the_paper_and_the_last_what_is_shipped() -> None:
    paper = load_study(str(files("studies") / "paper.yaml")).surrogate
    first, *_, last = variants()
    assert (first.encoding.kind, first.encoding.cells_per_pixel) == (paper.encoding, paper.cells_per_pixel)
    assert (first.autoencoder.layout, first.autoencoder.latent_dim) == (paper.layout, paper.latent_dim)
    vae, regressor = first.vae_training, first.regressor_training
    assert (vae.schedule.learning_rate, vae.schedule.batch_size) == (paper.learning_rate, paper.batch)
    assert (vae.kl_weight, vae.kl_warmup, vae.mirror) == (paper.kl_weight, paper.kl_warmup, paper.mirrored)
    assert (vae.schedule.cosine, regressor.schedule.cosine) == (False, False)
    assert (regressor.schedule.learning_rate, regressor.schedule.batch_size) == (
        paper.regressor.learning_rate,
        paper.regressor.batch,
    )
    assert (regressor.noise, regressor.folds, regressor.mirror) == (paper.regressor.noise, 0, paper.mirrored)
    assert first.regressor.parameters == 1_502_006
    assert (last.encoding, last.autoencoder) == (ENCODING, AUTOENCODER)
    assert (last.vae_training.kl_weight, last.vae_training.mirror) == (VAE_TRAINING.kl_weight, True)
    assert last.regressor_training == REGRESSOR_TRAINING


def test_every_row_can_be_trained_and_costs_as_many_passes() -> None:
    rows = variants()
    for row in rows:
        assert row.autoencoder.image_shape == row.encoding.image_shape, row.title
        assert row.autoencoder.latent_dim == row.regressor.latent_dim, row.title
        if row.regressor.grid is not None:
            assert row.regressor.latent_dim % np.prod(row.regressor.grid) == 0
    assert len({(r.vae_training.schedule.epochs, r.regressor_training.schedule.epochs) for r in rows}) == 1
    assert len({row.title for row in rows}) == len(rows)
