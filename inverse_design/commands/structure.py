"""One structure at a time: simulate it, predict it, or hand it to another program."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from inverse_design.console import console, warn
from inverse_design.files import writable
from inverse_design.run.design import study_of
from inverse_design.run.verified import write_curve
from simulation.anchors import ANCHORS, UNITS, AnchorPoints
from simulation.curve import DemagnetizationCurve
from simulation.errors import InputError
from simulation.files import replacing, write_text
from simulation.hysteresis import FieldSweep, demagnetization_curve, discretization_of
from simulation.material import Nd2Fe14B
from simulation.microstructure import Microstructure
from simulation.validity import plane_in_words, unsaturated, unstable_plane, warnings_for
from surrogate.card import find_surrogate

_KEPT = (".npz", ".sqlite", ".yaml", ".json", ".csv", ".h5", ".html")
"""What runs and users keep results in: no export in another format is written over them."""


def simulate_file(
    path: Path, backend: str, discretization: str, spins: str, folder: Path, degrees: bool = False
) -> None:
    """Simulate a structure file; writes `curve.csv`, `anchors.json` and `curve.png` into a folder.

    Raises:
        InputError: also if a field has not converged or is not resolved, after the files have been written: they are
            for inspection, and `anchors.json` says `"usable": false`.
    """
    from inverse_design.report.figures import curve_figure
    from inverse_design.report.style import own_style

    structure = Microstructure.load(path, degrees)
    writable(folder)
    sweep = FieldSweep(until="coercivity")
    discretization = discretization_of(backend, discretization)
    options: dict[str, Any] = {} if spins == "planar" else {"spins": spins}
    if options and backend != "planar":
        raise InputError(f"--spins {spins} is for backend planar, the built-in solver; {backend} has none of them")
    curve = demagnetization_curve(structure, sweep=sweep, backend=backend, discretization=discretization, **options)
    said = warnings_for(Nd2Fe14B, structure.cell_nm, discretization, sweep, spins)
    warn([*said, *unsaturated(curve.m), *unstable_plane(curve.plane_unstable_h, spins)])
    usable = bool(curve.converged.all())
    write_curve(folder, curve.h, curve.m, curve.converged, curve.anchors)
    unstable_h = None if np.isnan(curve.plane_unstable_h) else curve.plane_unstable_h
    anchors = {**curve.anchors.as_dict(), "usable": usable, "spins": spins, "plane_unstable_h": unstable_h}
    anchors |= _derived(curve)
    write_text(folder / "anchors.json", json.dumps(anchors, indent=1) + "\n")
    with own_style(), replacing(folder / "curve.png") as partial:
        curve_figure(curve.h, curve.m, curve.anchors.as_array(), material=Nd2Fe14B).savefig(partial, dpi=150)
    for line in _lines(curve):
        console.print(line)
    if unstable_h is not None:
        console.print(f"plane {plane_in_words(unstable_h, spins)}")
    console.print(f"wrote {folder / 'curve.csv'}, anchors.json, curve.png", soft_wrap=True)
    if not usable:
        bad = np.flatnonzero(~curve.converged)
        raise InputError(
            f"{path}: {len(bad)} of {len(curve.h)} fields are not converged or not resolved, use this curve for "
            f"nothing; the first, h = {curve.h[bad[0]]:g}: {curve.status[bad[0]].value}"
        )


def _derived(curve: DemagnetizationCurve) -> dict[str, Any]:
    """What follows from a curve with the field inside, for `anchors.json`; null where missing."""
    inside = {name: value for name, value in curve.internal_anchors.as_dict().items() if name != "M1"}
    squareness = {"applied": _squareness(curve.anchors), "inside": _squareness(curve.internal_anchors)}
    return {
        "demagnetizing_factor": curve.demagnetizing_factor,
        "BHmax_J_per_m3": curve.BHmax if np.isfinite(curve.BHmax) else None,
        "inside": inside,
        "squareness": squareness,
    }


def _lines(curve: DemagnetizationCurve) -> list[str]:
    """Anchor points and what follows from the curve, a line each."""
    factor = curve.demagnetizing_factor
    lines = ["      by the applied field H; inside: by the field H - N M, as in data sheets"]
    for name, value in curve.anchors.as_dict().items():
        inside = curve.internal_anchors.as_dict()[name]
        words = "" if inside is None else f"   inside {inside:.4f}"
        lines.append(f"{name:>5} {'missing' if value is None else f'{value:.4f} {UNITS[name]}'}{words}")
    one, other = _squareness(curve.anchors), _squareness(curve.internal_anchors)
    if one is not None and other is not None:
        lines.append(f"Hk90/Hc (squareness) {one:.3f}   inside {other:.3f}")
    stated = f"{curve.BHmax / 1e3:.1f} kJ/m3" if np.isfinite(curve.BHmax) else "missing"
    return [*lines, f"BHmax {stated} (field inside, demagnetising factor N = {factor:.4g} of this rectangle)"]


def _squareness(anchors: AnchorPoints) -> float | None:
    """Hk90 / Hc, None where one is missing; above 1 by the field inside where the magnet reverses at once."""
    share = anchors.Hk90 / anchors.Hc if anchors.Hc else np.nan
    return float(share) if np.isfinite(share) else None


def predict_file(path: Path, surrogate: str, degrees: bool = False) -> dict[str, Any]:
    """Of each anchor point of a structure file, by name: `mean` and `std`; and, where the surrogate has been
    cross-validated, `within_68` and `within_95`: half widths of its conformal intervals. Under `novelty`, where it can
    be told, how unlike what the surrogate was trained on the structure is (`value`), and whether it is `outside`: then
    everything else is wider, and a warning says so."""
    structure, folder = (
        Microstructure.load(path, degrees),
        find_surrogate(surrogate),
    )  # refused before TensorFlow is there
    from surrogate import Surrogate

    model = Surrogate.load(folder)
    mean, std = model.predict([structure])
    novelty = float(model.novelty([structure])[0])
    found: dict[str, Any] = {
        name: {"mean": float(mean[0, i]), "std": float(std[0, i])} for i, name in enumerate(ANCHORS)
    }
    calibration = model.regressor.calibration
    if calibration is not None:
        for i, name in enumerate(ANCHORS):
            half = calibration.quantiles[:, i] * std[0, i]
            found[name] |= {"within_68": float(half[0]), "within_95": float(half[1])}
    if np.isfinite(novelty):
        found["novelty"] = {"value": novelty, "outside": novelty > 1}
    if novelty > 1:
        warn([
            f"{path}: unlike what the surrogate was trained on (novelty {novelty:.2g}, outside above 1): the standard "
            "deviations are widened, and what is predicted is little more than a guess; simulate it"
        ])  # fmt: skip
    return found


def export_file(
    source: Path,
    candidate: int | None,
    format: str,
    output: str | None,
    spins: str | None = None,
    degrees: bool = False,
) -> list[Path]:
    """Write a run's candidate, or a structure file, for another program; the paths of what was written.

    Args:
        output: as given, because a trailing slash says that a folder is meant.
        spins: "planar" or "free": of the remanent state, and what a script says of them; None for those of the run's
            labels, of a structure file planar ones.

    Raises:
        InputError: if there is no such candidate, structure, format or kind of spins, or the file to write is one that
            must stay.
    """
    from simulation.backends.planar import check_spins
    from simulation.formats import FORMATS, export_structure, remanence

    if format not in FORMATS:
        raise InputError(f"--format must be one of {', '.join(FORMATS)}, got {format!r}")
    material, sweep = Nd2Fe14B, FieldSweep()
    if candidate is not None:
        if not source.is_dir():
            raise InputError(f"{source}: not a run folder; only a candidate of a run has a number")
        study = study_of(source)
        material, spins = study.magnet, spins or study.labels.spins
        part = study.field_sweep
        sweep = FieldSweep(part.start, part.stop, part.step)
        source = source / "candidates" / f"{candidate:02d}" / "structure.npz"
    elif source.is_dir():
        raise InputError(f"{source}: name a candidate of this run by its number, or a structure file")
    structure = Microstructure.load(source, degrees)
    suffix = {"npz": ".npz", "ovf": ".ovf", "mumax3": ".mx3"}[format]
    if output is None:
        path = source.with_name("structure-copy.npz" if format == "npz" else f"structure{suffix}")
    else:
        path = _output_file(output, suffix)
    writable(path.parent)
    spins = spins or "planar"
    check_spins(spins)
    magnetization = remanence(structure, material, spins) if format == "ovf" else None
    return export_structure(structure, path, format, material, sweep, magnetization, spins=spins)


def _output_file(output: str, suffix: str) -> Path:
    """The file that an export shall write: not a folder, and not a file that a run or a user still needs.

    Raises:
        InputError: if it is one of these.
    """
    path = Path(output)
    if path.is_dir() or output.endswith(("/", os.sep)):
        raise InputError(f"{output}: a folder; name the file to write, such as {path / f'structure{suffix}'}")
    if suffix == ".npz" and path.suffix != suffix:
        path = path.with_name(f"{path.name}{suffix}")  # as NumPy names it
    if path.exists() and path.suffix != suffix and path.suffix in _KEPT:
        raise InputError(f"{path}: exists and is no {suffix} file; choose another name")
    if path.name == "structure.npz" and path.exists():
        raise InputError(f"{path}: this structure is a run's own or an original; choose another name")
    return path
