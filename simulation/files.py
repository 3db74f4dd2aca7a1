"""Files written whole or not at all: at any moment, a power cut included, a file is the old one or the new one."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
from collections.abc import Iterator
from pathlib import Path

ABANDONED_S = 60.0
"""Age at which what lies beside a file, half written, is no longer taken for work in progress."""


@contextlib.contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A path to write instead of `path`, which takes its place when the block ends well and is removed otherwise.

    It lies in the same folder and ends like `path`, because NumPy, Matplotlib and Keras choose a format by that. The
    file is on the disk before it is renamed, and the folder is afterwards. A link is followed; a pipe or a device is
    written as it is.

    Raises:
        OSError: that names `path`, not the file of the moment beside it.

    >>> from tempfile import mkdtemp
    >>> file = Path(mkdtemp()) / "curve.csv"
    >>> with replacing(file) as partial:
    ...     _ = partial.write_text("h,m")
    ...     file.exists()
    False
    >>> file.read_text()
    'h,m'
    """
    final = Path(os.path.realpath(path))  # `Path.resolve` gives a link to itself an error of its own
    if final.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    if final.exists() and not final.is_file():
        yield final
        return
    partial = final.with_name(f".{os.getpid()}.partial.{final.name}")
    try:
        yield partial
        _sync(partial, os.O_RDWR)
        partial.replace(final)
        with contextlib.suppress(OSError):  # some systems cannot open a folder; the file is whole all the same
            _sync(final.parent, os.O_RDONLY)
            _clear_partials(final)
    except OSError as error:
        if error.errno is None or error.filename not in (None, str(partial)):
            raise
        raise type(error)(error.errno, error.strerror, str(path)) from None
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: str | Path, text: str) -> None:
    """Write a text in UTF-8 by `replacing`, line ends as they are."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="")


def _clear_partials(final: Path) -> None:
    """Remove what killed processes have left beside a file that was just written: by the same clock, and not what
    another process may be writing now."""
    written = final.stat().st_mtime
    for partial in final.parent.glob(f".*.partial.{glob.escape(final.name)}"):
        if written - partial.stat().st_mtime > ABANDONED_S:
            partial.unlink()


def _sync(path: Path, access: int) -> None:
    descriptor = os.open(path, access)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
