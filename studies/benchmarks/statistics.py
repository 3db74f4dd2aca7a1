"""What the surrogate is worth beside seven numbers: a Gaussian process of the statistics of the axes, no network.

    python -m studies.benchmarks.statistics [--sets NAME ...]

Of each shipped label set the process of `inverse_design.candidates.axis_statistics` is given the training labels and
judged on the test ones, as the surrogates are. Writes statistics.csv, mean absolute errors by anchor point, and prints
it; nothing is simulated. A minute.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

from inverse_design.candidates.axis_statistics import AxisModel, axis_statistics
from simulation import ANCHORS
from simulation.files import write_text
from simulation.labels.sets import SPLITS, load_label_set
from studies.script import command

RECORD = Path(__file__).with_name("statistics.csv")
SETS = ("nd2fe14b", "nd2fe14b-elements", "nd2fe14b-free")


def judged(name: str) -> dict[str, object]:
    """Training and test labels of a set, CPU seconds of the fit, and mean absolute errors."""
    labels = load_label_set(name)
    sound = np.isfinite(labels.anchors).all(axis=1)
    test = labels.split == SPLITS.index("test")
    numbers = []
    for index in labels.index[sound]:
        structure = labels.structure(int(index))
        numbers.append(axis_statistics(structure, structure.grain_angle_rad[None])[0])
    every, anchors, held_out = np.array(numbers), labels.anchors[sound], test[sound]
    began = time.process_time()
    model = AxisModel.of(every[~held_out], anchors[~held_out])
    fitted = time.process_time() - began
    errors = np.abs(model.predict(every[held_out])[0] - anchors[held_out]).mean(axis=0)
    about = {"set": name, "train": int((~held_out).sum()), "test": int(held_out.sum()), "fit_cpu_s": round(fitted, 2)}
    return about | {anchor: round(float(error), 5) for anchor, error in zip(ANCHORS, errors, strict=True)}


@command
def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    options = parser.parse_args()
    table = pd.DataFrame([judged(name) for name in options.sets])
    write_text(RECORD, table.to_csv(index=False))
    print(table.to_string(index=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
