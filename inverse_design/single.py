"""One structure at a time: simulate it, or predict it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inverse_design.console import console
from inverse_design.verification import write_curve
from simulation.anchors import ANCHORS
from simulation.hysteresis import FieldSweep, demagnetization_curve
from simulation.microstructure import Microstructure


def simulate_file(path: Path, backend: str, discretization: str, folder: Path) -> None:
    """Simulate a structure file; writes `curve.csv`, `anchors.json` and `curve.png` into a folder."""
    from inverse_design.report.figures import curve_figure

    structure = Microstructure.load(path)
    sweep = FieldSweep(until="coercivity")
    curve = demagnetization_curve(structure, sweep=sweep, backend=backend, discretization=discretization)
    folder.mkdir(parents=True, exist_ok=True)
    write_curve(folder, curve.h, curve.m, curve.converged, curve.anchors)
    curve_figure(curve.h, curve.m, curve.anchors.as_array()).savefig(folder / "curve.png", dpi=150)
    for name, value in curve.anchors.as_dict().items():
        unit = "Ms" if name.startswith("M") else "H_A"
        console.print(f"{name:>5} {'missing' if value is None else f'{value:.4f} {unit}'}", highlight=False)
    unconverged = int(np.sum(~curve.converged))
    if unconverged:
        console.print(f"{unconverged} of {len(curve.h)} fields did not converge: use this curve for nothing")
    console.print(f"wrote {folder / 'curve.csv'}, anchors.json, curve.png", highlight=False, soft_wrap=True)


def predict_file(path: Path, surrogate: str) -> tuple[dict[str, float], dict[str, float]]:
    """Anchor points of a structure file and their standard deviations, by name."""
    structure = Microstructure.load(path)
    from surrogate import Surrogate

    model = Surrogate.load(surrogate)
    mean, std = model.predict(model.encode([structure]))
    return tuple({name: float(v) for name, v in zip(ANCHORS, row[0], strict=True)} for row in (mean, std))  # type: ignore[return-value]
