"""What a page may write: structures into one folder, under plain names, never over a file that is there; labels into
the store of the run that the page was opened for."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from inverse_design.files import writable
from simulation.errors import InputError
from simulation.formats import export_structure
from simulation.labels.label import Conditions, Label
from simulation.labels.store import LabelStore
from simulation.microstructure import Microstructure

SUFFIXES = {"npz": ".npz", "ovf": ".ovf", "mumax3": ".mx3"}
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,59}")
"""Of a file without its suffix: no folder, no dot, nothing that a shell or a file system takes for more than a name."""


def target(folder: Path, name: str, format: str) -> Path:
    """The file of a name in a folder.

    Raises:
        InputError: if it is no plain name, the format is none, or something of that name is there.
    """
    if format not in SUFFIXES:
        raise InputError(f"format must be one of {', '.join(SUFFIXES)}, got {format[:20]!r}")
    if not NAME.fullmatch(name):
        raise InputError(f"a name has letters, digits, - and _, at most 60, and begins with no sign; got {name[:60]!r}")
    path = folder / f"{name}{SUFFIXES[format]}"
    for taken in (path, path.with_name(f"{name}-remanence.ovf")) if format == "ovf" else (path,):
        if taken.exists() or taken.is_symlink():
            raise InputError(f"{taken.name} is there already; choose another name")
    return path


def save(
    structure: Microstructure,
    folder: Path,
    name: str,
    format: str,
    conditions: Conditions,
    remanent: np.ndarray | None = None,
) -> list[Path]:
    """Write a structure into the folder, which is made if missing; the files written.

    Args:
        remanent: (ny, nx, 3) for "ovf", see `simulation.formats.remanence`.

    Raises:
        InputError: see `target`; also if the folder cannot be written.
    """
    path = target(folder, name, format)
    writable(folder)
    spins = str(conditions.options.get("spins", "planar"))
    sweep = replace(conditions.sweep, until=None)
    return export_structure(structure, path, format, conditions.material, sweep, remanent, spins=spins)


def keep_label(run: Path | None, label: Label | None) -> str:
    """Put a simulated curve into the label store of a run; what came of it, as a sentence.

    It is found there by whatever asks for this very structure. It trains nothing: those that a study trains on are
    sampled, so that the test split stays one of the same family.

    Raises:
        InputError: if there is no run, nothing was simulated, or it did not converge.
    """
    if run is None:
        raise InputError("a shipped set of labels stays as it is; open a run of your own to keep labels in it")
    if label is None:
        raise InputError("nothing to keep yet: simulate what is shown first")
    if not label.converged:
        raise InputError(f"nothing unconverged is a label ({label.reason})")
    with LabelStore(run / "labels.sqlite") as store:
        new = store.add(label)
    return f"kept in {run.name}/labels.sqlite" if new else f"is in {run.name}/labels.sqlite already"
