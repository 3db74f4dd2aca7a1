"""Under which conditions a single structure is simulated: those of the run that it lies in, or what is asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from inverse_design.run.design import study_of
from inverse_design.run.folder import MANIFEST
from inverse_design.study.reading import load_material
from inverse_design.study.study import Study
from simulation.hysteresis import FieldSweep
from simulation.material import MATERIALS, Material, Nd2Fe14B
from simulation.microstructure import Microstructure

_DEEPEST = 4
"""Folders between a run and a structure in it, `candidates/00/structure.npz` for one."""


@dataclass(frozen=True)
class Setting:
    """What a structure is simulated as.

    Attributes:
        material: the magnet.
        sweep: the applied fields.
        discretization: "elements" or "cells", of a run's labels.
        spins: "planar" or "free", of a run's labels.
        run: the run folder that the structure lies in, None if in none.
    """

    material: Material = Nd2Fe14B
    sweep: FieldSweep = field(default_factory=lambda: FieldSweep(until="coercivity"))
    discretization: str = "elements"
    spins: str = "planar"
    run: Path | None = None

    def in_words(self, structure: Microstructure, backend: str, discretization: str, spins: str) -> str:
        """What is simulated, on what, and by what."""
        ny, nx = structure.shape
        kind = f"{discretization}, free spins" if spins == "free" else discretization
        whose = f", as run {self.run.name}" if self.run is not None else ""
        return (
            f"{material_in_words(self.material)}{whose}; by {backend} ({kind}) on {nx} x {ny} cells of "
            f"{structure.cell_nm:g} nm, {self.sweep.start:g} to {self.sweep.stop:g} H_A in steps of {self.sweep.step:g}"
        )


def setting_of(structure: Path, material: str | None = None) -> Setting:
    """The conditions of the run that a structure file lies in, else those of Nd2Fe14B by elements.

    Args:
        structure: a file; need not exist.
        material: name or file of another one, which counts for more than the run.

    Raises:
        InputError: if there is no such material, or the run says nothing of its own that can be read.
    """
    asked = None if material is None else load_material(material)
    run = run_of(structure)
    if run is None:
        return Setting(asked or Nd2Fe14B)
    study = study_of(run)
    return Setting(asked or study.magnet, sweep_of(study), study.labels.discretization, study.labels.spins, run)


def sweep_of(study: Study) -> FieldSweep:
    part = study.field_sweep
    return FieldSweep(part.start, part.stop, part.step, part.until)


def run_of(structure: Path) -> Path | None:
    """The run folder that a file lies in, None if in none."""
    for folder in list(structure.resolve().parents)[:_DEEPEST]:
        if (folder / MANIFEST).is_file() and (folder / "study.yaml").is_file():
            return folder
    return None


def material_in_words(material: Material) -> str:
    """A known material by its name, another by its constants."""
    for name, known in MATERIALS.items():
        if known == material:
            return name
    return (
        f"A = {material.A_J_per_m * 1e12:.4g} pJ/m, Js = {material.Js_T:.4g} T, K1 = "
        f"{material.K1_J_per_m3 / 1e6:.4g} MJ/m3"
    )
