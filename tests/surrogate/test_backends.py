"""What concerns Keras itself: lazy and quiet imports, batches of any size, other backends."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from simulation import Purpose, StructureFamily
from surrogate import Autoencoder, Surrogate
from surrogate.backend import in_batches

REPOSITORY = Path(__file__).parents[2]


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **environment},
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
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


@NEEDS_JAX
def test_jax_predicts_what_tensorflow_does_and_trains(surrogate: Surrogate, tmp_path: Path) -> None:
    surrogate.save(tmp_path / "saved")
    codes = np.random.default_rng(0).normal(size=(20, surrogate.latent_dim)).astype(np.float32)
    np.save(tmp_path / "codes.npy", codes)
    done = python(
        f"""
import json, numpy as np
from surrogate import *
from surrogate.backend import keras
assert keras.backend.backend() == "jax"
from tests.surrogate.conftest import ENCODING, FAMILY, VAE_SETTINGS
s = Surrogate.load({str(tmp_path / "saved")!r})
codes = np.load({str(tmp_path / "codes.npy")!r})
answers = dict(anchors=s.predict(codes)[0], field=s.decode_field(codes), codes=s.reencode(codes))
np.savez({str(tmp_path / "jax.npz")!r}, **answers)
settings = VAETraining(Schedule(4, 32, 2e-3), kl_weight=0.05, seed=3)
images = FamilyImages(FAMILY, ENCODING, 640, seed=1)
print(json.dumps(train_vae(images, ENCODING, VAEArchitecture(ENCODING.image_shape, 12), settings)[1][-1]))
""",
        KERAS_BACKEND="jax",
        JAX_PLATFORMS="cpu",
    )
    ours = {"anchors": surrogate.predict(codes)[0], "field": surrogate.decode_field(codes)}
    ours["codes"] = surrogate.reencode(codes)
    with np.load(tmp_path / "jax.npz") as theirs:
        for name, values in ours.items():
            np.testing.assert_allclose(theirs[name], values, atol=1e-4)
    from surrogate import FamilyImages, Schedule, VAEArchitecture, VAETraining, train_vae
    from tests.surrogate.conftest import ENCODING, FAMILY

    settings = VAETraining(Schedule(4, 32, 2e-3), kl_weight=0.05, seed=3)
    images = FamilyImages(FAMILY, ENCODING, 640, seed=1)
    _, history = train_vae(images, ENCODING, VAEArchitecture(ENCODING.image_shape, 12), settings)
    assert json.loads(done.stdout)["loss"] == pytest.approx(history[-1]["loss"], rel=0.1)


def last_losses(autoencoder: Autoencoder) -> dict[str, float]:
    """Of a short training of a grain decoder, on the backend of the process."""
    from surrogate import FamilyImages, GrainDecoderTraining, Schedule, train_grain_decoder
    from tests.surrogate.conftest import ENCODING, FAMILY

    settings = GrainDecoderTraining(Schedule(4, 32, 2e-3), seed=3)
    autoencoder.grain_decoder, history = train_grain_decoder(
        autoencoder, FamilyImages(FAMILY, ENCODING, 640, seed=1), settings
    )
    assert all(structure.shape == (16, 16) for structure in autoencoder.draw(np.zeros((2, autoencoder.latent_dim))))
    return history[-1]


@NEEDS_JAX
def test_a_grain_decoder_is_trained_by_jax_too(autoencoder: Autoencoder, tmp_path: Path) -> None:
    autoencoder.save(tmp_path)
    done = python(
        f"""
import json
from surrogate import Autoencoder
from surrogate.backend import keras
from tests.surrogate.test_backends import last_losses
assert keras.backend.backend() == "jax"
print(json.dumps(last_losses(Autoencoder.load({str(tmp_path)!r}))))
""",
        KERAS_BACKEND="jax",
        JAX_PLATFORMS="cpu",
    )
    theirs, ours = json.loads(done.stdout), last_losses(Autoencoder.load(tmp_path))
    for name in ("squared_error", "code_error", "seeds"):
        assert theirs[name] == pytest.approx(ours[name], rel=0.1)


def shipped_answers() -> dict[str, np.ndarray]:
    """What the shipped surrogate says of a few structures, on the backend of the process."""
    surrogate = Surrogate.load("nd2fe14b")
    codes = surrogate.encode(StructureFamily().stream(0, Purpose.BENCHMARK, 0, 8))
    mean, std = surrogate.predict(codes)
    return {"codes": codes, "mean": mean, "std": std, "field": surrogate.decode_field(codes)}


@NEEDS_JAX
def test_the_shipped_weights_say_the_same_under_jax(tmp_path: Path) -> None:
    python(
        f"""
import numpy as np
from surrogate.backend import keras
from tests.surrogate.test_backends import shipped_answers
assert keras.backend.backend() == "jax"
np.savez({str(tmp_path / "jax.npz")!r}, **shipped_answers())
""",
        KERAS_BACKEND="jax",
        JAX_PLATFORMS="cpu",
    )
    with np.load(tmp_path / "jax.npz") as theirs:
        for name, ours in shipped_answers().items():
            assert np.isfinite(ours).all()
            np.testing.assert_allclose(theirs[name], ours, atol=1e-4, err_msg=name)


CODES = """
import sys
import numpy as np
from simulation import voronoi
from surrogate import Surrogate
surrogate = Surrogate.load(sys.argv[1])
structure = voronoi(32, 2, 6, 1.2, np.random.default_rng(1))
mean, std = surrogate.predict(surrogate.encode([structure]))
print(repr(np.concatenate([mean, std]).tolist()))
"""


def test_a_users_settings_of_keras_change_nothing(surrogate: Surrogate, tmp_path: Path) -> None:
    """Of other networks than ours."""
    surrogate.save(tmp_path / "s")
    said = []
    for name, text in (
        ("none", "{}"),
        ("other", '{"floatx": "float16", "image_data_format": "channels_first", "backend": "jax", "epsilon": 0.1}'),
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "keras.json").write_text(text)
        said.append(python(CODES.replace("sys.argv[1]", repr(str(tmp_path / "s"))), KERAS_HOME=str(tmp_path / name)))
    assert said[0].stdout == said[1].stdout


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
