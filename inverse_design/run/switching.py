"""Where the reversal of each candidate starts, and where its plane becomes unstable: as its simulation told, or, where
that is of an earlier attempt whose results alone are left, by its curve once more."""

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
from simulation.reversal import Reversal, reversal

log = logging.getLogger("inverse_design")
_FILE = "switching.npz"
_WHY = "why-"


def reversals_of(
    study: Study, folder: RunFolder, verified: Sequence[Verified], tracker: Tracker = track
) -> tuple[dict[int, Reversal], dict[int, str]]:
    """By candidate, how it gives way, see `reversal`; a stage a round, and one for what was known before.

    Candidates whose curve did not converge have none, and those of a solver other than the built-in one.

    Returns:
        The fields, and, by candidate, why one that might be expected could not be made.
    """
    found: dict[int, Reversal] = {}
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
        found |= {
            n: Reversal(i.switching_field, i.plane_unstable_h) for n, i in shown.items() if i.switching_field.size
        }
        shown = {number: item for number, item in shown.items() if not item.switching_field.size}
        if not shown:
            continue
        key = reversal_key({number: item.label_key for number, item in shown.items()})

        def build(work: Path, shown: dict[int, Verified] = shown, part: str = part) -> None:
            each: dict[int, Reversal] = {}
            why: dict[str, str] = {}
            with tracker(f"reversal, {part_in_words(part)}") as update:
                for done, (number, item) in enumerate(shown.items()):
                    conditions = conditions_of(study, item.backend, item.discretization, item.spins)
                    options = {"discretization": item.discretization, **conditions.options}
                    try:
                        each[number] = reversal(item.candidate.structure, study.magnet, conditions.sweep, **options)
                    except InputError as error:  # a picture is not worth a run
                        why[f"{_WHY}{number}"] = str(error)
                    update(done + 1, len(shown), "")
            arrays: dict[str, Any] = {
                "number": np.array(list(each), int),
                "switching_field": np.array([one.switching_field for one in each.values()], np.float32),
                "plane_unstable_h": np.array([one.plane_unstable_h for one in each.values()]),
            }
            arrays |= {name: np.array(words) for name, words in why.items()}
            np.savez_compressed(work / _FILE, **arrays)

        arrays = read_arrays(folder.stage(Stage.REVERSAL.of(part), key, build) / _FILE)
        numbers, unstable = arrays["number"].tolist(), arrays["plane_unstable_h"].tolist()
        found |= {n: Reversal(*one) for n, *one in zip(numbers, arrays["switching_field"], unstable, strict=True)}
        why_none |= {int(name[len(_WHY) :]): str(why) for name, why in arrays.items() if name.startswith(_WHY)}
    for number, why in why_none.items():
        log.warning("candidate %02d: no map of the reversal: %s", number, why)
    return found, why_none
