"""Structures in the file formats of other programs: read from them, and written for other solvers.

Names are imported on first use: options are known to every command, readers and solvers only to those that need them.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "FORMATS": "export",
    "Imported": "grain_map",
    "ReadOptions": "options",
    "export_structure": "export",
    "read_structure": "reading",
    "remanence": "export",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'simulation.formats' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"simulation.formats.{_HOME[name]}"), name)
    globals()[name] = value
    return value


if TYPE_CHECKING:
    from simulation.formats.export import FORMATS as FORMATS
    from simulation.formats.export import export_structure as export_structure
    from simulation.formats.export import remanence as remanence
    from simulation.formats.grain_map import Imported as Imported
    from simulation.formats.options import ReadOptions as ReadOptions
    from simulation.formats.reading import read_structure as read_structure
