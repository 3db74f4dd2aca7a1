"""JSON and arrays that are read back, and folders that can be written."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from simulation.arrays import read_npz
from simulation.errors import InputError, SolverError

MAX_JSON = 10**7
"""A record of a stage with thousands of files is a tenth of that."""


def read_json(path: Path) -> Any:
    """What a JSON file of a run holds.

    Raises:
        OSError: if there is no such file.
        ValueError: if it is none: no JSON, too large, or a pipe or a device, which need not end.
    """
    if path.stat().st_size > MAX_JSON or not path.is_file():
        raise ValueError("not a JSON file of a run")
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of an .npz file that a stage wrote.

    Raises:
        InputError: if the file is missing or damaged.
    """
    try:
        return read_npz(path)
    except (OSError, InputError):
        raise InputError(f"{path}: missing or damaged; running the study again makes it anew") from None


@contextmanager
def naming(structure: Path) -> Iterator[None]:
    """Name the file of a structure where a solver comes to no curve of it in this block, which knows of no files."""
    try:
        yield
    except SolverError as error:
        raise SolverError(f"{structure}: {error}") from None


def writable(folder: Path) -> Path:
    """The folder, made if missing: asked before work is done whose result goes there.

    Raises:
        InputError: if no file can be made in it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError as error:
        raise InputError(f"{folder}: this folder cannot be written ({error.strerror or error})") from None
