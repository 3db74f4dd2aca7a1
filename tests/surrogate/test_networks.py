"""The networks: the paper's tables, other grids, physical order, masked labels."""

from __future__ import annotations

import numpy as np
import pytest

from simulation import InputError
from surrogate.architecture import RegressorArchitecture, VAEArchitecture
from surrogate.backend import keras
from surrogate.regressor import Regressor, RegressorNetwork, TargetScaling
from surrogate.vae import VAE, Conv2DTranspose, build_decoder, build_encoder, parameters

LABELS = np.array(
    [[0.98, 0.8, 0.2, 0.3, 0.4, 0.5], [0.95, 0.6, 0.1, 0.2, 0.25, 0.35], [0.99, 0.9, 0.4, 0.5, 0.5, 0.6]], np.float32
)


def test_autoencoder_of_the_paper_has_its_parameters() -> None:
    architecture = VAEArchitecture((160, 160, 1), 512)
    assert parameters(build_encoder(architecture)) == 15_382_256
    assert parameters(build_decoder(architecture)) == 14_338_801


def test_regressor_of_the_paper_has_its_parameters() -> None:
    architecture = RegressorArchitecture.paper()
    assert architecture.parameters == 1_502_006
    assert parameters(RegressorNetwork(architecture, TargetScaling.of(LABELS))) == 1_502_006


@pytest.mark.parametrize("members", [1, 3])
def test_every_member_of_an_ensemble_is_a_whole_network(members: int) -> None:
    architecture = RegressorArchitecture(16, (32, 16), (8,), members=members)
    network = RegressorNetwork(architecture, TargetScaling.of(LABELS))
    assert parameters(network) == members * architecture.parameters
    outputs = Regressor(network, architecture, network.scaling).members(np.ones((2, 16), np.float32))
    assert outputs.shape == (2, members, 6)
    assert len(np.unique(outputs[0, :, 5])) == members  # each from weights of its own


@pytest.mark.parametrize(
    ("image", "grid", "filters", "hidden"),
    [
        ((40, 40, 2), (5, 5), (16, 32, 64), 512),
        ((80, 80, 2), (5, 5), (16, 32, 64, 128), 1024),
        ((50, 50, 1), (7, 7), (16, 32, 64), 1004),
        ((24, 40, 2), (6, 10), (16, 32), 614),
        ((8, 8, 1), (4, 4), (16,), 82),
    ],
)
def test_smaller_grids_follow_the_same_recipe(image: tuple, grid: tuple, filters: tuple, hidden: int) -> None:
    architecture = VAEArchitecture(image, 16)
    assert (architecture.grids[-1], architecture.filters, architecture.hidden) == (grid, filters, hidden)
    mean, log_variance = build_encoder(architecture)(np.zeros((3, *image), np.float32))
    assert tuple(mean.shape) == tuple(log_variance.shape) == (3, 16)
    assert tuple(build_decoder(architecture)(mean).shape) == (3, *image)


def test_the_transposed_convolution_is_that_of_keras() -> None:
    ours, theirs = (
        layer(3, 4, strides=2, padding="same", activation="tanh", bias_initializer="random_normal")
        for layer in (Conv2DTranspose, keras.layers.Conv2DTranspose)
    )
    images = np.random.default_rng(0).standard_normal((2, 5, 8, 6)).astype(np.float32)
    expected = theirs(images)
    ours.build(images.shape)
    ours.set_weights(theirs.get_weights())
    np.testing.assert_allclose(
        keras.ops.convert_to_numpy(ours(images)), keras.ops.convert_to_numpy(expected), atol=1e-6
    )


@pytest.mark.parametrize("image", [(4, 4, 1), (16, 16, 5), (4096, 16, 1)])
def test_an_impossible_image_is_refused(image: tuple) -> None:
    with pytest.raises(InputError, match="images must be"):
        VAEArchitecture(image, 16)


def test_loss_is_squared_error_and_divergence_as_documented() -> None:
    architecture = VAEArchitecture((16, 16, 2), 4)
    vae = VAE(architecture)
    vae.compile(optimizer="sgd", jit_compile=False)
    vae.kl_weight.assign(0.5)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 3, 16, 16, 2)).astype(np.float32)
    mean, log_variance = rng.normal(size=(2, 3, 4)).astype(np.float32)
    squared = ((x - y) ** 2).sum(axis=(1, 2, 3)).mean()
    divergence = (0.5 * (np.exp(log_variance) + mean**2 - 1 - log_variance)).sum(axis=1).mean()
    loss = float(vae.compute_loss(x, None, (y, mean, log_variance)))
    assert loss == pytest.approx((squared + 0.5 * divergence) / 256, rel=1e-5)


