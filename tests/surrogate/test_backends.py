"""What concerns Keras itself: lazy and quiet imports, batches of any size, other backends."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import Purpose, StructureFamily, voronoi
from surrogate import (
    Autoencoder,
    FamilyImages,
    GrainDecoderTraining,
    Schedule,
    Surrogate,
    VAEArchitecture,
    VAETraining,
    train_grain_decoder,
    train_vae,
)
from surrogate.backend import in_batches, keras
from tests.surrogate.conftest import ENCODING, FAMILY

REPOSITORY = Path(__file__).parents[2]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=600,
        check=True,
    )


def test_importing_the_package_and_reading_a_card_import_no_keras() -> None:
    python(
        "import sys, surrogate, surrogate.card, surrogate.settings, surrogate.metrics, surrogate.encoding\n"
        "assert not {'keras', 'tensorflow'} & set(sys.modules)"
    )


def test_keras_starts_in_silence_and_errors_are_still_heard() -> None:
    done = python("import os, sys; from surrogate.backend import keras; os.write(2, b'still here')")
    assert done.stderr == "still here"
    assert done.stdout == ""


@pytest.mark.parametrize("rows", [0, 1, 3, 8, 9, 21])
def test_batches_of_any_size_are_joined_and_few_shapes_are_met(rows: int) -> None:
    met: set[int] = set()

    def double(batch: np.ndarray) -> list[np.ndarray]:
        met.add(len(batch))
        return [2 * batch, batch.sum(axis=1)]

    inputs = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
    doubled, sums = in_batches(double, inputs, 8)
    np.testing.assert_array_equal(doubled, 2 * inputs)
    np.testing.assert_array_equal(sums, inputs.sum(axis=1))
    assert met <= {1, 2, 4, 8}


NEEDS_JAX = pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="JAX is not installed: pip install jax")


SHORT = Schedule(4, 32, 2e-3)


def answers(surrogate: Surrogate) -> dict[str, Any]:
    """What a surrogate says of a few codes, on the backend of the process."""
    codes = np.random.default_rng(0).normal(size=(20, surrogate.latent_dim)).astype(np.float32)
    anchors, field = surrogate.predict(codes)[0], surrogate.decode_field(codes)
    return {"anchors": anchors, "field": field, "codes": surrogate.reencode(codes)}


def shipped_answers() -> dict[str, Any]:
    """What the shipped surrogate says of a few structures."""
    surrogate = Surrogate.load("nd2fe14b")
    codes = surrogate.encode(StructureFamily().stream(0, Purpose.BENCHMARK, 0, 8))
    mean, std = surrogate.predict(codes)
    return {"codes": codes, "mean": mean, "std": std, "field": surrogate.decode_field(codes)}


def last_loss() -> float:
    """Of a short training of an autoencoder."""
    settings = VAETraining(SHORT, kl_weight=0.05, seed=3)
    images = FamilyImages(FAMILY, ENCODING, 640, seed=1)
    return train_vae(images, ENCODING, VAEArchitecture(ENCODING.image_shape, 12), settings)[1][-1]["loss"]


def last_losses(autoencoder: Autoencoder) -> dict[str, float]:
    """Of a short training of a grain decoder."""
    images = FamilyImages(FAMILY, ENCODING, 640, seed=1)
    autoencoder.grain_decoder, history = train_grain_decoder(autoencoder, images, GrainDecoderTraining(SHORT, seed=3))
    assert all(structure.shape == (16, 16) for structure in autoencoder.draw(np.zeros((2, autoencoder.latent_dim))))
    return history[-1]


def ask(folder: Path, into: Path) -> None:
    """All of the above, of the surrogate in a folder, on the backend of the process: by itself it is JAX."""
    ours = Surrogate.load(folder)
    np.savez(into / "ours.npz", **answers(ours))
    np.savez(into / "shipped.npz", **shipped_answers())
    losses = {"backend": keras.backend.backend(), "vae": last_loss(), "grains": last_losses(ours.autoencoder)}
    (into / "losses.json").write_text(json.dumps(losses))


@pytest.fixture(scope="module")
def of_jax(surrogate: Surrogate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where one process on JAX has left its answers to all that is asked here: a start of it takes seconds."""
    into = tmp_path_factory.mktemp("jax")
    surrogate.save(into / "saved")
    code = (
        f"from pathlib import Path; from tests.surrogate.test_backends import ask; ask(Path({str(into / 'saved')!r}), "
    )
    python(f"{code}Path({str(into)!r}))", KERAS_BACKEND="jax", JAX_PLATFORMS="cpu")
    assert json.loads((into / "losses.json").read_text())["backend"] == "jax"
    return into


@NEEDS_JAX
def test_jax_predicts_what_tensorflow_does_and_trains(surrogate: Surrogate, of_jax: Path) -> None:
    with np.load(of_jax / "ours.npz") as theirs:
        for name, values in answers(surrogate).items():
            np.testing.assert_allclose(theirs[name], values, atol=1e-4)
    assert json.loads((of_jax / "losses.json").read_text())["vae"] == pytest.approx(last_loss(), rel=0.1)


@NEEDS_JAX
def test_a_grain_decoder_is_trained_by_jax_too(of_jax: Path) -> None:
    theirs = json.loads((of_jax / "losses.json").read_text())["grains"]
    ours = last_losses(Surrogate.load(of_jax / "saved").autoencoder)
    for name in ("squared_error", "code_error", "seeds"):
        assert theirs[name] == pytest.approx(ours[name], rel=0.1)


@NEEDS_JAX
def test_the_shipped_weights_say_the_same_under_jax(of_jax: Path) -> None:
    with np.load(of_jax / "shipped.npz") as theirs:
        for name, ours in shipped_answers().items():
            assert np.isfinite(ours).all()
            np.testing.assert_allclose(theirs[name], ours, atol=1e-4, err_msg=name)


def codes_and_anchors(folder: str) -> str:
    """What a surrogate says of a structure, to the last digit."""
    surrogate = Surrogate.load(folder)
    mean, std = surrogate.predict(surrogate.encode([voronoi(32, 2, 6, 1.2, np.random.default_rng(1))]))
    return repr(np.concatenate([mean, std]).tolist())


def test_a_users_settings_of_keras_change_nothing(surrogate: Surrogate, tmp_path: Path) -> None:
    """Of other networks than ours."""
    surrogate.save(tmp_path / "s")
    (tmp_path / "keras.json").write_text(
        '{"floatx": "float16", "image_data_format": "channels_first", "backend": "jax", "epsilon": 0.1}'
    )
    code = f"from tests.surrogate.test_backends import codes_and_anchors as f; print(f({str(tmp_path / 's')!r}))"
    assert python(code, KERAS_HOME=str(tmp_path)).stdout == codes_and_anchors(str(tmp_path / "s")) + "\n"


@pytest.mark.parametrize("backend", ["nonsense", "torch"])
def test_a_backend_that_is_not_there_is_a_sentence(backend: str, tmp_path: Path) -> None:
    if backend == "torch" and importlib.util.find_spec("torch"):
        pytest.skip("PyTorch is installed")
    done = python(
        "from simulation import InputError\n"
        "try:\n"
        "    import surrogate.backend\n"
        "except InputError as error:\n"
        "    print(error)\n",
        KERAS_BACKEND=backend,
    )
    assert done.stdout.startswith(f"Keras does not start with the backend {backend} (")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
