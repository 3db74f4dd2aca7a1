"""A file that is written is the old one or the new one, whole, whatever happens meanwhile."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

import pytest

from simulation.files import replacing, write_text


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_old_file_stands_until_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    path.write_text("old")
    with replacing(path) as partial:
        partial.write_text("new")
        assert path.read_text() == "old"
        assert partial.name.endswith(path.name)
    assert path.read_text() == "new"
    assert names(tmp_path) == ["a.npz"]


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_a_block_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path, error: BaseException) -> None:
    path = tmp_path / "a.csv"
    write_text(path, "old")

    def fail() -> None:
        with replacing(path) as partial:
            partial.write_text("half")
            raise error

    with pytest.raises(type(error)):
        fail()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["a.csv"]


def test_the_content_is_on_the_disk_before_the_name_and_the_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order that makes it true after a power cut."""
    done: list[str] = []
    sync, replace = os.fsync, Path.replace

    def note_sync(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        sync(descriptor)

    def note_replace(self: Path, target: Path) -> Path:
        done.append("name")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(Path, "replace", note_replace)
    write_text(tmp_path / "a", "text")
    assert done == ["file", "name", "folder"]


def test_a_full_disk_names_the_file_that_was_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left") as caught:
        write_text(tmp_path / "a", "text")
    assert caught.value.filename == str(tmp_path / "a")
    assert names(tmp_path) == []


def test_a_missing_folder_names_the_file_that_was_asked_for(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        write_text(tmp_path / "none" / "a", "text")
    assert caught.value.filename == str(tmp_path / "none" / "a")


def test_an_error_about_another_file_names_that_one(tmp_path: Path) -> None:
    def read_missing() -> None:
        with replacing(tmp_path / "a"):
            (tmp_path / "missing").read_text()

    with pytest.raises(FileNotFoundError) as caught:
        read_missing()
    assert caught.value.filename == str(tmp_path / "missing")


def test_a_link_is_followed(tmp_path: Path) -> None:
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_text(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    """`-o /dev/null` must not make a file of the device."""
    os.mkfifo(tmp_path / "pipe")
    with replacing(tmp_path / "pipe") as partial:
        assert partial == tmp_path / "pipe"
    assert (tmp_path / "pipe").is_fifo()


def test_what_a_killed_process_left_goes_with_the_next_write(tmp_path: Path) -> None:
    """And what another one is writing now stays."""
    for name in (".1.partial.[a].txt", ".2.partial.[a].txt", ".1.partial.b.txt"):
        (tmp_path / name).write_bytes(b"half")
    for name in (".1.partial.[a].txt", ".1.partial.b.txt"):
        os.utime(tmp_path / name, (1, 1))
    write_text(tmp_path / "[a].txt", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {".2.partial.[a].txt", ".1.partial.b.txt", "[a].txt"}
