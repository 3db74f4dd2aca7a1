"""Codes of structures that were encoded once for all: a run need not draw thousands of them again to know where they
lie in the latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np

from simulation import InputError, Microstructure
from simulation.arrays import read_npz
from simulation.files import replacing
from simulation.labels.drawn import Structures
from surrogate.card import read_autoencoder_card

CODES = "codes.npz"
"""In the folder of the autoencoder that they are codes of."""

_ENCODER = "encoder.weights.h5"
_HASH_BYTES = 32


class Encoder(Protocol):
    """What gives a code where none is known."""

    def encode(self, microstructures: Sequence[Microstructure]) -> np.ndarray: ...


@dataclass(frozen=True, eq=False)
class KnownCodes:
    """Mean codes by the content of their structures.

    Half precision: of the shipped ones no prediction moves by more than 0.4 % of its standard deviation (`python -m
    studies.nd2fe14b.codes`).

    Attributes:
        structure_hash: (n, 32) uint8, SHA-256 of each structure, see `Microstructure.content_hash`.
        codes: (n, latent_dim) float16.
        encoder: SHA-256 of the weights that made them.
    """

    structure_hash: np.ndarray
    codes: np.ndarray
    encoder: str

    @classmethod
    def of(cls, structures: Sequence[Microstructure], codes: np.ndarray, folder: Path) -> KnownCodes:
        """Codes (n, latent_dim) that the autoencoder in a folder gives to structures."""
        hashes = [bytes.fromhex(structure.content_hash) for structure in structures]
        digests = np.frombuffer(b"".join(hashes), np.uint8).reshape(len(hashes), _HASH_BYTES)
        return cls(digests, codes.astype(np.float16), read_autoencoder_card(folder).files[_ENCODER])

    def save(self, folder: Path) -> None:
        """Write `codes.npz` beside the autoencoder."""
        with replacing(folder / CODES) as partial:
            np.savez_compressed(partial, **vars(self) | {"encoder": np.array(self.encoder)})

    @classmethod
    def load(cls, folder: Path) -> KnownCodes | None:
        """Those beside an autoencoder, None if there are none.

        Raises:
            InputError: if the file is damaged, or not of this autoencoder.
        """
        path = folder / CODES
        if not path.is_file():
            return None
        found = read_npz(path, ("structure_hash", "codes", "encoder"))
        hashes, codes, card = found["structure_hash"], found["codes"], read_autoencoder_card(folder)
        if hashes.dtype != np.uint8 or hashes.shape != (len(codes), _HASH_BYTES):
            raise InputError(f"{path}: structure_hash has shape {hashes.shape}, {hashes.dtype}, not one of each code")
        if codes.dtype != np.float16 or codes.shape[1:] != (card.architecture.latent_dim,):
            raise InputError(f"{path}: codes of shape {codes.shape}, {codes.dtype}, are not of this autoencoder")
        if not np.isfinite(codes).all() or str(found["encoder"]) != card.files.get(_ENCODER):
            raise InputError(f"{path}: not the codes of this autoencoder (its weights are others)")
        return cls(hashes, codes, str(found["encoder"]))

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each structure by its content hash."""
        return {digest.tobytes().hex(): row for row, digest in enumerate(self.structure_hash)}

    def encode(self, model: Encoder, structures: Sequence[Microstructure]) -> np.ndarray:
        """(n, latent_dim) float32 codes of structures; those that are unknown are encoded, and only they are drawn."""
        every = structures if isinstance(structures, Structures) else Structures(structures)
        rows = np.array([self.rows.get(digest, -1) for digest in every.content_hashes], dtype=int)
        codes = np.zeros((len(rows), self.codes.shape[1]), np.float32)
        codes[rows >= 0] = self.codes[rows[rows >= 0]]
        missing = np.flatnonzero(rows < 0)
        if missing.size:
            codes[missing] = model.encode(every.take(missing))
        return codes
