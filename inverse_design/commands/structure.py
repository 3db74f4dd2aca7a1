"""One structure at a time: simulate it, predict it, or hand it to another program."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from inverse_design.console import console
from inverse_design.files import writable
from inverse_design.run.verified import write_curve
from inverse_design.study.reading import load_study
from simulation.anchors import ANCHORS
from simulation.bhmax import maximum_energy_product
from simulation.errors import InputError
from simulation.hysteresis import FieldSweep, demagnetization_curve
from simulation.material import Nd2Fe14B
from simulation.microstructure import Microstructure
from surrogate.card import find_surrogate


def simulate_file(path: Path, backend: str, discretization: str, folder: Path) -> None:
    """Simulate a structure file; writes `curve.csv`, `anchors.json` and `curve.png` into a folder."""
    from inverse_design.report.figures import curve_figure

    structure = Microstructure.load(path)
    writable(folder)
    sweep = FieldSweep(until="coercivity")
    curve = demagnetization_curve(structure, sweep=sweep, backend=backend, discretization=discretization)
    write_curve(folder, curve.h, curve.m, curve.converged, curve.anchors)
    curve_figure(curve.h, curve.m, curve.anchors.as_array(), material=Nd2Fe14B).savefig(folder / "curve.png", dpi=150)
    for name, value in curve.anchors.as_dict().items():
        unit = "Ms" if name.startswith("M") else "H_A"
        console.print(f"{name:>5} {'missing' if value is None else f'{value:.4f} {unit}'}", highlight=False)
    product = maximum_energy_product(curve.h, curve.m, Nd2Fe14B)
    stated = f"{product / 1e3:.1f} kJ/m3" if np.isfinite(product) else "missing"
    console.print(f"BHmax {stated} (internal field H - M/2: demagnetising factor 1/2)", highlight=False)
    unconverged = int(np.sum(~curve.converged))
    if unconverged:
        console.print(f"{unconverged} of {len(curve.h)} fields did not converge: use this curve for nothing")
    console.print(f"wrote {folder / 'curve.csv'}, anchors.json, curve.png", highlight=False, soft_wrap=True)


def predict_file(path: Path, surrogate: str) -> dict[str, dict[str, float]]:
    """Of each anchor point of a structure file, by name: `mean` and `std`; and, where the surrogate has been
    cross-validated, `within_68` and `within_95`: half widths of its conformal intervals."""
    structure, folder = Microstructure.load(path), find_surrogate(surrogate)  # refused before TensorFlow is there
    from surrogate import Surrogate

    model = Surrogate.load(folder)
    mean, std = model.predict(model.encode([structure]))
    found = {name: {"mean": float(mean[0, i]), "std": float(std[0, i])} for i, name in enumerate(ANCHORS)}
    calibration = model.regressor.calibration
    if calibration is not None:
        for i, name in enumerate(ANCHORS):
            half = calibration.quantiles[:, i] * std[0, i]
            found[name] |= {"within_68": float(half[0]), "within_95": float(half[1])}
    return found


def export_file(source: Path, candidate: int | None, format: str, output: Path | None) -> list[Path]:
    """Write a run's candidate, or a structure file, for another program; the paths of what was written.

    Raises:
        InputError: if there is no such candidate, structure or format.
    """
    from simulation.formats import FORMATS, export_structure, remanence

    if format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, got {format!r}")
    material, sweep = Nd2Fe14B, FieldSweep()
    if candidate is not None:
        if not source.is_dir():
            raise InputError(f"{source}: not a run folder; only a candidate of a run has a number")
        study = load_study(source / "study.yaml")
        material = study.magnet
        part = study.field_sweep
        sweep = FieldSweep(part.start, part.stop, part.step)
        source = source / "candidates" / f"{candidate:02d}" / "structure.npz"
    elif source.is_dir():
        raise InputError(f"{source}: name a candidate of this run by its number, or a structure file")
    structure = Microstructure.load(source)
    suffix = {"npz": ".npz", "ovf": ".ovf", "mumax3": ".mx3"}[format]
    path = output or source.with_name("structure-copy.npz" if format == "npz" else f"structure{suffix}")
    writable(path.parent)
    magnetization = remanence(structure, material) if format == "ovf" else None
    return export_structure(structure, path, format, material, sweep, magnetization)
