"""The card of a trained surrogate: everything but the weights, as JSON, readable without Keras."""

from __future__ import annotations

import hashlib
import importlib.resources
import json
import re
import shutil
import warnings
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from simulation import InputError
from simulation.files import replacing, write_text
from surrogate.architecture import GrainDecoderArchitecture, RegressorArchitecture, VAEArchitecture
from surrogate.encoding import Encoding

FORMAT = 3
"""Raised when files of before can no longer be read."""

CARD = "card.json"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_LARGEST_CARD = 10**6


@dataclass(frozen=True)
class AutoencoderCard:
    """Encoding and architecture of an autoencoder and of its grain decoder, if it has one, and the SHA-256 of their
    weight files by name."""

    encoding: Encoding
    architecture: VAEArchitecture
    files: dict[str, str]
    grain_decoder: GrainDecoderArchitecture | None = None
    format: int = FORMAT


@dataclass(frozen=True)
class SurrogateCard:
    """Architecture, scaling and residuals of a regressor, where its autoencoder lies, and what it was trained on.

    `autoencoder` is a folder relative to the card's. `about` is free: material, family, field sweep, table of errors.
    `calibration` holds the arrays of a `surrogate.calibration.Calibration`; it is empty if there is none.
    """

    architecture: RegressorArchitecture
    scaling: dict[str, list[float]]
    residual_std: list[float]
    autoencoder: str
    files: dict[str, str]
    about: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, list[Any]] = field(default_factory=dict)
    format: int = FORMAT


def write_card(card: AutoencoderCard | SurrogateCard, folder: Path) -> None:
    """Write `card.json` with its own checksum, last of all: a folder without it is no surrogate."""
    raw = asdict(card)
    raw["checksum"] = _digest(raw)
    write_text(folder / CARD, json.dumps(raw, indent=1) + "\n")


def read_autoencoder_card(folder: Path) -> AutoencoderCard:
    """Read and check.

    Raises:
        InputError: if the card is missing, of another format or broken.
    """
    raw = _read(folder, AutoencoderCard)
    encoding = _build(Encoding, raw["encoding"], folder, shape=_pair)
    architecture = _build(VAEArchitecture, raw["architecture"], folder, image_shape=_pair)
    grains = raw["grain_decoder"]
    if grains is not None:
        grains = _build(GrainDecoderArchitecture, grains, folder, image_shape=_pair)
    return AutoencoderCard(encoding, architecture, raw["files"], grains)


def read_card(folder: Path) -> SurrogateCard:
    """Read and check; see `read_autoencoder_card`."""
    raw = _read(folder, SurrogateCard)
    architecture = _build(RegressorArchitecture, raw["architecture"], folder, shared=_pair, head=_pair, grid=_grid)
    if not isinstance(raw["autoencoder"], str) or not isinstance(raw["about"], dict):
        raise InputError(f"{folder / CARD}: autoencoder must be the path of a folder and about a mapping")
    del raw["architecture"], raw["format"]
    return SurrogateCard(architecture, **raw)


def find_surrogate(name_or_folder: str | Path) -> Path:
    """Folder of a surrogate: of a shipped name, itself, or the last of numbered ones two levels below it, as a run
    leaves them.

    Raises:
        InputError: if there is none.
    """
    folder = Path(name_or_folder)
    if (folder / CARD).is_file():
        return folder
    rounds = [p.parent for p in folder.glob(f"*/*/{CARD}") if p.parent.name.isdigit()]
    if rounds:
        return max(rounds, key=lambda p: int(p.name))
    if isinstance(name_or_folder, str) and NAME.fullmatch(name_or_folder):
        shipped = Path(str(importlib.resources.files("studies"))) / "surrogates"
        if (shipped / name_or_folder / CARD).is_file():
            return shipped / name_or_folder
        names = ", ".join(sorted(p.parent.name for p in shipped.glob(f"*/{CARD}"))) or "none"
        raise InputError(f"no surrogate {name_or_folder!r}: neither a folder with a {CARD} nor shipped ({names})")
    raise InputError(f"{folder}: no trained surrogate there (no {CARD}, here or in a numbered folder two levels below)")


