"""What the shell offers after Tab: names and numbers that a command takes. Nothing here may be slow or fail."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

MOST_RUNS = 200


def of_words(*words: str) -> Callable[[str], list[str]]:
    """One of a few words."""

    def complete(incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def runs(incomplete: str) -> list[str]:
    """Run folders: those below what is typed so far, and at first those of `runs`."""
    found: list[str] = []
    with contextlib.suppress(OSError):
        typed = incomplete.rpartition("/")[0]
        places = [Path(typed)] if typed else [Path("runs"), Path()]
        for place in places:
            found += [str(path.parent) for path in sorted(place.glob("*/study.yaml"))[:MOST_RUNS]]
    return [name for name in dict.fromkeys(found) if name.startswith(incomplete)]


def surrogates(incomplete: str) -> list[str]:
    """Shipped surrogates, then run folders."""
    shipped: list[str] = []
    with contextlib.suppress(OSError):
        home = files("studies") / "surrogates"
        shipped = sorted(path.name for path in home.iterdir() if (path / "card.json").is_file())
    return [name for name in shipped if name.startswith(incomplete)] + runs(incomplete)


def candidates(ctx: Any, incomplete: str) -> list[str]:
    """Numbers of the candidates of the run that stands before."""
    home = ctx.params.get("source")
    if home is None:
        return []
    with contextlib.suppress(OSError):
        numbers = sorted(int(path.name) for path in (Path(home) / "candidates").iterdir() if path.name.isdigit())
        return [str(number) for number in numbers if str(number).startswith(incomplete)]
    return []


def shipped_surrogates(incomplete: str) -> list[str]:
    """Shipped surrogates alone."""
    return [name for name in surrogates(incomplete) if "/" not in name]


def examples(incomplete: str) -> list[str]:
    """Studies that are shipped."""
    from inverse_design.commands.init import EXAMPLES

    return [name for name in EXAMPLES if name.startswith(incomplete)]
