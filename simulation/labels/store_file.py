"""The SQLite file of a label store: making it, opening it, choosing its journal, and saying what went wrong."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from simulation.errors import InputError
from simulation.labels.rows import APPLICATION, FORMAT, SCHEMA, TABLES

BUSY_S = 60.0
_OLD_S = 10.0
_RIGHTS = (errno.EACCES, errno.EPERM, errno.EROFS)
_ADVICE = {
    "full": "free some disk space and run the same command again, every label so far is safe",
    "I/O": "free some disk space or mend the disk and run the same command again, every label so far is safe",
    "readonly": "make the file and its folder writable",
    "unable to open": "the file and its folder must be there, readable and writable",
    "not a database": "it is none, or its beginning is damaged; restore a copy",
    "locked": f"another process has held it for more than {BUSY_S:.0f} s",
    "": "it is truncated or damaged; restore a copy, or save what is left with `sqlite3 FILE .recover`",
}
_NETWORK = (
    "nfs",
    "cifs",
    "smb",
    "afs",
    "9p",
    "lustre",
    "gpfs",
    "beegfs",
    "ceph",
    "gluster",
    "fuse.",
    "pvfs",
    "orangefs",
)


def open_store_file(path: Path, read_only: bool, salvage: bool = False) -> sqlite3.Connection:
    """Open the file, made first if it is not there and may be; autocommit, every commit on the disk.

    Raises:
        InputError: if it is not an intact label store.
    """
    with sentence(path, "open"):
        if not path.exists():
            if read_only:
                raise InputError(f"{path}: no such label store")
            _create(path)
        if not read_only:
            _clear_drafts(path)
        if not path.is_file():  # a pipe or a device need not end
            raise InputError(f"{path}: not a label store, not even a file")
        if read_only:
            _roll_back(path)
        db = _connect(path, read_only)
        try:
            _check(db, path, salvage)
            if not read_only:
                _choose_journal(db, path)
        except BaseException:
            db.close()
            raise
    return db


@contextlib.contextmanager
def sentence(path: Path, doing: str) -> Iterator[None]:
    """Turn what SQLite and the file system complain of into one sentence that says how to mend it."""
    try:
        yield
    except OSError as error:
        said = error.strerror or str(error)
        advice = f"{_ADVICE['readonly']} ({said})" if error.errno in _RIGHTS else said
        raise InputError(f"{path}: cannot {doing} the label store: {advice}") from None
    except sqlite3.Error as error:
        advice = next(advice for hint, advice in _ADVICE.items() if hint in str(error))
        if "unable to open" in str(error):
            advice = _why_not_open(path) or advice
        raise InputError(f"{path}: cannot {doing} the label store: {advice} ({error})") from None


def _why_not_open(path: Path) -> str:
    """What the system says where SQLite only says that it cannot: a full disk is no matter of rights."""
    try:
        with path.open("r+b"), tempfile.TemporaryFile(dir=path.absolute().parent):
            return ""
    except OSError as error:
        return "" if error.errno in _RIGHTS else error.strerror or ""


def is_network_path(path: Path, mounts: str | Path = "/proc/mounts") -> bool:
    """Whether a path lies on a network file system, where the shared memory of a write-ahead log cannot work.

    Where the system lists no mounts, it is taken to be local.
    """
    try:
        lines = Path(mounts).read_text(errors="replace").splitlines()
    except OSError:
        return False
    kinds = {line.split()[1].replace("\\040", " "): line.split()[2] for line in lines if len(line.split()) > 2}
    place = path.absolute().parent.resolve()
    for folder in (place, *place.parents):
        if str(folder) in kinds:
            return kinds[str(folder)].startswith(_NETWORK)
    return False


def _create(path: Path) -> None:
    """Make the file whole or not at all, so that an empty or half-made file is always damage."""
    path.parent.mkdir(parents=True, exist_ok=True)
    left = [log for log in (path.with_name(path.name + end) for end in ("-wal", "-journal")) if log.exists()]
    if left and not path.exists():  # SQLite would play the log of the lost file into the new one
        raise InputError(f"{path} is gone but {left[0].name} is there: put the file back, or remove that one too")
    with contextlib.closing(sqlite3.connect(":memory:")) as db:  # a journal beside the draft would be left by a kill
        db.executescript(SCHEMA)
        content = db.serialize()
    draft = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # unlike a rename, it never replaces a store that another run just made
        except FileExistsError:
            pass
        except OSError:  # no hard links here
            draft.rename(path)
    finally:
        draft.unlink(missing_ok=True)


def _clear_drafts(path: Path) -> None:
    """Remove what killed processes left when they made the file: it takes milliseconds, so that no draft is old."""
    drafts = list(path.absolute().parent.glob(f".{glob.escape(path.name)}.*.new*"))  # -journal, of earlier versions
    with contextlib.suppress(OSError):
        if drafts:
            with tempfile.TemporaryFile(dir=path.absolute().parent) as file:
                now = os.fstat(file.fileno()).st_mtime  # by the clock that dates the drafts, which may be another's
            for draft in drafts:
                if now - draft.stat().st_mtime > _OLD_S:
                    draft.unlink()


def _connect(path: Path, read_only: bool) -> sqlite3.Connection:
    log = path.with_name(path.name + "-wal")
    if read_only and not log.exists() and not os.access(path.parent, os.W_OK):
        mode = "immutable=1"  # a finished store on read-only media
    else:
        mode = "mode=ro" if read_only else "mode=rw"
    address = f"file:{quote(os.fsencode(path.absolute()))}?{mode}"
    db = sqlite3.connect(address, uri=True, timeout=BUSY_S, isolation_level=None)
    db.text_factory = lambda text: text.decode(errors="surrogateescape")  # damaged text must reach its checksum
    return db


def _roll_back(path: Path) -> None:
    """Undo what a writer began and did not end, as only one who may write can: else nobody could look into the store.

    SQLite itself knows whether the journal is that of a writer who is still there, and then leaves both alone.
    """
    journal = path.with_name(path.name + "-journal")
    if journal.exists() and all(os.access(place, os.W_OK) for place in (path, path.absolute().parent)):
        with contextlib.suppress(sqlite3.Error), contextlib.closing(_connect(path, read_only=False)) as db:
            db.execute("PRAGMA busy_timeout = 0")
            db.execute("SELECT count(*) FROM sqlite_schema").fetchone()


def _check(db: sqlite3.Connection, path: Path, salvage: bool) -> None:
    """Refuse what is not an intact label store."""
    (application,) = db.execute("PRAGMA application_id").fetchone()
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise InputError(f"{path}: not a label store, or one that was cut off")
    if version != FORMAT:
        raise InputError(f"{path}: a label store of format {version}; this version reads format {FORMAT}")
    for table, columns in TABLES.items():
        if tuple(row[1] for row in db.execute(f"PRAGMA table_info({table})")) != columns:
            raise InputError(
                f"{path}: not a label store, though it is marked as one: no table {table} as there is here"
            )
    if salvage:
        return
    (verdict,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    if verdict != "ok":
        raise sqlite3.DatabaseError(" ".join(verdict.split()))


def _choose_journal(db: sqlite3.Connection, path: Path) -> None:
    """Write-ahead log where it can work: readers never wait; else the rollback journal."""
    with contextlib.suppress(sqlite3.OperationalError):  # held by another process, or no shared memory: as it is
        db.execute(f"PRAGMA journal_mode = {'DELETE' if is_network_path(path) else 'WAL'}")
    db.execute("PRAGMA synchronous = FULL")
