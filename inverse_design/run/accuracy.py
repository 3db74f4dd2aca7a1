"""How right a run's regressors were on the test split when they were trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inverse_design.files import read_arrays
from inverse_design.run.folder import ARTIFACT, RunFolder
from inverse_design.run.keys import TEST, Stage
from simulation.errors import InputError
from surrogate.metrics import Evaluation, compare


def evaluation(run: Path, round_: int) -> Evaluation:
    """Errors of a round's regressors on the test split, as measured when they were trained.

    Raises:
        InputError: if they are missing or damaged.
    """
    anchors, mean, std = predictions(run, round_)
    return compare(mean, std, anchors)


def predictions(run: Path, round_: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulated anchors, predicted means and standard deviations (n, 6) of the test split in a round.

    Raises:
        InputError: if they are missing or damaged.
    """
    RunFolder(run).check(Stage.REGRESSOR.of(round_))
    data = read_arrays(run / Stage.REGRESSOR.of(round_) / TEST)
    return data["anchors"], data["mean"], data["std"]


def last_round(run: Path) -> int:
    """The last round that has trained regressors.

    Raises:
        InputError: if there is none.
    """
    folders = [path.parent for path in (run / Stage.REGRESSOR).glob(f"*/{ARTIFACT}")]
    rounds = [int(folder.name) for folder in folders if folder.name.isdigit()]
    if not rounds:
        raise InputError(f"{run}: no trained surrogate here; run the study first")
    return max(rounds)
