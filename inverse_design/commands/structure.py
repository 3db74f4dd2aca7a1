"""One structure at a time: simulate it, or predict it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from inverse_design.commands.reading import load
from inverse_design.commands.setting import Setting, material_in_words, run_of, setting_of
from inverse_design.console import result, result_json, say_loading, warn
from inverse_design.files import naming, writable
from inverse_design.run.verified import write_curve
from inverse_design.study.units import in_si
from simulation.anchors import ANCHORS, UNITS, AnchorPoints
from simulation.curve import DemagnetizationCurve
from simulation.errors import InputError
from simulation.files import replacing, write_text
from simulation.formats.options import ReadOptions
from simulation.hysteresis import demagnetization_curve, discretization_of
from simulation.material import MATERIALS, Material
from simulation.validity import plane_in_words, unsaturated, unstable_plane, warnings_for
from surrogate.card import check_surrogate, find_surrogate, read_card


def simulate_file(
    path: Path,
    backend: str,
    discretization: str | None,
    material: str | None = None,
    output: Path | None = None,
    spins: str | None = None,
    reading: ReadOptions | None = None,
    as_json: bool = False,
) -> None:
    """Simulate a structure file; writes `curve.csv`, `anchors.json` and `curve.png` into a folder.

    Args:
        discretization: as the run of the structure has it, if None.
        material: name or file; as the run of the structure has it, if None.
        spins: "planar" or "free"; as the run of the structure has it, if None.
        reading: how the structure file is read.
        as_json: say the result as JSON.
        output: the folder; beside the structure, if None, but of a structure in a run one here: nothing of a run is
            written over.

    Raises:
        InputError: also if a field has not converged or is not resolved, after the files have been written: they are
            for inspection, and `anchors.json` says `"usable": false`.
    """
    from inverse_design.report.figures import curve_figure
    from inverse_design.report.style import own_style

    structure = load(path, reading)
    setting = setting_of(path, material)
    magnet, sweep = setting.material, setting.sweep
    discretization = discretization_of(backend, discretization or setting.discretization)
    if backend != "planar" and spins is not None and spins != "planar":
        raise InputError(f"--spins {spins} is for backend planar, the built-in solver; {backend} has none of them")
    spins = spins or (setting.spins if backend == "planar" else "planar")
    options: dict[str, Any] = {} if spins == "planar" else {"spins": spins}
    folder = writable(output or _beside(path, setting))
    options |= {"backend": backend, "discretization": discretization}
    with naming(path):
        curve = demagnetization_curve(structure, magnet, sweep, **options)
    said = warnings_for(magnet, structure.cell_nm, discretization, sweep, spins)
    warn([*said, *unsaturated(curve.m), *unstable_plane(curve.plane_unstable_h, spins)])
    usable = bool(curve.converged.all())
    write_curve(folder, curve.h, curve.m, curve.converged, curve.anchors)
    unstable_h = None if np.isnan(curve.plane_unstable_h) else curve.plane_unstable_h
    anchors = {**curve.anchors.as_dict(), "usable": usable, "spins": spins, "plane_unstable_h": unstable_h}
    anchors |= _derived(curve)
    write_text(folder / "anchors.json", json.dumps(anchors, indent=1) + "\n")
    with own_style(), replacing(folder / "curve.png") as partial:
        curve_figure(curve.h, curve.m, curve.anchors.as_array(), material=magnet).savefig(partial, dpi=150)
    if as_json:
        about = {
            "material": asdict(magnet) | {"name": material_in_words(magnet)},
            "backend": backend,
            "discretization": discretization,
            "cell_nm": structure.cell_nm,
            "cells": list(structure.shape),
            "field_sweep": asdict(sweep),
            "run": None if setting.run is None else str(setting.run),
        }
        written = [str(folder / name) for name in ("curve.csv", "anchors.json", "curve.png")]
        result_json({**anchors, **about, "files": written})
    else:
        result(setting.in_words(structure, backend, discretization, spins), *_lines(curve, magnet))
        if unstable_h is not None:
            result(f"plane {plane_in_words(unstable_h, spins)}")
        result(f"wrote {folder / 'curve.csv'}, anchors.json, curve.png")
    if not usable:
        bad = np.flatnonzero(~curve.converged)
        raise InputError(
            f"{path}: {len(bad)} of {len(curve.h)} fields are not converged or not resolved, use this curve for "
            f"nothing; the first, h = {curve.h[bad[0]]:g}: {curve.status[bad[0]].value}"
        )


def _beside(path: Path, setting: Setting) -> Path:
    """Where the results of a structure go by themselves."""
    if setting.run is None:
        return path.parent
    inside = path.resolve().relative_to(setting.run).parent
    return Path("-".join(("simulated", setting.run.name, *(part for part in inside.parts if part != "candidates"))))


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


def _lines(curve: DemagnetizationCurve, magnet: Material) -> list[str]:
    """Anchor points and what follows from the curve, a line each."""
    factor = curve.demagnetizing_factor
    lines = ["      by the applied field H; inside: by the field H - N M, as in data sheets"]
    for name, value in curve.anchors.as_dict().items():
        inside = curve.internal_anchors.as_dict()[name]
        words = "" if inside is None else f"   inside {inside:.4f}"
        shown = "missing" if value is None else f"{value:.4f} {UNITS[name]:<3} {anchor_in_si(name, value, magnet):<11}"
        lines.append(f"{name:>5} {shown}{words}".rstrip())
    one, other = _squareness(curve.anchors), _squareness(curve.internal_anchors)
    if one is not None and other is not None:
        lines.append(f"Hk90/Hc (squareness) {one:.3f}   inside {other:.3f}")
    stated = f"{curve.BHmax / 1e3:.1f} kJ/m3" if np.isfinite(curve.BHmax) else "missing"
    return [*lines, f"BHmax {stated} (field inside, demagnetising factor N = {factor:.4g} of this rectangle)"]


def anchor_in_si(name: str, value: float, magnet: Material) -> str:
    """An anchor point in SI units, in words."""
    return in_si(value, "magnetization" if UNITS[name] == "Ms" else "field", magnet)


def _squareness(anchors: AnchorPoints) -> float | None:
    """Hk90 / Hc, None where one is missing; above 1 by the field inside where the magnet reverses at once."""
    share = anchors.Hk90 / anchors.Hc if anchors.Hc else np.nan
    return float(share) if np.isfinite(share) else None


def predict_file(
    path: Path, surrogate: str | None = None, material: str | None = None, reading: ReadOptions | None = None
) -> tuple[dict[str, Any], str, Material | None]:
    """Of each anchor point of a structure file, by name: `mean` and `std`; and, where the surrogate has been
    cross-validated, `within_68` and `within_95`: half widths of its conformal intervals. Under `novelty`, where it can
    be told, how unlike what the surrogate was trained on the structure is (`value`), and whether it is `outside`: then
    everything else is wider, and a warning says so. Then, for what magnet and on what mesh that is, in
    words, and the magnet, None where that is not known.

    Args:
        surrogate: a name or a run folder; the run that the structure lies in, if None.
        material: name or file of the magnet that is meant; must be the one that the surrogate was trained for.
        reading: how the structure file is read.

    Raises:
        InputError: if there is no such surrogate, or it was trained for another magnet than is meant.
    """
    structure, run = load(path, reading), run_of(path)  # all is refused before TensorFlow is there
    if surrogate is None and run is None:
        raise InputError(f"{path}: lies in no run; name a surrogate or a run with one by --surrogate")
    name = surrogate or str(run)
    folder = find_surrogate(name)
    conditions, magnet = _trained_for(name, folder, path, material)
    check_surrogate(folder)
    say_loading()
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
    return found, conditions, magnet


def _trained_for(name: str, folder: Path, path: Path, material: str | None) -> tuple[str, Material | None]:
    """What a surrogate predicts, in words.

    Raises:
        InputError: if another magnet is asked for, or the structure's run is of another.
    """
    about = read_card(folder).about
    constants = about.get("material")
    if constants is None:
        return f"predicted by {name}, whose card says of no material", None
    magnet = MATERIALS[constants] if isinstance(constants, str) else Material(**constants)
    setting = setting_of(path, material)
    if (material is not None or setting.run is not None) and setting.material != magnet:
        whose = "--material" if material is not None else f"the run {setting.run}"
        raise InputError(
            f"{path}: {whose} is {material_in_words(setting.material)}, and surrogate {name} was trained for "
            f"{material_in_words(magnet)}"
        )
    labels, cell_nm = about.get("labels", {}), about.get("microstructures", {}).get("cell_nm")
    mesh = f" of {cell_nm:g} nm" if cell_nm is not None else ""
    by = f"trained on {labels.get('discretization', 'curves')}{mesh}"
    return f"{material_in_words(magnet)}; predicted by {name}, {by}", magnet
