"""Compiled functions: without the interpreter's lock, and kept on disk where there is a place for them.

The lock is released so that other threads of the process go on: one of them ends a worker whose driver has died. A
compiled function cannot be interrupted, so that each must end within about a second by itself.

Numba keeps what it compiled beside the source or in the user's cache, and fails where neither can be written, where
the disk is full, and where a file there was cut off. None of that is worth an answer: it is compiled once more. What
was compiled from sources that have changed since is, too, whichever of them has.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba


def compiled(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: `numba.njit` with these options."""

    def decorate(function: Callable[..., Any]) -> Any:
        try:
            dispatcher = numba.njit(cache=True, nogil=True, **options)(function)
        except RuntimeError:  # no place for the cache can be written
            return numba.njit(nogil=True, **options)(function)
        cache = getattr(dispatcher, "_cache", None)
        _forgive(cache)
        _know_all_sources(cache, Path(function.__code__.co_filename).parent)
        return dispatcher

    return decorate


def _know_all_sources(cache: Any, folder: Path) -> None:
    """Have machine code made anew when a file changes that a function inlined in it may stand in.

    Numba looks at the file of the function alone, and would go on with what it inlined from others before they changed.
    """
    index: Any = getattr(cache, "_cache_file", None)
    if hasattr(index, "_source_stamp"):
        index._source_stamp = (index._source_stamp, _stamps(folder), _stamps(Path(__file__).parent))


@functools.cache
def _stamps(folder: Path) -> str:
    """Digest of the sources below a folder that hold compiled functions: others may change, and cost nothing."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        source = path.read_bytes()
        if any(word in source for word in (b"njit", b"@compiled", b"@overload")):
            digest.update(source)
    return digest.hexdigest()


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
