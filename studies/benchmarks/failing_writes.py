"""Commands whose N-th write fails: each ends with a sentence, and done again with what an undisturbed one leaves.

    python -m studies.benchmarks.failing_writes                      # the whole sweep
    python -m studies.benchmarks.failing_writes --commands simulate label --points 20 --into failing_writes.csv

A write is any call that changes what is on the disk below the folder of the command: of Python, NumPy, SQLite or HDF5.
At its N-th such call a command is told that the disk is full or read-only (from then on) or that the device failed
(once), or it is sent SIGINT or SIGKILL. It must then end with exit code 2 and one sentence, 130, or by the signal, or
well if the call did not matter; never with a traceback. The same command, done again without a fault, must leave what
it leaves where nothing failed, and no other file but a hidden draft, which a later write removes once it is a minute
old. The exit code is 1 if one did not. With --points, so many writes of each command and fault fail, from the first to
the last at even distances; with --into, a line of each goes into a table, and what is in it is not tried again.

The faults are those of a small library that is compiled by `cc` and preloaded, so that this runs on Linux only.
"""

from __future__ import annotations

import argparse
import contextlib
import csv
import errno
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path

import numpy as np

from simulation.errors import InputError
from simulation.labels.store import LabelStore
from simulation.tessellation import voronoi
from studies.benchmarks.kills import SMALL, TABLES, command

FAULTS = {
    "ENOSPC": (errno.ENOSPC, True),
    "EROFS": (errno.EROFS, True),
    "EIO": (errno.EIO, False),
    "SIGINT": (-signal.SIGINT, False),
    "SIGKILL": (-signal.SIGKILL, False),
}
"""By name: error number, or less a signal; and whether it lasts."""

TIMEOUT_S = 1800


@dataclass(frozen=True)
class Command:
    """A command in a folder: its words, what is there before, and what matters of what it leaves."""

    words: Callable[[Path], Sequence[str]]
    prepare: Callable[[Path], None]
    outcome: Callable[[Path], object]


def commands() -> dict[str, Command]:
    """The commands of a sweep by name."""
    here = [sys.executable, "-m", "inverse_design"]
    overrides = [word for override in SMALL for word in ("--set", override)]
    study = command(Path())[4]
    few = ["--set", "labels.count=8", "--set", "labels.test=2", "--set", "execution.workers=1"]

    def named(folder: Path, *names: str) -> list[str]:
        return [str(folder / name) for name in names]

    def structure(folder: Path) -> None:
        voronoi(20, 2, 4, 1.2, np.random.default_rng(1)).save(folder / "s.npz")

    def finished(folder: Path) -> None:
        shutil.copytree(_made("small", lambda run: command(run.parent)), folder / "small")

    def label(store: Path) -> list[str]:
        return [*here, "label", study, *overrides, *few, "--store", str(store)]

    def labels(folder: Path) -> None:
        shutil.copyfile(_made("part.sqlite", label), folder / "part.sqlite")

    return {
        "init": Command(lambda at: [*here, "init", *named(at, "a.yaml")], lambda at: None, files_of),
        "simulate": Command(lambda at: [*here, "simulate", *named(at, "s.npz")], structure, files_of),
        "export": Command(lambda at: [*here, "export", *named(at, "s.npz")], structure, files_of),
        "label": Command(
            lambda at: label(at / "l.sqlite"), lambda at: None, lambda at: labels_of(at / "l.sqlite")
        ),
        "merge": Command(
            lambda at: [*here, "merge", *named(at, "part.sqlite"), "--store", *named(at, "all.sqlite")],
            labels, lambda at: labels_of(at / "all.sqlite"),
        ),
        "report": Command(lambda at: [*here, "report", *named(at, "small")], finished, tables_of),
        "run": Command(command, lambda at: None, tables_of),
    }  # fmt: skip


_DRAFT = re.compile(r"\.\d+\.partial\..+|\..+\.\d+\.new|.+\.sqlite-(wal|shm)")


