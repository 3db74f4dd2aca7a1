"""The genetic search of the latent space, by pymoo."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
from pymoo.core.algorithm import Algorithm
from pymoo.core.population import Population
from pymoo.indicators.hv import Hypervolume
from pymoo.util.nds.non_dominated_sorting import NonDominatedSorting
from pymoo.util.ref_dirs import get_reference_directions

from inverse_design.files import read_arrays
from inverse_design.goals import distance
from inverse_design.search.operators import SparseMutation, WindowCrossover
from inverse_design.search.problem import LatentProblem
from simulation.errors import InputError

PENALTY = 1e3
"""What a unit of violation adds to the objective where an algorithm knows no constraints."""

KEPT = 2048
"""Visited codes that a search hands on."""

Progress = Callable[[int, int, str], None]
"""Called with (generations done, generations in all, a few words)."""


@dataclass(frozen=True, eq=False)
class SearchResult:
    """What a search ends with.

    Attributes:
        front: (n, latent) codes of the Pareto front: feasible and non-dominated (or, if no code was feasible, the
            non-dominated ones of least violation).
        objectives: (n, n_obj) of the front.
        visited: (m, latent) codes that the search evaluated and found plausible, those whose predicted anchors come
            nearest to the targets and bounds, at most `KEPT`: what candidates are chosen from.
        feasible: whether any code met all constraints.
        hypervolume: (generations,) of the feasible front against the initial population's worst objectives, each
            objective scaled to the initial population's range; 0 while nothing is feasible.
    """

    front: np.ndarray
    objectives: np.ndarray
    visited: np.ndarray
    feasible: bool
    hypervolume: np.ndarray


def search(
    problem: LatentProblem,
    codes: np.ndarray,
    algorithm: str,
    population: int,
    generations: int,
    seed: int,
    progress: Progress = lambda done, total, words: None,
    grid: tuple[int, int, int] | None = None,
) -> SearchResult:
    """Search the latent space, starting from codes of real structures.

    Args:
        problem: the latent problem.
        codes: (n, latent) encoded structures; the best of them and a random rest are the first population.
        algorithm: a key of `ALGORITHMS`.
        population, generations: size and length of the search.
        seed: the same seed gives the same result on one machine.
        grid: rows, columns and numbers a place of a code, if its numbers stand on a grid: windows of it are then
            crossed, see `operators`. CMA-ES has ways of its own.
    """
    first = initial_population(problem, codes, population, seed)
    start = problem.evaluate(first, return_as_dictionary=True)
    method = ALGORITHMS[algorithm](problem, first, _operators(grid, codes) if grid else {})
    method.setup(problem, termination=("n_gen", generations), seed=seed, verbose=False)
    low, high = start["F"].min(axis=0), start["F"].max(axis=0)
    scale = np.where(high > low, high - low, 1.0)
    indicator = Hypervolume(ref_point=np.ones(problem.n_obj))
    volumes: list[float] = []
    visited = [first]
    while method.has_next():
        method.next()
        visited.append(method.pop.get("X"))
        if sum(map(len, visited)) > 16 * KEPT:  # what is not among the nearest now will never be
            visited = [_nearest(problem, np.vstack(visited)), visited[-1]]
        volumes.append(_volume(method, indicator, low, scale))
        progress(len(volumes), generations, f"hypervolume {volumes[-1]:.3f}")
    front, values, feasible = _front(problem, np.vstack([np.atleast_2d(method.opt.get("X")), visited[-1]]))
    return SearchResult(front, values, _nearest(problem, np.vstack(visited)), feasible, np.asarray(volumes))


def _operators(grid: tuple[int, int, int], codes: np.ndarray) -> dict[str, Any]:
    return {"crossover": WindowCrossover(grid), "mutation": SparseMutation(codes.std(axis=0))}


def _nearest(problem: LatentProblem, codes: np.ndarray) -> np.ndarray:
    """Plausible codes by distance from the goals' windows; a front thins out where all of them meet."""
    codes = np.unique(codes, axis=0)
    plausible = problem.plausibility.distance(codes) <= 1
    codes = codes[plausible] if plausible.any() else codes
    values = problem.values(codes, problem.predict(codes)[0])
    return codes[np.argsort(distance(problem.goals, values), kind="stable")[:KEPT]]


