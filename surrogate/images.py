"""Unlabelled images for the autoencoder, drawn when they are needed."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from simulation import Purpose, StructureFamily
from surrogate.encoding import Encoding

CACHE_BYTES = 2**30
"""Images are kept after they were first drawn if all of them fit in this much memory, in half precision."""


@dataclass
class FamilyImages:
    """Images of structures `0` to `count - 1` of a family, drawn for the purpose "unlabelled".

    Args:
        family: what is drawn from.
        encoding: how a structure becomes an image.
        count: structures an epoch.
        seed: of the study.
        fresh: draw new structures in every epoch instead of the same again.
    """

    family: StructureFamily
    encoding: Encoding
    count: int
    seed: int = 0
    fresh: bool = False
    _cache: np.ndarray | None = field(default=None, repr=False)
    _drawn: np.ndarray | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.fresh and 2 * self.count * int(np.prod(self.encoding.image_shape)) <= CACHE_BYTES:
            self._cache = np.zeros((self.count, *self.encoding.image_shape), np.float16)
            self._drawn = np.zeros(self.count, bool)

    def __len__(self) -> int:
        return self.count

    @property
    def identity(self) -> str:
        """What the images are a function of."""
        return repr((self.family, self.encoding, self.count, self.seed, self.fresh))

    def take(self, epoch: int, index: np.ndarray) -> np.ndarray:
        """The images (b, height, width, channels) of some indices in an epoch."""
        if self._cache is None or self._drawn is None:
            return self._draw(index + (epoch * self.count if self.fresh else 0)).astype(np.float16).astype(np.float32)
        new = index[~self._drawn[index]]
        if len(new):
            self._cache[new] = self._draw(new)
            self._drawn[new] = True
        return self._cache[index].astype(np.float32)

    def _draw(self, index: np.ndarray) -> np.ndarray:
        return self.encoding.images(self.family.draw(self.seed, Purpose.UNLABELLED, int(i)) for i in index)


@dataclass
class ImageArray:
    """Images that are there already, (n, height, width, channels)."""

    images: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    @property
    def identity(self) -> str:
        """What the images are a function of."""
        return hashlib.sha256(np.ascontiguousarray(self.images).tobytes()).hexdigest()

    def take(self, epoch: int, index: np.ndarray) -> np.ndarray:
        """The images of some indices."""
        return np.asarray(self.images[index], np.float32)
