"""Promises of labels and of the label store: what a key names, and that nothing is lost, doubled or silently wrong."""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import (
    ANCHORS,
    FieldSweep,
    InputError,
    Label,
    LabelStore,
    Material,
    Microstructure,
    Outcome,
)
from simulation.labels import store_file
from simulation.labels.label import Conditions, Job, Specification, canonical
from simulation.labels.rows import APPLICATION, COLUMNS, FORMAT, checksum
from simulation.labels.store import Merged
from tests.simulation.labels.stand_ins import FAMILY, conditions, curve_of, line_of, specification_of, specifications

ROOT = str(Path(__file__).parents[3])
STRUCTURE = Microstructure(np.array([[0, 0, 1], [2, 2, 1]]), np.array([0.1, -1.2, np.pi / 2]), 2.0)


def some_labels(count: int, **options: object) -> list[Label]:
    asked = conditions(**options)
    return [curve_of(Job.of(source, asked)) for source in specifications(count)]


def filled(path: Path, labels: list[Label]) -> Path:
    with LabelStore(path) as store:
        for label in labels:
            assert store.add(label)
    return path


def all_of(path: Path, **options: bool) -> list[Label]:
    with LabelStore(path, **options) as store:
        return list(store.labels())


def assert_one_sentence(error: pytest.ExceptionInfo[InputError], *words: str) -> None:
    text = str(error.value)
    assert len(text.splitlines()) <= 2
    assert "Traceback" not in text
    for word in words:
        assert word in text


# -- keys


def test_a_key_names_structure_material_sweep_solver_and_nothing_else():
    base = conditions()
    key = Job.of(STRUCTURE, base).key
    other_material = dataclasses.replace(base, material=Material(8e-12, 1.61, np.nextafter(4.2e6, 5e6)))
    for changed in (
        other_material,
        dataclasses.replace(base, sweep=FieldSweep(step=0.02, until="coercivity")),
        dataclasses.replace(base, backend="fidimag"),
        dataclasses.replace(base, discretization="elements"),
        dataclasses.replace(base, settings={"version": 2}),
        dataclasses.replace(base, options={"tolerance": 1e-5}),
    ):
        assert Job.of(STRUCTURE, changed).key != key
    turned = Microstructure(STRUCTURE.grain_id, np.array([0.1, -1.2, np.nextafter(np.pi / 2, 0)]), 2.0)
    assert Job.of(turned, base).key != key
    assert Job.of(STRUCTURE.refine(2), base).key != key
    again = Microstructure(STRUCTURE.grain_id.astype(np.uint16), STRUCTURE.grain_angle_rad.copy(), 2)
    assert Job.of(again, conditions()).key == key


def test_the_same_number_gives_the_same_key_however_it_is_written():
    assert canonical({"b": 1, "a": (0.1, np.float64(2))}) == canonical({"a": [0.1, 2.0], "b": np.int32(1)})
    assert canonical(-0.0) == canonical(0)
    assert canonical(0.1 + 0.2) != canonical(0.3)
    assert canonical("1") != canonical(1) != canonical(True)
    assert conditions().key == dataclasses.replace(conditions(), sweep=FieldSweep(1, -1, 0.02)).key


def test_a_stated_default_of_the_solver_gives_the_key_of_the_default():
    usual = Conditions.of(conditions().material, FieldSweep())
    stated = Conditions.of(conditions().material, FieldSweep(), tolerance=usual.settings["tolerance"])
    tighter = Conditions.of(conditions().material, FieldSweep(), tolerance=usual.settings["tolerance"] / 10)
    assert stated.key == usual.key != tighter.key
    with pytest.raises(InputError, match="planar"):
        Conditions.of(conditions().material, FieldSweep(), backend="spectral")


def test_a_specification_draws_the_structure_that_was_simulated_or_says_so():
    label = some_labels(1)[0]
    assert label.microstructure().content_hash == label.structure_hash
    with pytest.raises(InputError, match="NumPy"):
        dataclasses.replace(label, structure_hash="0" * 64).microstructure()


# -- the store


