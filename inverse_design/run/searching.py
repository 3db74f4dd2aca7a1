"""A study's search of the latent space."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from inverse_design.progress import Update
from inverse_design.properties import PROPERTIES, STRUCTURE, derived_from_anchors
from inverse_design.run.draws import pool_of_structures, search_seed
from inverse_design.run.keys import FRONT, FRONT_AXES
from inverse_design.search.genetic import save_result, search
from inverse_design.search.problem import LatentProblem, Limit, Plausibility, drift, limit, spread
from inverse_design.search.structure_guess import StructureGuess
from inverse_design.study.shipped import encoded
from inverse_design.study.study import Study
from simulation.anchors import ANCHORS
from simulation.files import write_text
from simulation.labels.labelled import LabelledStructures
from simulation.microstructure import Microstructure
from surrogate import Surrogate

log = logging.getLogger("inverse_design")

LEARNT_FROM = 400
"""Structures that the look of decoded codes is compared with where a goal asks for grain sizes or axes."""


def make_search(
    study: Study, round_: int, model: Surrogate, labels: LabelledStructures, folder: Path, update: Update
) -> None:
    """Search round `round_`'s latent space, starting from labelled structures and draws; writes front and result."""
    part, goals = study.search, study.reduced_goals
    pool = pool_of_structures(study, labels)
    codes = encoded(study.surrogate.pretrained, model, pool)
    problem = LatentProblem(
        goals,
        model.predict,
        Plausibility.of_codes(codes, part.plausibility),
        _derived(study, model, pool, codes),
        _limits(study, model, codes),
    )
    seed = search_seed(study, round_)
    result = search(
        problem, codes, part.algorithm, part.population, part.generations, seed, update, model.autoencoder.code_grid
    )
    if not result.feasible:
        log.warning("search, round %d: no code meets all bounds; the nearest ones are taken", round_)
    mean, std = model.predict(result.front)
    table = front_table(study, result.objectives, problem.values(result.front, mean), std)
    write_text(folder / FRONT, table.to_csv(index=False))
    axes = model.decode(result.front).astype(np.float16)  # what hovering over the front shows: the blur
    np.savez_compressed(folder / FRONT_AXES, angle_rad=axes)
    save_result(result, folder)


def _derived(
    study: Study, model: Surrogate, pool: Sequence[Microstructure], codes: np.ndarray
) -> Callable[[np.ndarray, np.ndarray], np.ndarray] | None:
    """Codes and predicted anchors to the other properties, if a goal asks for one."""
    material, wanted = study.magnet, {goal.quantity for goal in study.reduced_goals}
    if wanted <= set(ANCHORS):
        return None
    guess: Callable[[np.ndarray], np.ndarray] = lambda codes: np.full((len(codes), len(STRUCTURE)), np.nan)  # noqa: E731
    if wanted & set(STRUCTURE):
        between = None if study.microstructures.boundary is None else model.decode_boundary
        guess = StructureGuess(model.decode_field, pool[:LEARNT_FROM], codes[:LEARNT_FROM], between)
    return lambda codes, mean: np.hstack([derived_from_anchors(mean, material), guess(codes)])


def _limits(study: Study, model: Surrogate, codes: np.ndarray) -> list[Limit]:
    """What a search may not do beside leaving the plausible codes."""
    part, limits = study.search, []
    if part.spread is not None:
        limits.append(limit(spread(model.label_std), model.predict, codes, part.spread))
    if part.drift is not None:
        limits.append(limit(drift(model.predict_again, model.label_std), model.predict, codes, part.drift))
    return limits


def front_table(study: Study, objectives: np.ndarray, values: np.ndarray, std: np.ndarray) -> pd.DataFrame:
    """One row a Pareto point: objectives by goal, then predicted anchors and their standard deviations, then the other
    properties where a goal asks for one (values (n, 6 or 13), std (n, 6))."""
    names = [f"objective_{goal.quantity}" for goal in study.reduced_goals if goal.is_objective]
    table = pd.DataFrame(objectives, columns=names)
    for i, anchor in enumerate(ANCHORS):
        table[f"{anchor}_predicted"], table[f"{anchor}_std"] = values[:, i], std[:, i]
    for i in range(len(ANCHORS), values.shape[1]):
        table[f"{PROPERTIES[i]}_predicted"] = values[:, i]
    return table
