"""Files that are not what they are called, in the place of every file that a command reads: exit code 2, one sentence,
within seconds and half a gigabyte, and nothing is left behind."""

from __future__ import annotations

import gzip
import io
import itertools
import os
import pickle
import resource
import signal
import socket
import sqlite3
import struct
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from inverse_design.cli import app

QUICKSTART = str(files("studies") / "quickstart.yaml")


def picture(kind: str, mode: str = "RGB", **more: Any) -> bytes:
    file = io.BytesIO()
    Image.new(mode, (16, 16)).save(file, kind, **more)
    return file.getvalue()


def huge_png() -> bytes:
    """60,000 x 60,000 pixels in a kilobyte."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 60000, 60000, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")
    )


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


def npz(**arrays: Any) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def database() -> bytes:
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE labels (a)")
        return db.serialize()


def of_bytes(content: bytes) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(content)


def link(target: str) -> Callable[[Path], object]:
    return lambda path: path.symlink_to(path.name if target == "itself" else target)


def sparse(path: Path) -> None:
    """100 MB that take no room on the disk."""
    with path.open("wb") as file:
        file.truncate(100_000_000)


def listening(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as place, pytest.MonkeyPatch.context() as patch:
        patch.chdir(path.parent)  # an address has at most 108 bytes
        place.bind(path.name)


LAUGHS = "".join(f"{new}: &{new} [{f'*{old},' * 9}]\n" for old, new in itertools.pairwise("abcdefghi"))

IMPOSTORS: dict[str, Callable[[Path], object]] = {
    "nothing": of_bytes(b""),
    "CSV": of_bytes(b"h,m,converged\n1,0.9,True\n"),
    "Parquet": of_bytes(b"PAR1" + bytes(100) + b"PAR1"),
    "pickle": of_bytes(pickle.dumps({"grain_id": [1, 2]})),
    "MATLAB": of_bytes(b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + bytes(50)),
    "zip of a text": of_bytes(zipped(**{"a.txt": b"hello"})),
    "zip of texts": of_bytes(zipped(**{f"{name}.npy": b"1" for name in ("grain_id", "grain_angle_rad", "fields")})),
    "gzip": of_bytes(gzip.compress(b"name: a")),
    "OVF": of_bytes(b"# OOMMF OVF 2.0\n# Segment count: 1\n# Begin: Data Text\n1 0 0\n"),
    "VTK": of_bytes(b"# vtk DataFile Version 3.0\nx\nASCII\nDATASET STRUCTURED_POINTS\n"),
    "JPEG": of_bytes(picture("JPEG")),
    "JPEG in four colours": of_bytes(picture("JPEG", "CMYK")),
    "TIFF": of_bytes(picture("TIFF")),
    "animated GIF": of_bytes(picture("GIF", save_all=True, append_images=[Image.new("RGB", (16, 16), "red")])),
    "PNG of 16 bits": of_bytes(picture("PNG", "I;16")),
    "PNG, cut off": of_bytes(picture("PNG")[:40]),
    "huge PNG": of_bytes(huge_png()),
    "HDF5": of_bytes(b"\x89HDF\r\n\x1a\n" + bytes(500)),
    "SQLite": of_bytes(database()),
    "arrays of another kind": of_bytes(npz(a=np.arange(3))),
    "JSON": of_bytes(b'{"format": 1}'),
    "JSON, 100,000 deep": of_bytes(b"[" * 100_000),
    "a number of 6000 digits": of_bytes(b"9" * 6000),
    "UTF-16": of_bytes("name: a\ngoals: {Mr: maximize}\n".encode("utf-16")),
    "a billion laughs": of_bytes(b"a: &a [x,x,x,x,x,x,x,x,x]\n" + LAUGHS.encode()),
    "YAML that asks for a call": of_bytes(b"!!python/object/apply:os.system ['true']\n"),
    "zeros": of_bytes(bytes(1000)),
    "100 MB": sparse,
    "folder": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "socket": listening,
    "/dev/zero": link("/dev/zero"),
    "link to itself": link("itself"),
    "link to nothing": link("nowhere"),
}  # fmt: skip

GOOD = "GOOD"
"""Stands for a good structure."""

COMMANDS: dict[tuple[str, ...], str] = {
    ("check", "X"): "x.yaml",
    ("run", "X"): "x.yaml",
    ("label", "X"): "x.yaml",
    ("init", "X"): "x.yaml",
    ("status", "X"): "x",
    ("report", "X"): "x",
    ("verify", "X", "--refine", "2"): "x",
    ("evaluate", "X"): "x",
    ("export", "X", "0"): "x",
    ("export", "X"): "x.npz",
    ("simulate", "X"): "x.npz",
    ("predict", "X", "--surrogate", "nd2fe14b"): "x.npz",
    ("predict", GOOD, "--surrogate", "X"): "x",
    ("merge", "X", "--store", "all.sqlite"): "x.sqlite",
    ("merge", "X", "--store", "./all.sqlite"): "x.npz",
    ("label", QUICKSTART, "--store", "X"): "x.sqlite",
}
PAIRS = [
    pytest.param(words, kind, id=f"{' '.join(words).replace(QUICKSTART, 'STUDY')}: {kind}")
    for words in COMMANDS
    for kind in IMPOSTORS
    if not (kind == "link to nothing" and words in (("init", "X"), ("label", QUICKSTART, "--store", "X")))  # it is made
]


class Hung(BaseException):
    """Nothing catches it."""


@pytest.fixture
def bounded() -> Iterator[None]:
    """A minute, for a machine that does much else, and 512 MB more than the process had."""

    def ring(*_: object) -> None:
        raise Hung

    before, was = resource.getrlimit(resource.RLIMIT_AS), signal.signal(signal.SIGALRM, ring)
    if sys.platform.startswith("linux"):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 512 * 2**20, before[1]))
    signal.setitimer(signal.ITIMER_REAL, 60)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, was)
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("good") / "s.npz"
    np.savez(path, grain_id=np.zeros((8, 8), int), grain_angle_rad=np.zeros(1))
    return path


def refused(*words: str) -> str:
    """The sentence of a command that must be refused."""
    done = CliRunner().invoke(app, list(words))
    said = done.stderr.strip()
    assert done.exit_code == 2, said or done.exception
    assert said.startswith("error: ")
    assert len(said.splitlines()) == 1, said
    return said


@pytest.mark.parametrize(("words", "kind"), PAIRS)
def test_an_impostor_is_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, good: Path, bounded: None, words: tuple[str, ...], kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    name = COMMANDS[words]
    IMPOSTORS[kind](Path(name))
    assert name in refused(*({"X": name, GOOD: str(good)}.get(word, word) for word in words))
    assert [path.name for path in tmp_path.iterdir()] == [name]
