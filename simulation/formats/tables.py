"""Tables of numbers (CSV): a map with a line a point, a rectangle of grains or angles, or the axes of grains.

Columns are known by their names, whatever their case: `x`, `y` (with `_nm`, `_um`, `(um)` for the unit); an
orientation as `angle` (`_deg`, `_rad`), from +y towards +x; as Euler angles (`EulerAngles_0` to `_2` of DREAM3D, or
`phi1, Phi, phi2`); or as a direction `kx, ky, kz`; a grain as `FeatureIds`, `grain`, `id`, `region` or `label`, a
colour as `color`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simulation.errors import InputError
from simulation.formats.crystals import c_axes
from simulation.formats.grain_map import NONE, GrainMap, whole
from simulation.formats.options import EQUAL_DEG, MEASURED_DEG, ReadOptions
from simulation.formats.segmentation import Points, grains_of_pixels, grains_of_points, grid_of
from simulation.microstructure import MAX_CELLS

if TYPE_CHECKING:
    import pandas as pd

MOST_BYTES = 256 * MAX_CELLS
_UNITS = {"nm": 1.0, "um": 1e3, "µm": 1e3, "micron": 1e3, "microns": 1e3, "mm": 1e6, "m": 1e9}
_KEYS = ("featureids", "featureid", "grain", "grainid", "id", "region", "label", "color", "colour")
_EULER = (("eulerangles0", "eulerangles1", "eulerangles2"), ("avgeulerangles0", "avgeulerangles1", "avgeulerangles2"),
          ("euler1", "euler2", "euler3"), ("phi1", "phi", "phi2"))  # fmt: skip
_DIRECTION: tuple[tuple[str, ...], ...] = (("kx", "ky", "kz"), ("kx", "ky"))


def read_table_map(path: Path, options: ReadOptions) -> GrainMap:
    """A map from a table: with column names a line a point, else a rectangle of numbers of grains, whose axes
    `options.axes` has, or of angles; its first line is the row at the bottom, as in `Microstructure.grain_id`.

    Raises:
        InputError: if it is no such table, or it does not say what is needed.
    """
    table = read_table(path)
    if isinstance(table, np.ndarray):
        return _rectangle(table, options)
    missing = [name for name in "xy" if not _coordinate(table, name)]
    if missing:
        raise InputError(f"no column {' or '.join(missing)}; it has {_listed(table)}")
    x, y = (_in_nm(table, name, options) for name in "xy")
    axis = axes_of_columns(table, options.degrees)
    key = _key_column(table)
    if axis is not None:
        measured = any(set(names) <= set(table) for names in _EULER)
        threshold = options.threshold_deg or (MEASURED_DEG if measured else EQUAL_DEG)
        phase = np.zeros(len(x), dtype=np.int64)
        if key is not None:  # grains are named already, whatever their points' axes
            phase, threshold = _whole(table[key], key), options.threshold_deg or 90.0
            axis = np.where((phase > 0)[:, None], axis, np.nan)  # DREAM3D counts from 1
        return grains_of_points(Points(x, y, axis, phase), threshold, options, "table of points (.csv)")
    if key is None:
        raise InputError(f"no column of an angle, of Euler angles or of grains; it has {_listed(table)}")
    ids = _whole(table[key], key)
    pixels, step_nm = grid_of(x, y, options.step_nm).pixels(ids, 0, options.cell_nm)
    return grains_of_ids(pixels, step_nm, options, "table of points (.csv)", void=0)


def axes_by_key(
    path: Path, keys: Sequence[int] | Sequence[str], options: ReadOptions, needed: bool = True
) -> np.ndarray:
    """(n, 3) easy axes of grains from a table with a line a grain; NaN for those that it need not, and does not, have.

    Raises:
        InputError: if it has no line for one of them, and they are needed.
    """
    try:
        table = read_table(path)
        if isinstance(table, np.ndarray):
            raise InputError("a line of column names is needed, such as: id,angle_deg")
        key, axis = _key_column(table), axes_of_columns(table, options.degrees)
        if key is None or axis is None:
            raise InputError(f"needed are a column of grains (id) and one of axes (angle_deg); it has {_listed(table)}")
        if key.startswith("colo"):
            there = {str(value).strip().lower(): row for row, value in enumerate(table[key])}
        else:
            there = {str(value): row for row, value in enumerate(_whole(table[key], key))}
        missing = [each for each in keys if str(each) not in there]
        if missing and needed:
            raise InputError(f"no line for {key} {missing[0]}{_off_by_one(keys, there)}")
        axis = np.vstack([axis, np.full((1, 3), np.nan)])
        return axis[[there.get(str(each), -1) for each in keys]]
    except InputError as error:
        raise InputError(f"{path}: {error}") from None


def read_table(path: Path) -> pd.DataFrame | np.ndarray:
    """Columns by their names, lower-case without signs; or a rectangle of numbers without names.

    Raises:
        InputError: if it is neither, or too large.
    """
    import pandas as pd  # a quarter of a second that nothing else here pays

    try:
        if not path.is_file():
            raise InputError("no such file")
        if path.stat().st_size > MOST_BYTES:
            raise InputError(f"{path.stat().st_size} bytes, more than {MAX_CELLS} points take")
        with path.open(encoding="utf-8-sig") as file:
            lines = [file.readline(100_000) for _ in range(50)]
        above = next((n for n, line in enumerate(lines) if line.strip() and line[0] != "#"), None)
        if above is None:
            raise InputError("nothing in it")
        first = lines[above]
        signs = next((sign for sign in (",", ";", "\t") if sign in first), r"\s+")
        names = any(re.search(r"[A-Za-z]", word) and not _is_number(word) for word in re.split(signs, first))
        table = pd.read_csv(
            path,
            sep=signs,
            skiprows=above,
            comment=None if names else "#",  # below names a # may begin a colour
            header=0 if names else None,
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    except UnicodeDecodeError:
        raise InputError("not a text file in UTF-8") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"not a table: {' '.join(str(error).split())[:200]}") from None
    table = table.dropna(axis="columns", how="all")  # what a comma at the end of each line makes
    if not names:
        values = table.to_numpy()
        if values.dtype.kind not in "iuf" or not np.isfinite(values).all():
            raise InputError("a rectangle of numbers is needed, or a line of column names above")
        return values
    return table.rename(columns=lambda name: re.sub(r"[^a-zµ0-9()]", "", str(name).lower()))


def axes_of_columns(table: pd.DataFrame, degrees: bool) -> np.ndarray | None:
    """(n, 3) easy axes by the columns that a table has, None if it has none."""
    for name, scale in (("angledeg", np.pi / 180), ("anglerad", 1.0), ("angle", np.pi / 180 if degrees else 1.0)):
        if name in table:
            angle = _numbers(table, (name,))[:, 0] * scale
            if name == "angle" and not degrees:
                _check_radians(angle, "angle", 2 * np.pi)
            return np.column_stack([np.sin(angle), np.cos(angle), np.zeros(len(angle))])
    for names in _EULER:
        if set(names) <= set(table):
            euler = _numbers(table, names)
            if not degrees:
                _check_radians(euler, "Euler angles", 4 * np.pi)
            return c_axes(np.radians(euler) if degrees else euler)
    for direction in _DIRECTION:
        if set(direction) <= set(table):
            k = _numbers(table, direction)
            k = np.column_stack([k, np.zeros((len(k), 3 - k.shape[1]))])
            length = np.linalg.norm(k, axis=1, keepdims=True)
            return k / np.where(length > 0, length, np.nan)
    return None


def _rectangle(values: np.ndarray, options: ReadOptions) -> GrainMap:
    if values.shape[0] < 2 or values.shape[1] < 2:
        raise InputError("a rectangle of numbers is needed, or a line of column names above")
    if options.step_nm is None:
        raise InputError("a rectangle of numbers has no unit of length: say the edge of a pixel in nm by --step-nm")
    step = options.step_nm, options.step_nm
    if options.axes is not None:
        return grains_of_ids(whole(values, "with --axes these"), step, options, "rectangle of grains (.csv)", void=None)
    if values.dtype.kind in "iu" and not options.degrees:
        raise InputError(
            "whole numbers: grains or angles in degrees? Name a table of their axes by --axes FILE.csv, or say "
            "--degrees"
        )
    angle = np.radians(values) if options.degrees else np.asarray(values, dtype=np.float64)
    if not options.degrees:
        _check_radians(angle, "angle", 2 * np.pi)
    axis = np.stack([np.sin(angle), np.cos(angle), np.zeros(angle.shape)], axis=-1)
    return grains_of_pixels(axis, step, options.threshold_deg or EQUAL_DEG, options, "rectangle of angles (.csv)")


def grains_of_ids(
    ids: np.ndarray, step_nm: tuple[float, float], options: ReadOptions, source: str, void: int | None = None
) -> GrainMap:
    """Grains by their numbers (ny, nx), with the axes of `options.axes`; pixels of number `void` have none.

    Raises:
        InputError: if there is no table, or it lacks a grain.
    """
    if options.axes is None:
        raise InputError("it holds numbers of grains: name a table of their axes, id,angle_deg, by --axes FILE.csv")
    numbers, index = np.unique(ids, return_inverse=True)
    known = numbers if void is None else numbers[numbers != void]
    axis = np.zeros((len(numbers), 3))
    axis[np.isin(numbers, known)] = axes_by_key(options.axes, known.tolist(), options)
    grain = index.reshape(ids.shape)
    return GrainMap(np.where(np.isin(ids, known), grain, NONE), axis, step_nm, source)


def _coordinate(table: pd.DataFrame, axis: str) -> str:
    names = [name for name in table if re.fullmatch(rf"{axis}(\(?({'|'.join(_UNITS)})\)?)?", str(name))]
    return str(names[0]) if names else ""


def _in_nm(table: pd.DataFrame, axis: str, options: ReadOptions) -> np.ndarray:
    name = _coordinate(table, axis)
    unit = name[1:].strip("()")
    if not unit and options.step_nm is None:
        raise InputError(f"column {axis} has no unit: call it {axis}_nm or {axis}_um, or say --step-nm")
    return _numbers(table, (name,))[:, 0] * _UNITS.get(unit, 1.0)


def _numbers(table: pd.DataFrame, names: Sequence[str]) -> np.ndarray:
    try:
        return table[list(names)].to_numpy(dtype=np.float64)
    except (TypeError, ValueError):
        raise InputError(f"column {' or '.join(names)} does not hold numbers only") from None


def _whole(column: pd.Series, name: str) -> np.ndarray:
    values = _numbers(column.to_frame(name), (name,))[:, 0]
    return whole(values, f"column {name}")


def _key_column(table: pd.DataFrame) -> str | None:
    return next((name for name in _KEYS if name in table), None)


def _check_radians(angle: np.ndarray, what: str, most: float) -> None:
    largest = float(np.nanmax(np.abs(angle), initial=0.0))
    if largest > most + 1e-6:
        raise InputError(f"{what} goes up to {largest:.4g}, more than radians do: degrees? Then say --degrees")


def _off_by_one(keys: Sequence[int] | Sequence[str], there: dict[str, int]) -> str:
    """A guess where the numbers of a map and of a table are shifted."""
    if not all(isinstance(key, int) for key in keys):
        return ""
    for shift in (1, -1):
        if all(str(int(key) + shift) in there for key in keys):
            return f"; there is one for each number {'plus' if shift > 0 else 'less'} one: off by one?"
    return ""


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _listed(table: pd.DataFrame) -> str:
    return ", ".join(map(str, table.columns[:12]))
