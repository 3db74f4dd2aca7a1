"""Where the reversal of each candidate starts, and where its plane becomes unstable: its curve once more, keeping what
the first simulation threw away."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from inverse_design.files import read_arrays
from inverse_design.progress import Tracker, track
from inverse_design.run.folder import RunFolder
from inverse_design.run.keys import Stage, reversal_key
from inverse_design.run.simulating import conditions_of
from inverse_design.run.verified import Verified
from inverse_design.study.study import Study
from simulation.reversal import Reversal, reversal

_FILE = "switching.npz"


def reversals_of(
    study: Study, folder: RunFolder, verified: Sequence[Verified], tracker: Tracker = track
) -> dict[int, Reversal]:
    """By candidate, how it gives way, see `reversal`; a stage a round, and one for what was known before.

    Candidates whose curve did not converge have none, and those of a solver other than the built-in one.
    """
    found: dict[int, Reversal] = {}
    for part in dict.fromkeys(item.part for item in verified):
        shown = {
            number: item
            for number, item in enumerate(verified)
            if item.part == part and item.converged and item.backend == "planar"
        }
        key = reversal_key({number: item.label_key for number, item in shown.items()})

        def build(work: Path, shown: dict[int, Verified] = shown, part: str = part) -> None:
            each: dict[int, Reversal] = {}
            with tracker(f"reversal, {part}") as update:
                for number, item in shown.items():
                    conditions = conditions_of(study, item.backend, item.discretization, item.spins)
                    each[number] = reversal(
                        item.candidate.structure,
                        study.magnet,
                        conditions.sweep,
                        discretization=item.discretization,
                        **conditions.options,
                    )
                    update(len(each), len(shown), "")
            np.savez_compressed(
                work / _FILE,
                number=np.array(list(each), int),
                switching_field=np.array([one.switching_field for one in each.values()], np.float32),
                plane_unstable_h=np.array([one.plane_unstable_h for one in each.values()]),
            )

        arrays = read_arrays(folder.stage(Stage.REVERSAL.of(part), key, build) / _FILE)
        numbers, unstable = arrays["number"].tolist(), arrays["plane_unstable_h"].tolist()
        found |= {n: Reversal(*one) for n, *one in zip(numbers, arrays["switching_field"], unstable, strict=True)}
    return found
