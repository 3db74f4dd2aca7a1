"""A small surrogate, trained once for all tests of this folder: 16 x 16 cells, a stand-in for the labels."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

from simulation import Microstructure, Purpose, StructureFamily
from surrogate import (
    Autoencoder,
    Encoding,
    FamilyImages,
    RegressorArchitecture,
    RegressorTraining,
    Schedule,
    Surrogate,
    VAEArchitecture,
    VAETraining,
    train_regressor,
    train_vae,
)

FAMILY = StructureFamily(size_nm=32, cell_nm=2, grains=(2, 8), misorientation_rad=(0, math.pi))
ENCODING = Encoding("double_angle", (16, 16), 2.0)
VAE_SETTINGS = VAETraining(Schedule(12, 32, 2e-3, cosine=True), kl_weight=0.05, validation=0.05, seed=3)
REGRESSOR_SETTINGS = RegressorTraining(Schedule(60, 32, 2e-3, cosine=True), seed=4)
REGRESSOR = RegressorArchitecture(latent_dim=12, shared=(64, 64), head=(16,), members=4)


def stand_in_labels(microstructures: list[Microstructure]) -> np.ndarray:
    """(n, 6) numbers that depend on the axes as anchors do (mirror images share them), made without a simulation."""
    align = np.array([np.abs(np.cos(m.angle_rad)).mean() for m in microstructures])
    ones = np.ones_like(align)
    return np.stack(
        [ones - 0.1 * (1 - align), align, 0.2 * align, 0.2 + 0.1 * align, 0.4 * ones, 0.6 - 0.1 * align], axis=1
    )


@pytest.fixture(scope="session")
def draw() -> Callable[[int], list[Microstructure]]:
    """The first n labelled structures of the family."""
    return lambda n: list(FAMILY.stream(1, Purpose.LABELS, 0, n))


@pytest.fixture(scope="session")
def autoencoder() -> Autoencoder:
    architecture = VAEArchitecture(ENCODING.image_shape, 12)
    return train_vae(FamilyImages(FAMILY, ENCODING, 3200, seed=1), ENCODING, architecture, VAE_SETTINGS)[0]


@pytest.fixture(scope="session")
def surrogate(autoencoder: Autoencoder, draw: Callable[[int], list[Microstructure]]) -> Surrogate:
    structures = draw(160)
    return train_regressor(autoencoder, structures, stand_in_labels(structures), REGRESSOR, REGRESSOR_SETTINGS)[0]
