"""Text files of measured loops: which columns hold field and magnetisation, and in which units.

CSV, tabs, semicolons or spaces; lines before the numbers are a header, of which the last line with as many entries as
there are columns names them: `H (kOe), M (emu/cm3)`, `Magnetic Field (Oe)`, `mu0H [T]`, a line of units below a line of
names, or the [Data] section of a Quantum Design file, whose columns of other things are passed over.
"""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulation.errors import InputError

MAX_BYTES = 20_000_000
"""A loop of a hundred thousand points with ten columns."""

FEWEST = 3

FIELD = re.compile(
    r"(mu_?0|µ0|μ0)? ?\*? ?h_?(ext|app(lied)?|int)?|b_?ext|(applied |magnetic |internal )*field( h)?", re.IGNORECASE
)
MAGNETIZATION = re.compile(
    r"(?P<M>m(_?y)?|magneti[sz]ation( m)?|(dc |long )?moment( fixed| m)?|mu_?0 ?\*? ?m|µ0 ?m|μ0 ?m)"
    r"|(?P<J>j|(magnetic )?polari[sz]ation( j)?)|(?P<B>b|(magnetic )?(flux density|induction)( b)?)",
    re.IGNORECASE,
)
_NAME_AND_UNIT = re.compile(
    r"\s*(.*?)\s*(?:[(\[]\s*([^)\]]*?)\s*[)\]]|/\s*([A-Za-zµμ%][^/]*(?:/[^/]+)?)|_(k?Oe|m?T|A_per_m))?\s*"
)


@dataclass(frozen=True)
class LoopFile:
    """Two columns of a file.

    Attributes:
        field, magnetization: (n,) as they stand there.
        units: of both, empty where the file says nothing.
        quantity: "M", "J" or "B", by the name of the column; M where it has none.
    """

    field: np.ndarray
    magnetization: np.ndarray
    units: tuple[str, str]
    quantity: str


def read_loop(path: Path, columns: tuple[int, int] | None = None) -> LoopFile:
    """Read a measured loop.

    Args:
        path: the file.
        columns: which columns are the field and the magnetisation, from 1; by their names unless given.

    Raises:
        InputError: if it cannot be read, or the columns cannot be told.
    """
    text = _text(path)
    rows, header = _table(text)
    if not rows:
        raise InputError(f"{path}: no lines of at least two numbers")
    width = len(rows[0])
    names, units = _names_and_units(header, width)
    if columns is None:
        chosen = _by_name(path, names, width)
    else:
        if not all(1 <= column <= width for column in columns) or columns[0] == columns[1]:
            raise InputError(f"{path}: columns must be two of 1 to {width}, got {list(columns)}")
        chosen = columns[0] - 1, columns[1] - 1
    values = np.array([[_number(row[i]) for i in chosen] for row in rows if len(row) == width])
    values = values[np.isfinite(values).all(axis=1)]
    if len(values) < FEWEST:
        raise InputError(f"{path}: fewer than {FEWEST} lines with a field and a magnetisation")
    found = MAGNETIZATION.fullmatch(names[chosen[1]])
    quantity = (found.lastgroup if found else None) or "M"
    return LoopFile(values[:, 0], values[:, 1], (units[chosen[0]], units[chosen[1]]), quantity)


def _text(path: Path) -> str:
    try:
        if not path.is_file():
            raise InputError(f"{path}: no such file")
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path}: larger than {MAX_BYTES // 10**6} MB, not a measured loop")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror or error})") from None
    if b"\0" in data:
        raise InputError(f"{path}: not a text file; export the loop as CSV")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")  # a degree or a micro sign of an instrument


def _table(text: str) -> tuple[list[list[str]], list[list[str]]]:
    """Lines of numbers, all as wide as the first of them, and the lines before them."""
    lines = [line for line in text.splitlines() if line.strip()]
    separator = next(
        (mark for mark in ("\t", ";", ",") if sum(mark in line for line in lines) > 0.5 * len(lines)), None
    )
    header: list[list[str]] = []
    rows: list[list[str]] = []
    for line in lines:
        parts = line.split() if separator is None else next(csv.reader(io.StringIO(line), delimiter=separator))
        if separator == ";":
            parts = [part.replace(",", ".") for part in parts]  # a decimal comma
        if sum(np.isfinite(_number(part)) for part in parts) >= 2 and (not rows or len(parts) == len(rows[0])):
            rows.append(parts)
        elif not rows:
            stripped = line.lstrip("#%* ")
            header.append(stripped.split() if separator is None else stripped.split(separator))
    return rows, header


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _names_and_units(header: list[list[str]], width: int) -> tuple[list[str], list[str]]:
    """Of each column, empty where the header does not say: of its last line of names, and of a line of units below."""
    fitting = [line for line in header if len(line) == width]
    if not fitting:
        return [""] * width, [""] * width
    names, units = _split(fitting[-1])
    if len(fitting) > 1 and not any(map(_is_name, names)):
        above, of_above = _split(fitting[-2])
        if any(map(_is_name, above)):  # the last line has units alone
            bare = [entry.strip().strip("()[]") for entry in fitting[-1]]
            return above, [one or other for one, other in zip(of_above, bare, strict=True)]
    return names, units


def _is_name(name: str) -> bool:
    return bool(FIELD.fullmatch(name) or MAGNETIZATION.fullmatch(name))


def _split(line: list[str]) -> tuple[list[str], list[str]]:
    found = [_NAME_AND_UNIT.fullmatch(entry.strip().strip('"')) for entry in line]
    names = [match[1] if match else entry for match, entry in zip(found, line, strict=True)]
    units = [next((unit for unit in match.groups()[1:] if unit), "") if match else "" for match in found]
    return names, [unit.replace("A_per_m", "A/m") for unit in units]


def _by_name(path: Path, names: list[str], width: int) -> tuple[int, int]:
    fields = [i for i, name in enumerate(names) if FIELD.fullmatch(name)]
    along = [i for i, name in enumerate(names) if MAGNETIZATION.fullmatch(name) and i not in fields]
    if fields and along:
        return fields[0], along[0]
    if not any(map(_is_name, names)) and width == 2:
        return 0, 1
    shown = ", ".join(repr(name) for name in names if name)[:200] or f"{width} columns without names"
    raise InputError(f"{path}: which columns are field and magnetisation? Say columns: [1, 2]; there are {shown}")
