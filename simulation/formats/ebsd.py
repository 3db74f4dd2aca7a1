"""Maps of electron backscatter diffraction: .ang, .ctf and HDF5, read by orix.

What orix does not see to is seen to here: numbers with decimal commas and comments that are not UTF-8, both common in
.ctf, hexagonal grids, and angles in a unit that is not the format's. Both text formats count rows downwards.
"""

from __future__ import annotations

import contextlib
import io
import re
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from simulation.errors import InputError
from simulation.formats.crystals import CrystalPhase, easy_axes, orix, symmetries
from simulation.formats.grain_map import GrainMap
from simulation.formats.options import MEASURED_DEG, ReadOptions
from simulation.formats.segmentation import Points, grains_of_points
from simulation.microstructure import MAX_CELLS

BYTES_OF_A_POINT = 200
"""A line of a text file takes less."""

WIDEST_STEP_NM = 20_000.0
"""Micrometres that are further apart are nanometres in all likelihood: no map of a magnet's grains is so coarse."""

_NM = {"um": 1e3, "µm": 1e3, "nm": 1.0, "mm": 1e6, "m": 1e9}
_FRAME = (
    "the Euler angles are taken to refer to x to the right and y upwards in the map; EDAX has x downwards as a rule "
    "(setting 1), which is --rotate -90"
)


def read_text_map(path: Path, options: ReadOptions) -> GrainMap:
    """A map from .ang (EDAX, ASTAR, EMsoft, orix) or .ctf (Oxford Instruments, Bruker, ASTAR, EMsoft, MTEX).

    Raises:
        InputError: if it is no such file, or too large.
    """
    size = path.stat().st_size
    if size > BYTES_OF_A_POINT * MAX_CELLS:
        raise InputError(f"{size} bytes, more than {MAX_CELLS} points take; crop the map")
    orix()
    kind = "ang" if path.suffix.lower() == ".ang" else "ctf"
    with _plain(path, kind) as text:
        _check_unit(text, kind)
        found = _loaded(text, **({"autogen_names": False} if kind == "ang" else {}))
    return grains_of(found, options, f"EBSD (.{kind})", (_FRAME,) if kind == "ang" else ())


def grains_of(found: Any, options: ReadOptions, source: str, frame: tuple[str, ...] = ()) -> GrainMap:
    """Grains of a crystal map of orix.

    Args:
        frame: what may be wrong with the frame of its angles where nothing is said of it.
    """
    if found.x is None or found.y is None:
        raise InputError("a line scan: a map has rows and columns")
    rotations = found.rotations if found.rotations_per_point == 1 else found.rotations[:, 0]
    # orix turns vectors of the specimen into the crystal's frame, and has the real part first.
    turn = Rotation.from_quat(rotations.data.reshape(-1, 4), scalar_first=True).inv()
    phases = {number: _phase(number, each) for number, each in found.phases if number >= 0}
    phase = np.where(found.is_indexed, found.phase_id, -1)
    scale = _NM.get(str(found.scan_unit), 0.0)
    if not scale and options.step_nm is None:
        raise InputError(f"its coordinates are in {found.scan_unit!r}: say by --step-nm how far points are apart")
    unit = scale or 1.0
    axis = easy_axes(turn, phase, phases, options.easy_axis)
    points = Points(
        found.x * unit, -found.y * unit, axis, phase, turn.as_quat(scalar_first=True), symmetries(phases)
    )  # fmt: skip
    return measured(points, phases, options, source, frame)


def measured(
    points: Points, phases: dict[int, CrystalPhase], options: ReadOptions, source: str, frame: tuple[str, ...] = ()
) -> GrainMap:
    """Grains of measured points, with what is to be said of them."""
    grains = grains_of_points(points, options.threshold_deg or MEASURED_DEG, options, source)
    step = grains.step_nm
    if options.step_nm is None and max(step) > WIDEST_STEP_NM:
        raise InputError(
            f"its points are {step[0] / 1e3:.4g} micrometres apart if the file keeps to its format: are they "
            f"nanometres? Then say --step-nm {step[0] / 1e3:.4g}"
        )
    shares = [f"{each.name or number} {100 * np.mean(points.phase == number):.3g} %" for number, each in phases.items()]
    missing = float(np.mean(~np.isfinite(points.axis[:, 0])))
    told = f"{len(points.phase)} points, {100 * missing:.3g} % without an orientation; phases: {', '.join(shares)}"
    doubts = frame if options.rotate_deg is None else ()
    return GrainMap(grains.grain, grains.axis, step, source, (told, *grains.notes), (*doubts, *grains.doubts))


def _phase(number: int, phase: Any) -> CrystalPhase:
    group = phase.point_group
    return CrystalPhase(phase.name or str(number), group.name if group is not None else "",
                        tuple(float(value) for value in phase.structure.lattice.abcABG()))  # fmt: skip


def _loaded(path: Path, **options: Any) -> Any:
    """A crystal map; what orix prints and warns of is not for the user's terminal."""
    from orix import io as orix_io

    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return orix_io.load(str(path), **options)
    except InputError:
        raise
    except Exception as error:  # orix parses by hand: a damaged file raises anything
        words = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"not a map that orix can read: {words}") from None


load_map = _loaded


@contextlib.contextmanager
def _plain(path: Path, kind: str) -> Iterator[Path]:
    """The file, or a copy of it in UTF-8 with decimal points where it is not."""
    content = path.read_bytes()
    text = content.decode("utf-8", "replace")
    comma = re.search(r"^\s*\d+\s+\d+,\d", text, re.MULTILINE) if kind == "ctf" else None
    if comma is None and "\ufffd" not in text and path.suffix == f".{kind}":
        yield path
        return
    text = content.decode("latin-1")
    if comma is not None:
        text = re.sub(r"(?<=\d),(?=\d)", ".", text)
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / f"map.{kind}"
        copy.write_text(text, encoding="utf-8")
        yield copy


def _check_unit(path: Path, kind: str) -> None:
    """.ang holds radians, .ctf degrees.

    Raises:
        InputError: if the angles look like the other.
    """
    columns = (0, 1, 2) if kind == "ang" else (5, 6, 7)
    comments = "#" if kind == "ang" else None
    skip = 0
    if kind == "ctf":
        with path.open(encoding="utf-8") as file:
            skip = next((n for n, line in enumerate(file, 1) if n > 1000 or line.startswith("Phase\tX\tY")), 0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of empty lines
            angles = np.loadtxt(path, usecols=columns, comments=comments, skiprows=skip, max_rows=20_000, ndmin=2)
    except (ValueError, IndexError):
        return  # orix says what is wrong
    largest = float(np.abs(angles).max(initial=0.0))
    if kind == "ang" and largest > 4 * np.pi + 0.01:  # EDAX writes 4 pi where nothing was indexed
        raise InputError(f"its Euler angles go up to {largest:.4g}: degrees? .ang holds radians; convert them")
    if kind == "ctf" and len(angles) > 100 and 0 < largest <= 2 * np.pi:
        raise InputError(f"its Euler angles go up to {largest:.4g} only: radians? .ctf holds degrees; convert them")
