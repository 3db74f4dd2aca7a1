"""How long each stage took by the clock, summed over the attempts that made it.

    runs/<name>/seconds.json  {stage: {key: seconds}}

An attempt that ends by an error or Ctrl-C counts whole; one that is killed counts up to its last `tick`. Nothing but
the report and `status` reads these numbers: they are in no key, and a damaged or missing file only loses them.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from inverse_design.files import read_json
from simulation.files import write_text

FILE = "seconds.json"
CURRENT = ".stage"
"""Name of the stage at work, in the run folder while one is; what a killed attempt leaves the next one removes."""

REPORT = "report"
"""What is written from the stages, as the stage at work."""

TICK_S = 10.0
"""A killed attempt loses at most the seconds of so long."""


REST = "start-up and report"
"""What an attempt takes that no stage does."""


class StageTimes:
    """The wall times of a run's stages; one stage is timed at a time.

    Args:
        run: the run folder.
        began: when this attempt began, by `time.monotonic`; now, unless given.
    """

    def __init__(self, run: Path, began: float | None = None) -> None:
        self._path = run / FILE
        self._began = time.monotonic() if began is None else began
        self._timed = 0.0
        self._rest_before: float | None = None
        self._note: Callable[[], None] = lambda: None
        self._noted = 0.0

    def seconds(self, stage: str, key: str) -> float:
        """What the stage of this key took so far, 0 where that is not known."""
        seconds = self._read().get(stage, {}).get(key)
        return float(seconds) if isinstance(seconds, (int, float)) else 0.0

    @contextlib.contextmanager
    def timed(self, stage: str, key: str, counts: Callable[[], bool] = lambda: True) -> Iterator[None]:
        """Add the time of the block to what the stage of this key took before.

        Args:
            stage, key: whose time it is.
            counts: whether the block has done anything yet; until it has, its time is not written down.
        """
        before, began = self.seconds(stage, key), time.monotonic()
        around = self.current()
        self._at(stage)

        def note() -> None:
            if counts():
                self._write(stage, key, before + time.monotonic() - began)

        self._note, self._noted = note, began
        try:
            yield
        finally:
            self._note = lambda: None
            note()
            self._at(around)
            if counts():
                self._timed += time.monotonic() - began

    @contextlib.contextmanager
    def at(self, stage: str | None) -> Iterator[None]:
        """Say that something is at work that is timed elsewhere, or not at all; None for nothing."""
        around = self.current()
        self._at(stage)
        try:
            yield
        finally:
            self._at(around)

    def current(self) -> str | None:
        """The stage at work as it was last said, None where none is."""
        path = self._path.with_name(CURRENT)
        try:
            return path.read_text(encoding="utf-8")[:100].strip() or None if path.is_file() else None
        except (OSError, ValueError):
            return None

    def forget_current(self) -> None:
        """That nothing is at work, whatever a killed attempt has left."""
        self._at(None)

    def _at(self, stage: str | None) -> None:
        path = self._path.with_name(CURRENT)
        with contextlib.suppress(OSError):
            path.unlink(missing_ok=True)  # whatever it is: a pipe need not end
            if stage is not None:
                path.write_text(stage, encoding="utf-8")

    def note_rest(self, key: str) -> None:
        """Write down the time since this attempt began that no stage took, on top of that of earlier attempts; nothing
        where it has found all there already."""
        if not self._timed:
            return
        if self._rest_before is None:
            self._rest_before = self.seconds(REST, key)
        self._write(REST, key, self._rest_before + time.monotonic() - self._began - self._timed)

    def tick(self) -> None:
        """Write down the time of the stage at work, if that was not done in the last `TICK_S` seconds."""
        if time.monotonic() - self._noted >= TICK_S:
            self._note()
            self._noted = time.monotonic()

    def _write(self, stage: str, key: str, seconds: float) -> None:
        known = self._read()
        known.setdefault(stage, {})[key] = round(seconds, 2)
        with contextlib.suppress(OSError):  # on a full disk the results matter
            write_text(self._path, json.dumps(known, indent=1) + "\n")

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            known = read_json(self._path)
        except (OSError, ValueError):
            return {}
        if not isinstance(known, dict):
            return {}
        return {stage: keys for stage, keys in known.items() if isinstance(keys, dict)}