def test_anchors_are_in_physical_order_whatever_the_weights() -> None:
    architecture = RegressorArchitecture(8, (32, 32), (8,), members=2)
    network = RegressorNetwork(architecture, TargetScaling.of(LABELS))
    rng = np.random.default_rng(1)
    for scale in (0.1, 1.0, 30.0):  # the last drives sigmoid and softplus into saturation
        network.set_weights([scale * rng.normal(size=w.shape) for w in network.get_weights()])
        regressor = Regressor(network, architecture, network.scaling)
        for anchors in (regressor.members(rng.normal(size=(500, 8))), regressor.predict(rng.normal(size=(500, 8)))[0]):
            m1, mr, hk90, hk80, hk70, hc = np.moveaxis(anchors, -1, 0)
            assert (mr <= m1).all()
            assert (m1 <= 1).all()
            assert (hk90 > 0).all()
            assert (hk90 <= hk80).all()
            assert (hk80 <= hk70).all()
            assert (hk70 <= hc).all()


@pytest.mark.parametrize("ordered", [True, False])
def test_a_missing_anchor_contributes_no_loss_and_the_others_do(ordered: bool) -> None:
    architecture = RegressorArchitecture(8, (16,), (4,), ordered=ordered, members=2)
    network = RegressorNetwork(architecture, TargetScaling.of(LABELS))
    network.compile(optimizer="sgd", jit_compile=False)
    predicted = np.tile(LABELS[:, None, :], (1, 2, 1)).astype(np.float32)
    assert float(network.compute_loss(None, LABELS, predicted)) == pytest.approx(0, abs=1e-9)
    missing = LABELS.copy()
    missing[:, 5] = np.nan
    predicted[:, :, 5] += 7.0
    assert float(network.compute_loss(None, missing, predicted)) == pytest.approx(0, abs=1e-9)
    predicted[:, :, 1] += np.float32(network.scaling.std[1])
    # one of six targets is off by one standard deviation, for both members
    assert float(network.compute_loss(None, missing, predicted)) == pytest.approx(2 / 6, rel=1e-4)


def test_scaling_survives_labels_without_some_anchor() -> None:
    labels = LABELS.copy()
    labels[:, 4:] = np.nan
    scaling = TargetScaling.of(labels)
    assert np.isfinite([*scaling.mean, *scaling.std, *scaling.start, *scaling.step]).all()


@pytest.mark.parametrize(("image", "places"), [((80, 80, 2), 400), ((20, 20, 2), 25), ((10, 14, 1), 12)])
def test_a_code_that_is_a_grid_goes_forth_and_back(image: tuple, places: int) -> None:
    architecture = VAEArchitecture(image, 2 * places, layout="grid")
    mean, log_variance = build_encoder(architecture)(np.zeros((3, *image), np.float32))
    assert tuple(mean.shape) == tuple(log_variance.shape) == (3, 2 * places)
    assert tuple(build_decoder(architecture)(mean).shape) == (3, *image)


def test_a_grid_sees_only_what_is_near() -> None:
    """Layers of a grid are convolutions: a changed corner of the image leaves the code far from it alone."""
    architecture = VAEArchitecture((80, 80, 2), 800, layout="grid")
    images = np.zeros((2, 80, 80, 2), np.float32)
    images[1, :8, :8] = 1.0
    mean, _ = build_encoder(architecture)(images)
    change = np.abs(np.diff(np.asarray(mean).reshape(2, 20, 20, 2), axis=0))[0].max(axis=-1)
    assert change[0, 0] > 0
    assert not change[6:].any()
    assert not change[:, 6:].any()


def test_a_code_must_fill_its_grid() -> None:
    with pytest.raises(InputError, match="multiple of the 400 places"):
        VAEArchitecture((80, 80, 2), 512, layout="grid")
    with pytest.raises(InputError, match="no grid"):
        RegressorArchitecture(801, grid=(20, 20))


def test_members_on_a_grid_are_whole_networks() -> None:
    architecture = RegressorArchitecture.on_grid(800, (20, 20), members=2)
    network = RegressorNetwork(architecture, TargetScaling.of(LABELS))
    assert parameters(network) == 2 * architecture.parameters
    outputs = network.predict_on_batch(np.random.default_rng(0).normal(size=(3, 800)).astype(np.float32))
    assert outputs.shape == (3, 2, 6)
    assert len(np.unique(outputs[0, :, 5])) == 2
    assert (np.diff(outputs[..., 2:], axis=-1) >= 0).all()
