"""The tables and curves of a report as CSV, beside `front.csv` and `verified.csv`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from inverse_design.goals import UNITS
from inverse_design.report.data import ReportData
from simulation.anchors import ANCHORS
from simulation.files import write_text
from surrogate.metrics import PAPER_MAE


def tables(data: ReportData) -> dict[str, pd.DataFrame]:
    """By name: accuracy, hypervolume, learning and seconds."""
    accuracy = [(name, UNITS[name], data.accuracy.get(name), PAPER_MAE[name]) for name in ANCHORS]
    hypervolume = [
        (round_, generation, value)
        for round_, values in enumerate(data.hypervolume)
        for generation, value in enumerate(np.asarray(values).tolist(), start=1)
    ]
    learning = [
        (name, int(epoch), float(loss))
        for name, (epochs, losses) in data.losses.items()
        for epoch, loss in zip(epochs, losses, strict=True)
    ]
    return {
        "accuracy": pd.DataFrame(accuracy, columns=["anchor", "unit", "mae", "paper"]),
        "hypervolume": pd.DataFrame(hypervolume, columns=["round", "generation", "hypervolume"]),
        "learning": pd.DataFrame(learning, columns=["network", "epoch", "loss"]),
        "seconds": pd.DataFrame(list(data.seconds.items()), columns=["stage", "seconds"]),
    }


def write_tables(data: ReportData, folder: Path) -> None:
    """Write each table into a folder, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables(data).items():
        write_text(folder / f"{name}.csv", table.to_csv(index=False))
