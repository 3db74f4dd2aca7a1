"""The label store: one SQLite file, one row a label, written as each arrives."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from simulation.anchors import ANCHORS, AnchorPoints
from simulation.errors import InputError
from simulation.labels.label import Conditions, Label, Outcome, Specification
from simulation.labels.rows import COLUMNS, check_label, checksum, label_row, structure_of, structure_row
from simulation.labels.store_file import open_store_file, sentence
from simulation.microstructure import Microstructure

if TYPE_CHECKING:
    import pandas as pd

_PAGE = 256


@dataclass(frozen=True)
class Merged:
    """What a merge did: labels added, labels that were there already, damaged rows left out."""

    added: int = 0
    present: int = 0
    damaged: int = 0


class LabelStore:
    """Labels by key, in one SQLite file that survives a kill at any moment.

    A label is written in a transaction of its own. A label that is there already is left as it is, except that one
    that simulated takes the place of one that failed. Two processes may write to one store. Each row carries a
    checksum of all it holds; a row that does not match its own is never returned.

    Args:
        path: the file; made, with its folder, if it is not there and `read_only` is not set.
        read_only: for looking into the store of a running job; takes no lock that a writer would notice.
        salvage: open a file that is damaged inside, to `merge` from it what is intact.

    Raises:
        InputError: if the file is not an intact label store, or cannot be opened or written.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, salvage: bool = False) -> None:
        self.path = Path(path)
        self.read_only = read_only
        self._conditions: dict[str, Conditions] = {}
        self._db = open_store_file(self.path, read_only, salvage)

    def __repr__(self) -> str:
        return f"<LabelStore {self.path}{', read only' if self.read_only else ''}>"

    def __enter__(self) -> LabelStore:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; the last to leave folds the write-ahead log into it, so that it can be copied alone."""
        if not self.read_only:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("PRAGMA busy_timeout = 0")
                self._db.execute("PRAGMA journal_mode = DELETE")
        self._db.close()

    def add(self, label: Label) -> bool:
        """Write a label; False if the store has it already.

        Raises:
            InputError: if it cannot be written (disk full, read-only folder); the store is as it was before.
        """
        row = label_row(label)
        with sentence(self.path, "write to"), self._transaction():
            there = self._db.execute("SELECT outcome FROM labels WHERE key = ?", (label.key,)).fetchone()
            if there and not (there[0] == Outcome.FAILED != label.outcome):
                return False
            values = (label.conditions.key, label.conditions.to_json())
            self._db.execute("INSERT OR IGNORE INTO conditions VALUES (?, ?)", values)
            if isinstance(label.source, Microstructure):
                values = (label.structure_hash, *structure_row(label.source))
                self._db.execute("INSERT OR IGNORE INTO structures VALUES (?, ?, ?, ?, ?, ?)", values)
            marks = ", ".join("?" * (len(COLUMNS) + 1))
            self._db.execute(f"INSERT OR REPLACE INTO labels VALUES ({marks})", (*row, checksum(row)))
        return True

    def check_writable(self) -> None:
        """Raise `InputError` if no label could be added, before one is simulated in vain."""
        if not all(os.access(path, os.W_OK) for path in (self.path, self.path.absolute().parent)):
            raise InputError(f"{self.path}: cannot write to the label store: make the file and its folder writable")

    def get(self, key: str) -> Label | None:
        """The label of this key, None if there is none."""
        return self._one("key = ?", key)

    def find(self, specification: Specification, conditions: Conditions) -> Label | None:
        """The label of a specification, found without drawing it; None does not prove that its structure is unknown."""
        return self._one("specification_key = ? AND conditions = ?", specification.key, conditions.key)

    def __contains__(self, key: str) -> bool:
        with sentence(self.path, "read"):
            return self._db.execute("SELECT 1 FROM labels WHERE key = ?", (key,)).fetchone() is not None

    def __len__(self) -> int:
        with sentence(self.path, "read"):
            return int(self._db.execute("SELECT count(*) FROM labels").fetchone()[0])

    def labels(self, conditions: Conditions | None = None, outcome: Outcome | None = None) -> Iterator[Label]:
        """Labels in the order of their keys, which does not depend on the order in which they arrived.

        Raises:
            InputError: at the first damaged one.
        """
        for row in self._rows(conditions, outcome):
            yield self._label(row)

    def counts(self, conditions: Conditions | None = None) -> dict[Outcome, int]:
        """Number of labels by outcome, all three named."""
        where, values = _where(conditions, None)
        with sentence(self.path, "read"):
            rows = self._db.execute(f"SELECT outcome, count(*) FROM labels {where} GROUP BY outcome", values).fetchall()
        found = dict(rows)
        return {outcome: int(found.get(outcome.value, 0)) for outcome in Outcome}

    def frame(self, conditions: Conditions | None = None) -> pd.DataFrame:
        """A table without the curves, indexed and sorted by key.

        Columns: structure, conditions (their keys), purpose, position (index of the specification), outcome, reason,
        grains, misorientation_rad, the six anchors, evaluations, wall_s.
        """
        import pandas as pd

        width = COLUMNS.index("specification")
        rows = [self._checked(row)[:width] for row in self._rows(conditions, None)]
        table = pd.DataFrame(rows, columns=list(COLUMNS[:width])).set_index("key").drop(columns="specification_key")
        return table.astype(dict.fromkeys(("misorientation_rad", *ANCHORS, "wall_s"), "float64"))

    def merge(self, *paths: str | Path) -> Merged:
        """Take in the labels of other stores; doing it again changes nothing. Damaged rows are left out and counted.

        Raises:
            InputError: if a file is no label store, or too damaged to be read through.
        """
        added = present = damaged = 0
        for path in paths:
            with LabelStore(path, read_only=True, salvage=True) as other:
                for row in other._pages("labels NOT INDEXED WHERE true", (), "rowid", 0):
                    try:
                        label = other._label(row)
                    except InputError:
                        damaged += 1
                        continue
                    new = self.add(label)
                    added, present = added + new, present + (not new)
        return Merged(added, present, damaged)

    def _one(self, where: str, *values: str) -> Label | None:
        with sentence(self.path, "read"):
            row = self._db.execute(f"SELECT * FROM labels WHERE {where}", values).fetchone()
        return self._label(row) if row else None

    def _rows(self, conditions: Conditions | None, outcome: Outcome | None) -> Iterator[tuple[Any, ...]]:
        where, values = _where(conditions, outcome)
        return self._pages(f"labels {where or 'WHERE true'}", values, "key", "")

    def _pages(self, rows: str, values: tuple[str, ...], order: str, last: str | int) -> Iterator[tuple[Any, ...]]:
        """Rows in an order, a page at a time: memory stays flat and no lock is held while the caller works."""
        query = f"SELECT *, {order} FROM {rows} AND {order} > ? ORDER BY {order} LIMIT {_PAGE}"
        while True:
            with sentence(self.path, "read"):
                page = self._db.execute(query, (*values, last)).fetchall()
            yield from (row[:-1] for row in page)
            if len(page) < _PAGE:
                return
            last = page[-1][-1]

    def _checked(self, row: tuple[Any, ...]) -> tuple[Any, ...]:
        if checksum(row[:-1]) != row[-1]:
            raise InputError(
                f"{self.path}: label {str(row[0])[:12]} is damaged (its checksum does not match); "
                "merge the store into a new one to keep the labels that are intact"
            )
        return row

    def _label(self, row: tuple[Any, ...]) -> Label:
        """The label of a row. A checksum says that a row is as it was written, not that this version wrote it."""
        cells = dict(zip(COLUMNS, self._checked(row), strict=False))
        try:
            label = self._made(cells)
            check_label(label)
            return label
        except InputError as error:
            said = str(error)
            raise InputError(said if said.startswith(str(self.path)) else f"{self.path}: {said}") from None
        except (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
            raise InputError(
                f"{self.path}: label {str(cells['key'])[:12]} is none of this version ({' '.join(str(error).split())})"
            ) from None

    def _made(self, cells: dict[str, Any]) -> Label:
        anchors = AnchorPoints(*[float("nan") if cells[name] is None else cells[name] for name in ANCHORS])
        h, m = (np.frombuffer(cells[name], "<f8") for name in ("h", "m"))
        source = (
            Specification.from_json(cells["specification"])
            if cells["specification"] is not None
            else self._structure(cells["structure"])
        )
        return Label(
            *(cells["key"], cells["structure"], source, self._conditions_of(cells["conditions"])),
            *(h, m, np.frombuffer(cells["status"], np.uint8), anchors),
            *(cells["evaluations"], cells["wall_s"], Outcome(cells["outcome"]), cells["reason"]),
        )

    def _structure(self, structure_hash: str) -> Microstructure:
        with sentence(self.path, "read"), contextlib.suppress(ValueError, TypeError, zlib.error):
            query = "SELECT ny, nx, cell_nm, ids, angles FROM structures WHERE structure = ?"
            structure = structure_of(*self._db.execute(query, (structure_hash,)).fetchone())
            if structure.content_hash == structure_hash:
                return structure
        raise InputError(f"{self.path}: structure {structure_hash[:12]} is damaged or missing")

    def _conditions_of(self, key: str) -> Conditions:
        if key not in self._conditions:
            with sentence(self.path, "read"), contextlib.suppress(ValueError, TypeError, KeyError):
                row = self._db.execute("SELECT json FROM conditions WHERE conditions = ?", (key,)).fetchone()
                conditions = Conditions.from_json(row[0])
                if conditions.key == key:
                    self._conditions[key] = conditions
            if key not in self._conditions:
                raise InputError(f"{self.path}: conditions {key[:12]} are damaged or missing")
        return self._conditions[key]

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise


def _where(conditions: Conditions | None, outcome: Outcome | None) -> tuple[str, tuple[str, ...]]:
    """The WHERE clause and its values."""
    chosen = {"conditions = ?": conditions and conditions.key, "outcome = ?": outcome and outcome.value}
    chosen = {clause: value for clause, value in chosen.items() if value is not None}
    return ("WHERE " + " AND ".join(chosen) if chosen else ""), tuple(str(value) for value in chosen.values())
