"""How a label lies in a row of the label store."""

from __future__ import annotations

import hashlib
import zlib
from typing import Any

import numpy as np

from simulation.anchors import ANCHORS
from simulation.labels.label import Label
from simulation.microstructure import Microstructure

APPLICATION = 0x6D61676C  # "magl": marks a file as a label store
FORMAT = 1

COLUMNS = (
    *("key", "structure", "conditions", "specification_key", "purpose", "position", "outcome", "reason"),
    *("grains", "misorientation_rad", *ANCHORS, "evaluations", "wall_s"),
    *("specification", "h", "m", "status"),
)
"""Columns of `labels` in their order; the checksum over all of them comes last."""

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
    """Shape, cell size, grain map and angles of a structure that no specification can draw again."""
    ids = zlib.compress(np.asarray(structure.grain_id, "<i4").tobytes())
    return (*structure.shape, structure.cell_nm, ids, np.asarray(structure.grain_angle_rad, "<f8").tobytes())


def structure_of(ny: int, nx: int, cell_nm: float, ids: bytes, angles: bytes) -> Microstructure:
    """The structure that `structure_row` wrote; its content hash is its checksum."""
    grain_id = np.frombuffer(zlib.decompress(ids), "<i4").reshape(ny, nx)
    return Microstructure(grain_id, np.frombuffer(angles, "<f8"), cell_nm)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
