"""Measured pairs, a map of grains and its loop each: labels beside the simulated ones, and never one of them."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inverse_design.study.measured_curve import CurveSection, read_curve
from inverse_design.study.read_options import KEYS, options_of_words
from simulation.anchors import ANCHORS, AnchorPoints
from simulation.errors import InputError
from simulation.labels.label import Label, digest
from simulation.labels.labelled import LabelledStructures
from simulation.microstructure import Microstructure
from simulation.sampling import Purpose, generator

if TYPE_CHECKING:
    import pandas as pd

    from inverse_design.study.study import Study

COLUMNS = ("structure", "curve")
NUMBERS = ("demagnetizing_factor", "volume_mm3", "density_g_per_cm3")
FLAGS = ("slope", "offset")
"""Columns of a file of pairs: of each row the two that it needs, and keys of `goals.curve` that its loop needs; besides
what its map needs, the keys of `read_options`."""

MOST_PAIRS, MAX_BYTES = 10_000, 10_000_000
SHORTEST = 1e-9


@dataclass(frozen=True, eq=False)
class MeasuredPair:
    """One specimen.

    Attributes:
        name: of its map.
        structure: its grains.
        anchors: (6,) anchor points of its loop as a square prism has them, NaN where it has none.
    """

    name: str
    structure: Microstructure
    anchors: np.ndarray


def read_pairs(study: Study) -> list[MeasuredPair]:
    """The pairs of a study; none if it names no file of them.

    Raises:
        InputError: if the file, a map or a loop cannot be read, or a map is none of the study's size.
    """
    if study.labels.measured is None:
        return []
    path = Path(study.labels.measured)
    pairs = []
    for number, row in enumerate(_rows(path), 2):
        place = f"{path}:{number}"
        try:
            name, loop = (path.parent / row[column] for column in COLUMNS)
            structure = _map(name, row, path.parent)
            _check_size(structure, study)
            section = CurveSection(file=str(loop), tolerance=1.0, **_keys(row))
            _, targets = read_curve(section, study.magnet)
        except InputError as error:
            raise InputError(f"{place}: {error}") from None
        except ValueError as error:  # pydantic's, of a number that is none or too large
            raise InputError(f"{place}: {' '.join(str(error).split())[:200]}") from None
        values = np.array([targets[anchor].target if anchor in targets else np.nan for anchor in ANCHORS], np.float64)
        pairs.append(MeasuredPair(row[COLUMNS[0]], structure, values))
    return pairs


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        if not path.is_file() or path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: {'larger than a table of pairs' if path.is_file() else 'no such file'}")
        rows = list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read ({error})") from None
    if not rows or len(rows) > MOST_PAIRS:
        raise InputError(f"{path}: must have 1 to {MOST_PAIRS} rows below its header, has {len(rows)}")
    header, known = [name for name in rows[0] if name], (*COLUMNS, *NUMBERS, *FLAGS, "quantity", *KEYS)
    wrong = [name for name in header if name not in known]
    if wrong or any(name not in header for name in COLUMNS):
        raise InputError(f"{path}:1: must have the columns structure and curve, may have {', '.join(known[2:])}")
    if any(not row[name] for row in rows for name in COLUMNS):
        raise InputError(f"{path}: every row needs a structure and a curve")
    return rows


def _map(path: Path, row: dict[str, str], folder: Path) -> Microstructure:
    """The structure of a row, by what the row says of its file."""
    words = {key: row[key] or "" for key in KEYS if key in row}
    options = options_of_words(words)
    if options.axes is not None:
        options = replace(options, axes=folder / options.axes)
    return Microstructure.load(path, options=options if options.given else None)


def _keys(row: dict[str, str]) -> dict[str, Any]:
    """What a row says of its loop."""
    said: dict[str, Any] = {name: float(row[name]) for name in NUMBERS if row.get(name)}
    said |= {name: row[name].strip().lower() == "true" for name in FLAGS if row.get(name)}
    return said | ({"quantity": row["quantity"]} if row.get("quantity") else {})


def _check_size(structure: Microstructure, study: Study) -> None:
    cells, cell_nm = study.family.cells, study.family.cell_nm
    if structure.shape != (cells, cells) or abs(structure.cell_nm - cell_nm) > SHORTEST:
        ny, nx = structure.shape
        raise InputError(
            f"the map has {nx} x {ny} cells of {structure.cell_nm:g} nm, the study {cells} x {cells} of {cell_nm:g} "
            "nm; resample it by a column cell_nm, crop it, or let the study be of its size"
        )


def as_labels(pairs: Sequence[MeasuredPair], weight: int, uncertainty: float, seed: int) -> LabelledStructures | None:
    """What a training reads of them: each as often as simulated labels that it counts as, scattered by what its anchor
    points are uncertain by. None where there are no pairs."""
    if not pairs:
        return None
    anchors, keys = [], []
    for number, pair in enumerate(pairs):
        scatter = generator(seed, Purpose.TRAINING, 3, number).standard_normal((weight, len(ANCHORS)))
        anchors.append(pair.anchors + uncertainty * scatter * (weight > 1))
        values = [None if np.isnan(v) else float(v) for v in pair.anchors]
        keys += [digest("measured", pair.structure.content_hash, values, uncertainty, copy) for copy in range(weight)]
    structures = [pair.structure for pair in pairs for _ in range(weight)]
    names = tuple(f"measured:{number}" for number in range(len(pairs)) for _ in range(weight))
    return LabelledStructures(tuple(keys), structures, np.vstack(anchors), np.zeros(len(keys), bool), names=names)


def residuals(pairs: Sequence[MeasuredPair], labels: Sequence[Label]) -> pd.DataFrame:
    """One row a pair: its name, and of each anchor what was measured, simulated of its map, and the difference."""
    import pandas as pd

    simulated = {label.structure_hash: label.anchors if label.converged else None for label in labels}
    rows = []
    for pair in pairs:
        found = simulated.get(pair.structure.content_hash) or AnchorPoints(*[np.nan] * len(ANCHORS))
        row: dict[str, Any] = {"structure": pair.name}
        for anchor, measured, value in zip(ANCHORS, pair.anchors, found.as_array(), strict=True):
            row |= {
                f"{anchor}_measured": measured,
                f"{anchor}_simulated": value,
                f"{anchor}_residual": measured - value,
            }
        rows.append(row)
    return pd.DataFrame(rows)


def mean_residuals(table: pd.DataFrame) -> dict[str, tuple[float, float, int]]:
    """Of each anchor that both have: mean and standard deviation of what was measured less what was simulated, and of
    how many pairs; the deviation of one pair is NaN."""
    found = {}
    for anchor in ANCHORS if len(table) else ():
        values = table[f"{anchor}_residual"].dropna()
        if len(values):
            found[anchor] = float(values.mean()), float(values.std(ddof=1)), len(values)
    return found
