"""State of a training on disk, whole or not at all, so that a killed one goes on as if nothing had happened."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from simulation.arrays import read_npz
from simulation.files import replacing

INTERVAL_S = 30.0
"""Seconds between two checkpoints; when they fall changes nothing but the work lost by a kill."""


@dataclass
class Checkpoint:
    """Where one training keeps its state.

    Args:
        folder: made if missing; holds `state.npz`.
        identity: what defines the training (settings, data); the state of another training is not resumed.
        interval_s: least time between two writes.
    """

    folder: Path
    identity: str
    interval_s: float = field(default_factory=lambda: INTERVAL_S)
    _written: float = field(default_factory=time.monotonic, repr=False)

    @property
    def path(self) -> Path:
        return self.folder / "state.npz"

    def due(self) -> bool:
        """Whether it is time to write."""
        return time.monotonic() - self._written >= self.interval_s

    def save(self, arrays: dict[str, list[np.ndarray]], progress: dict[str, Any]) -> None:
        """Write lists of arrays by name, and a JSON-able record of the progress."""
        flat: dict[str, Any] = {f"{k}/{i}": array for k, values in arrays.items() for i, array in enumerate(values)}
        self.folder.mkdir(parents=True, exist_ok=True)
        with replacing(self.path) as partial:
            np.savez(partial, about=np.array(json.dumps([self.identity, progress])), **flat)
        self._written = time.monotonic()

    def load(self) -> tuple[dict[str, list[np.ndarray]], dict[str, Any]] | None:
        """What `save` wrote, or None if there is nothing of this training."""
        try:
            identity, progress = json.loads(str(read_npz(self.path, ("about",))["about"]))
            if identity != self.identity:
                return None
            arrays: dict[str, list[np.ndarray]] = {}
            for key, array in read_npz(self.path).items():  # in the order of writing
                if key != "about":
                    arrays.setdefault(key.rsplit("/", 1)[0], []).append(array)
            return arrays, progress
        except (OSError, ValueError):  # InputError is a ValueError
            return None
