"""Axes turned through the frozen networks towards wanted anchor points."""

import math

import numpy as np
import pytest

from simulation import InputError, Microstructure, Purpose, StructureFamily
from surrogate import Autoencoder, Encoding, VAEArchitecture
from surrogate.architecture import RegressorArchitecture
from surrogate.axes import image_of_angles, steer_axes
from surrogate.backend import keras
from surrogate.encoding import Kind
from surrogate.regressor import Regressor, RegressorNetwork, TargetScaling

FAMILY = StructureFamily(32.0, 2.0, (3, 6), (0.0, math.pi))


def untrained(kind: Kind = "double_angle") -> Autoencoder:
    """Any smooth map will do as an encoder."""
    keras.utils.set_random_seed(3)
    encoding = Encoding(kind, (16, 16), 2.0, 1)
    return Autoencoder(encoding, VAEArchitecture(encoding.image_shape, 12))


def disturbed(structure: Microstructure, by_rad: float, seed: int) -> Microstructure:
    change = np.random.default_rng(seed).normal(0, by_rad, structure.grain_angle_rad.size)
    return Microstructure(structure.grain_id, structure.grain_angle_rad + change, structure.cell_nm)


@pytest.fixture(scope="module")
def model() -> Autoencoder:
    return untrained()


@pytest.fixture(scope="module")
def originals() -> list[Microstructure]:
    return [FAMILY.draw(1, Purpose.BENCHMARK, i) for i in range(3)]


@pytest.mark.parametrize("kind", ["kx", "double_angle"])
@pytest.mark.parametrize("cells_per_pixel", [1, 2])
def test_the_image_is_that_of_the_encoding(kind: Kind, cells_per_pixel: int, originals: list[Microstructure]) -> None:
    encoding = Encoding(kind, (16, 16), 2.0, cells_per_pixel)
    angles = np.stack([m.angle_rad for m in originals]).astype(np.float32)
    image = keras.ops.convert_to_numpy(image_of_angles(encoding, keras.ops.convert_to_tensor(angles)))
    np.testing.assert_allclose(image, encoding.images(originals), atol=1e-5)


@pytest.fixture(scope="module")
def judge(model: Autoencoder) -> Regressor:
    """Any smooth map will do as a regressor."""
    labels = np.random.default_rng(0).uniform(0.1, 0.2, (20, 6)).cumsum(axis=1)[:, [5, 4, 0, 1, 2, 3]]
    architecture = RegressorArchitecture(model.latent_dim, members=2)
    return Regressor(
        RegressorNetwork(architecture, TargetScaling.of(labels), seed=1), architecture, TargetScaling.of(labels)
    )


def test_steered_axes_have_the_wanted_anchors_and_turned_little(
    model: Autoencoder, judge: Regressor, originals: list[Microstructure]
) -> None:
    start = judge.predict(model.encode(originals))[0]
    target = judge.predict(model.encode([disturbed(m, 0.1, i) for i, m in enumerate(originals)]))[0]
    wanted = np.full(start.shape, np.nan)
    wanted[:, [1, 5]] = target[:, [1, 5]]
    scale = np.full(start.shape, np.abs(target - start).mean() / 5)
    steered = steer_axes(originals, wanted, scale, model, judge)
    off = np.abs(judge.predict(model.encode(steered))[0] - target)[:, [1, 5]]
    assert (off < 0.3 * scale[:, [1, 5]]).all()
    for a, b in zip(steered, originals, strict=True):
        np.testing.assert_array_equal(a.grain_id, b.grain_id)
        turn = (a.grain_angle_rad - b.grain_angle_rad)[b.grain_id]
        assert np.sqrt((turn**2).mean()) < 0.15  # the disturbance that has these anchors too turned them by 0.1
    alone = steer_axes(originals[1:2], wanted[1:2], scale[1:2], model, judge)[0]  # each goes its own way
    assert np.abs(np.sin(steered[1].grain_angle_rad - alone.grain_angle_rad)).max() < 1e-3


def test_what_is_there_already_is_not_steered(
    model: Autoencoder, judge: Regressor, originals: list[Microstructure]
) -> None:
    there, before = judge.predict(model.encode(originals))[0], [np.array(w) for w in model.encoder.get_weights()]
    for a, b in zip(steer_axes(originals, there, np.full(there.shape, 0.01), model, judge), originals, strict=True):
        np.testing.assert_array_equal(a.grain_angle_rad, b.grain_angle_rad)
    with pytest.raises(InputError, match="scale be positive"):
        steer_axes(originals, there, np.zeros(there.shape), model, judge)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.encoder.get_weights(), strict=True))
    assert model.encoder.trainable
