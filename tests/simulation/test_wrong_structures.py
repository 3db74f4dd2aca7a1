"""A structure file that is none is refused in one sentence, whatever it holds, before memory is taken for it."""

from __future__ import annotations

import io
import sqlite3
import struct
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulation import InputError, Microstructure
from simulation.arrays import read_npz
from simulation.labels.sets import LabelSet

IDS = np.array([[0, 0, 1], [2, 1, 1]], np.uint16)
ANGLES = np.array([0.1, -0.4, 1.2])


def npy(shape: object, dtype: str = "<u2", data: bytes = b"", version: tuple[int, int] = (1, 0)) -> bytes:
    """An .npy file whose header states what it likes."""
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY" + bytes(version) + struct.pack("<H", len(header)) + header + data


def plain(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def pickled() -> bytes:
    file = io.BytesIO()
    np.save(file, np.array([1, "x"], object), allow_pickle=True)
    return file.getvalue()


def archive(kind: int = zipfile.ZIP_DEFLATED, **members: bytes) -> bytes:
    file = io.BytesIO()
    given = {"grain_id": plain(IDS), "grain_angle_rad": plain(ANGLES), **members}
    with zipfile.ZipFile(file, "w", kind) as target:
        for name, content in given.items():
            target.writestr(f"{name}.npy", content)
    return file.getvalue()


def lying_about_its_size() -> bytes:
    """A bomb whose directory states 5000 bytes."""
    content = npy((30000, 30000)) + bytes(20_000_000)
    return archive(grain_id=content).replace(struct.pack("<I", len(content)), struct.pack("<I", 5000))


def with_byte(offset: int, value: int) -> bytes:
    """A good archive with one byte of its first directory entry changed."""
    data = bytearray(archive())
    data[data.index(b"PK\x01\x02") + offset] = value
    return bytes(data)


def database() -> bytes:
    with sqlite3.connect(":memory:") as db:
        db.execute("CREATE TABLE grain_id (a)")
        return db.serialize()


WRONG: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (lambda: b"", "not a readable .npz file"),
    "text": (lambda: b"grain_id,angle\n1,2\n", "not a readable .npz file"),
    "image": (lambda: b"\x89PNG\r\n\x1a\n" + bytes(500), "not a readable .npz file"),
    "HDF5": (lambda: b"\x89HDF\r\n\x1a\n" + bytes(500), "not a readable .npz file"),
    "SQLite": (database, "not a readable .npz file"),
    "one array": (lambda: plain(IDS), "not a readable .npz file"),
    "cut off": (lambda: archive()[:200], "not a readable .npz file"),
    "encrypted": (lambda: with_byte(8, 1), "not a readable .npz file"),
    "unknown compression": (lambda: with_byte(10, 99), "grain_id is compressed in a way that NumPy does not write"),
    "LZMA": (lambda: archive(zipfile.ZIP_LZMA), "grain_id is compressed in a way that NumPy does not write"),
    "empty member": (lambda: archive(grain_id=b""), "not a readable .npz file"),
    "member of text": (lambda: archive(grain_id=b"hello"), "not a readable .npz file"),
    "unknown version": (lambda: archive(grain_id=npy((2, 2), version=(9, 9))), "unknown version (9, 9)"),
    "code in the header": (lambda: archive(grain_id=npy("__import__('os')")), "not a readable .npz file"),
    "deep header": (lambda: archive(grain_id=npy("(" * 5000 + ")" * 5000)), "not a readable .npz file"),
    "objects": (lambda: archive(grain_angle_rad=pickled()), "grain_angle_rad holds Python objects"),
    "negative shape": (lambda: archive(grain_id=npy((-1, 5))), "grain_id is cut off"),
    "shape beyond 64 bits": (lambda: archive(grain_id=npy((2**63, 2))), "grain_id is cut off"),
    "states 2 TB": (lambda: archive(grain_id=npy((10**6, 10**6))), "its header states 2000000000000 bytes"),
    "states a huge angle": (lambda: archive(grain_angle_rad=npy((10**11,), "<f8")), "grain_angle_rad is cut off"),
    "states a huge cell size": (lambda: archive(cell_nm=npy((10**11,), "<f8")), "cell_nm is cut off"),
    "huge items": (lambda: archive(grain_id=npy((2, 2), "|V2147483647")), "grain_id is cut off"),
    "items of no bytes": (lambda: archive(grain_id=npy((10**9, 10**9), "|V0")), "grain_id is cut off"),
    "bomb": (lambda: archive(grain_id=npy((10000, 10000)) + bytes(200_000_000)), "grain_id holds 200000128 bytes"),
    "bomb that lies": (lying_about_its_size, "grain_id is cut off: its header states 1800000000 bytes"),
    "10,000 x 10,000": (
        lambda: archive(grain_id=plain(np.zeros((10000, 10000), np.uint8))), "grain_id holds 100000128 bytes"
    ),
    "2049 x 2048": (lambda: archive(grain_id=plain(np.zeros((2049, 2048), np.uint8))), "at most 4194304 cells"),
    "no cells": (lambda: archive(grain_id=npy((0, 10**18))), "grain_id must be a non-empty (ny, nx) array"),
    "three dimensions": (lambda: archive(grain_id=plain(IDS[None])), "grain_id must be a non-empty (ny, nx) array"),
    "ids of truth values": (lambda: archive(grain_id=plain(IDS > 0)), "grain_id must hold integers, got dtype bool"),
    "ids with a point": (lambda: archive(grain_id=plain(IDS * 1.0)), "grain_id must hold integers"),
    "ids in records": (lambda: archive(grain_id=plain(np.zeros((2, 2), [("a", int)]))), "grain_id must hold integers"),
    "ids of texts": (lambda: archive(grain_id=plain(np.array([["a", "b"]]))), "grain_id must hold integers"),
    "id without an angle": (lambda: archive(grain_id=plain(IDS * 5)), "there are angles for grains 0 to 2 only"),
    "id beyond 63 bits": (
        lambda: archive(grain_id=plain(IDS.astype(np.uint64) + np.uint64(2**63))), "angles for grains 0 to 2 only"
    ),
    "negative ids": (lambda: archive(grain_id=plain(IDS.astype(int) - 1)), "grain ids run from -1 to 1"),
    "no angles": (lambda: archive(grain_angle_rad=plain(ANGLES[:0])), "angles for grains 0 to -1 only"),
    "NaN angle": (lambda: archive(grain_angle_rad=plain(ANGLES * np.nan)), "grain_angle_rad[0] is nan"),
    "infinite angle": (lambda: archive(grain_angle_rad=plain(ANGLES / 0.0 + 0)), "grain_angle_rad[0] is inf"),
    "complex angles": (lambda: archive(grain_angle_rad=plain(ANGLES * 1j)), "must be a 1-D array of numbers"),
    "angles in seconds": (
        lambda: archive(grain_angle_rad=plain(np.array([0, 1, 2], "m8[s]"))), "must be a 1-D array of numbers"
    ),
    "three cell sizes": (lambda: archive(cell_nm=plain(np.ones(3))), "cell_nm must be one number, got shape (3,)"),
    "cell size of text": (lambda: archive(cell_nm=plain(np.array("2"))), "cell_nm must be one number"),
    "complex cell size": (lambda: archive(cell_nm=plain(np.array(2j))), "cell_nm must be one number"),
    "NaN cell size": (lambda: archive(cell_nm=plain(np.array(np.nan))), "cell_nm must be a positive finite number"),
    "cell size of nothing": (lambda: archive(cell_nm=plain(np.array(1e-300))), "cell_nm must lie within 0.001"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")
@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_structure_file_is_refused_in_one_sentence(tmp_path: Path, name: str) -> None:
    make, sentence = WRONG[name]
    path = tmp_path / "s.npz"
    path.write_bytes(make())
    with pytest.raises(InputError) as refused:
        Microstructure.load(path)
    assert str(refused.value).startswith(str(path))
    assert sentence in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits the address space")
def test_no_wrong_structure_file_takes_memory(tmp_path: Path) -> None:
    """All of them are refused within 512 MB more than the process had, among them one that states 2 TB."""
    import resource

    before = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    files = [tmp_path / f"{i}.npz" for i in range(len(WRONG))]
    with np.errstate(all="ignore"):
        for path, (make, _) in zip(files, WRONG.values(), strict=True):
            path.write_bytes(make())
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 512 * 2**20, before[1]))
    try:
        for path in files:
            with pytest.raises(InputError):
                Microstructure.load(path)
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.mark.parametrize("ids", [np.zeros((1, 1), int), np.zeros((1, 7), np.int8), IDS * 2, IDS.astype(">u4")], ids=str)
def test_odd_structures_are_structures(tmp_path: Path, ids: np.ndarray) -> None:
    """One cell, one row, numbers that no cell has, the other order of bytes."""
    path = tmp_path / "s.npz"
    np.savez(path, grain_id=ids, grain_angle_rad=np.linspace(0, 1, 5), more=np.zeros(3))
    found = Microstructure.load(path)
    np.testing.assert_array_equal(found.grain_id, ids)
    assert found.cell_nm == 2.0


