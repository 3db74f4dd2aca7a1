"""Keras 3 on whichever backend `KERAS_BACKEND` names (TensorFlow if it names none), imported quietly.

Every other module here takes `keras` from this one, so that the few things which depend on the backend stand in one
place. Importing this module imports Keras: `surrogate/__init__.py` does so on first use only.
"""

from __future__ import annotations

import contextlib
import logging
import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from types import ModuleType

import numpy as np

from simulation.errors import InputError


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what C++ libraries write to standard error; show it after all if the import fails.

    TensorFlow logs before it has read `TF_CPP_MIN_LOG_LEVEL`, so only the file descriptor itself can stop it.
    """
    sys.stderr.flush()
    try:
        kept = os.dup(2)
    except OSError:  # no standard error at all, as under some services: nothing to hold back
        yield
        return
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(kept, 2)
            held.seek(0)
            os.write(2, held.read())
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def _import_keras() -> ModuleType:
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    wrong: Exception | None = None
    with _quiet_stderr():
        try:
            import keras

            _as_we_need(keras)
            keras.ops.zeros(1)  # the first tensor makes the backend start its devices, and say so
        except (ImportError, ValueError, AssertionError) as error:
            wrong = error
    if wrong is not None:
        raise InputError(_why_not_started(wrong))
    # Counts of traces, which `in_batches` bounds. After the import: in a notebook TensorFlow sets the level itself.
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    return keras


def _as_we_need(keras: ModuleType) -> None:
    """What a user's keras.json may have set otherwise, and the networks and their weights here depend on."""
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    keras.config.set_epsilon(1e-7)
    keras.config.set_image_data_format("channels_last")


def _why_not_started(error: Exception) -> str:
    name, text = os.environ["KERAS_BACKEND"], " ".join(str(error).split())[:300]
    if isinstance(error, ModuleNotFoundError) and error.name == "keras":
        return "Keras is not installed; pip install inverse-design"
    remedy = "install it, or leave the variable KERAS_BACKEND out" if name != "tensorflow" else "see keras.json"
    return f"Keras does not start with the backend {name} ({text or type(error).__name__}); {remedy}"


keras = _import_keras()


def worth_compiling(steps: int) -> bool:
    """Whether XLA shall fuse the steps of a training: a step takes up to a third less time, compiling one to five
    seconds more. JAX knows nothing between compiled and eager."""
    return keras.backend.backend() == "jax" or (keras.backend.backend() == "tensorflow" and steps >= 500)


def in_batches(function: Callable[[np.ndarray], object], inputs: np.ndarray, largest: int) -> list[np.ndarray]:
    """Apply a compiled function (`Model.predict_on_batch`) to any number of rows.

    A compiled function is traced anew for every shape it meets. Rows are therefore fed in batches of `largest`, and
    the remainder is filled up to a power of two: at most log2(largest) + 1 traces in the life of a process, and no
    growth of memory with the number of calls.

    Args:
        function: takes (b, ...) and returns an array (b, ...) or a list of such.
        inputs: (n, ...) float32.
        largest: rows of a full batch.

    Returns:
        The outputs, each (n, ...), joined.
    """
    inputs = np.ascontiguousarray(inputs, dtype=np.float32)
    parts: list[list[np.ndarray]] = []
    for start in range(0, max(len(inputs), 1), largest):
        batch = inputs[start : start + largest]
        rows = len(batch)
        size = min(largest, 1 << max(rows - 1, 0).bit_length())
        if rows < size:
            batch = np.concatenate([batch, np.zeros((size - rows, *batch.shape[1:]), np.float32)])
        outputs = function(batch)
        outputs = list(outputs) if isinstance(outputs, (list, tuple)) else [outputs]
        parts.append([np.asarray(output)[:rows] for output in outputs])
    return [np.concatenate(column) if len(column) > 1 else column[0] for column in zip(*parts, strict=True)]
