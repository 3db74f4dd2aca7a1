"""Files that a study names: beside the study file, or where the command is given."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

FILES = (("goals", "curve", "file"), ("microstructures", "like"), ("labels", "measured"))
"""Keys that name a file."""


def find_beside(data: dict[str, Any], folder: Path) -> None:
    """Have files found beside the study, unless there are such where the command is given."""
    for *sections, key in FILES:
        node: Any = data
        for section in sections:
            node = node.get(section) if isinstance(node, dict) else None
        name = node.get(key) if isinstance(node, dict) else None
        with contextlib.suppress(OSError, ValueError):  # a name that no file can have
            if isinstance(name, str) and not Path(name).exists() and (folder / name).exists():
                node[key] = str(folder / name)