@pytest.mark.parametrize("kind", ["sampled", "decoded", "unconverged", "failed", "nan"])
def test_a_label_comes_back_bit_for_bit(tmp_path: Path, kind: str):
    options = {"unconverged": {"stall": [0]}, "nan": {"nan": [0]}}.get(kind, {})
    job = Job.of(STRUCTURE if kind == "decoded" else specifications(1)[0], conditions(**options))
    label = job.failed('it "broke" \udc80 ü', 1.5) if kind == "failed" else curve_of(job)
    filled(tmp_path / "s.sqlite", [label])
    with LabelStore(tmp_path / "s.sqlite") as store:
        back = store.get(label.key)
        assert back is not None
        assert label.key in store
        assert store.get("no such key") is None
    assert back.result_bytes == label.result_bytes
    assert back.wall_s == label.wall_s
    assert back.conditions == label.conditions
    assert back.conditions.key == label.conditions.key
    assert back.specification == label.specification
    assert back.microstructure().content_hash == STRUCTURE.content_hash if kind == "decoded" else True
    expected = {"unconverged": Outcome.UNCONVERGED, "failed": Outcome.FAILED, "nan": Outcome.FAILED}
    assert back.outcome is expected.get(kind, Outcome.CONVERGED)
    assert back.converged == (kind in ("sampled", "decoded"))


def test_a_label_is_written_once_and_only_a_failure_gives_way(tmp_path: Path):
    job = Job.of(specifications(1)[0], conditions())
    good, failed = curve_of(job), job.failed("out of memory", 0.0)
    with LabelStore(tmp_path / "s.sqlite") as store:
        assert store.add(failed)
        assert not store.add(failed)
        assert store.add(good)
        assert not store.add(failed)
        assert not store.add(good)
        assert len(store) == 1
        stored = store.get(job.key)
        assert stored
        assert stored.same_result(good)


def test_reading_does_not_depend_on_the_order_of_arrival(tmp_path: Path):
    labels = some_labels(270)  # more than a page
    one = filled(tmp_path / "1.sqlite", labels)
    two = filled(tmp_path / "2.sqlite", random.Random(1).sample(labels, 270))
    assert [x.result_bytes for x in all_of(one)] == [x.result_bytes for x in all_of(two)]
    assert {x.key for x in all_of(one)} == {x.key for x in labels}


def test_the_table_holds_the_numbers_of_the_labels(tmp_path: Path):
    labels = some_labels(5, stall=[1], nan=[2])
    decoded = curve_of(Job.of(STRUCTURE, conditions()))
    with LabelStore(filled(tmp_path / "s.sqlite", [*labels, decoded])) as store:
        table = store.frame()
        assert store.counts() == {Outcome.CONVERGED: 4, Outcome.UNCONVERGED: 1, Outcome.FAILED: 1}
        assert store.counts(conditions()) == {Outcome.CONVERGED: 1, Outcome.UNCONVERGED: 0, Outcome.FAILED: 0}
        assert list(store.frame(conditions()).index) == [decoded.key]
        assert len(list(store.labels(outcome=Outcome.CONVERGED))) == 4
    assert list(table.index) == sorted(table.index)
    for label in [*labels, decoded]:
        row = table.loc[label.key]
        np.testing.assert_array_equal(row[list(ANCHORS)].to_numpy(float), label.anchors.as_array())
        assert (row.outcome, row.evaluations, row.reason) == (label.outcome, label.evaluations, label.reason)
        assert row.grains == label.drawn[0]
    sampled = table.loc[labels[3].key]
    grains, misorientation, _ = FAMILY.parameters(7, specification_of(labels[3]).purpose, 3)
    assert (sampled.position, sampled.grains, sampled.misorientation_rad) == (3, grains, misorientation)
    assert np.isnan(table.loc[decoded.key].misorientation_rad)


def test_an_empty_store_gives_an_empty_table(tmp_path: Path):
    with LabelStore(tmp_path / "deep" / "er" / "s.sqlite") as store:
        assert len(store) == len(store.frame()) == sum(store.counts().values()) == 0
        assert "Hc" in store.frame()


