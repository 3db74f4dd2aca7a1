"""How a label lies in a row of the label store."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import numpy as np

from simulation.anchors import ANCHORS, anchor_points
from simulation.errors import InputError
from simulation.labels.label import Label, Outcome
from simulation.microstructure import Microstructure
from simulation.phases import phase_table, phases_of

APPLICATION = 0x6D61676C  # "magl": marks a file as a label store
FORMAT = 1

COLUMNS = (
    *("key", "structure", "conditions", "specification_key", "purpose", "position", "outcome", "reason"),
    *("grains", "misorientation_rad", *ANCHORS, "evaluations", "wall_s"),
    *("specification", "h", "m", "status"),
)
"""Columns of `labels` in their order; the checksum over all of them comes last."""

TABLES = {
    "labels": (*COLUMNS, "checksum"),
    "conditions": ("conditions", "json"),
    "structures": ("structure", "ny", "nx", "cell_nm", "ids", "angles"),
}
"""The tables of a store and their columns."""

SCHEMA = f"""
PRAGMA application_id = {APPLICATION};
PRAGMA user_version = {FORMAT};
CREATE TABLE labels (
    key TEXT PRIMARY KEY, structure TEXT NOT NULL, conditions TEXT NOT NULL, specification_key TEXT,
    purpose INTEGER, position INTEGER, outcome TEXT NOT NULL, reason TEXT NOT NULL,
    grains INTEGER NOT NULL, misorientation_rad REAL, {", ".join(f"{name} REAL" for name in ANCHORS)},
    evaluations INTEGER NOT NULL, wall_s REAL NOT NULL,
    specification TEXT, h BLOB NOT NULL, m BLOB NOT NULL, status BLOB NOT NULL, checksum BLOB NOT NULL);
CREATE INDEX by_specification ON labels (specification_key, conditions);
CREATE INDEX by_conditions ON labels (conditions, outcome, key);
CREATE TABLE conditions (conditions TEXT PRIMARY KEY, json TEXT NOT NULL);
CREATE TABLE structures (structure TEXT PRIMARY KEY, ny INTEGER, nx INTEGER, cell_nm REAL, ids BLOB, angles BLOB);
"""


def label_row(label: Label) -> tuple[Any, ...]:
    """The values of `COLUMNS`, as SQLite gives them back: NaN is NULL, floats are 64 bits."""
    specification = label.specification
    grains, misorientation_rad = label.drawn
    return (
        *(label.key, label.structure_hash, label.conditions.key, specification and specification.key),
        *((int(specification.purpose), specification.index) if specification else (None, None)),
        *(label.outcome.value, label.reason, grains, _number(misorientation_rad)),
        *(_number(value) for value in label.anchors.as_array()),
        *(int(label.evaluations), float(label.wall_s), specification and specification.to_json()),
        *(np.asarray(label.h, "<f8").tobytes(), np.asarray(label.m, "<f8").tobytes()),
        np.asarray(label.status, np.uint8).tobytes(),
    )


ANCHOR_TOLERANCE = 1e-3
"""Between anchors that are stored and those of a curve that is: sets keep curves in single precision."""


def check_label(label: Label) -> None:
    """Make sure that a label's values are those of a simulation.

    Raises:
        InputError: that names what cannot be.
    """
    name, h, m, anchors = f"label {label.key[:12]}", label.h, label.m, label.anchors.as_array()
    if label.key != label.conditions.label_key(label.structure_hash):
        raise InputError(f"{name}: its key is not that of its structure and conditions")
    if not h.size == m.size == label.status.size or not (np.isfinite(h).all() and np.isfinite(m).all()):
        raise InputError(f"{name}: its curve is cut off or holds what is no number")
    if (np.diff(h) >= 0).any() or (np.abs(m) > label.largest_m + 1e-6).any():
        raise InputError(f"{name}: its field does not fall, or its magnetisation exceeds Ms")
    if label.outcome is Outcome.CONVERGED and (h.size == 0 or label.status.any()):
        raise InputError(f"{name}: it is said to have converged, and its fields have not")
    if not np.allclose(anchors, anchor_points(h, m).as_array(), rtol=0, atol=ANCHOR_TOLERANCE, equal_nan=True):
        raise InputError(f"{name}: its anchor points are not those of its curve")
    if label.evaluations < 0 or not label.wall_s >= 0:
        raise InputError(f"{name}: evaluations and seconds cannot be negative")


def checksum(row: tuple[Any, ...]) -> bytes:
    """16 bytes of the SHA-256 of a row's values, their types and lengths included."""
    parts = []
    for value in row:
        if isinstance(value, str):
            value = b"s" + value.encode(errors="surrogateescape")
        elif not isinstance(value, bytes):
            value = b"n" + repr(value).encode()  # repr of a float has all its bits
        parts += [b"%d:" % len(value), value]
    return hashlib.sha256(b"".join(parts)).digest()[:16]


def structure_row(structure: Microstructure) -> tuple[Any, ...]:
    """Shape, cell size, grain map and angles of a structure that no specification can draw again.

    Where there are several phases, their map follows the grains', and their number, properties and the thickness of the
    boundary the angles.
    """
    ids, angles = (
        np.asarray(structure.grain_id, "<i4").tobytes(),
        np.asarray(structure.grain_angle_rad, "<f8").tobytes(),
    )
    if structure.phase_id is not None:
        ids += structure.phase_id.tobytes()
        last = np.array([structure.boundary_nm, len(structure.phases)], "<f8")
        angles += phase_table(structure.phases).tobytes() + last.tobytes()
    return (*structure.shape, structure.cell_nm, zlib.compress(ids), angles)


def structure_of(ny: int, nx: int, cell_nm: float, ids: bytes, angles: bytes) -> Microstructure:
    """The structure that `structure_row` wrote; its content hash is its checksum."""
    maps, numbers, cells = zlib.decompress(ids), np.frombuffer(angles, "<f8"), ny * nx
    grain_id = np.frombuffer(maps[: 4 * cells], "<i4").reshape(ny, nx)
    if len(maps) == 4 * cells:
        return Microstructure(grain_id, numbers, cell_nm)
    phase_id, (boundary_nm, count) = np.frombuffer(maps[4 * cells :], np.uint8).reshape(ny, nx), numbers[-2:]
    grains = numbers.size - 2 - 3 * int(count)
    phases = phases_of(numbers[grains:-2].reshape(-1, 3))
    return Microstructure(grain_id, numbers[:grains], cell_nm, phase_id, phases, float(boundary_nm))


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
