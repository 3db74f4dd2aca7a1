"""How a structure file is read, as a study or a table of pairs says it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from simulation.errors import InputError
from simulation.formats.options import ReadOptions

KEYS = tuple(each.name for each in fields(ReadOptions))
_TYPES: dict[str, tuple[type, ...]] = {
    "degrees": (bool,), "project": (bool,), "least_pixels": (int,), "colors": (str,), "unindexed": (str,),
    "axes": (str, Path), "easy_axis": (str, list, tuple),
}  # fmt: skip
_NUMBER = (int, float)
_WORDS = {bool: "true or false", int: "a number", str: "a text"}


def options_of(said: Mapping[str, Any]) -> ReadOptions:
    """The options that these keys say.

    Raises:
        InputError: if there is no such option, or it cannot have that value.
    """
    options = dict(said)
    for key, value in options.items():
        if key not in KEYS:
            raise InputError(f"unknown key {str(key)[:60]!r}; allowed here: file, {', '.join(KEYS)}")
        allowed = _TYPES.get(key, _NUMBER)
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            raise InputError(f"{key} must be {_WORDS.get(allowed[0], 'a text')}, got {str(value)[:60]!r}")
    if "easy_axis" in options:
        axis = options["easy_axis"]
        options["easy_axis"] = (axis,) if isinstance(axis, str) else tuple(map(str, axis))
    if "axes" in options:
        options["axes"] = Path(options["axes"])
    return ReadOptions(**options)


def options_of_words(words: Mapping[str, str]) -> ReadOptions:
    """The same of the words of a table, where an empty one says nothing, and `;` stands between easy axes.

    Raises:
        InputError: as `options_of`.
    """
    said: dict[str, Any] = {key: _value(word.strip()) for key, word in words.items() if word.strip()}
    if "easy_axis" in said:
        said["easy_axis"] = tuple(each.strip() for each in str(said["easy_axis"]).split(";"))
    return options_of(said)


def written(options: ReadOptions) -> dict[str, Any]:
    """The options that are not at their defaults, as a study has them."""
    plain = {name: getattr(options, name) for name in KEYS if name in options.given}
    return {name: _plain(value) for name, value in plain.items()}


def _value(word: str) -> bool | float | int | str:
    if word.lower() in ("true", "false"):
        return word.lower() == "true"
    for number in (int, float):
        try:
            return number(word)
        except ValueError:
            continue
    return word


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else str(value) if isinstance(value, Path) else value