def test_merging_is_idempotent_and_keeps_every_label_once(tmp_path: Path):
    labels = [*some_labels(12), curve_of(Job.of(STRUCTURE, conditions()))]
    parts = [filled(tmp_path / "1.sqlite", labels[:8]), filled(tmp_path / "2.sqlite", labels[5:])]
    with LabelStore(tmp_path / "all.sqlite") as store:
        assert store.merge(*parts) == Merged(added=13, present=3)
        assert store.merge(*parts) == Merged(present=16)
        assert store.merge(tmp_path / "all.sqlite") == Merged(present=13)
    assert sorted(x.result_bytes for x in all_of(tmp_path / "all.sqlite")) == sorted(x.result_bytes for x in labels)
    with pytest.raises(InputError, match="no such"), LabelStore(tmp_path / "all.sqlite") as store:
        store.merge(tmp_path / "3.sqlite")


def test_a_finished_store_is_one_plain_file_that_can_be_copied(tmp_path: Path):
    filled(tmp_path / "s.sqlite", some_labels(3))
    assert [path.name for path in tmp_path.iterdir()] == ["s.sqlite"]


# -- damage


def test_no_bit_flip_anywhere_in_the_file_gives_a_wrong_label(tmp_path: Path):
    labels = [*some_labels(10, stall=[2]), curve_of(Job.of(STRUCTURE, conditions()))]
    path = filled(tmp_path / "s.sqlite", labels)
    true = {label.key: label.result_bytes + label.structure_hash.encode() for label in labels}
    clean, draw, noticed, unseen = path.read_bytes(), random.Random(5), 0, 0
    for _ in range(150):
        bad, bit = bytearray(clean), draw.randrange(8 * len(clean))
        bad[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bad)
        try:
            read = {x.key: x.result_bytes + x.microstructure().content_hash.encode() for x in all_of(path)}
        except InputError as error:
            noticed += str(path) in str(error) and len(str(error).splitlines()) == 1
        else:
            assert read == true, f"bit {bit}"
            unseen += 1
    assert noticed + unseen == 150
    assert noticed > 50  # most of the file is labels


def test_a_flipped_bit_in_a_label_is_named_and_the_others_can_be_saved(tmp_path: Path):
    labels = some_labels(6)
    path = filled(tmp_path / "s.sqlite", labels)
    data = bytearray(path.read_bytes())
    data[bytes(data).index(labels[2].m.tobytes()[80:120])] ^= 4
    path.write_bytes(data)
    with LabelStore(path) as store:
        with pytest.raises(InputError) as error:
            store.get(labels[2].key)
        assert_one_sentence(error, str(path), labels[2].key[:12], "damaged", "merge")
        with pytest.raises(InputError, match="damaged"):
            store.frame()
    with LabelStore(tmp_path / "saved.sqlite") as store:
        assert store.merge(path) == Merged(added=5, damaged=1)