def names_of(folder: Path) -> list[str]:
    """The files of a folder, but drafts and the log of a store that could not be folded into it."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not _DRAFT.fullmatch(path.name)]
    return sorted(path.relative_to(folder).as_posix() for path in paths)


def files_of(folder: Path) -> object:
    """Every file with its content."""
    return {name: (folder / name).read_bytes() for name in names_of(folder)}


def labels_of(path: Path) -> object:
    """The files beside a store, and its labels."""
    with LabelStore(path, read_only=True) as store:
        return names_of(path.parent), sorted(x.result_bytes for x in store.labels())


def tables_of(folder: Path) -> object:
    """The files of a run, and the content of its tables."""
    return names_of(folder), {name: (folder / "small" / name).read_bytes() for name in TABLES}


_home: list[tempfile.TemporaryDirectory[str]] = []


def _made(name: str, words: Callable[[Path], Sequence[str]]) -> Path:
    """What a command leaves under a name: done once, and copied by every trial."""
    if not _home:
        _home.append(tempfile.TemporaryDirectory())
    path = Path(_home[0].name) / name
    if not path.exists():
        subprocess.run(words(path), capture_output=True, check=True)
    return path


def library(folder: Path) -> Path:
    """The library with the faults, compiled into a folder.

    Raises:
        OSError: if there is no compiler.
        subprocess.CalledProcessError: if it does not compile.
    """
    made, compiler = folder / "failing_writes.so", shutil.which("cc")
    if compiler is None:
        raise OSError("no C compiler (cc) here")
    source = Path(__file__).with_suffix(".c")
    subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", made, source, "-ldl"], capture_output=True, check=True)
    return made


@dataclass(frozen=True)
class Ended:
    """How a command with a fault ended."""

    code: int
    said: str
    writes: int


def execute(words: Sequence[str], folder: Path, preload: Path, fault: str = "", at: int = 0) -> Ended:
    """Do a command whose write number `at` below a folder fails, none if 0."""
    number, lasts = FAULTS.get(fault, (0, False))
    counted = preload.with_name("count")
    counted.unlink(missing_ok=True)
    told = {"FAIL_AT": at, "FAIL_WITH": int(number), "FAIL_LASTS": int(lasts), "FAIL_UNDER": folder}
    environment = {name: str(value) for name, value in (told | {"FAIL_COUNT": counted, "LD_PRELOAD": preload}).items()}
    done = subprocess.run(
        words, env=os.environ | environment, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
    )
    return Ended(done.returncode, done.stderr, int(counted.read_text()) if counted.exists() else 0)


def verdict(known: Command, preload: Path, folder: Path, wanted: object, fault: str, at: int) -> str:
    """What went wrong with one fault, nothing if all is well."""
    try:
        return _verdict(known, preload, folder, wanted, fault, at)
    except (InputError, OSError) as error:
        return f"what it left cannot be read: {error}".replace(str(folder), "FOLDER")


def _verdict(known: Command, preload: Path, folder: Path, wanted: object, fault: str, at: int) -> str:
    known.prepare(folder)
    first = execute(known.words(folder), folder, preload, fault, at)
    allowed = {"SIGINT": (0, 130), "SIGKILL": (0, -signal.SIGKILL)}.get(fault, (0, 2))
    last = (first.said.strip().splitlines() or [""])[-1]
    if "Traceback" in first.said or first.code not in allowed:
        return f"ended with {first.code}: {last}"
    if first.code == 2 and not last.startswith("error: "):
        return f"said no sentence: {last}"
    if first.code == 0 and fault != "SIGINT":
        return "" if known.outcome(folder) == wanted else "ended well and left something else"
    words = known.words(folder)
    if words[3] == "init" and (folder / "a.yaml").exists():
        return "" if known.outcome(folder) == wanted else "left half a study"
    again = execute(words, folder, preload)
    if again.code:
        return f"does not go on: {(again.said.strip().splitlines() or [''])[-1]}"
    return "" if known.outcome(folder) == wanted else "left something else when it was done again"


def points(writes: int, most: int) -> list[int]:
    """Numbers of the writes that fail: all of them, or so many at even distances, the first and the last among them."""
    if most <= 0 or writes <= most:
        return list(range(1, writes + 1))
    return sorted({round(1 + (writes - 1) * i / max(most - 1, 1)) for i in range(most)})


@dataclass(frozen=True)
class Tried:
    """One fault, and what went wrong: nothing if all is well."""

    command: str
    fault: str
    at: int
    writes: int
    wrong: str


COLUMNS = tuple(field.name for field in fields(Tried))


def sweep(
    names: Sequence[str], faults: Sequence[str], most: int, preload: Path, known: Container[tuple[str, str, int]] = ()
) -> Iterator[Tried]:
    """What was tried and what went wrong with it, at so many writes of each command, but what is known already."""
    for name in names:
        tried = commands()[name]
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place)
            tried.prepare(folder)
            writes = execute(tried.words(folder), folder, preload).writes
            wanted = tried.outcome(folder)
        print(f"{name}: {writes} writes", flush=True)
        for fault in faults:
            for at in points(writes, most):
                if (name, fault, at) not in known:
                    with tempfile.TemporaryDirectory() as place:
                        wrong = verdict(tried, preload, Path(place), wanted, fault, at)
                    yield Tried(name, fault, at, writes, wrong)


def read(table: Path) -> list[Tried]:
    """The lines of a table that an earlier sweep has written; none if there is none."""
    if not table.exists():
        return []
    with table.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Tried(x["command"], x["fault"], int(x["at"]), int(x["writes"]), x["wrong"]) for x in rows]


def main() -> int:
    """The command line; 0 if no fault did harm."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--commands", nargs="+", choices=commands(), default=list(commands()))
    parser.add_argument("--faults", nargs="+", choices=FAULTS, default=list(FAULTS))
    parser.add_argument("--points", type=int, default=0, help="writes that fail of each command, 0 for all")
    parser.add_argument("--into", type=Path, help="a table to add to, and to go on from")
    given = parser.parse_args()
    done = read(given.into) if given.into else []
    with contextlib.ExitStack() as stack:
        file = stack.enter_context((given.into or Path(os.devnull)).open("a", newline="", encoding="utf-8"))
        table = csv.writer(file, lineterminator="\n")
        if not done:
            table.writerow(COLUMNS)
        preload = library(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        known = {(x.command, x.fault, x.at) for x in done}
        for tried in sweep(given.commands, given.faults, given.points, preload, known):
            done.append(tried)
            table.writerow(astuple(tried))
            file.flush()
            if tried.wrong:
                print(f"{tried.command}, {tried.fault} at write {tried.at}: {tried.wrong}", flush=True)
    wrong = sum(bool(x.wrong) for x in done)
    print(f"{len(done)} faults, {wrong} did harm")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
