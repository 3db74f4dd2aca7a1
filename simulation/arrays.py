"""Arrays from .npz files of any origin: nothing in them is executed, and memory is checked before it is taken."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from simulation.errors import InputError

MAX_BYTES = 2**31
"""Of one array, unless the caller knows better."""

MAX_FILE_BYTES = 2**32
"""Of all arrays that are read of a file."""

_HEADERS = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}


def read_npz(
    path: str | Path, names: Iterable[str] | None = None, optional: Iterable[str] = (), max_bytes: int = MAX_BYTES
) -> dict[str, np.ndarray]:
    """Arrays of an .npz file by name, in the order of the file.

    `numpy.load` takes the memory that an array's header asks for before it looks whether the file holds as much.

    Args:
        path: the file.
        names: what must be there, everything in the file if None; what is not named is not looked at.
        optional: what may be there besides.
        max_bytes: the most that one array may take.

    Raises:
        FileNotFoundError: if there is no such file.
        InputError: in one line, if it is none, is damaged or lacks an array, or one holds objects or is too large.
    """
    try:
        if Path(path).exists() and not Path(path).is_file():  # a pipe or a device need not end
            raise InputError("not a file")
        with zipfile.ZipFile(path) as archive:
            there = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
            missing = set(names or ()) - set(there)
            if missing:
                raise InputError(f"no array named {' or '.join(sorted(missing))}")
            wanted = set(there) if names is None else {*names, *optional} & set(there)
            held = sum(archive.getinfo(f"{name}.npy").file_size for name in wanted)
            if held > MAX_FILE_BYTES:
                raise InputError(f"its arrays hold {held} bytes, at most {MAX_FILE_BYTES} are allowed")
            return {name: _array(archive, name, max_bytes) for name in there if name in wanted}
    except FileNotFoundError:
        raise
    except InputError as error:
        raise InputError(f"{path}: {error}") from None
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen kinds at damaged bytes
        words = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        what = " ".join(words.split())[:200] or type(error).__name__
        raise InputError(f"{path}: not a readable .npz file: {what}") from None


def _array(archive: zipfile.ZipFile, name: str, max_bytes: int) -> np.ndarray:
    member = archive.getinfo(f"{name}.npy")
    if member.file_size > max_bytes + 4096:
        raise InputError(f"{name} holds {member.file_size} bytes, at most {max_bytes} are allowed")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"{name} is compressed in a way that NumPy does not write")
    with archive.open(member) as file:
        version = np.lib.format.read_magic(file)
        if version not in _HEADERS:
            raise InputError(f"{name} is written in an unknown version {version}")
        shape, _, dtype = _HEADERS[version](file)
        stated = math.prod(shape) * max(dtype.itemsize, 1)
        if dtype.hasobject:
            raise InputError(f"{name} holds Python objects, only plain numbers and texts are read")
        if not 0 <= stated <= member.file_size:
            raise InputError(f"{name} is cut off: its header states {stated} bytes")
    with archive.open(member) as file:
        return np.lib.format.read_array(file, allow_pickle=False)