def test_a_truncated_store_says_so(tmp_path: Path):
    path = filled(tmp_path / "s.sqlite", some_labels(10))
    whole = path.read_bytes()
    for length in (0, 1, 50, 100, 512, 4096, 5000, len(whole) // 2, len(whole) - 4096, len(whole) - 1):
        path.write_bytes(whole[:length])
        for read_only in (False, True):
            with pytest.raises(InputError) as error:
                all_of(path, read_only=read_only)
            assert_one_sentence(error, str(path))


def test_what_is_no_store_is_refused(tmp_path: Path):
    (tmp_path / "text").write_text("h,m\n" * 100)
    with sqlite3.connect(tmp_path / "other.sqlite") as other:
        other.execute("CREATE TABLE labels (key)")
    other.close()
    newer = filled(tmp_path / "newer.sqlite", some_labels(1))
    with sqlite3.connect(newer) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    for name in ("text", "other.sqlite", "newer.sqlite", ".", "text/below"):
        with pytest.raises(InputError) as error:
            LabelStore(tmp_path / name)
        assert_one_sentence(error, str(tmp_path / name))
    with pytest.raises(InputError, match="no such label store"):
        LabelStore(tmp_path / "missing.sqlite", read_only=True)


# -- other processes, full disks, other file systems


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """A process that runs some code with the stand-ins at hand."""
    script = f"import sys; sys.path.insert(0, {ROOT!r})\n" + textwrap.dedent(code)
    command = [sys.executable, "-c", script, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


ADD_MANY = """
from tests.simulation.labels.stand_ins import *
store, asked = LabelStore(sys.argv[1]), conditions()
for source in specifications(int(sys.argv[2])):
    label = curve_of(Job.of(source, asked))
    if store.add(label):
        print(label.key, flush=True)
store.close()
"""


def test_two_processes_write_one_store_and_each_label_arrives_once(tmp_path: Path):
    writers = [python(ADD_MANY, tmp_path / "s.sqlite", 60) for _ in range(2)]
    outputs = [writer.communicate(timeout=60) for writer in writers]
    assert [writer.returncode for writer in writers] == [0, 0], outputs
    added = "".join(out for out, _ in outputs).split()
    assert len(added) == len(set(added)) == 60
    assert {x.key for x in all_of(tmp_path / "s.sqlite")} == set(added)


def test_a_killed_writer_loses_no_label_that_it_had_added(tmp_path: Path):
    path, told = tmp_path / "s.sqlite", []
    for round_ in range(3):
        writer = python(ADD_MANY, path, 100_000)
        told += [line_of(writer) for _ in range(10 + 13 * round_)]
        os.kill(writer.pid, signal.SIGKILL)
        rest, _ = writer.communicate()
        told += [line for line in rest.split() if len(line) == 64]
        keys = [label.key for label in all_of(path)]
        assert set(told) <= set(keys)
        assert len(keys) == len(set(keys)) <= len(told) + round_ + 1


def test_the_log_of_a_removed_store_is_not_played_into_a_new_one(tmp_path: Path):
    writer = python(ADD_MANY, tmp_path / "s.sqlite", 100_000)
    line_of(writer)
    writer.kill()
    writer.communicate()
    (tmp_path / "s.sqlite").unlink()
    with pytest.raises(InputError, match=r"s\.sqlite-wal"):
        LabelStore(tmp_path / "s.sqlite")


def test_a_store_whose_writer_did_not_come_to_its_end_can_be_looked_into(tmp_path: Path):
    """With a rollback journal, as on a network file system, or as the last to leave makes one."""
    path, left = filled(tmp_path / "s.sqlite", some_labels(3)), tmp_path / "left.sqlite"
    before = all_of(path)
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        for words in ("PRAGMA cache_size = 1", "BEGIN", "DELETE FROM labels", "CREATE TABLE other (x)",
                      "INSERT INTO other VALUES (randomblob(1000000))"):  # fmt: skip
            db.execute(words)
        now = path.read_bytes()
        store_file._roll_back(path)
        assert path.read_bytes() == now, "of a writer who is there, nothing is undone"
        for end in ("", "-journal"):
            shutil.copyfile(f"{path}{end}", f"{left}{end}")
        db.execute("ROLLBACK")
    assert all_of(left, read_only=True) == before
    assert not Path(f"{left}-journal").exists()


def test_a_full_disk_gives_a_sentence_and_leaves_the_store_intact(tmp_path: Path):
    limited = """
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
    from tests.simulation.labels.stand_ins import *
    store = LabelStore(sys.argv[1])
    for source in specifications(1000):
        try:
            store.add(curve_of(Job.of(source, conditions())))
        except InputError as error:
            sys.exit(str(error))
        print(source.index, flush=True)
    """
    writer = python(limited, tmp_path / "s.sqlite")
    out, complaint = writer.communicate(timeout=60)
    assert writer.returncode == 1
    assert len(complaint.splitlines()) == 1
    assert "free some disk space" in complaint
    added = [int(line) for line in out.split()]
    assert len(added) > 5
    with LabelStore(tmp_path / "s.sqlite") as store:
        assert sorted(specification_of(x).index for x in store.labels()) == added
        assert store.add(some_labels(len(added) + 1)[-1])


def test_looking_into_a_running_store_neither_waits_nor_disturbs(tmp_path: Path):
    labels = some_labels(300)
    with LabelStore(tmp_path / "s.sqlite") as store:
        for label in labels[:280]:
            store.add(label)
        with LabelStore(tmp_path / "s.sqlite", read_only=True) as status:
            reading = status.labels()
            next(reading)
            start = time.monotonic()
            for label in labels[280:]:
                store.add(label)
            assert sum(status.counts().values()) == 300
            assert time.monotonic() - start < 10  # nobody waited for the 60 s of a lock
            assert len(list(reading)) >= 279
            with pytest.raises(InputError, match="writ"):
                status.add(curve_of(Job.of(STRUCTURE, conditions())))


def test_network_file_systems_are_known_by_their_mounts(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text(
        "/dev/vda / ext4 rw 0 0\nserver:/home /home nfs4 rw 0 0\n/dev/vdb /home/local\\040disk xfs rw 0 0\n"
        "host /scratch lustre rw 0 0\nsshfs /mnt/far fuse.sshfs rw 0 0\n"
    )
    for place, network in {
        "/home/me/s.sqlite": True,
        "/home/local disk/s.sqlite": False,
        "/tmp/s.sqlite": False,
        "/scratch/a/b/s.sqlite": True,
        "/scratchy/s.sqlite": False,
        "/mnt/far/s.sqlite": True,
    }.items():
        assert store_file.is_network_path(Path(place), mounts) == network, place
    assert not store_file.is_network_path(Path("/home/x"), tmp_path / "no such file")


@pytest.mark.parametrize(("network", "journal"), [(False, "wal"), (True, "delete")])
def test_the_journal_suits_the_file_system(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, network: bool, journal: str
):
    monkeypatch.setattr(store_file, "is_network_path", lambda path: network)
    labels = some_labels(4)
    with LabelStore(tmp_path / "s.sqlite") as one, LabelStore(tmp_path / "s.sqlite") as two:
        assert one._db.execute("PRAGMA journal_mode").fetchone() == (journal,)
        for label in labels[:2]:
            assert one.add(label)
        for label in labels:
            two.add(label)
        assert len(one) == 4
    assert len(all_of(tmp_path / "s.sqlite")) == 4


@contextlib.contextmanager
def without_root() -> Iterator[None]:
    """As a user who may not write everywhere."""
    if os.getuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.mark.skipif(not hasattr(os, "setresuid"), reason="no such users here")
def test_a_read_only_folder_can_be_read_and_says_that_it_cannot_be_written():
    with tempfile.TemporaryDirectory() as name:  # tmp_path is closed to other users
        folder = Path(name)
        path = filled(folder / "s.sqlite", some_labels(2))
        folder.chmod(0o555)
        with without_root():
            assert len(all_of(path, read_only=True)) == 2
            with pytest.raises(InputError, match="writable"), LabelStore(path) as store:
                store.add(some_labels(3)[-1])
            with pytest.raises(InputError, match="writable"):
                LabelStore(folder / "new.sqlite")
            with pytest.raises(InputError, match="ermission"):
                LabelStore(folder / "deeper" / "new.sqlite")
        folder.chmod(0o755)


@pytest.mark.slow
def test_twenty_thousand_labels_are_listed_in_a_second_with_flat_memory(tmp_path: Path):
    import tracemalloc

    template = some_labels(1)[0]
    with LabelStore(tmp_path / "s.sqlite") as store:
        store._db.execute("PRAGMA synchronous = OFF")  # only to fill it quickly
        for index in range(20_000):
            source = Specification(FAMILY, 7, specification_of(template).purpose, index)
            key = template.conditions.label_key(f"{index:064x}")
            store.add(dataclasses.replace(template, key=key, structure_hash=f"{index:064x}", source=source))
        start = time.perf_counter()
        assert sum(store.counts().values()) == 20_000
        assert time.perf_counter() - start < 1
        start = time.perf_counter()
        assert len(store.frame()) == 20_000
        print("frame", time.perf_counter() - start)
        tracemalloc.start()
        assert sum(1 for _ in store.labels()) == 20_000
        assert tracemalloc.get_traced_memory()[1] < 20e6
        tracemalloc.stop()
    start = time.perf_counter()
    with LabelStore(tmp_path / "s.sqlite") as store:
        print("open", time.perf_counter() - start)


# -- rows of other hands


def rewritten(path: Path, **cells: object) -> Path:
    """The store with cells of its first label changed, under a checksum that is right again."""
    with contextlib.closing(sqlite3.connect(path)) as db, db:
        row = list(db.execute(f"SELECT {', '.join(COLUMNS)} FROM labels ORDER BY key LIMIT 1").fetchone())
        key = row[0]
        for name, value in cells.items():
            row[COLUMNS.index(name)] = value
        changes = ", ".join(f"{name} = ?" for name in (*COLUMNS, "checksum"))
        db.execute(f"UPDATE labels SET {changes} WHERE key = ?", (*row, checksum(tuple(row)), key))
    return path


CURVE = np.full(70, np.nan).tobytes()


@pytest.mark.parametrize(
    "cells",
    [
        {"outcome": "skipped"}, {"h": b"123"}, {"h": CURVE}, {"m": CURVE}, {"m": np.full(70, 2.0).tobytes()},
        {"status": bytes(70)[1:]}, {"status": bytes([1] * 70)}, {"Hc": -0.3}, {"Mr": "much"}, {"Hk90": None},
        {"specification": "{}"}, {"specification": "[" * 5000}, {"specification": '{"family": 3}'},
        {"evaluations": -1}, {"evaluations": "many"}, {"wall_s": float("inf")}, {"key": "of another"}, {"h": 7},
    ],
    ids=lambda cells: next(iter(cells)),
)  # fmt: skip
def test_a_row_that_no_simulation_wrote_is_a_sentence_and_left_out_of_a_merge(tmp_path: Path, cells: dict):
    """Forged, or of a version to come: the checksum is right."""
    path = rewritten(filled(tmp_path / "a.sqlite", some_labels(3)), **cells)
    if cells != {"wall_s": float("inf")}:
        with pytest.raises(InputError) as error:
            all_of(path)
        assert_one_sentence(error, str(path), "label")
    with LabelStore(tmp_path / "all.sqlite") as store:
        merged = store.merge(path)
        assert merged == (Merged(3, 0, 0) if "wall_s" in cells else Merged(2, 0, 1))
        assert len(list(store.labels())) == merged.added


def test_another_database_with_our_mark_is_no_store(tmp_path: Path):
    path = tmp_path / "other.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute(f"PRAGMA application_id = {APPLICATION}")
        db.execute(f"PRAGMA user_version = {FORMAT}")
        db.execute("CREATE TABLE labels (key TEXT PRIMARY KEY, colour TEXT)")
    for options in ({}, {"read_only": True}, {"salvage": True, "read_only": True}):
        with pytest.raises(InputError) as error:
            LabelStore(path, **options)
        assert_one_sentence(error, str(path), "not a label store")


def test_what_a_kill_left_when_a_store_was_made_goes(tmp_path: Path):
    """And the draft of a process that is making it now stays."""
    names = (".s[1].sqlite.77.new", ".s[1].sqlite.77.new-journal", ".s[1].sqlite.78.new", ".other.sqlite.77.new")
    for name in names:
        (tmp_path / name).write_bytes(b"")
    for name in names[:2]:
        os.utime(tmp_path / name, (1, 1))
    LabelStore(tmp_path / "s[1].sqlite").close()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names[2:], "s[1].sqlite"])


def test_a_full_disk_at_creation_is_no_matter_of_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Nor where SQLite itself only says that it is unable to open the file."""
    real: Any = open

    def full(file: object, mode: str = "r", *rest: object, **named: object) -> object:
        if "w" in mode or "+" in mode:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))
        return real(file, mode, *rest, **named)

    monkeypatch.setattr("io.open", full)
    with pytest.raises(InputError) as error:
        LabelStore(tmp_path / "s.sqlite")
    assert_one_sentence(error, str(tmp_path / "s.sqlite"), "No space left on device")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError) as error, store_file.sentence(tmp_path / "s.sqlite", "open"):
        raise sqlite3.OperationalError("unable to open database file")
    assert_one_sentence(error, "No space left on device")
    assert "writable" not in str(error.value)
