"""A run's candidates simulated again: by another solver, on another or a finer mesh."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from inverse_design.outputs import write_outputs
from inverse_design.progress import Tracker, track
from inverse_design.run.design import read_design
from inverse_design.run.folder import RunFolder
from inverse_design.run.keys import Stage, checks_key
from inverse_design.run.simulating import Simulator, conditions_of, make_engine
from inverse_design.run.verified import load_batch, save_batch, verify_batch
from simulation.errors import InputError
from simulation.hysteresis import discretization_of
from simulation.labels.store import LabelStore


def verify_again(
    run: Path,
    backend: str,
    discretization: str,
    refine: int,
    out_of_plane_rad: float = 0.0,
    spins: str | None = None,
    tracker: Tracker = track,
) -> tuple[Path, str]:
    """Simulate every candidate of a run again and write the tables and the report anew.

    Args:
        run: a run folder with verified candidates.
        backend, discretization: the solver; fidimag simulates by cells.
        refine: cells so many times smaller.
        out_of_plane_rad: push out of the plane at every field; fidimag only, the built-in solver has `spins`.
        spins: "planar" or "free", of the built-in solver; None for those of the run's labels.

    Returns:
        The path of `verified.csv`, which has a row for each of these simulations too, and how many of the hits are
        hits still, in a sentence.

    Raises:
        InputError: if the run has no candidates, the solver is missing, or nothing would differ from the first time.
    """
    discretization = discretization_of(backend, discretization)
    design = read_design(run)
    study = design.study
    if spins is None:
        spins = study.labels.spins if backend == "planar" else "planar"
    first = (study.verification.backend, study.labels.discretization, study.labels.spins)
    if refine == 1 and (backend, discretization, spins) == first:
        raise InputError(
            f"{run}: the candidates were verified by {backend} ({discretization}) on these cells already; "
            "name another --backend, --discretization or --spins, or --refine 2"
        )
    if out_of_plane_rad and backend != "fidimag":
        raise InputError(f"an angle out of the plane is for backend fidimag only; {backend} has --spins free")
    options = {"out_of_plane_rad": out_of_plane_rad} if out_of_plane_rad else {}
    conditions = conditions_of(study, backend, discretization, spins, **options)
    chosen = [replace(item.candidate, structure=item.candidate.structure.refine(refine)) for item in design.verified]
    structures = [candidate.structure for candidate in chosen]
    folder, key = RunFolder(run), checks_key(conditions.key, structures)
    name = f"{backend}-{discretization}-{refine}-{out_of_plane_rad:g}{'' if spins == 'planar' else f'-{spins}'}"

    def build(work: Path) -> None:
        with LabelStore(run / "labels.sqlite") as store, make_engine(study) as engine:
            simulator = Simulator(study, store, engine, tracker)
            found = simulator.simulate("simulations again", structures, conditions)
        rounds = [item.round for item in design.verified]
        save_batch(work, verify_batch(rounds, chosen, found))

    with folder.locked():
        again = load_batch(folder.stage(Stage.CHECKS.of(name), key, build))
        after = read_design(run)
        write_outputs(after)
    first_hits = [number for number, item in enumerate(after.verified) if item.is_hit(after.goals)]
    still = sum(again[number].map_hits(after.goals) for number in first_hits)
    what = f"{backend}, {discretization} of {study.family.cell_nm / refine:g} nm"
    what += "" if spins == "planar" else f", {spins} spins"
    return run / "verified.csv", (
        f"{still} of {len(first_hits)} hits still hit by {what}; {sum(after.hits)} of {len(after.verified)} candidates "
        "hit in every simulation of them"
    )
