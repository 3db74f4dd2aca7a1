"""Grain structures: which grain a cell belongs to, and where the grain's easy axis points."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simulation.arrays import read_npz
from simulation.errors import InputError
from simulation.files import replacing

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from simulation.formats.options import ReadOptions

LARGEST_FILE_ANGLE_RAD = 2 * math.pi
"""Angles of a file beyond this are taken for degrees: nobody writes an axis in radians and adds whole turns."""

MAX_CELLS = 2048 * 2048
"""More cells than any planar simulation here can hold in a few GiB; refused before memory is taken."""

CELL_NM = (1e-3, 1e6)
"""Far beyond what micromagnetics describes on either side, and well within what floating point does."""


@dataclass(frozen=True, eq=False)
class Microstructure:
    """A patchwork of grains on square cells, infinitely long out of the plane.

    Args:
        grain_id: (ny, nx) integers, the grain of each cell; row index iy grows with y, column index ix with x.
        grain_angle_rad: (n,) the easy axis of grain i at angle ``grain_angle_rad[i]`` from +y towards +x, so that
            k = (sin, cos). Any finite number; an axis has no head, so it is kept modulo pi in (-pi/2, pi/2].
        cell_nm: edge of a cell, nm.

    Raises:
        InputError: on anything that is not such a structure.

    >>> magnet = Microstructure(np.array([[0, 0], [0, 1]]), np.array([0.1, -0.2]))
    >>> magnet
    <Microstructure: 2 x 2 cells of 2 nm, 2 grains, axes 7 degrees off the field in the mean>
    >>> magnet.grains, magnet.shape, magnet.refine(2).shape, magnet.refine(2).cell_nm
    (2, (2, 2), (4, 4), 1.0)

    Two structures are equal if the physics sees the same: cells, grains, axes and the cell size.
    """

    grain_id: np.ndarray
    grain_angle_rad: np.ndarray
    cell_nm: float = 2.0

    def __post_init__(self) -> None:
        grain_id = np.asarray(self.grain_id)
        angle = np.asarray(self.grain_angle_rad)
        if grain_id.ndim != 2 or grain_id.size == 0:
            raise InputError(f"Microstructure: grain_id must be a non-empty (ny, nx) array, got shape {grain_id.shape}")
        if grain_id.size > MAX_CELLS:
            raise InputError(f"Microstructure: at most {MAX_CELLS} cells are allowed, got {grain_id.shape}")
        if grain_id.dtype.kind not in "iu":
            raise InputError(f"Microstructure: grain_id must hold integers, got dtype {grain_id.dtype}")
        if angle.ndim != 1 or angle.dtype.kind not in "iuf":
            raise InputError(
                "Microstructure: grain_angle_rad must be a 1-D array of numbers, "
                f"got shape {angle.shape}, dtype {angle.dtype}"
            )
        with np.errstate(over="ignore"):  # of long doubles; infinity is refused below
            angle = angle.astype(np.float64)
        if not np.isfinite(angle).all():
            bad = int(np.flatnonzero(~np.isfinite(angle))[0])
            raise InputError(f"Microstructure: grain_angle_rad[{bad}] is {angle[bad]}, every angle must be finite")
        low, high = int(grain_id.min()), int(grain_id.max())
        if low < 0 or high >= angle.size:
            raise InputError(
                f"Microstructure: grain ids run from {low} to {high}, "
                f"but there are angles for grains 0 to {angle.size - 1} only"
            )
        cell_nm = self.cell_nm
        if isinstance(cell_nm, bool) or not isinstance(cell_nm, Real) or not 0 < cell_nm < math.inf:
            raise InputError(f"Microstructure: cell_nm must be a positive finite number, got {cell_nm!r}")
        if not CELL_NM[0] <= cell_nm <= CELL_NM[1]:
            raise InputError(f"Microstructure: cell_nm must lie within {CELL_NM[0]:g} to {CELL_NM[1]:g}, got {cell_nm}")
        object.__setattr__(self, "grain_id", _frozen(grain_id.astype(np.int32)))
        object.__setattr__(self, "grain_angle_rad", _frozen(axis_angle(angle)))
        object.__setattr__(self, "cell_nm", float(cell_nm))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Microstructure):
            return NotImplemented
        return (
            self.cell_nm == other.cell_nm
            and np.array_equal(self.grain_id, other.grain_id)
            and np.array_equal(self.grain_angle_rad, other.grain_angle_rad)
        )

    def __hash__(self) -> int:
        return hash(self.content_hash)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {', '.join(value for _, value in self._facts())}>"

    def _repr_html_(self) -> str:
        """In a notebook: the grains in the colours of their axes."""
        from simulation.pictures.grain_image import png_data_uri
        from simulation.pictures.notebook import beside

        return beside(png_data_uri(self), self._facts(), type(self).__name__)

    def _facts(self) -> list[tuple[str, str]]:
        ny, nx = self.shape
        grains = self.grains
        off = math.degrees(np.abs(self.angle_rad).mean())
        return [
            ("cells", f"{ny} x {nx} cells of {self.cell_nm:g} nm"),
            ("grains", f"{grains} grain{'' if grains == 1 else 's'}"),
            ("axes", f"axes {off:.0f} degrees off the field in the mean"),
        ]

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw the grains in the colours of their axes, x and y in nm, the field along +y.

        Args:
            ax: Matplotlib axes; of a new figure if None.

        Returns:
            The axes.
        """
        from simulation.pictures.plots import draw_grains, own_axes

        axes = own_axes("compressed") if ax is None else ax
        draw_grains(axes, self)
        return axes

    @property
    def shape(self) -> tuple[int, int]:
        """(ny, nx), cells."""
        ny, nx = self.grain_id.shape
        return ny, nx

    @property
    def grains(self) -> int:
        """Number of grains that own at least one cell."""
        return int(np.unique(self.grain_id).size)

    @property
    def angle_rad(self) -> np.ndarray:
        """(ny, nx) angle of the easy axis from +y, radians in (-pi/2, pi/2]."""
        return self.grain_angle_rad[self.grain_id]

    @property
    def content_hash(self) -> str:
        """SHA-256 of what the physics sees: the axis of every cell, the grains and the cell size."""
        digest = hashlib.sha256()
        digest.update(np.asarray(self.shape, "<i8").tobytes())
        digest.update(np.asarray(self.grain_id, "<i4").tobytes())
        digest.update(np.asarray(self.grain_angle_rad, "<f8").tobytes())
        digest.update(np.asarray(self.cell_nm, "<f8").tobytes())
        return digest.hexdigest()

    def refine(self, factor: int) -> Microstructure:
        """The same grains on cells `factor` times smaller."""
        if isinstance(factor, bool) or not isinstance(factor, (int, np.integer)) or factor < 1:
            raise InputError(f"Microstructure.refine: factor must be a whole number of at least 1, got {factor!r}")
        if self.grain_id.size * int(factor) ** 2 > MAX_CELLS:
            raise InputError(
                f"Microstructure.refine: {self.shape} cells refined by {factor} are more than the {MAX_CELLS} allowed"
            )
        fine = np.repeat(np.repeat(self.grain_id, factor, axis=0), factor, axis=1)
        return Microstructure(fine, self.grain_angle_rad, self.cell_nm / int(factor))

    def mirror_x(self) -> Microstructure:
        """The mirror image under x -> -x; an axis at angle a goes to -a. Keeps the demagnetisation curve."""
        return Microstructure(self.grain_id[:, ::-1], -self.grain_angle_rad, self.cell_nm)

    def mirror_y(self) -> Microstructure:
        """The mirror image under y -> -y; an axis at angle a goes to pi - a, which is -a. Keeps the curve."""
        return Microstructure(self.grain_id[::-1, :], -self.grain_angle_rad, self.cell_nm)

    def save(self, path: str | Path) -> None:
        """Write `grain_id`, `grain_angle_rad` and `cell_nm` to a compressed file, named .npz if it is not."""
        path = Path(path)
        ids = self.grain_id.astype(np.uint16 if self.grain_id.max() < 65536 else np.int32)
        with replacing(path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")) as partial:
            np.savez_compressed(partial, grain_id=ids, grain_angle_rad=self.grain_angle_rad, cell_nm=self.cell_nm)

    @classmethod
    def load(cls, path: str | Path, degrees: bool = False, options: ReadOptions | None = None) -> Microstructure:
        """Read a structure: this package's .npz, where `cell_nm` may be missing (2.0) and other arrays are ignored, or
        a map of another program, see `simulation.formats.reading`.

        Args:
            path: the file.
            degrees: whether the file's angles are degrees instead of radians.
            options: how to read the file of another program, in place of `degrees`.

        Raises:
            InputError: if the file cannot be read or does not hold a structure; also if angles in radians go beyond
                a whole turn, which are degrees in all likelihood.
        """
        if options is not None or Path(path).suffix != ".npz":
            from simulation.formats.options import ReadOptions
            from simulation.formats.reading import kind_of, read_structure

            if options is not None or kind_of(Path(path)) != "npz":
                return read_structure(path, options or ReadOptions(degrees=degrees)).structure
        path = Path(path)
        try:
            data = read_npz(path, ("grain_id", "grain_angle_rad"), ("cell_nm",), max_bytes=8 * MAX_CELLS)
        except FileNotFoundError:
            raise InputError(f"{path}: no such structure file") from None
        cell_nm = data.get("cell_nm", np.array(2.0))
        if cell_nm.shape != () or cell_nm.dtype.kind not in "iuf":
            raise InputError(f"{path}: cell_nm must be one number, got shape {cell_nm.shape}, dtype {cell_nm.dtype}")
        try:
            return cls(data["grain_id"], _file_angles(data["grain_angle_rad"], degrees), float(cell_nm))
        except InputError as error:
            raise InputError(f"{path}: {error}") from None


def _file_angles(angle: np.ndarray, degrees: bool) -> np.ndarray:
    """Angles of a file in radians; those beyond a whole turn are refused unless they are said to be degrees."""
    if angle.dtype.kind not in "iuf":
        return angle  # refused by the structure itself
    with np.errstate(over="ignore"):  # of long doubles
        angle = angle.astype(np.float64)
    if degrees:
        return np.radians(angle)
    largest = np.abs(angle[np.isfinite(angle)]).max(initial=0.0)
    if largest > LARGEST_FILE_ANGLE_RAD:
        raise InputError(
            f"grain_angle_rad goes up to {largest:.4g}, more than a whole turn in radians: degrees? "
            "Then say --degrees, in Python load(path, degrees=True)"
        )
    return angle


def axis_angle(angle_rad: np.ndarray) -> np.ndarray:
    """Fold angles of axes (no head, no tail) into (-pi/2, pi/2]."""
    folded = np.pi / 2 - np.mod(np.pi / 2 - np.asarray(angle_rad, dtype=np.float64), np.pi)
    return np.where(folded <= -np.pi / 2, np.pi / 2, folded)


def _frozen(array: np.ndarray) -> np.ndarray:
    array = np.array(array, order="C")  # a copy: the caller's array stays theirs
    array.setflags(write=False)
    return array
