"""Where the reversal of each candidate starts: its curve once more, keeping what the first simulation threw away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from inverse_design.files import read_arrays
from inverse_design.progress import Tracker, track
from inverse_design.run.folder import RunFolder
from inverse_design.run.keys import Stage, reversal_key
from inverse_design.run.simulating import conditions_of
from inverse_design.run.verified import Verified, part_in_words
from inverse_design.study.caveats import fields_below_zero
from inverse_design.study.study import Study
from simulation.errors import InputError
from simulation.reversal import switching_field

log = logging.getLogger("inverse_design")
_FILE = "switching.npz"
_WHY = "why-"


def reversals_of(
    study: Study, folder: RunFolder, verified: Sequence[Verified], tracker: Tracker = track
) -> tuple[dict[int, np.ndarray], dict[int, str]]:
    """By candidate, the field (ny, nx) at which each cell switches, see `switching_field`; a stage a round, and one for
    what was known before.

    Candidates whose curve did not converge have none, and those of a solver other than the built-in one.

    Returns:
        The fields, and, by candidate, why one that might be expected could not be made.
    """
    found: dict[int, np.ndarray] = {}
    why_none: dict[int, str] = {}
    if fields_below_zero(study.field_sweep) < 2:
        words = "the field sweep has fewer than two fields at or below zero"
        return {}, {n: words for n, item in enumerate(verified) if item.converged}
    for part in dict.fromkeys(item.part for item in verified):
        shown = {
            number: item
            for number, item in enumerate(verified)
            if item.part == part and item.converged and item.backend == "planar"
        }
        key = reversal_key({number: item.label_key for number, item in shown.items()})

        def build(work: Path, shown: dict[int, Verified] = shown, part: str = part) -> None:
            fields: dict[str, Any] = {}
            with tracker(f"reversal, {part_in_words(part)}") as update:
                for done, (number, item) in enumerate(shown.items()):
                    sweep = conditions_of(study, item.backend, item.discretization).sweep
                    structure, kind = item.candidate.structure, item.discretization
                    try:
                        field = switching_field(structure, study.magnet, sweep, discretization=kind)
                        fields[str(number)] = field.astype(np.float32)
                    except InputError as error:  # a picture is not worth a run
                        fields[f"{_WHY}{number}"] = np.array(str(error))
                    update(done + 1, len(shown), "")
            np.savez_compressed(work / _FILE, **fields)

        arrays = read_arrays(folder.stage(Stage.REVERSAL.of(part), key, build) / _FILE)
        found |= {int(name): field for name, field in arrays.items() if not name.startswith(_WHY)}
        why_none |= {int(name[len(_WHY) :]): str(why) for name, why in arrays.items() if name.startswith(_WHY)}
    for number, why in why_none.items():
        log.warning("candidate %02d: no map of the reversal: %s", number, why)
    return found, why_none
