"""Confirmation: every hit simulated again, more finely and more freely than it was searched, before it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inverse_design.files import read_arrays
from inverse_design.goals import Goal
from inverse_design.run.simulating import Simulator
from inverse_design.run.verified import Verified, load_batch, save_batch, verify_batch
from inverse_design.study.study import Study
from simulation.errors import InputError
from simulation.microstructure import Microstructure

CANDIDATES = "candidates.npz"
"""In the folder of a confirmation: of which candidate of the batch each simulation is."""

Checked = tuple[int, Verified]
"""A candidate's number, and a further simulation of it."""


@dataclass(frozen=True)
class Check:
    """How a further simulation differs from the first.

    Attributes:
        refine: cells so many times smaller.
        spins: "planar" or "free".
    """

    refine: int = 1
    spins: str = "planar"

    def structure(self, first: Microstructure) -> Microstructure:
        """The same grains as they are simulated now."""
        return first.refine(self.refine)


def checks_of(study: Study) -> dict[str, Check]:
    """What the study asks of every hit, by the names in `study.sections.CHECKS`.

    Where spins are free in the labels or in a check, those on the finer mesh are free, too, and this is the strictest
    check of all: planar ones there say nothing of a hit that leaves the plane, and the same of one that does not.
    """
    free = study.labels.spins == "free" or "free" in study.checks
    every = {"finer": Check(2, "free" if free else "planar"), "free": Check(spins="free")}
    return {name: every[name] for name in study.checks}


def confirm(folder: Path, batch: Sequence[Verified], goals: Sequence[Goal], by: Simulator) -> None:
    """Simulate the hits of a batch again, check by check, and write what comes of it into a folder.

    The cheapest check comes first, and what it refutes is not asked any further. Each simulation is in the store as
    soon as it is done. Material, sweep and solver are those of the first.
    """
    left = [number for number, item in enumerate(batch) if item.is_hit(goals)]
    numbers: list[int] = []
    again: list[Verified] = []
    for name, check in sorted(checks_of(by.study).items(), key=lambda item: item[1].refine):
        if not left:
            break
        chosen = [batch[number].candidate for number in left]
        chosen = [replace(one, structure=check.structure(one.structure)) for one in chosen]
        conditions = by.conditions(spins=check.spins)
        found = by.simulate(f"confirmations ({name})", [one.structure for one in chosen], conditions)
        made = verify_batch([batch[number].round for number in left], chosen, found)
        numbers, again = [*numbers, *left], [*again, *made]
        left = [number for number, item in zip(left, made, strict=True) if item.map_hits(goals)]
    save_batch(folder, again)
    np.savez_compressed(folder / CANDIDATES, number=np.array(numbers, int))


def load_confirmations(folder: Path, first: int = 0) -> list[Checked]:
    """What `confirm` wrote, with the numbers of the candidates in their run.

    Args:
        first: number of the batch's first candidate.

    Raises:
        InputError: if it is damaged.
    """
    numbers, again = read_arrays(folder / CANDIDATES)["number"].tolist(), load_batch(folder)
    if len(numbers) != len(again):
        raise InputError(f"{folder}: {len(again)} simulations for {len(numbers)} candidates")
    return [(first + number, item) for number, item in zip(numbers, again, strict=True)]


def judged(goals: Sequence[Goal], verified: Sequence[Verified], checked: Sequence[Checked]) -> tuple[Verified, ...]:
    """Candidates with what every further simulation makes of them: confirmed where each is a hit, as the first is."""
    upheld: dict[int, bool] = {}
    for number, again in checked:
        upheld[number] = upheld.get(number, True) and again.map_hits(goals)
    return tuple(
        replace(item, confirmed=item.is_hit(goals) and upheld[number] if number in upheld else None)
        for number, item in enumerate(verified)
    )
