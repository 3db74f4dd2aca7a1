"""A trained autoencoder of grain structures: structures in, codes out, and back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from simulation import InputError, Microstructure
from surrogate import card as cards
from surrogate.architecture import VAEArchitecture
from surrogate.backend import in_batches
from surrogate.encoding import MIRRORS, Encoding
from surrogate.grain_decoder import GrainDecoder, with_axes_moved
from surrogate.vae import build_decoder, build_encoder

LARGEST_BATCH = 256
_ENCODER, _DECODER, _GRAINS = "encoder.weights.h5", "decoder.weights.h5", "grains.weights.h5"


class Autoencoder:
    """Encoder and decoder with the encoding that they were trained on.

    Args:
        encoding: structures to images.
        architecture: of the networks.
        encoder, decoder: the trained networks; new ones with untrained weights if None.
        grain_decoder: draws grains from codes; None if none was trained.
    """

    def __init__(
        self,
        encoding: Encoding,
        architecture: VAEArchitecture,
        encoder: Any = None,
        decoder: Any = None,
        grain_decoder: GrainDecoder | None = None,
    ) -> None:
        if architecture.image_shape != encoding.image_shape:
            raise InputError(f"a network for {architecture.image_shape} cannot take images of {encoding.image_shape}")
        self.encoding, self.architecture = encoding, architecture
        self.encoder = build_encoder(architecture) if encoder is None else encoder
        self.decoder = build_decoder(architecture) if decoder is None else decoder
        self.grain_decoder = grain_decoder
        for network in (self.encoder, self.decoder):
            network.compile(optimizer=None, jit_compile=False)

    def __repr__(self) -> str:
        grains = "" if self.grain_decoder is None else ", draws grains"
        return f"<Autoencoder: {self.encoding}, code of {self.latent_dim}{grains}>"

    @property
    def latent_dim(self) -> int:
        return self.architecture.latent_dim

    def encode(self, microstructures: Iterable[Microstructure]) -> np.ndarray:
        """Mean codes (n, latent_dim) float32 of structures."""
        return self._join(
            self.encode_images(self.encoding.images(chunk)) for chunk in _chunks(_several(microstructures))
        )

    def encode_mirrored(self, microstructures: Iterable[Microstructure]) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the codes of the four copies of each structure that share its curve.

        Returns:
            Two arrays (n, 4, latent_dim): the structure itself, mirrored in x, in y, in both.
        """
        parts = []
        for chunk in _chunks(_several(microstructures)):
            images = self.encoding.mirrored(self.encoding.images(chunk))
            codes = self.encode_distribution(images.reshape(-1, *self.encoding.image_shape))
            parts.append([values.reshape(len(chunk), MIRRORS, self.latent_dim) for values in codes])
        if not parts:
            empty = np.zeros((0, MIRRORS, self.latent_dim), np.float32)
            return empty, empty
        mean, std = (np.concatenate(column) for column in zip(*parts, strict=True))
        return mean, std

    @property
    def code_grid(self) -> tuple[int, int, int] | None:
        """Rows, columns and numbers a place of a code, whose numbers stand in this order; None of a dense layout."""
        if self.architecture.layout != "grid":
            return None
        rows, columns = self.architecture.latent_grid
        return rows, columns, self.latent_dim // (rows * columns)

    def encode_images(self, images: np.ndarray) -> np.ndarray:
        """Mean codes (n, latent_dim) of images (n, height, width, channels)."""
        return self.encode_distribution(images)[0]

    def encode_distribution(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of the code of each image, both (n, latent_dim)."""
        if tuple(images.shape[1:]) != self.encoding.image_shape:
            raise InputError(f"images must have shape (n, *{self.encoding.image_shape}), got {images.shape}")
        mean, log_variance = in_batches(self.encoder.predict_on_batch, images, LARGEST_BATCH)
        return mean, np.exp(0.5 * log_variance)

    def encode_field(self, field: np.ndarray) -> np.ndarray:
        """Mean codes of smooth double-angle fields (n, ny, nx, 2), as `decode_field` returns them."""
        return self._join(
            self.encode_images(self.encoding.images_of_field(part)) for part in _slices(field, LARGEST_BATCH)
        )

    def decode_images(self, latent: np.ndarray) -> np.ndarray:
        """Images (n, height, width, channels) of codes (n, latent_dim)."""
        latent = np.asarray(latent, np.float32)
        if latent.ndim != 2 or latent.shape[1] != self.latent_dim:
            raise InputError(f"latent codes must have shape (n, {self.latent_dim}), got {latent.shape}")
        return in_batches(self.decoder.predict_on_batch, latent, LARGEST_BATCH)[0]

    def decode_field(self, latent: np.ndarray) -> np.ndarray:
        """Smooth double-angle field r (sin 2a, cos 2a), (n, ny, nx, 2) float32 on the structures' cells; r <= 1 or so
        is the decoder's confidence ("double_angle"; with "kx" it is 1 everywhere but between pixels)."""
        return self.encoding.field(self.decode_images(latent))

    def decode_boundary(self, latent: np.ndarray) -> np.ndarray:
        """(n, 2) thickness in nm and polarisation in T of what lies between the grains of codes, as decoded."""
        return self.encoding.boundaries(self.decode_images(latent))

    def decode(self, latent: np.ndarray) -> np.ndarray:
        """Axis angles (n, ny, nx) of codes, radians in (-pi/2, pi/2], on the structures' cells."""
        return self.encoding.angles(self.decode_images(latent))

    def draw(self, latent: np.ndarray) -> list[Microstructure]:
        """Structures of sharp grains of codes (n, latent_dim).

        What is drawn has a code of its own, near the one asked for: in doubt, axes are drawn too near to each other.
        Each axis is therefore corrected, once, by what the decoded image of that code lacks (defect correction, Stetter
        1978).

        Raises:
            InputError: if there is no grain decoder, or the codes are not such an array of finite numbers.
        """
        if self.grain_decoder is None:
            raise InputError("this autoencoder draws no grains: no grain decoder was trained for it")
        images = self.decode_images(latent)
        if not np.isfinite(images).all():
            raise InputError("latent codes must be finite to draw grains from them")
        structures: list[Microstructure] = []
        for part in _slices(images, LARGEST_BATCH):
            drawn = [
                self.encoding.between(grains, *numbers)
                for grains, numbers in zip(self.grain_decoder.draw(part), self.encoding.boundaries(part), strict=True)
            ]
            lacking = self.encoding.field(part) - self.decode_field(self.encode(drawn))
            structures += [with_axes_moved(one, by) for one, by in zip(drawn, lacking, strict=True)]
        return structures

    def save(self, folder: str | Path) -> None:
        """Write weights and, last, the card."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / cards.CARD).unlink(missing_ok=True)
        files = {
            _ENCODER: cards.save_weights(self.encoder, folder / _ENCODER),
            _DECODER: cards.save_weights(self.decoder, folder / _DECODER),
        }
        self._write_card(folder, files)

    def save_grain_decoder(self, folder: str | Path) -> None:
        """Add the grain decoder to a folder where the same autoencoder stands already, whose files stay as they are."""
        files = cards.read_autoencoder_card(Path(folder)).files
        self._write_card(Path(folder), {name: files[name] for name in (_ENCODER, _DECODER)})

    def _write_card(self, folder: Path, files: dict[str, str]) -> None:
        grains = self.grain_decoder
        if grains is not None:
            files[_GRAINS] = cards.save_weights(grains.network, folder / _GRAINS)
        architecture = None if grains is None else grains.architecture
        cards.write_card(cards.AutoencoderCard(self.encoding, self.architecture, files, architecture), folder)

    @classmethod
    def load(cls, folder: str | Path) -> Autoencoder:
        """Read what `save` wrote.

        Raises:
            InputError: if the files are missing, of another version or damaged.
        """
        folder = Path(folder)
        card = cards.read_autoencoder_card(folder)
        cards.check_files(folder, card.files, (_ENCODER, _DECODER))
        autoencoder = cls(card.encoding, card.architecture)
        cards.load_weights(autoencoder.encoder, folder / _ENCODER)
        cards.load_weights(autoencoder.decoder, folder / _DECODER)
        if card.grain_decoder is not None:
            cards.check_files(folder, card.files, (_GRAINS,))
            autoencoder.grain_decoder = GrainDecoder(card.encoding, card.grain_decoder)
            cards.load_weights(autoencoder.grain_decoder.network, folder / _GRAINS)
        return autoencoder

    def _join(self, parts: Iterator[np.ndarray]) -> np.ndarray:
        codes = list(parts)
        return np.concatenate(codes) if codes else np.zeros((0, self.latent_dim), np.float32)


def _several(microstructures: Iterable[Microstructure] | Microstructure) -> Iterable[Microstructure]:
    return [microstructures] if isinstance(microstructures, Microstructure) else microstructures


def _chunks(items: Iterable[Microstructure]) -> Iterator[list[Microstructure]]:
    iterator = iter(items)
    while chunk := list(islice(iterator, LARGEST_BATCH)):
        yield chunk


def _slices(array: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (array[start : start + size] for start in range(0, len(array), size))
