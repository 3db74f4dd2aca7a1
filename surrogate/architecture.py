"""Sizes of the networks: plain numbers, readable without Keras, and written on the card of a trained surrogate."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from typing import Literal, get_args

from simulation import ANCHORS, InputError

Layout = Literal["dense", "grid"]

PAPER_FLAT, PAPER_HIDDEN = 6400, 2048
"""Width of the dense layer in Kovacs et al. (2022), Table 1, for its 5 x 5 x 256 features."""

PAPER_SHARED = (512, 1024, 512, 256, 128, 64)
PAPER_HEAD = (32, 16, 8, 4, 2)
"""Hidden layers of the regressor of Kovacs et al. (2022), Table 2: shared, then of each target's own head."""

MAX_PARAMETERS = 2 * 10**8
"""More than any network here has use for; refused before memory is taken."""


@dataclass(frozen=True)
class VAEArchitecture:
    """Variational autoencoder for any image, in one of two layouts.

    "dense", the recipe of Kovacs et al. (2022), Table 1: convolutions of stride 2 with 16, 32, 64, ... filters halve
    the image until its shorter edge is at most 7 pixels (160 -> 5 after five, 40 -> 5 after three, 50 -> 7 after
    three); then a dense layer whose width keeps the paper's proportion of 2048 to 6400 features. The first kernel, and
    the last transposed one, is 4 x 4, all others 2 x 2.

    "grid": the code is a grid itself, a few numbers for every 4 x 4 pixels, and all layers are convolutions. What a
    grain is looks the same all over the magnet, and need be learnt only once.

    Args:
        image_shape: (height, width, channels) of an image.
        latent_dim: length of the latent code; in a grid a multiple of the number of its places.
        width: multiplies the number of filters (1 is the paper's).
        layout: "dense" or "grid".

    Raises:
        InputError: if a number is out of range.
    """

    image_shape: tuple[int, int, int] = (160, 160, 1)
    latent_dim: int = 512
    width: float = 1.0
    layout: Layout = "dense"

    def __post_init__(self) -> None:
        height, width, channels = self.image_shape
        if not (8 <= height <= 2048 and 8 <= width <= 2048 and 1 <= channels <= 4):
            raise InputError(f"images must be 8 to 2048 pixels wide and high with 1 to 4 channels: {self.image_shape}")
        if not 1 <= self.latent_dim <= 4096:
            raise InputError(f"latent_dim must lie in 1 to 4096, got {self.latent_dim}")
        if not 0.1 <= self.width <= 8:
            raise InputError(f"the width factor must lie in 0.1 to 8, got {self.width}")
        if self.layout not in get_args(Layout):
            raise InputError(f"the layout must be one of {', '.join(get_args(Layout))}, got {self.layout!r}")
        if self.layout == "grid" and self.latent_dim % math.prod(self.latent_grid):
            raise InputError(
                f"latent_dim must be a multiple of the {math.prod(self.latent_grid)} places of its grid for images of "
                f"{height} x {width} pixels, got {self.latent_dim}"
            )
        if self.layout == "dense" and self.flat * self.hidden > MAX_PARAMETERS / 2:
            raise InputError(f"a network for images of {self.image_shape} has over {MAX_PARAMETERS} parameters")

    @property
    def grids(self) -> tuple[tuple[int, int], ...]:
        """(height, width) of the image and after every convolution; an odd edge is rounded up."""
        grids = [self.image_shape[:2]]
        while min(grids[-1]) > 7:
            grids.append((-(-grids[-1][0] // 2), -(-grids[-1][1] // 2)))
        return tuple(grids)

    @property
    def latent_grid(self) -> tuple[int, int]:
        """(height, width) of the code in the layout "grid"."""
        return -(-self.image_shape[0] // 4), -(-self.image_shape[1] // 4)

    @property
    def filters(self) -> tuple[int, ...]:
        """Filters of the encoder's convolutions."""
        return tuple(max(1, round(16 * self.width)) << level for level in range(len(self.grids) - 1))

    @property
    def flat(self) -> int:
        """Features after the last convolution, flattened."""
        height, width = self.grids[-1]
        return height * width * self.filters[-1]

    @property
    def hidden(self) -> int:
        """Width of the dense layer between features and code."""
        return max(self.latent_dim, round(self.flat * PAPER_HIDDEN / PAPER_FLAT))


@dataclass(frozen=True)
class RegressorArchitecture:
    """Multi-head regressor from latent code to the six anchor points (Kovacs et al. 2022, Table 2).

    A code that is a grid goes through convolutions first, each of stride 2 and followed by one of stride 1 with a
    bypass, down to at most 5 x 5 places, and then the mean and the smooth maximum over the places: the remanence is a
    mean, but a magnet reverses where it is weakest.

    Args:
        latent_dim: length of the latent code.
        shared: widths of the layers that all targets share.
        head: widths of the hidden layers of each target's own head; a linear unit follows.
        ordered: whether 0 < Mr <= M1 <= 1 and 0 < Hk90 <= Hk80 <= Hk70 <= Hc hold by construction; else the six
            standardised targets are predicted as they are, which is the paper's way.
        members: networks of the ensemble.
        grid: (height, width) of the code, None if it is none.
        filters: of the first convolution on a grid, doubled in the second.

    Raises:
        InputError: if a number is out of range.
    """

    latent_dim: int = 512
    shared: tuple[int, ...] = (128, 128, 64)
    head: tuple[int, ...] = (32, 16)
    ordered: bool = True
    members: int = 1
    grid: tuple[int, int] | None = None
    filters: int = 32

    def __post_init__(self) -> None:
        if not 1 <= self.latent_dim <= 4096:
            raise InputError(f"latent_dim must lie in 1 to 4096, got {self.latent_dim}")
        if self.grid is not None and (min(self.grid) < 1 or self.latent_dim % math.prod(self.grid)):
            raise InputError(f"a code of {self.latent_dim} numbers is no grid of {self.grid}")
        if not 1 <= self.filters <= 1024:
            raise InputError(f"filters must lie in 1 to 1024, got {self.filters}")
        if not 1 <= self.members <= 64:
            raise InputError(f"an ensemble has 1 to 64 members, got {self.members}")
        widths = (*self.shared, *self.head)
        if not self.shared or len(widths) > 32 or not all(1 <= w <= 8192 for w in widths):
            raise InputError(f"layers of the regressor must be 1 to 8192 units wide, got {self.shared}, {self.head}")
        if self.parameters * self.members > MAX_PARAMETERS:
            raise InputError(f"the ensemble of regressors has over {MAX_PARAMETERS} parameters")

    @classmethod
    def paper(cls, latent_dim: int = 512, members: int = 1) -> RegressorArchitecture:
        """The network of Kovacs et al. (2022), Table 2: 1,502,006 parameters for a code of 512."""
        return cls(latent_dim, PAPER_SHARED, PAPER_HEAD, ordered=False, members=members)

    @classmethod
    def on_grid(cls, latent_dim: int, grid: tuple[int, int], members: int = 1) -> RegressorArchitecture:
        """The network for a code that is a grid."""
        return cls(latent_dim, shared=(128,), head=(32,), members=members, grid=grid)

    @property
    def convolutions(self) -> tuple[tuple[int, int], ...]:
        """(filters before, filters) of each convolution of stride 2; empty without a grid."""
        if self.grid is None:
            return ()
        shorter, before = min(self.grid), self.latent_dim // math.prod(self.grid)
        levels: list[tuple[int, int]] = []
        while shorter > 5 or not levels:
            filters = self.filters * min(len(levels) + 1, 2)
            levels.append((before, filters))
            shorter, before = -(-shorter // 2), filters
        return tuple(levels)

    @property
    def parameters(self) -> int:
        """Weights of one member."""
        levels = self.convolutions
        count = sum((16 * before + 1) * filters + (9 * filters + 1) * filters for before, filters in levels)
        shared = (2 * levels[-1][1] if levels else self.latent_dim, *self.shared)
        head = (self.shared[-1], *self.head, 1)
        count += sum((a + 1) * b for a, b in itertools.pairwise(shared))
        return count + len(ANCHORS) * sum((a + 1) * b for a, b in itertools.pairwise(head))


PLACES_PER_GRAIN = 1.5
"""Places of a grain decoder for each grain of the structures that have most."""


@dataclass(frozen=True)
class GrainDecoderArchitecture:
    """Network from decoded images to the seeds of grains, one for every place of a grid (`surrogate.grain_decoder`).

    Args:
        image_shape: (height, width, channels) of the autoencoder's images.
        place: edge of a place, pixels.
        filters: of each convolution.
        blocks: residual blocks of two convolutions each.

    Raises:
        InputError: if a number is out of range.
    """

    image_shape: tuple[int, int, int]
    place: int
    filters: int = 48
    blocks: int = 2

    def __post_init__(self) -> None:
        height, width, channels = self.image_shape
        if not (8 <= height <= 2048 and 8 <= width <= 2048 and 1 <= channels <= 4):
            raise InputError(f"images must be 8 to 2048 pixels wide and high with 1 to 4 channels: {self.image_shape}")
        if not 1 <= self.place <= 16:
            raise InputError(f"a place must be 1 to 16 pixels wide, got {self.place}")
        if not 1 <= self.filters <= 1024 or not 1 <= self.blocks <= 64:
            raise InputError(f"filters must lie in 1 to 1024 and blocks in 1 to 64, got {self.filters}, {self.blocks}")

    @classmethod
    def of(cls, image_shape: tuple[int, int, int], most_grains: int) -> GrainDecoderArchitecture:
        """For images of structures of so many grains: as few places as suffice."""
        place = 16
        while place > 1 and math.prod(cls(image_shape, place).grid) < PLACES_PER_GRAIN * most_grains:
            place //= 2
        return cls(image_shape, place)

    @property
    def grid(self) -> tuple[int, int]:
        """(rows, columns) of places; the last ones may stand out beyond the image."""
        return -(-self.image_shape[0] // self.place), -(-self.image_shape[1] // self.place)