def initial_population(problem: LatentProblem, codes: np.ndarray, size: int, seed: int) -> np.ndarray:
    """(size, latent): half the best of the codes (feasible first, then by rank), half drawn at random from the rest.

    Starting from encoded structures keeps the search where the decoder knows what to draw.
    """
    rng = np.random.default_rng(seed)
    codes = np.clip(codes, problem.xl, problem.xu)
    values = problem.evaluate(codes, return_as_dictionary=True)
    violation = np.maximum(values["G"], 0).sum(axis=1)
    rank = np.zeros(len(codes))
    for level, members in enumerate(NonDominatedSorting().do(values["F"])):
        rank[members] = level
    order = np.lexsort((rng.random(len(codes)), rank, violation))
    best = codes[order[: size // 2]]
    rest = codes[order[size // 2 :]]
    missing = size - len(best)
    if len(rest) == 0:
        rest = codes
    extra = rest[rng.choice(len(rest), size=missing, replace=len(rest) < missing)]
    if len(rest) < missing:  # few labels: jitter the copies, pymoo would drop them as duplicates
        extra = extra + rng.normal(scale=0.05, size=extra.shape) * codes.std(axis=0)
    return np.clip(np.vstack([best, extra]), problem.xl, problem.xu)


def _front(problem: LatentProblem, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray, bool]:
    codes = np.unique(codes, axis=0)
    values = problem.evaluate(codes, return_as_dictionary=True)
    violation = np.maximum(values["G"], 0).sum(axis=1)
    keep = violation <= 0
    feasible = bool(keep.any())
    if not feasible:
        keep = violation <= np.sort(violation)[min(7, len(violation) - 1)]
    codes, objectives = codes[keep], values["F"][keep]
    members = NonDominatedSorting().do(objectives, only_non_dominated_front=True)
    order = np.lexsort(objectives[members].T[::-1])
    return codes[members][order], objectives[members][order], feasible


def _volume(method: Algorithm, indicator: Hypervolume, low: np.ndarray, scale: np.ndarray) -> float:
    feasible = method.pop.get("FEAS").ravel()
    if not feasible.any():
        return 0.0
    values = (method.pop.get("F")[feasible] - low) / scale
    # Beyond the best of the start counts as negative coordinates; only points inside the reference box count.
    return float(indicator(values[(values < 1).all(axis=1)])) if (values < 1).all(axis=1).any() else 0.0


def _nsga2(problem: LatentProblem, first: np.ndarray, operators: dict[str, Any]) -> Algorithm:
    from pymoo.algorithms.moo.nsga2 import NSGA2

    return NSGA2(pop_size=len(first), sampling=first, **operators)


def _directions(problem: LatentProblem, size: int) -> np.ndarray:
    """Das and Dennis' evenly spread reference directions, as many as the population can serve."""
    if problem.n_obj == 1:
        return np.ones((1, 1))
    partitions = 1
    while math.comb(partitions + problem.n_obj, problem.n_obj - 1) <= size:
        partitions += 1
    return np.asarray(get_reference_directions("das-dennis", problem.n_obj, n_partitions=partitions))


def _nsga3(problem: LatentProblem, first: np.ndarray, operators: dict[str, Any]) -> Algorithm:
    from pymoo.algorithms.moo.nsga3 import NSGA3

    return NSGA3(ref_dirs=_directions(problem, len(first)), pop_size=len(first), sampling=first, **operators)


def _unsga3(problem: LatentProblem, first: np.ndarray, operators: dict[str, Any]) -> Algorithm:
    from pymoo.algorithms.moo.unsga3 import UNSGA3

    return UNSGA3(ref_dirs=_directions(problem, len(first)), pop_size=len(first), sampling=first, **operators)


def _smsemoa(problem: LatentProblem, first: np.ndarray, operators: dict[str, Any]) -> Algorithm:
    from pymoo.algorithms.moo.sms import SMSEMOA

    return SMSEMOA(pop_size=len(first), sampling=first, **operators)


def _ctaea(problem: LatentProblem, first: np.ndarray, operators: dict[str, Any]) -> Algorithm:
    from pymoo.algorithms.moo.ctaea import CTAEA

    directions = _directions(problem, len(first))
    return CTAEA(ref_dirs=directions, sampling=Population.new("X", first[: len(directions)]), **operators)


def _ga(problem: LatentProblem, first: np.ndarray, operators: dict[str, Any]) -> Algorithm:
    from pymoo.algorithms.soo.nonconvex.ga import GA

    return GA(pop_size=len(first), sampling=first, **operators)


def _cmaes(problem: LatentProblem, first: np.ndarray, operators: dict[str, Any]) -> Algorithm:
    """CMA-ES (Hansen 2016) from the best of the first population. It knows no constraints: violations are added."""
    from pymoo.algorithms.soo.nonconvex.cmaes import SimpleCMAES

    class Penalised(SimpleCMAES):  # type: ignore[misc]
        def _advance(self, infills: Any = None, **kwargs: Any) -> None:
            x, f, violation = infills.get("X", "F", "CV")
            self.es.tell(self.norm.forward(x), f[:, 0] + PENALTY * violation[:, 0])
            self.pop = infills
            if self.es.stop():
                self.termination.force_termination = True

    # Steps of 2 % of the range in each of hundreds of directions: larger ones leave the plausible codes at once.
    return Penalised(sampling=first, n_sample_points=len(first), sigma=0.02, opts={"popsize": len(first)})


ALGORITHMS: dict[str, Callable[[LatentProblem, np.ndarray, dict[str, Any]], Any]] = {
    "nsga2": _nsga2,
    "nsga3": _nsga3,
    "unsga3": _unsga3,
    "smsemoa": _smsemoa,
    "ctaea": _ctaea,
    "ga": _ga,
    "cmaes": _cmaes,
}
"""By the names that a study uses."""


def save_result(result: SearchResult, folder: Path) -> None:
    """Write a result as arrays."""
    np.savez_compressed(folder / "result.npz", **vars(result))


def load_result(folder: Path) -> SearchResult:
    """Read what `save_result` wrote.

    Raises:
        InputError: if it is missing, damaged or of another version.
    """
    data = read_arrays(folder / "result.npz")
    if set(data) != {field.name for field in fields(SearchResult)}:
        raise InputError(f"{folder}: written by another version of inverse_design; run the study again")
    return SearchResult(**{**data, "feasible": bool(data["feasible"])})  # type: ignore[arg-type]
