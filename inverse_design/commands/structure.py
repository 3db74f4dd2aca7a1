"""One structure at a time: simulate it, predict it, or hand it to another program."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np

from inverse_design.commands.setting import Setting, material_in_words, run_of, setting_of
from inverse_design.console import result, result_json, warn
from inverse_design.files import writable
from inverse_design.run.design import study_of
from inverse_design.run.verified import write_curve
from inverse_design.study.units import in_si
from simulation.anchors import ANCHORS, UNITS
from simulation.bhmax import maximum_energy_product
from simulation.errors import InputError
from simulation.files import replacing, write_text
from simulation.hysteresis import demagnetization_curve, discretization_of
from simulation.material import MATERIALS, Material
from simulation.microstructure import Microstructure
from simulation.validity import unsaturated, warnings_for
from surrogate.card import find_surrogate, read_card

_KEPT = (".npz", ".sqlite", ".yaml", ".json", ".csv", ".h5", ".html")
"""What runs and users keep results in: no export in another format is written over them."""


def simulate_file(
    path: Path,
    backend: str,
    discretization: str | None,
    material: str | None = None,
    output: Path | None = None,
    as_json: bool = False,
) -> None:
    """Simulate a structure file; writes `curve.csv`, `anchors.json` and `curve.png` into a folder.

    Args:
        discretization: as the run of the structure has it, if None.
        material: name or file; as the run of the structure has it, if None.
        output: the folder; beside the structure, if None, but of a structure in a run one here: nothing of a run is
            written over.

    Raises:
        InputError: also if a field has not converged or is not resolved, after the files have been written: they are
            for inspection, and `anchors.json` says `"usable": false`.
    """
    from inverse_design.report.figures import curve_figure
    from inverse_design.report.style import own_style

    structure = Microstructure.load(path)
    setting = setting_of(path, material)
    magnet, sweep = setting.material, setting.sweep
    folder = writable(output or _beside(path, setting))
    discretization = discretization_of(backend, discretization or setting.discretization)
    conditions = setting.in_words(structure, backend, discretization)
    curve = demagnetization_curve(structure, magnet, sweep, backend=backend, discretization=discretization)
    warn([*warnings_for(magnet, structure.cell_nm, discretization, sweep), *unsaturated(curve.m)])
    usable = bool(curve.converged.all())
    write_curve(folder, curve.h, curve.m, curve.converged, curve.anchors)
    anchors = {**curve.anchors.as_dict(), "usable": usable}
    write_text(folder / "anchors.json", json.dumps(anchors, indent=1) + "\n")
    with own_style(), replacing(folder / "curve.png") as partial:
        curve_figure(curve.h, curve.m, curve.anchors.as_array(), material=magnet).savefig(partial, dpi=150)
    product = maximum_energy_product(curve.h, curve.m, magnet)
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
        stated_J = product if np.isfinite(product) else None
        written = [str(folder / name) for name in ("curve.csv", "anchors.json", "curve.png")]
        result_json({**anchors, "BHmax_J_per_m3": stated_J, **about, "files": written})
    else:
        result(conditions)
        for name, value in curve.anchors.as_dict().items():
            quantity = "magnetization" if UNITS[name] == "Ms" else "field"
            shown = "missing" if value is None else f"{value:.4f} {UNITS[name]:<3} {in_si(value, quantity, magnet)}"
            result(f"{name:>5} {shown}")
        stated = f"{product / 1e3:.1f} kJ/m3" if np.isfinite(product) else "missing"
        result(f"BHmax {stated} (internal field H - M/2: demagnetising factor 1/2)")
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


def predict_file(
    path: Path, surrogate: str | None = None, material: str | None = None
) -> tuple[dict[str, dict[str, float]], str]:
    """Of each anchor point of a structure file, by name: `mean` and `std`; and, where the surrogate has been
    cross-validated, `within_68` and `within_95`: half widths of its conformal intervals. Then, for what magnet and on
    what mesh that is, in words.

    Args:
        surrogate: a name or a run folder; the run that the structure lies in, if None.
        material: name or file of the magnet that is meant; must be the one that the surrogate was trained for.

    Raises:
        InputError: if there is no such surrogate, or it was trained for another magnet than is meant.
    """
    structure, run = Microstructure.load(path), run_of(path)  # all is refused before TensorFlow is there
    if surrogate is None and run is None:
        raise InputError(f"{path}: lies in no run; name a surrogate or a run with one by --surrogate")
    name = surrogate or str(run)
    folder = find_surrogate(name)
    conditions = _trained_for(name, folder, path, material)
    from surrogate import Surrogate

    model = Surrogate.load(folder)
    mean, std = model.predict(model.encode([structure]))
    found = {name: {"mean": float(mean[0, i]), "std": float(std[0, i])} for i, name in enumerate(ANCHORS)}
    calibration = model.regressor.calibration
    if calibration is not None:
        for i, name in enumerate(ANCHORS):
            half = calibration.quantiles[:, i] * std[0, i]
            found[name] |= {"within_68": float(half[0]), "within_95": float(half[1])}
    return found, conditions


def _trained_for(name: str, folder: Path, path: Path, material: str | None) -> str:
    """What a surrogate predicts, in words.

    Raises:
        InputError: if another magnet is asked for, or the structure's run is of another.
    """
    about = read_card(folder).about
    constants = about.get("material")
    if constants is None:
        return f"predicted by {name}, whose card says of no material"
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
    return (
        f"{material_in_words(magnet)}; predicted by {name}, trained on {labels.get('discretization', 'curves')}{mesh}"
    )


SUFFIXES = {"npz": ".npz", "ovf": ".ovf", "mumax3": ".mx3"}


def export_file(
    source: Path, candidate: int | None, format: str | None, output: str | None, material: str | None = None
) -> list[Path]:
    """Write a run's candidate, or a structure file, for another program; the paths of what was written.

    Args:
        format: "npz", "ovf" or "mumax3"; by the suffix of the output if None.
        output: as given, because a trailing slash says that a folder is meant.
        material: name or file; as the run of the structure has it, if None.

    Raises:
        InputError: if there is no such candidate, structure or format, or the file to write is one that must stay.
    """
    from simulation.formats import export_structure, remanence

    format = _format_of(format, output)
    if candidate is not None:
        if not source.is_dir():
            raise InputError(f"{source}: not a run folder; only a candidate of a run has a number")
        study_of(source)  # says what is wrong with it
        source = source / "candidates" / f"{candidate:02d}" / "structure.npz"
    elif source.is_dir():
        raise InputError(f"{source}: name a candidate of this run by its number, or a structure file")
    structure = Microstructure.load(source)
    setting = setting_of(source, material)
    magnet, sweep = setting.material, replace(setting.sweep, until=None)
    suffix = SUFFIXES[format]
    if output is None:
        path = source.with_name("structure-copy.npz" if format == "npz" else f"structure{suffix}")
    else:
        path = _output_file(output, suffix)
    writable(path.parent)
    magnetization = remanence(structure, magnet) if format == "ovf" else None
    return export_structure(structure, path, format, magnet, sweep, magnetization)


def _format_of(format: str | None, output: str | None) -> str:
    """The format that is asked for by its name, or by the suffix of the file to write.

    Raises:
        InputError: if it is none, or the two contradict each other.
    """
    if format is not None and format not in SUFFIXES:
        raise InputError(f"--format must be one of {', '.join(SUFFIXES)}, got {format!r}")
    suffix = "" if output is None or _is_folder(output) else Path(output).suffix.lower()
    by_suffix = {suffix: name for name, suffix in SUFFIXES.items()}.get(suffix)
    if by_suffix is not None and format not in (None, by_suffix):
        raise InputError(
            f"{output}: {suffix} is the suffix of {by_suffix}, and --format says {format}; name one of them"
        )
    if format is None and suffix and by_suffix is None:
        allowed = ", ".join(f"{end} ({name})" for name, end in SUFFIXES.items())
        raise InputError(f"{output}: no format has the suffix {suffix}; allowed: {allowed}, or name one by --format")
    return format or by_suffix or "ovf"


def _is_folder(output: str) -> bool:
    return Path(output).is_dir() or output.endswith(("/", os.sep))


def _output_file(output: str, suffix: str) -> Path:
    """The file that an export shall write, in a folder where one is given: not one that a run or a user still needs.

    Raises:
        InputError: if it is one of these.
    """
    path = Path(output)
    if _is_folder(output):
        path = path / f"structure{suffix}"
    if suffix == ".npz" and path.suffix != suffix:
        path = path.with_name(f"{path.name}{suffix}")  # as NumPy names it
    if path.exists() and path.suffix != suffix and path.suffix in _KEPT:
        raise InputError(f"{path}: exists and is no {suffix} file; choose another name")
    if path.name == "structure.npz" and path.exists():
        raise InputError(f"{path}: this structure is a run's own or an original; choose another name")
    return path
