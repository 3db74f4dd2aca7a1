"""Packages whose names are imported on first use, from the list in their stub (`__init__.pyi`)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import lazy_loader


def attach(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """`__getattr__`, `__dir__` and `__all__` of a package that knows the version of the project, too."""
    attached, names, everything = lazy_loader.attach_stub(package, file)

    def get(name: str) -> Any:
        if name == "__version__":
            from importlib.metadata import version  # ten milliseconds that an import does not pay

            return version("inverse-design")
        return attached(name)

    return get, names, everything
