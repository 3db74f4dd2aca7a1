"""Confirmation: every hit simulated again, more finely and more freely than it was searched, before it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from inverse_design.files import read_arrays
from inverse_design.goals import Goal, front, has_front
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


def confirm(
    folder: Path, batch: Sequence[Verified], goals: Sequence[Goal], by: Simulator, before: Sequence[Verified] = ()
) -> None:
    """Simulate the hits of a batch again, check by check, and write what comes of it into a folder.

    The cheapest check comes first, and what it refutes is not asked any further. Where something is to be maximised or
    minimised a hit that a confirmed one outdoes is not asked at all, and the best are asked first. Each simulation is
    in the store as soon as it is done. Material, sweep and solver are those of the first.

    Args:
        before: candidates of earlier batches, judged.
    """
    left = [number for number, item in enumerate(batch) if item.is_hit(goals)]
    upheld = [item.properties for item in before if item.confirmed]
    numbers: list[int] = []
    again: list[Verified] = []
    while wave := _not_outdone(goals, batch, left, upheld):
        left = [number for number in left if number not in wave]
        for name, check in sorted(checks_of(by.study).items(), key=lambda item: item[1].refine):
            if not wave:
                break
            chosen = [batch[number].candidate for number in wave]
            chosen = [replace(one, structure=check.structure(one.structure)) for one in chosen]
            conditions = by.conditions(spins=check.spins)
            found = by.simulate(f"confirmations ({name})", [one.structure for one in chosen], conditions)
            made = verify_batch([batch[number].round for number in wave], chosen, found)
            numbers, again = [*numbers, *wave], [*again, *made]
            wave = [number for number, item in zip(wave, made, strict=True) if item.map_hits(goals)]
        upheld += [batch[number].properties for number in wave]
    save_batch(folder, again)
    np.savez_compressed(folder / CANDIDATES, number=np.array(numbers, int))


def _not_outdone(
    goals: Sequence[Goal], batch: Sequence[Verified], left: Sequence[int], upheld: Sequence[np.ndarray]
) -> list[int]:
    """Which of the hits that are left are to be asked next."""
    if not left or not has_front(goals):
        return list(left)
    best = front(goals, np.array([*upheld, *(batch[number].properties for number in left)]))
    return [left[row - len(upheld)] for row in sorted(best) if row >= len(upheld)]


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


def judged(
    goals: Sequence[Goal],
    verified: Sequence[Verified],
    confirmations: Sequence[Checked] | None,
    checks: Sequence[Checked] = (),
) -> tuple[Verified, ...]:
    """Candidates with what every further simulation makes of them: confirmed where each is a hit, as the first is.

    Args:
        confirmations: what the study asked for; None where it asks for none. A hit without any is outdone by others.
        checks: what a user asked for besides.
    """
    upheld: dict[int, bool] = {}
    for number, again in [*(confirmations or ()), *checks]:
        upheld[number] = upheld.get(number, True) and again.map_hits(goals)
    asked = {number for number, _ in confirmations or ()}
    return tuple(
        replace(
            item,
            confirmed=item.is_hit(goals) and upheld[number] if number in upheld else None,
            outdone=confirmations is not None and number not in asked and item.is_hit(goals),
        )
        for number, item in enumerate(verified)
    )
