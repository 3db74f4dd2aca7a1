"""A structure for another program."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from inverse_design.commands.reading import load
from inverse_design.commands.setting import setting_of
from inverse_design.files import naming, writable
from inverse_design.run.design import study_of
from simulation.errors import InputError
from simulation.formats.options import ReadOptions

_KEPT = (".npz", ".sqlite", ".yaml", ".json", ".csv", ".h5", ".html")
"""What runs and users keep results in: no export in another format is written over them."""

SUFFIXES = {"npz": ".npz", "ovf": ".ovf", "mumax3": ".mx3"}


def export_file(
    source: Path,
    candidate: int | None,
    format: str | None,
    output: str | None,
    material: str | None = None,
    spins: str | None = None,
    reading: ReadOptions | None = None,
) -> list[Path]:
    """Write a run's candidate, or a structure file, for another program; the paths of what was written.

    Args:
        format: "npz", "ovf" or "mumax3"; by the suffix of the output if None.
        output: as given, because a trailing slash says that a folder is meant.
        material: name or file; as the run of the structure has it, if None.
        spins: "planar" or "free": of the remanent state, and what a script says of them; as the run of the structure
            has it, if None.
        reading: how the structure file is read.

    Raises:
        InputError: if there is no such candidate, structure, format or kind of spins, or the file to write is one that
            must stay.
    """
    from simulation.backends.planar import check_spins
    from simulation.formats import export_structure, remanence

    format = _format_of(format, output)
    if candidate is not None:
        if not source.is_dir():
            raise InputError(f"{source}: not a run folder; only a candidate of a run has a number")
        study_of(source)  # says what is wrong with it
        source = source / "candidates" / f"{candidate:02d}" / "structure.npz"
    elif source.is_dir():
        raise InputError(f"{source}: name a candidate of this run by its number, or a structure file")
    structure = load(source, reading)
    setting = setting_of(source, material)
    magnet, sweep = setting.material, replace(setting.sweep, until=None)
    spins, suffix = spins or setting.spins, SUFFIXES[format]
    check_spins(spins)
    if output is None:
        path = source.with_name("structure-copy.npz" if format == "npz" else f"structure{suffix}")
    else:
        path = _output_file(output, suffix)
    writable(path.parent)
    with naming(source):
        magnetization = remanence(structure, magnet, spins) if format == "ovf" else None
    return export_structure(structure, path, format, magnet, sweep, magnetization, spins=spins)


def _format_of(format: str | None, output: str | None) -> str:
    """The format that is asked for by its name, or by the suffix of the file to write.

    Raises:
        InputError: if it is none, or the two contradict each other.
    """
    if format is not None and format not in SUFFIXES:
        raise InputError(f"--format must be one of {', '.join(SUFFIXES)}, got {format!r}")
    suffix = "" if output is None or _is_folder(output) else Path(output).suffix.lower()
    by_suffix = {suffix: name for name, suffix in SUFFIXES.items()}.get(suffix)
    if by_suffix is not None and format not in (None, by_suffix):
        raise InputError(
            f"{output}: {suffix} is the suffix of {by_suffix}, and --format says {format}; name one of them"
        )
    if format is None and suffix and by_suffix is None:
        allowed = ", ".join(f"{end} ({name})" for name, end in SUFFIXES.items())
        raise InputError(f"{output}: no format has the suffix {suffix}; allowed: {allowed}, or name one by --format")
    return format or by_suffix or "ovf"


def _is_folder(output: str) -> bool:
    return Path(output).is_dir() or output.endswith(("/", os.sep))


def _output_file(output: str, suffix: str) -> Path:
    """The file that an export shall write, in a folder where one is given: not one that a run or a user still needs.

    Raises:
        InputError: if it is one of these.
    """
    path = Path(output)
    if _is_folder(output):
        path = path / f"structure{suffix}"
    if suffix == ".npz" and path.suffix != suffix:
        path = path.with_name(f"{path.name}{suffix}")  # as NumPy names it
    if path.exists() and path.suffix != suffix and path.suffix in _KEPT:
        raise InputError(f"{path}: exists and is no {suffix} file; choose another name")
    if path.name == "structure.npz" and path.exists():
        raise InputError(f"{path}: this structure is a run's own or an original; choose another name")
    return path
