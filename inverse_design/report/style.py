"""How figures look: as Matplotlib is delivered, not as a user's matplotlibrc may have it (LaTeX need not be there)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import matplotlib as mpl


@contextmanager
def own_style(more: Mapping[Any, Any] | None = None) -> Iterator[None]:
    """Matplotlib's defaults, with some changed, while figures are made and written in this block."""
    with mpl.rc_context():
        mpl.rcdefaults()  # but for the backend, which no figure here needs
        mpl.rcParams.update(more or {})
        yield
