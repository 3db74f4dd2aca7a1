"""Grain structures as images for a network, and images as easy axes again.

Two encodings of the easy axis at angle a from +y, k = (sin a, cos a):

- "kx": the x component of the axis, turned so that k_y >= 0 (Kovacs et al. 2022, section 3.1); one channel. It has a
  seam: kx = +1 and kx = -1 are one axis.
- "double_angle": (sin 2a, cos 2a); two channels and no seam. The energy sees the axis as exactly this.

Where a second phase lies between the grains, two channels more are the same all over an image: the thickness of the
layer and the polarisation of the phase, each from -1 to 1 over the range of its family; that of no layer is in the
middle. Where the layer is the grains say themselves.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Literal, get_args

import numpy as np

from simulation import Boundary, InputError, Microstructure

Kind = Literal["kx", "double_angle"]
KINDS: tuple[Kind, ...] = get_args(Kind)

_CHUNK = 8
"""Images whose axes are computed at a time: few enough to stay in the cache."""

MIRRORS = 4
"""Copies of a structure that share its demagnetisation curve: itself, mirrored in x, in y, and in both."""


@dataclass(frozen=True)
class Encoding:
    """How structures on one grid become images.

    Args:
        kind: "kx" or "double_angle".
        shape: (ny, nx) cells of the structures.
        cell_nm: edge of a cell, nm.
        cells_per_pixel: edge of a pixel in cells; the image is the mean over the cells of each pixel.
        boundary: what may lie between the grains; None if nothing does.

    Raises:
        InputError: if a number is out of range or the grid is not a whole number of pixels.

    >>> along_y = Microstructure(np.zeros((16, 16), int), np.zeros(1))
    >>> image = Encoding("double_angle", (16, 16)).images([along_y])
    >>> image.shape, image[0, 0, 0].tolist()  # (sin 2a, cos 2a)
    ((1, 16, 16, 2), [0.0, 1.0])
    """

    kind: Kind = "double_angle"
    shape: tuple[int, int] = (160, 160)
    cell_nm: float = 2.0
    cells_per_pixel: int = 1
    boundary: Boundary | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise InputError(f"encoding must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if len(self.shape) != 2 or min(self.shape) < 8:
            raise InputError(f"a surrogate needs a grid of at least 8 x 8 cells, got {self.shape}")
        step = self.cells_per_pixel
        if isinstance(step, bool) or not isinstance(step, int) or step < 1 or any(n % step for n in self.shape):
            raise InputError(f"cells_per_pixel must divide the grid of {self.shape} cells, got {step!r}")
        if min(self.shape) // step < 8:
            raise InputError(f"cells_per_pixel {step} leaves fewer than 8 pixels of the {self.shape} cells")
        if not 0 < self.cell_nm < math.inf:
            raise InputError(f"cell_nm must be a positive finite number, got {self.cell_nm!r}")

    @property
    def axis_channels(self) -> int:
        """1 for "kx", 2 for "double_angle"."""
        return 1 if self.kind == "kx" else 2

    @property
    def channels(self) -> int:
        """Those of the axes, and two for a boundary."""
        return self.axis_channels + (0 if self.boundary is None else 2)

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(height, width, channels) of an image, pixels."""
        ny, nx = self.shape
        return ny // self.cells_per_pixel, nx // self.cells_per_pixel, self.channels

    def images(self, microstructures: Iterable[Microstructure]) -> np.ndarray:
        """Images of structures, (n, height, width, channels) float32 in [-1, 1].

        Raises:
            InputError: if a structure is not on this encoding's grid.
        """
        pictures = []
        for index, microstructure in enumerate(microstructures):
            self.check(microstructure, f"structure {index}")
            angle = microstructure.grain_angle_rad.astype(np.float32)  # per grain: fewer sines than cells
            colors = self._whole(self._axis(angle)).take(microstructure.grain_id)
            picture = self._pixels(self._parts(colors))
            pictures.append(self._with_boundary(picture, self.boundary_numbers([microstructure])[0]))
        return np.stack(pictures) if pictures else np.zeros((0, *self.image_shape), np.float32)

    def check(self, microstructure: Microstructure, name: str = "the structure") -> None:
        """Raise InputError unless the structure is on this encoding's grid."""
        if microstructure.shape != tuple(self.shape):
            raise InputError(f"{name} has {microstructure.shape} cells, this surrogate is for {tuple(self.shape)}")
        if not math.isclose(microstructure.cell_nm, self.cell_nm, rel_tol=1e-6):
            raise InputError(
                f"{name} has cells of {microstructure.cell_nm} nm, this surrogate is for {self.cell_nm} nm"
            )
        if microstructure.phases and not self._knows_phases_of(microstructure):
            known = "one phase only" if self.boundary is None else f"layers such as {self.boundary}"
            given = "; ".join(map(str, microstructure.phases))
            raise InputError(f"{name} has a second phase ({given}), this surrogate knows {known}")

    def _knows_phases_of(self, microstructure: Microstructure) -> bool:
        """Whether the second phase is one of the family that the surrogate was made for."""
        if self.boundary is None or len(microstructure.phases) != 1:
            return False
        (phase,) = microstructure.phases
        low, high = self.boundary.Js_T
        thin, thick = self.boundary.thickness_nm
        return (
            phase == self.boundary.phase(phase.Js_T)
            and low - 1e-9 <= phase.Js_T <= high + 1e-9
            and thin - 1e-9 <= microstructure.boundary_nm <= thick + 1e-9
        )

    def boundary_numbers(self, microstructures: Sequence[Microstructure]) -> np.ndarray:
        """(n, 2) thickness and polarisation of what lies between grains, from -1 to 1; (n, 0) where nothing does."""
        if self.boundary is None:
            return np.zeros((len(microstructures), 0), np.float32)
        rows = [(m.boundary_nm, m.phases[0].Js_T) if m.phases else (0.0, np.nan) for m in microstructures]
        middle, half = self._ranges
        return np.nan_to_num((np.array(rows).reshape(-1, 2) - middle) / half).astype(np.float32)

    def boundaries(self, images: np.ndarray) -> np.ndarray:
        """(n, 2) thickness in nm and polarisation in T of images, within the ranges of the family; zero where nothing
        lies between grains."""
        if self.boundary is None:
            return np.zeros((len(images), 2))
        middle, half = self._ranges
        numbers = np.clip(np.asarray(images)[..., self.axis_channels :].mean(axis=(1, 2)), -1, 1)
        values: np.ndarray = middle + half * numbers.astype(np.float64)
        return values

    def between(self, grains: Microstructure, thickness_nm: float, Js_T: float) -> Microstructure:
        """The grains with the layer that such numbers mean, its thickness in whole cells."""
        if self.boundary is None:
            return grains
        cells = round(thickness_nm / self.cell_nm)
        return grains.with_boundary(cells * self.cell_nm, self.boundary.phase(Js_T)) if cells else grains

    @property
    def _ranges(self) -> tuple[np.ndarray, np.ndarray]:
        """Middle and half of the ranges of thickness and polarisation."""
        assert self.boundary is not None  # noqa: S101 - asked where there is one
        low, high = np.array([self.boundary.thickness_nm, self.boundary.Js_T]).T
        return (low + high) / 2, np.maximum((high - low) / 2, 1e-6)

    def _with_boundary(self, image: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """(..., axis channels) with numbers (2,), the same in every pixel."""
        if self.boundary is None:
            return image
        constant = np.broadcast_to(np.asarray(numbers, np.float32), (*image.shape[:-1], 2))
        return np.concatenate([image, constant], axis=-1)

    def images_of_angles(self, angle_rad: np.ndarray) -> np.ndarray:
        """Images of (n, ny, nx) axis angles with nothing between grains: (n, height, width, channels) float32."""
        return self._with_boundary(self._pixels(self._axis(np.asarray(angle_rad))), self._nothing)

    @property
    def _nothing(self) -> np.ndarray:
        return self.boundary_numbers([_NO_LAYER])[0]

    def images_of_field(self, field: np.ndarray) -> np.ndarray:
        """Images of a smooth double-angle field (n, ny, nx, 2), as `field` returns it.

        In the double angle the field is taken as it is, so that what is blurred stays blurred.
        """
        if self.kind == "double_angle":
            return self._with_boundary(self._pixels(np.asarray(field, np.float32)), self._nothing)
        return self.images_of_angles(angle_of(field))

    def field(self, images: np.ndarray) -> np.ndarray:
        """The smooth double-angle field (sin 2a, cos 2a) of images, (n, ny, nx, 2) on the structures' cells.

        Pixels larger than a cell are interpolated bilinearly, in the double angle, where axes may be averaged.
        """
        images = np.asarray(images, np.float32)[..., : self.axis_channels]
        if self.kind == "kx":
            angle = np.arcsin(np.clip(images[..., 0], -1, 1))
            images = np.stack([np.sin(2 * angle), np.cos(2 * angle)], axis=-1)
        if self.cells_per_pixel == 1:
            return images
        pairs = np.ascontiguousarray(images).view(np.complex64)[..., 0]
        cells = _interpolate(_interpolate(pairs, self.cells_per_pixel, 2), self.cells_per_pixel, 1)
        return cells[..., None].view(np.float32)

    def angles(self, images: np.ndarray) -> np.ndarray:
        """Axis angles of images: (n, ny, nx) radians in (-pi/2, pi/2], float64, on the structures' cells."""
        angles = np.empty((len(images), *self.shape))
        for start in range(0, len(images), _CHUNK):
            angles[start : start + _CHUNK] = angle_of(self.field(images[start : start + _CHUNK]))
        return angles

    def mirror_x(self, images: np.ndarray) -> np.ndarray:
        """Images of the structures mirrored under x -> -x: a -> -a."""
        return self._turned(images[:, :, ::-1])

    def mirror_y(self, images: np.ndarray) -> np.ndarray:
        """Images of the structures mirrored under y -> -y: a -> -a, as an axis has no head."""
        return self._turned(images[:, ::-1])

    def mirrored_at(self, images: np.ndarray, in_x: np.ndarray, in_y: np.ndarray) -> np.ndarray:
        """Images of which some, (n,) booleans each, are mirrored in x, and some in y."""
        images = np.where(in_x[:, None, None, None], self.mirror_x(images), images)
        return np.where(in_y[:, None, None, None], self.mirror_y(images), images)

    def mirrored(self, images: np.ndarray) -> np.ndarray:
        """The four copies of each image that share a demagnetisation curve: (n, 4, height, width, channels)."""
        in_x = self.mirror_x(images)
        return np.stack([images, in_x, self.mirror_y(images), self.mirror_y(in_x)], axis=1)

    def _axis(self, angle_rad: np.ndarray) -> np.ndarray:
        """(...,) angles to (..., channels)."""
        if self.kind == "double_angle":
            return np.stack([np.sin(2 * angle_rad), np.cos(2 * angle_rad)], axis=-1).astype(np.float32)
        k_x = np.sin(angle_rad)
        # k_y >= 0 by convention; on the seam itself, a = 90 degrees, rounding must not choose the sign
        k_x = np.where(np.cos(angle_rad) < -1e-6, -k_x, k_x)
        return np.where(np.abs(np.cos(angle_rad)) <= 1e-6, 1.0, k_x)[..., None].astype(np.float32)

    def _pixels(self, cells: np.ndarray) -> np.ndarray:
        """Mean over the cells of each pixel; (..., ny, nx, c)."""
        step = self.cells_per_pixel
        if step == 1:
            return np.ascontiguousarray(cells, dtype=np.float32)
        cells = self._whole(np.ascontiguousarray(cells, dtype=np.float32))
        rows = reduce(np.add, [cells[..., i::step, :] for i in range(step)])  # far faster than means of small blocks
        return self._parts(reduce(np.add, [rows[..., i::step] for i in range(step)]) * np.float32(1 / step**2))

    def _whole(self, values: np.ndarray) -> np.ndarray:
        """(..., channels) float32 to (...,): two channels as one complex number, at the price of one."""
        return values.view(np.float32 if self.axis_channels == 1 else np.complex64)[..., 0]

    def _parts(self, values: np.ndarray) -> np.ndarray:
        """The way back of `_whole`."""
        return values[..., None].view(np.float32)

    def _turned(self, images: np.ndarray) -> np.ndarray:
        """a -> -a: the sine changes its sign, the cosine keeps it."""
        sign = [-1.0] if self.kind == "kx" else [-1.0, 1.0]
        return images * np.array(sign + [1.0] * (self.channels - len(sign)), np.float32)


_NO_LAYER = Microstructure(np.zeros((1, 1), int), np.zeros(1))


def angle_of(field: np.ndarray) -> np.ndarray:
    """Axis angles (...,) in (-pi/2, pi/2] of a double-angle field (..., 2) = r (sin 2a, cos 2a), float64."""
    sine, cosine = (np.ascontiguousarray(field[..., i]) for i in range(2))  # several times faster than with gaps
    angle = 0.5 * np.arctan2(sine, cosine).astype(np.float64)
    return np.where(angle <= -0.5 * math.pi + 1e-7, 0.5 * math.pi, angle)


def axis_error_rad(a_rad: np.ndarray, b_rad: np.ndarray) -> np.ndarray:
    """Angle between axes, (...,) in [0, pi/2]: an axis has no head, so 179 degrees apart is 1 degree."""
    difference = np.mod(np.asarray(a_rad) - np.asarray(b_rad), math.pi)
    return np.minimum(difference, math.pi - difference)


def _interpolate(values: np.ndarray, factor: int, axis: int) -> np.ndarray:
    """Linear interpolation from the centres of pixels to the centres of their `factor` cells, flat at the edge."""

    def part(start: int | None, stop: int | None, step: int = 1) -> tuple[slice, ...]:
        return (slice(None),) * axis + (slice(start, stop, step),)

    shape = list(values.shape)
    shape[axis] *= factor
    cells = np.empty(shape, values.dtype)
    padded = np.concatenate([values[part(None, 1)], values, values[part(-1, None)]], axis)
    for i in range(factor):
        place = (i + 0.5) / factor - 0.5  # of the cell's centre, in pixels from that of its own
        neighbour = padded[part(None, -2) if place < 0 else part(2, None)]
        cells[part(i, None, factor)] = np.float32(1 - abs(place)) * values + np.float32(abs(place)) * neighbour
    return cells
