"""Compiled functions: without the interpreter's lock, and kept on disk where there is a place for them.

The lock is released so that other threads of the process go on: one of them ends a worker whose driver has died. A
compiled function cannot be interrupted, so that each must end within about a second by itself.

Numba keeps what it compiled beside the source or in the user's cache, and fails where neither can be written, where
the disk is full, and where a file there was cut off. None of that is worth an answer: it is compiled once more.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: `numba.njit` with these options."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            dispatcher = numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # no place for the cache can be written
            return numba.njit(nogil=True, **options)(function)
        _forgive(getattr(dispatcher, "_cache", None))
        return dispatcher

    return decorate


def _forgive(cache: Any) -> None:
    """Make a cache that cannot be read an empty one, and one that cannot be written no reason to fail."""
    load, save, flush = (getattr(cache, name, None) for name in ("load_overload", "save_overload", "flush"))
    if not (load and save and flush):
        return

    def load_or_nothing(*arguments: Any) -> Any:
        try:
            return load(*arguments)
        except Exception:  # cut off or of another program: unpickling raises a dozen kinds
            with contextlib.suppress(OSError):
                flush()
            return None

    def save_or_not(*arguments: Any) -> None:
        with contextlib.suppress(OSError):
            save(*arguments)

    cache.load_overload, cache.save_overload = load_or_nothing, save_or_not
