"""The run folder: stages keyed by content, written whole or not at all, and a lock against a second run.

    runs/<name>/  study.yaml  manifest.json  labels.sqlite  known/  vae/  regressor/R/  search/R/  verify/R/
                  confirm/R/  front.csv  verified.csv  candidates/NN/  report.html  run.log  seconds.json

A stage's folder carries `artifact.json`: its key (a hash of its inputs' keys, the part of the study that it reads and
a version bumped by hand when its meaning changes) and a checksum of each of its files. A folder whose key or
checksums do not fit is made again.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import logging
import math
import os
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from inverse_design.files import read_json
from inverse_design.properties import PROPERTIES
from inverse_design.run.seconds import StageTimes
from simulation.errors import InputError
from simulation.files import write_text

ARTIFACT = "artifact.json"
MANIFEST = "manifest.json"
GOES_ON = "the next round is under way"
"""The reason in the manifest of a run that has not come to its end."""

LOCK = ".lock"
_LOOKED_AT_S = 0.5
"""So long a lock is asked for: `is_locked` may hold it for a moment."""
_OF_BROWSERS = ("Thumbs.db", "desktop.ini", "Icon\r")
log = logging.getLogger("inverse_design")


class RunFolder:
    """One run's folder on disk.

    Args:
        path: the folder.
        began: when this attempt at the run began, by `time.monotonic`; now, unless given.

    Attributes:
        path: the folder.
        times: how long its stages took.
    """

    def __init__(self, path: Path, began: float | None = None) -> None:
        self.path = Path(path)
        self.times = StageTimes(self.path, began)

    @contextmanager
    def locked(self, or_read_only: bool = False) -> Iterator[None]:
        """Keep a second run out of this folder.

        Args:
            or_read_only: go on without a lock in a folder that nobody can write, to read what is there.

        Raises:
            InputError: if another run holds it, or the folder cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path / LOCK)
            lock.acquire(timeout=_LOOKED_AT_S)
        except Timeout:
            raise InputError(f"{self.path}: another run is writing this folder; wait for it or stop it") from None
        except OSError as error:
            if not (or_read_only and self.path.is_dir()):
                raise InputError(f"{self.path}: the run folder cannot be written ({error.strerror or error})") from None
        try:
            yield
        finally:
            lock.release()

    def is_locked(self) -> bool:
        """Whether a process is writing this folder now; False where that cannot be told."""
        try:
            handle = os.open(self.path / LOCK, os.O_RDONLY | os.O_NONBLOCK)
        except OSError:
            return False
        try:
            fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two that look do not see each other
        except BlockingIOError:
            return True
        except OSError:
            return False
        finally:
            os.close(handle)
        return False

    def stage(self, name: str, key: str, build: Callable[[Path], None]) -> Path:
        """The folder of a stage: as it is when its key and checksums fit, else made by `build`.

        Args:
            name: folder below the run, such as "vae" or "regressor/0".
            key: of what it depends on, see `run.keys`.
            build: writes the artifact's files into the folder it is given. That folder is kept when `build` is
                interrupted and is handed to it again for the same key, so that it can hold checkpoints.
        """
        final = self.path / name
        state = self.state(name, key)
        if state == "there":
            log.info("%s: there already", name)
            return final
        if state == "damaged":
            log.warning("%s: does not match its checksums and is made again", name)
        work = self.path / ".work" / f"{name.replace('/', '-')}-{key[:12]}"
        work.mkdir(parents=True, exist_ok=True)
        if not _complete(work, key):  # else it was finished and the process ended before it was put in its place
            with self.times.timed(name, key), _named(final):
                build(work)
            record = {"stage": name, "key": key, "files": _checksums(work)}
            write_text(work / ARTIFACT, json.dumps(record, indent=1))
        final.parent.mkdir(parents=True, exist_ok=True)
        if final.exists():
            _bring_along(final, work)
            old = work.with_name(f"{work.name}-{os.getpid()}.old")
            final.rename(old)  # gone at once, and even where a network file system keeps a file of it
            shutil.rmtree(old, ignore_errors=True)
        work.rename(final)
        log.info("%s: done in %.1f s", name, self.seconds(name))
        return final

    def state(self, name: str, key: str) -> str:
        """ "there", "absent" (no folder, or one of another key) or "damaged"."""
        folder = self.path / name
        if not folder.is_dir():
            return "absent"
        record = read_artifact(folder)
        if record is not None and record.get("key") != key:
            return "absent"
        return "there" if _complete(folder, key) else "damaged"

    def check(self, *names: str) -> None:
        """Make sure that stages are as they were written, whatever their keys.

        Raises:
            InputError: at the first that is not.
        """
        for name in names:
            if not intact(self.path / name):
                raise InputError(
                    f"{self.path / name}: missing or damaged (checksums differ); running the study again makes it anew"
                )

    def seconds(self, name: str) -> float:
        """Wall time of a stage that is there, its interrupted attempts included as far as they are known."""
        record = read_artifact(self.path / name)
        return self.times.seconds(name, str(record.get("key"))) if record else 0.0

    def clear_work(self) -> None:
        """Remove what interrupted stages of other keys left."""
        shutil.rmtree(self.path / ".work", ignore_errors=True)