def test_refining_is_refused_before_memory_is_taken() -> None:
    with pytest.raises(InputError, match="refined by 100000 are more than"):
        Microstructure(IDS, ANGLES).refine(100_000)


def structure_or_sentence(path: Path) -> Microstructure | str:
    """What a file holds, or why it is refused; anything else that is raised is a failure."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # zipfile's, of a damaged directory
            return Microstructure.load(path)
    except InputError as error:
        return str(error)


GOOD = archive()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 8 * len(GOOD) - 1)), min_size=1, max_size=4), st.integers(0, len(GOOD)))
def test_a_damaged_structure_file_is_refused_or_the_same(tmp_path: Path, bits: list[tuple[int]], length: int) -> None:
    """Any bits flipped, any length left: one sentence, or the structure as it was."""
    data = bytearray(GOOD)
    for (bit,) in bits:
        data[bit // 8] ^= 1 << bit % 8
    path = tmp_path / "s.npz"
    for content in (bytes(data), bytes(data[:length])):
        path.write_bytes(content)
        found = structure_or_sentence(path)
        if not isinstance(found, str):
            assert found.content_hash == Microstructure(IDS, ANGLES).content_hash
        else:
            assert len(found.splitlines()) == 1


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_one_sentence(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.npz"
    for wrapped in (content, archive(grain_id=content), archive(grain_angle_rad=npy((3,), "<f8", content))):
        path.write_bytes(wrapped)
        found = structure_or_sentence(path)
        assert not isinstance(found, str) or len(found.splitlines()) == 1
        with pytest.raises(InputError) as refused:
            LabelSet.load(path)
        assert len(str(refused.value).splitlines()) == 1


def test_all_arrays_of_a_file_are_bounded_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulation.arrays.MAX_FILE_BYTES", 3000)
    np.savez_compressed(tmp_path / "a.npz", a=np.zeros(200), b=np.zeros(200))
    assert list(read_npz(tmp_path / "a.npz", ("a",))) == ["a"]
    with pytest.raises(InputError, match="its arrays hold 3456 bytes, at most 3000 are allowed"):
        read_npz(tmp_path / "a.npz")


def test_every_array_of_a_file_is_read_when_none_is_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", b=np.arange(3), a=np.array("x"))
    assert list(read_npz(tmp_path / "a.npz")) == ["b", "a"]
    assert list(read_npz(tmp_path / "a.npz", ("a",))) == ["a"]
    with pytest.raises(InputError, match="no array named c"):
        read_npz(tmp_path / "a.npz", ("c",))
