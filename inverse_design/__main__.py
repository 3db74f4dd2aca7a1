"""`python -m inverse_design`: the command line."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def main() -> None:
    """Run the command line; exit codes: 0 done, 1 a failure of ours, 2 input or environment, 130 interrupted."""
    shadow = shadowed()
    if shadow:
        print(f"error: {shadow}", file=sys.stderr)
        sys.exit(2)
    from inverse_design.cli import app

    app(prog_name="inverse-design")  # as installed: tab completion goes by this name


def shadowed() -> str:
    """A sentence if another module named `simulation` or `surrogate` stands before ours, else nothing."""
    home = Path(__file__).resolve().parent.parent
    for name in ("simulation", "surrogate"):
        found = importlib.util.find_spec(name)
        place = Path(found.origin).resolve() if found and found.origin else None
        if place is None or place.parent.parent != home:
            return f"another module named '{name}' hides ours: {place}; rename it or start from another folder"
    return ""


if __name__ == "__main__":
    main()
