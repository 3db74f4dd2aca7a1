"""The soft picture is that of the formula; a trained grain decoder draws, repeats, resumes, saves and loads."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulation import InputError, Microstructure, Purpose
from simulation.laguerre_kernel import power_diagram
from surrogate import (
    Autoencoder,
    Encoding,
    FamilyImages,
    GrainDecoder,
    GrainDecoderArchitecture,
    GrainDecoderTraining,
    Schedule,
    VAEArchitecture,
    train_grain_decoder,
)
from surrogate.backend import keras
from surrogate.encoding import axis_error_rad
from surrogate.grain_decoder import NUMBERS, REACH, picture, with_axes_moved
from surrogate.grain_training import image_of_field
from tests.surrogate.conftest import ENCODING, FAMILY
from tests.surrogate.test_training import Killed, assert_same, edit_card, kill_at, weights

SETTINGS = GrainDecoderTraining(Schedule(3, 32, 3e-3, cosine=True), seed=5)
SMALL = GrainDecoderArchitecture((16, 16, 2), 4, filters=16, blocks=1)


def plain_picture(raw: np.ndarray, place: int, beta: float) -> tuple[np.ndarray, np.ndarray]:
    """One structure's soft diagram, point by point and seed by seed."""
    rows, columns = raw.shape[:2]
    field, areas = np.zeros((rows * place, columns * place, 2)), np.zeros((rows, columns))
    for py, px in np.ndindex(rows * place, columns * place):
        y, x = (py + 0.5) / place, (px + 0.5) / place
        scores, where = [], []
        for j, i in np.ndindex(rows, columns):
            if abs(j - py // place) <= REACH and abs(i - px // place) <= REACH:
                w, dx, dy = raw[j, i, :3]
                seed_x, seed_y = i + 0.5 + math.tanh(dx), j + 0.5 + math.tanh(dy)
                scores.append(-0.5 * math.log1p(math.exp(-w)) - (x - seed_x) ** 2 - (y - seed_y) ** 2)
                where.append((j, i))
        share = np.exp(beta * (np.array(scores) - max(scores)))
        for s, at in zip(share / share.sum(), where, strict=True):
            areas[at] += s / place**2
            field[py, px] += s * raw[at][3:] / np.linalg.norm(raw[at][3:])
    return field, areas


@pytest.mark.parametrize(("rows", "columns", "place"), [(7, 6, 2), (3, 2, 3)])
def test_the_picture_is_that_of_the_formula(rows: int, columns: int, place: int) -> None:
    raw = np.random.default_rng(0).normal(size=(2, rows, columns, NUMBERS)).astype(np.float32)
    field, areas = (keras.ops.convert_to_numpy(part) for part in picture(raw, place, 4.0))
    for i in range(2):
        expected_field, expected_areas = plain_picture(raw[i].astype(np.float64), place, 4.0)
        np.testing.assert_allclose(field[i], expected_field, atol=2e-5)
        np.testing.assert_allclose(areas[i], expected_areas, atol=2e-5)
    np.testing.assert_allclose(areas.sum(axis=(1, 2)), rows * columns, rtol=1e-5)


def test_a_sharp_picture_has_the_values_of_an_infinite_beta_and_the_gradient_of_its_own() -> None:
    tf = pytest.importorskip("tensorflow")
    raw = tf.constant(np.random.default_rng(3).normal(0, 2, (1, 6, 6, NUMBERS)).astype(np.float32))
    sharp = keras.ops.convert_to_numpy(picture(raw, 4, 5.0, sharp=True)[0])
    np.testing.assert_allclose(np.linalg.norm(sharp, axis=-1), 1.0, atol=1e-5)
    limit = keras.ops.convert_to_numpy(picture(raw, 4, 1e5)[0])
    assert np.isclose(sharp, limit, atol=1e-3).all(axis=-1).mean() > 0.99
    slopes = []
    for is_sharp in (True, False):
        with tf.GradientTape() as tape:
            tape.watch(raw)
            area = tf.reduce_sum(picture(raw, 4, 5.0, sharp=is_sharp)[1][:, :3])
        slopes.append(tape.gradient(area, raw).numpy())
    np.testing.assert_allclose(slopes[0], slopes[1], atol=1e-5)
    assert np.abs(slopes[0]).max() > 0.1


def test_what_is_drawn_is_the_sharp_picture() -> None:
    """Cell by cell, where a pixel is a cell, before anything is merged."""
    keras.utils.set_random_seed(0)
    decoder = GrainDecoder(ENCODING, SMALL)
    image = np.random.default_rng(1).normal(0, 3, (1, 16, 16, 2)).astype(np.float32)
    field = keras.ops.convert_to_numpy(picture(decoder.network.predict_on_batch(image), 4, 1.0, sharp=True)[0])[0]
    seeds, power_weights, vectors = (part[0] for part in decoder.seeds(image))
    sharp = vectors[power_diagram(seeds, power_weights, 16, 16)]
    np.testing.assert_allclose(field, sharp, atol=1e-4)
    assert len(np.unique(sharp[..., 0])) > 3


@pytest.mark.parametrize(
    ("architecture", "most", "place", "grid"),
    [
        (VAEArchitecture((80, 80, 2), 800, layout="grid"), 256, 4, (20, 20)),
        (VAEArchitecture((80, 80, 2), 800, layout="grid"), 500, 2, (40, 40)),
        (VAEArchitecture((20, 20, 2), 64), 32, 2, (10, 10)),
        (VAEArchitecture((40, 40, 1), 16, width=0.25), 16, 8, (5, 5)),
        (VAEArchitecture((50, 30, 1), 2 * 13 * 8, layout="grid"), 40, 4, (13, 8)),
        (VAEArchitecture((50, 30, 1), 2 * 13 * 8, layout="grid"), 100, 2, (25, 15)),
        (VAEArchitecture((16, 16, 2), 12), 1000, 1, (16, 16)),
    ],
)
def test_any_layout_gets_a_grid_with_places_enough(
    architecture: VAEArchitecture, most: int, place: int, grid: tuple[int, int]
) -> None:
    height, width, channels = architecture.image_shape
    encoding = Encoding("kx" if channels == 1 else "double_angle", (2 * height, 2 * width), 1.5, cells_per_pixel=2)
    of_grains = GrainDecoderArchitecture.of(architecture.image_shape, most)
    assert (of_grains.place, of_grains.grid) == (place, grid)
    autoencoder = Autoencoder(encoding, architecture)
    autoencoder.grain_decoder = GrainDecoder(encoding, replace(of_grains, filters=4, blocks=1))
    drawn = autoencoder.draw(np.random.default_rng(2).normal(size=(2, architecture.latent_dim)))
    assert [structure.shape for structure in drawn] == [encoding.shape] * 2
    assert {structure.cell_nm for structure in drawn} == {1.5}


@pytest.mark.parametrize("kind", ["kx", "double_angle"])
def test_images_of_fields_are_those_of_the_encoding(kind: str, draw: Callable[[int], list[Microstructure]]) -> None:
    encoding = Encoding(kind, (16, 16), 2.0)  # type: ignore[arg-type]
    axes = Encoding("double_angle", (16, 16), 2.0).images(draw(4))
    image = keras.ops.convert_to_numpy(image_of_field(encoding, axes))
    expected = encoding.images(draw(4))
    away_from_the_seam = axes[..., 1] > -0.9
    np.testing.assert_allclose(image[away_from_the_seam], expected[away_from_the_seam], atol=5e-3)
    assert image.shape == expected.shape


def train(autoencoder: Autoencoder, settings: GrainDecoderTraining = SETTINGS, **more: object) -> GrainDecoder:
    images = FamilyImages(FAMILY, ENCODING, 160, seed=2)
    return train_grain_decoder(autoencoder, images, settings, SMALL, **more)[0]  # type: ignore[arg-type]


def test_training_of_one_seed_is_the_same_again_even_after_a_kill(
    autoencoder: Autoencoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [array.copy() for array in weights(autoencoder.encoder)]
    first = train(autoencoder)
    monkeypatch.setattr("surrogate.checkpoint.INTERVAL_S", 0.0)
    with pytest.raises(Killed):
        train(autoencoder, checkpoint=tmp_path, progress=kill_at(8))
    seen: list[int] = []
    resumed = train(autoencoder, checkpoint=tmp_path, progress=lambda done, total, losses: seen.append(done))
    assert seen[0] == 8
    assert_same(weights(first.network), weights(resumed.network))
    assert_same(weights(autoencoder.encoder), before)
    with pytest.raises(Killed):  # the finished state of one seed is nothing to another
        train(autoencoder, replace(SETTINGS, seed=6), checkpoint=tmp_path, progress=kill_at(1))


@pytest.fixture(scope="module")
def drawing(autoencoder: Autoencoder) -> Autoencoder:
    """The small autoencoder with a grain decoder that has learnt for a few seconds."""
    images = FamilyImages(FAMILY, ENCODING, 3200, seed=1)
    settings = GrainDecoderTraining(Schedule(4, 32, 3e-3, cosine=True), seed=5)
    decoder, history = train_grain_decoder(autoencoder, images, settings)
    assert history[-1]["squared_error"] < 0.8 * history[0]["squared_error"]
    return Autoencoder(ENCODING, autoencoder.architecture, autoencoder.encoder, autoencoder.decoder, decoder)


def fresh(n: int) -> list[Microstructure]:
    return list(FAMILY.stream(1, Purpose.BENCHMARK, 0, n))


def test_drawn_structures_look_like_those_of_the_codes(drawing: Autoencoder) -> None:
    structures = fresh(60)
    drawn = drawing.draw(drawing.encode(structures))
    angles = np.stack([structure.angle_rad for structure in structures])
    error = axis_error_rad(np.stack([structure.angle_rad for structure in drawn]), angles).mean()
    blurred = axis_error_rad(drawing.decode(drawing.encode(structures)), angles).mean()
    assert error < 1.15 * blurred
    assert 0.5 < np.mean([d.grains / s.grains for d, s in zip(drawn, structures, strict=True)]) < 1.5


def test_axes_are_moved_by_the_mean_over_their_grain() -> None:
    grain_id = np.array([[0, 0, 2], [0, 2, 2]])
    structure = Microstructure(grain_id, np.radians([10.0, 50.0, -80.0]), 2.0)
    angle = np.radians(np.array([[30.0, 30, 70], [30, 70, 70]]))
    field = np.stack([np.sin(2 * angle), np.cos(2 * angle)], axis=-1)
    own = np.stack([np.sin(2 * structure.angle_rad), np.cos(2 * structure.angle_rad)], axis=-1)
    noise = np.array([[[1.0, 2], [-1, -2], [3, 0]], [[0, 0], [-2, 1], [-1, -1]]])  # no mean over either grain
    moved = with_axes_moved(structure, field - own + noise)
    np.testing.assert_allclose(np.degrees(moved.grain_angle_rad), [30, 50, 70])  # the second owns no cell
    np.testing.assert_array_equal(moved.grain_id, grain_id)


def test_what_is_drawn_has_nearly_the_code_that_was_asked_for(drawing: Autoencoder) -> None:
    codes = drawing.encode(fresh(60))
    assert drawing.grain_decoder is not None
    plain = drawing.grain_decoder.draw(drawing.decode_images(codes))
    off = [np.square(drawing.encode(drawn) - codes).mean() for drawn in (plain, drawing.draw(codes))]
    assert off[1] < 0.9 * off[0]
    assert off[1] < 0.1 * codes.var()


def test_drawing_is_deterministic_code_by_code(drawing: Autoencoder) -> None:
    codes = np.random.default_rng(3).normal(size=(5, 12))
    first, again = drawing.draw(codes), drawing.draw(codes)
    assert [a.content_hash for a in first] == [a.content_hash for a in again]
    alone = drawing.draw(codes[3:4])[0]
    np.testing.assert_array_equal(alone.grain_id, first[3].grain_id)
    assert all(structure.shape == (16, 16) and structure.cell_nm == 2.0 for structure in first)
    assert drawing.draw(np.zeros((0, 12))) == []


def test_a_saved_grain_decoder_draws_the_same(drawing: Autoencoder, tmp_path: Path) -> None:
    codes = drawing.encode(fresh(5))
    drawing.save(tmp_path)
    loaded = Autoencoder.load(tmp_path)
    assert [a.content_hash for a in loaded.draw(codes)] == [a.content_hash for a in drawing.draw(codes)]
    assert (tmp_path / "grains.weights.h5").stat().st_size > 0


def test_an_autoencoder_without_one_says_so_and_loads(autoencoder: Autoencoder, tmp_path: Path) -> None:
    autoencoder.save(tmp_path)
    loaded = Autoencoder.load(tmp_path)
    with pytest.raises(InputError, match="no grain decoder"):
        loaded.draw(np.zeros((1, 12)))


@pytest.mark.parametrize("codes", [np.zeros(12), np.zeros((2, 11)), np.full((1, 12), np.nan)])
def test_wrong_codes_are_refused(drawing: Autoencoder, codes: np.ndarray) -> None:
    with pytest.raises(InputError, match="latent codes"):
        drawing.draw(codes)


def spoil_card(folder: Path, **changes: object) -> None:
    grain_decoder = json.loads((folder / "card.json").read_text())["grain_decoder"]
    edit_card(folder, grain_decoder={**grain_decoder, **changes})


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda f: (f / "grains.weights.h5").unlink(), "missing"),
        (lambda f: (f / "grains.weights.h5").write_bytes(b"no weights"), "damaged"),
        (lambda f: spoil_card(f, place=0), "place"),
        (lambda f: spoil_card(f, filters=10**6), "filters"),
        (lambda f: spoil_card(f, image_shape=[20, 20, 2]), "cannot read"),
        (lambda f: spoil_card(f, blocks=5), "not the weights"),
        (lambda f: spoil_card(f, surprise=2), "surprise"),
    ],
)
def test_broken_files_are_refused_with_a_sentence(
    drawing: Autoencoder, tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    drawing.save(tmp_path)
    spoil(tmp_path)
    with pytest.raises(InputError, match=said) as caught:
        Autoencoder.load(tmp_path)
    assert len(str(caught.value).splitlines()) == 1


def test_an_autoencoder_of_the_first_component_alone_gets_one_too(draw: Callable[[int], list[Microstructure]]) -> None:
    keras.utils.set_random_seed(4)
    encoding = Encoding("kx", (16, 16), 2.0)
    autoencoder = Autoencoder(encoding, VAEArchitecture(encoding.image_shape, 8, width=0.5))
    images = FamilyImages(FAMILY, encoding, 64, seed=2)
    decoder, history = train_grain_decoder(autoencoder, images, replace(SETTINGS, schedule=Schedule(2, 32, 1e-3)))
    assert all(math.isfinite(row["loss"]) for row in history)
    autoencoder.grain_decoder = decoder
    assert autoencoder.draw(autoencoder.encode(draw(2)))[1].shape == (16, 16)
    with pytest.raises(InputError, match="encoding"):
        train_grain_decoder(autoencoder, FamilyImages(FAMILY, ENCODING, 64), SETTINGS)
