"""Magnets: material, grain structures, planar micromagnetics, demagnetisation curves, anchor points and labels.

Angles are radians from +y towards +x, lengths nm where a person reads them, fields in H_A and magnetisation in Ms
unless a name says otherwise. Names are imported on first use, so that `import simulation` costs nothing.
"""

from __future__ import annotations

from typing import Any

import lazy_loader

_attached, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version  # ten milliseconds that an import does not pay

        return version("inverse-design")
    return _attached(name)
