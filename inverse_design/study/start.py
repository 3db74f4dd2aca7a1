"""`start` in a study: structures of one's own, from files of any program, that the search starts from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

from inverse_design.study.read_options import options_of, written
from inverse_design.study.sections import refuse
from simulation.errors import InputError
from simulation.formats.options import ReadOptions

MOST_STARTS = 100


@dataclass(frozen=True)
class Start:
    """A structure file, and how it is read."""

    file: str
    options: ReadOptions = field(default_factory=ReadOptions)

    @property
    def name(self) -> str:
        """The file's name, printable: what the structure is called in tables and reports."""
        return "".join(letter if letter.isprintable() else "?" for letter in Path(self.file).name)

    @property
    def written(self) -> str | dict[str, Any]:
        """As a study has it."""
        said = written(self.options)
        return {"file": self.file, **said} if said else self.file


def _as_starts(given: Any) -> tuple[Start, ...]:
    """Names of files, or mappings with `file` and what `ReadOptions` has."""
    if given is None:
        return ()
    if not isinstance(given, list | tuple) or len(given) > MOST_STARTS:
        raise refuse("start", f"must be a list of at most {MOST_STARTS} structure files, got {str(given)[:60]!r}")
    return tuple(_as_start(each, f"start.{number}") for number, each in enumerate(given))


def _as_start(given: Any, place: str) -> Start:
    if isinstance(given, Start):
        return given
    entry = {"file": given} if isinstance(given, str) else given
    if not isinstance(entry, Mapping) or not isinstance(entry.get("file"), str) or not entry["file"]:
        raise refuse(place, f"must be a structure file, or a mapping with its name under file, got {str(given)[:60]!r}")
    try:
        return Start(entry["file"], options_of({key: value for key, value in entry.items() if key != "file"}))
    except InputError as error:
        raise refuse(place, str(error)) from None


Starts = Annotated[
    tuple[Start, ...],
    BeforeValidator(_as_starts),
    PlainSerializer(lambda starts: [each.written for each in starts], when_used="json"),
]


def at_home(data: dict[str, Any], folder: Path) -> None:
    """Make the files of `start` those of the study's folder, where their names are relative."""
    starts = data.get("start")
    if not isinstance(starts, list):
        return  # the field itself says what is wrong

    def placed(name: Any) -> Any:
        return str((folder / Path(name).expanduser()).absolute()) if isinstance(name, str) and name else name

    for number, each in enumerate(starts):
        if isinstance(each, dict):
            starts[number] = {key: placed(value) if key in ("file", "axes") else value for key, value in each.items()}
        else:
            starts[number] = placed(each)
