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
TICK_S = 10.0
"""A killed attempt loses at most the seconds of so long."""


class StageTimes:
    """The wall times of a run's stages; one stage is timed at a time.

    Args:
        run: the run folder.
    """

    def __init__(self, run: Path) -> None:
        self._path = run / FILE
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

        def note() -> None:
            if not counts():
                return
            known = self._read()
            known.setdefault(stage, {})[key] = round(before + time.monotonic() - began, 2)
            with contextlib.suppress(OSError):  # on a full disk the results matter
                write_text(self._path, json.dumps(known, indent=1) + "\n")

        self._note, self._noted = note, began
        try:
            yield
        finally:
            self._note = lambda: None
            note()

    def tick(self) -> None:
        """Write down the time of the stage at work, if that was not done in the last `TICK_S` seconds."""
        if time.monotonic() - self._noted >= TICK_S:
            self._note()
            self._noted = time.monotonic()

    def _read(self) -> dict[str, dict[str, float]]:
        try:
            known = read_json(self._path)
        except (OSError, ValueError):
            return {}
        if not isinstance(known, dict):
            return {}
        return {stage: keys for stage, keys in known.items() if isinstance(keys, dict)}
