"""Curves of another solver, kept whole: a folder with one file a structure, as a table, with curves and structures.

A file `<solver>_<id>.npz` is a structure file with `h` and `m` (n,) of its curve and `anchors` (6,), all fields
converged. Unlike those of a label set, the structures need not be draws of a family.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from simulation.anchors import ANCHORS
from simulation.arrays import read_npz
from simulation.errors import InputError
from simulation.microstructure import Microstructure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ReferenceCurves:
    """The curves in a folder.

    Args:
        folder: of files `<solver>_<id>.npz`.
    """

    folder: Path

    @cached_property
    def files(self) -> dict[int, Path]:
        """The file of each id, in their order.

        Raises:
            InputError: if there is none.
        """
        named = {path: path.stem.rpartition("_")[2] for path in self.folder.glob("*_*.npz")}
        found = {int(name): path for path, name in named.items() if name.isdecimal()}
        if not found:
            raise InputError(f"{self.folder}: no curves NAME_ID.npz here")
        return dict(sorted(found.items()))

    def frame(self) -> pd.DataFrame:
        """The table of `load_labels`: every curve is "test", and no misorientation is known (NaN)."""
        import pandas as pd

        rows = [
            (self.structure(identity).grains, float("nan"), "test", *self._arrays(identity)["anchors"])
            for identity in self.files
        ]
        columns = ["grains", "misorientation_rad", "split", *ANCHORS]
        return pd.DataFrame(rows, columns=columns, index=pd.Index(list(self.files), name="id"))

    def structure(self, identity: int) -> Microstructure:
        """The structure of one id."""
        return Microstructure.load(self._file(identity))

    def curve(self, identity: int) -> tuple[np.ndarray, np.ndarray]:
        """h and m of one id."""
        arrays = self._arrays(identity)
        return arrays["h"], arrays["m"]

    def _file(self, identity: int) -> Path:
        if identity not in self.files:
            raise InputError(f"{self.folder}: no curve of id {identity} among {len(self.files)}")
        return self.files[int(identity)]

    def _arrays(self, identity: int) -> dict[str, np.ndarray]:
        return read_npz(self._file(identity), ("h", "m", "anchors"))
