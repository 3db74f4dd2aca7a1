"""Files that a study names: where the command is given, beside the study file, or shipped with the package."""

from __future__ import annotations

import contextlib
from importlib.resources import files
from pathlib import Path
from typing import Any

FILES = (("goals", "curve", "file"), ("microstructures", "like"), ("labels", "measured"))
"""Keys that name a file."""


def find_beside(data: dict[str, Any], folder: Path) -> None:
    """Have files found beside the study, else with the shipped studies, unless there are such where the command is
    given."""
    for *sections, key in FILES:
        node: Any = data
        for section in sections:
            node = node.get(section) if isinstance(node, dict) else None
        name = node.get(key) if isinstance(node, dict) else None
        if not isinstance(name, str):
            continue
        with contextlib.suppress(OSError, ValueError):  # a name that no file can have
            there = [place for place in (Path(), folder, Path(str(files("studies")))) if (place / name).exists()]
            if there and there[0] != Path():
                node[key] = str(there[0] / name)