@contextmanager
def _named(folder: Path) -> Iterator[None]:
    """Give an error of the file system that names no file, of a full disk for one, the name of a folder."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise type(error)(error.errno, error.strerror, str(folder)) from error


def _bring_along(folder: Path, work: Path) -> None:
    """Move what somebody else has put into a stage's folder over to the one that takes its place."""
    record = read_artifact(folder)
    if record is None:
        return
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_file() and name.as_posix() not in {ARTIFACT, *record["files"]} and not (work / name).exists():
            with contextlib.suppress(OSError):
                (work / name).parent.mkdir(parents=True, exist_ok=True)
                path.rename(work / name)


def read_artifact(folder: Path) -> dict[str, Any] | None:
    """The record of a stage's folder, None where it cannot be read."""
    try:
        record = read_json(folder / ARTIFACT)
    except (OSError, ValueError):
        return None
    kinds = {"stage": str, "key": str, "files": dict}
    sound = isinstance(record, dict) and all(isinstance(record.get(name), kind) for name, kind in kinds.items())
    return record if sound else None


def write_manifest(run: Path, manifest: Mapping[str, Any]) -> None:
    """Write `manifest.json`, with a checksum of all that it says."""
    write_text(run / MANIFEST, json.dumps({**manifest, "checksum": _digest(manifest)}, indent=1) + "\n")


def _digest(manifest: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def _count(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"not a number of things: {value!r}")
    return value


def read_manifest(run: Path) -> dict[str, Any]:
    """What a run's last finished round left in `manifest.json`.

    Raises:
        InputError: if the folder holds no run that has come to a verified round, or knew answers before the first.
    """
    try:
        manifest = read_json(run / MANIFEST)
        if manifest.pop("checksum") != _digest(manifest):
            raise ValueError
        held = manifest["labelled"]
        if held:
            best = {name: float(value) for name, value in held["best"].items() if name in PROPERTIES}
            held = {"count": _count(held["count"]), "hits": _count(held["hits"]), "best": best}
        labels = {str(name): _count(value) for name, value in manifest["labels"].items()}
        counts = {name: _count(manifest.get(name, 0)) for name in ("rounds", "known", "simulations", "hits")}
        finite = all(math.isfinite(value) for value in held.get("best", {}).values())
        refined = [str(part) for part in manifest.get("refined", [])]
        if not all(re.fullmatch(r"refined-\d{1,6}-\d{1,6}", part) for part in refined):
            raise ValueError
        if counts["rounds"] + counts["known"] + len(refined) < 1 or not finite:
            raise ValueError
        texts = {name: str(manifest[name]) for name in ("reason", "study")}
        return {**manifest, **counts, **texts, "refined": refined, "labels": labels, "labelled": held}
    except OSError:
        raise InputError(f"{run}: no run with a verified round here (no {MANIFEST}); run the study first") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{run / MANIFEST}: damaged; running the study again writes it anew") from None


def work_in_words(simulations: int, confirmations: int, known: int) -> str:
    """Candidates that were simulated, further simulations of their hits, and structures that were known."""
    text = f"{simulations} simulation{'s' * (simulations != 1)}"
    text += f" and {confirmations} confirmation{'s' * (confirmations != 1)}" if confirmations else ""
    return f"{text}, {known} labelled structure{'s' * (known != 1)} shown" if known else text


def intact(folder: Path) -> bool:
    """Whether a stage's folder holds its record and the files that this names, each with its checksum.

    What else lies there is not ours: file browsers and network file systems leave files of their own.
    """
    record = read_artifact(folder)
    return record is not None and all(_checksum(folder / name) == known for name, known in record["files"].items())


def _complete(folder: Path, key: str) -> bool:
    record = read_artifact(folder)
    return record is not None and record.get("key") == key and intact(folder)


def _checksums(folder: Path) -> dict[str, str]:
    """Of the files that a stage has written: none of them is hidden."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not any(part.startswith(".") for part in name.parts) and name.name not in (ARTIFACT, *_OF_BROWSERS):
            digest = _checksum(path)
            if digest is not None:
                found[name.as_posix()] = digest
    return found


def _checksum(path: Path) -> str | None:
    """SHA-256 of a file, None where there is none."""
    if not path.is_file():
        return None
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
