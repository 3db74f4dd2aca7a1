"""How unlike what a surrogate has learnt from a structure is, and by how much more its prediction may be off.

A regressor answers for any structure, and says of those unlike all that it has seen neither how wrong nor how unsure it
is. So each structure is described by a few numbers, the standardised `code_statistics` of its code (the code itself,
where that is no grid) and how badly its image is decoded, and its distance from the surrogate's own structures is the
mean over the `NEIGHBOURS` nearest of them. What decodes badly lies beyond what the code can say, so that its decoding
error counts by itself, too. The novelty is the larger of both, each in units of what 99.5 % of structures of the same
family, left out for this, stay below: above 1 is outside.

Outside, the variance of a prediction grows by (`SLOPE` (novelty - 1) s)^2, s the standard deviation of the anchor over
the labels: of a structure like none that is known, little more is known than that. The slope is the one that
`python -m studies.benchmarks.novelty` finds with the shipped surrogate by elements.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from simulation import InputError, Microstructure
from simulation.arrays import read_npz
from simulation.files import replacing
from surrogate.calibration import code_statistics
from surrogate.encoding import Encoding

NOVELTY = "novelty.npz"
"""In the folder of the surrogate."""
NEIGHBOURS = 5
HELD_OUT = 4
"""One in so many structures is left out, to tell how far structures of the same kind are."""
MOST, FEWEST = 1600, 40
"""Structures that novelty is told by; with fewer it is not."""
SHARE = 0.995
SLOPE = 0.25
"""With it errors outside have a root mean square of one standard deviation, more than 4 without (novelty.csv, beside
that script)."""
LARGEST = 1e6
_CHUNK = 256


class Coder(Protocol):
    """What is asked of an autoencoder."""

    @property
    def encoding(self) -> Encoding: ...

    def encode_images(self, images: np.ndarray) -> np.ndarray: ...

    def decode_images(self, latent: np.ndarray) -> np.ndarray: ...


def describe(autoencoder: Coder, grid: tuple[int, int] | None, microstructures: Sequence[Microstructure]) -> np.ndarray:
    """(n, d) numbers of structures: statistics of the code, or the code, and the decoding error last.

    Args:
        autoencoder: encodes and decodes.
        grid: of the code, None if it is none.
    """
    parts = []
    for start in range(0, len(microstructures), _CHUNK):
        images = autoencoder.encoding.images(microstructures[start : start + _CHUNK])
        codes = autoencoder.encode_images(images)
        error = np.sqrt(np.mean((autoencoder.decode_images(codes) - images) ** 2, axis=(1, 2, 3)))
        numbers = codes.astype(np.float64) if grid is None else code_statistics(codes, grid)
        parts.append(np.column_stack([numbers, error]))
    return np.concatenate(parts) if parts else np.zeros((0, 0))


@dataclass(frozen=True, eq=False, repr=False)
class Novelty:
    """What structures are compared with.

    Args:
        reference: (r, d) `describe` of structures that the surrogate has learnt from.
        unit: (2,) the distance and the decoding error, standardised, that are a novelty of 1.
    """

    reference: np.ndarray
    unit: np.ndarray

    @classmethod
    def of(
        cls, autoencoder: Coder, grid: tuple[int, int] | None, microstructures: Sequence[Microstructure]
    ) -> Novelty | None:
        """From structures that the surrogate has learnt from, evenly taken; None if they are too few."""
        count = min(len(microstructures), MOST)
        if count < FEWEST:
            return None
        rows = np.linspace(0, len(microstructures) - 1, count).round().astype(int)
        return cls.of_numbers(describe(autoencoder, grid, [microstructures[int(row)] for row in rows]))

    @classmethod
    def of_numbers(cls, numbers: np.ndarray) -> Novelty:
        """From `describe` (n, d) of them, as if they were saved: in single precision."""
        numbers = numbers.astype(np.float32).astype(np.float64)
        held = np.arange(len(numbers)) % HELD_OUT == HELD_OUT - 1
        bare = cls(numbers[~held], np.ones(2))
        unit = np.quantile(bare.distances(numbers[held]), SHARE, axis=0)
        return cls(numbers[~held], np.maximum(unit, 1e-6))

    def score(self, numbers: np.ndarray) -> np.ndarray:
        """(n,) novelty of structures by their numbers (n, d); above 1 outside."""
        return np.minimum((self.distances(numbers) / self.unit).max(axis=1), LARGEST)

    def distances(self, numbers: np.ndarray) -> np.ndarray:
        """(n, 2) mean distance from the nearest known structures, and decoding error, both standardised.

        Raises:
            InputError: if these are not the numbers of such structures.
        """
        if numbers.shape[1:] != self.reference.shape[1:]:
            raise InputError("novelty: these are numbers of another surrogate's structures")
        centre, scale = self.reference.mean(axis=0), np.maximum(self.reference.std(axis=0), 1e-6)
        known = (self.reference - centre) / scale
        nearest = min(NEIGHBOURS, len(known))
        asked = (numbers - centre) / scale
        found = np.column_stack([np.empty(len(asked)), asked[:, -1]])
        for i, row in enumerate(asked):
            distance = np.sqrt(np.square(known - row).sum(axis=1))
            found[i, 0] = np.partition(distance, nearest - 1)[:nearest].mean()
        return found

    def save(self, folder: Path, regressor: str) -> None:
        """Write `novelty.npz` beside the regressor whose weights have this SHA-256."""
        with replacing(folder / NOVELTY) as partial:
            reference = self.reference.astype(np.float32)
            np.savez_compressed(partial, reference=reference, unit=self.unit, regressor=np.array(regressor))

    @classmethod
    def load(cls, folder: Path, regressor: str, size: int) -> Novelty | None:
        """What `save` wrote; None if there is none, as beside surrogates of before.

        Args:
            regressor: SHA-256 of the weights that it must be of.
            size: numbers that describe a structure.

        Raises:
            InputError: if the file is damaged, or not of this regressor.
        """
        path = folder / NOVELTY
        if not path.is_file():
            return None
        found = read_npz(path, ("reference", "unit", "regressor"))
        reference, unit = found["reference"], found["unit"]
        if reference.dtype != np.float32 or reference.ndim != 2 or reference.shape[1] != size or not len(reference):
            raise InputError(f"{path}: numbers of shape {reference.shape}, {reference.dtype}, not (n, {size})")
        sound = unit.shape == (2,) and unit.dtype == np.float64 and np.isfinite(unit).all() and (unit > 0).all()
        if not np.isfinite(reference).all() or not sound:
            raise InputError(f"{path}: what is there is no finite number")
        if str(found["regressor"]) != regressor:
            raise InputError(f"{path}: not of this regressor (its weights are others)")
        return cls(reference.astype(np.float64), unit)

    def __repr__(self) -> str:
        return f"<Novelty against {len(self.reference)} structures>"


def widened(std: np.ndarray, novelty: np.ndarray, label_std: np.ndarray) -> np.ndarray:
    """Standard deviations (n, 6) of structures of some novelty (n,); inside, up to 1, they stay as they are.

    Args:
        label_std: (6,) of the labels.
    """
    beyond = np.maximum(np.asarray(novelty) - 1, 0)[:, None]
    return np.where(beyond > 0, np.hypot(std, SLOPE * beyond * label_std), std)
