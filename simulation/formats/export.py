"""Structures written for other solvers."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from simulation.errors import InputError
from simulation.files import replacing
from simulation.formats.mumax3 import mumax3_script
from simulation.formats.ovf import unit_vectors, write_ovf
from simulation.hysteresis import FieldSweep, demagnetization_curve
from simulation.material import Material, Nd2Fe14B, named_material
from simulation.microstructure import Microstructure

FORMATS = ("npz", "ovf", "mumax3")


def export_structure(
    structure: Microstructure,
    path: str | Path,
    format: str,
    material: Material | str = Nd2Fe14B,
    sweep: FieldSweep | None = None,
    remanent: np.ndarray | None = None,
    text: bool = False,
    spins: str = "planar",
) -> list[Path]:
    """Write a structure for another program.

    Args:
        structure: the grains.
        path: the file to write.
        format: "npz" (read by `Microstructure.load`), "ovf" (easy axes as unit vectors, and beside it
            `<stem>-remanence.ovf` with `remanent`) or "mumax3" (a script that computes the demagnetisation curve).
        material: of a script; a name of `MATERIALS` will do.
        sweep: of a script; `FieldSweep()` unless given.
        remanent: (ny, nx, 3) direction of the magnetisation at remanence, see `remanence`.
        text: OVF as text instead of 8-byte binary.
        spins: "planar", or "free" for a script in which they can leave the plane.

    Returns:
        The files written.

    Raises:
        InputError: if there is no such format or material, or a file cannot be written.
    """
    path, material = Path(path), named_material(material)
    if format not in FORMATS:
        raise InputError(f"format must be one of {', '.join(FORMATS)}, got {format!r}")
    if path.is_dir():
        raise InputError(f"{path}: a folder; name the file to write in it")
    if remanent is not None and np.shape(remanent) != (*structure.shape, 3):
        raise InputError(f"remanent must have the structure's shape and three components, {(*structure.shape, 3)}")
    if format == "ovf":
        representation = "text" if text else "binary8"
        axes = unit_vectors(structure.angle_rad)
        written = [write_ovf(path, axes, structure.cell_nm, "easy axes", "k", representation)]
        if remanent is not None:
            beside = path.with_name(f"{path.stem}-remanence.ovf")
            title = "magnetisation at remanence"
            written.append(
                write_ovf(beside, np.asarray(remanent, dtype=np.float64), structure.cell_nm, title, "m", representation)
            )
        return written
    try:
        if format == "npz":
            path = path if path.suffix == ".npz" else path.with_name(f"{path.name}.npz")  # as NumPy names it
            structure.save(path)
        else:
            script = mumax3_script(structure, material, FieldSweep() if sweep is None else sweep, path.stem, spins)
            with replacing(path) as partial:
                partial.write_text(script, encoding="ascii", errors="replace")
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}") from None
    return [path]


def remanence(structure: Microstructure, material: Material = Nd2Fe14B, spins: str = "planar") -> np.ndarray:
    """(ny, nx, 3) direction of the magnetisation in the middles of the cells at H = 0, coming from +H_A, by elements.

    Args:
        spins: "planar" or "free": m_z is not zero where they have left the plane.

    Raises:
        InputError: if a field on the way did not converge.
    """
    curve = demagnetization_curve(structure, material, FieldSweep(stop=0.0), keep=[0.0], spins=spins)
    if not curve.converged.all():
        raise InputError("the remanent state did not converge, so that there is none to write")
    vectors: np.ndarray = curve.magnetization[0]
    return vectors