def copy_autoencoder(surrogate: Path, folder: Path) -> None:
    """Copy the autoencoder of the surrogate in a folder, card last.

    Raises:
        InputError: if a file of it is missing, of another version or damaged.
    """
    home = surrogate / read_card(surrogate).autoencoder
    files = read_autoencoder_card(home).files
    check_files(home, files, tuple(files))
    folder.mkdir(parents=True, exist_ok=True)
    for name in (*files, CARD):
        shutil.copyfile(home / name, folder / name)


def checksum(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_files(folder: Path, files: dict[str, str], needed: tuple[str, ...]) -> None:
    """Raise InputError unless the card names the needed weight files and they are there as they were written."""
    for name in needed:
        path = folder / name
        if name not in files or not path.is_file():
            raise InputError(f"{folder}: {name} is missing, the surrogate is not complete")
        if checksum(path) != files[name]:
            raise InputError(f"{path}: the file is damaged or not the one its card describes (checksum differs)")


def check_surrogate(folder: Path) -> None:
    """Check the cards of a surrogate and of its autoencoder and all their weight files: without Keras, so at once.

    Raises:
        InputError: if one is missing or damaged.
    """
    card = read_card(folder)
    inner = folder / card.autoencoder
    for at, files in ((folder, card.files), (inner, read_autoencoder_card(inner).files)):
        check_files(at, files, tuple(files))


def save_weights(network: Any, path: Path) -> str:
    """Write the weights of a Keras model as HDF5 and return the file's SHA-256."""
    with replacing(path) as partial:
        network.save_weights(partial)
        return checksum(partial)


def load_weights(network: Any, path: Path) -> None:
    """Read what `save_weights` wrote.

    Raises:
        InputError: if the file does not hold the weights of this network.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)  # of layers that the file does not hold
            network.load_weights(path)
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, UserWarning) as error:
        sentence = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise InputError(f"{path}: not the weights of this network: {sentence}") from None
    if not all(np.isfinite(np.asarray(value)).all() for value in network.get_weights()):
        raise InputError(f"{path}: holds weights that are no finite numbers")


def _read(folder: Path, kind: type) -> dict[str, Any]:
    path = folder / CARD
    try:
        if path.stat().st_size > _LARGEST_CARD or not path.is_file():  # a pipe or a device need not end
            raise ValueError("not a file, or too large for one")
        raw = json.loads(path.read_bytes())
        found, stated = raw["format"], raw.pop("checksum", None)
    except FileNotFoundError:
        raise InputError(f"{folder}: no trained network there ({CARD} is missing)") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{path}: damaged, or not a readable card of a surrogate: {error}") from None
    if found != FORMAT:
        raise InputError(f"{path}: written in format {found}, this version reads format {FORMAT}: train it again")
    if stated is not None and stated != _digest(raw):  # a flipped digit of a scaling is still JSON
        raise InputError(f"{path}: it is damaged (checksum differs); what made it makes it anew")
    expected = {f.name for f in fields(kind)}
    if set(raw) != expected:
        raise InputError(f"{path}: keys {sorted(set(raw) ^ expected)} are missing or unknown, not a card of this kind")
    files = raw["files"]
    if not isinstance(files, dict) or not all(NAME.fullmatch(k) and isinstance(v, str) for k, v in files.items()):
        raise InputError(f"{path}: files must map plain file names to checksums")
    return raw


def _digest(raw: dict[str, Any]) -> str:
    """SHA-256 of what a card says, however it is laid out."""
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def _build(kind: type, values: Any, folder: Path, **convert: Any) -> Any:
    try:
        return kind(**{k: convert[k](v) if k in convert else v for k, v in values.items()})
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"{folder / CARD}: {error}") from None


def _pair(values: list[int]) -> tuple[int, ...]:
    return tuple(int(v) for v in values)


def _grid(values: list[int] | None) -> tuple[int, ...] | None:
    return None if values is None else _pair(values)
