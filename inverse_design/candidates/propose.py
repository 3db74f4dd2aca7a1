"""A batch of candidates from all sources, chosen by what their simulations promise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from inverse_design.candidates.acquisition import log_feasibility, utilities
from inverse_design.candidates.candidate import MODEL_OPTIMIZED, BatchRequest, Candidate, Known, LatentModel
from inverse_design.candidates.distances import Nearby, axis_distance_deg, rotation_deg
from inverse_design.candidates.error_model import OPTIMISM, Discrepancy, selection_bias, with_derived
from inverse_design.candidates.selection import diverse_batch, unseen
from inverse_design.candidates.sources import BY_NAME, Situation
from inverse_design.properties import STRUCTURE, grain_properties
from simulation.anchors import ANCHORS
from simulation.labels.drawn import Structures
from simulation.microstructure import Microstructure


def propose(
    model: LatentModel,
    request: BatchRequest,
    visited: np.ndarray,
    known: Known,
) -> list[Candidate]:
    """Choose a batch of structures to simulate.

    The surrogate's error at structures that were simulated corrects what it says of their neighbours; what it said of
    earlier candidates that were chosen for their predictions corrects what it says of the next.

    Args:
        model: the surrogate.
        request: what is wanted of the batch.
        visited: (n, latent) codes that the search visited.
        known: structures that were simulated, and fresh draws that were not.
    """
    prediction, spread = model.predict(known.codes)
    discrepancy = Discrepancy.of(known.codes, known.anchors, prediction)
    structural = any(goal.quantity in STRUCTURE for goal in request.goals)
    posterior = discrepancy.correct(known.codes, prediction, spread)
    posterior = with_derived(posterior, grain_properties(known.structures) if structural else None, request.material)
    bias, std_ratio = selection_bias(known.raw_prediction - known.anchors, OPTIMISM * spread)
    now = Situation(model, request, known, visited, prediction, spread, discrepancy, posterior, bias)

    structures: list[Microstructure] = []
    source: list[str] = []
    parents: list[int] = []
    for name, of_source in BY_NAME.items():
        if name in request.sources:
            found, rows = of_source(now)
            structures += found
            parents += rows
            source += [name] * len(found)

    sharp = model.encode(structures)
    guess, spread = model.predict(sharp)
    posterior = discrepancy.correct(sharp, guess, spread)
    model_optimized = np.isin(np.array(source, dtype=str), MODEL_OPTIMIZED)[:, None]
    unknown = (posterior.change_std / spread) ** 2  # share of the variance that no structure nearby takes away
    posterior = posterior.adjusted(
        -bias * model_optimized * unknown, np.where(model_optimized, OPTIMISM * std_ratio, 1.0)
    )
    posterior = with_derived(posterior, grain_properties(structures), request.material)
    new = unseen(sharp, known.codes[known.simulated])
    score = utilities(request.goals, posterior[new], request.front)

    def distinct(index: int, chosen: Sequence[int]) -> bool:
        of_batch = [structures[new[other]] for other in chosen]
        return _differs(structures[new[index]], sharp[new[index]], of_batch, request)

    chosen = new[diverse_batch(score, sharp[new], request.count, distinct)]
    mean, std = posterior.mean, posterior.std[:, : len(ANCHORS)]
    probability = np.exp(log_feasibility(request.goals, posterior[chosen]))
    done = np.flatnonzero(known.simulated)
    simulated = Nearby(Structures(known.structures).take(done), known.codes[done])
    batch = []
    for i, hit_probability in zip(chosen, probability, strict=True):
        row, away = simulated.nearest(structures[i], sharp[i])
        batch.append(
            Candidate(
                *(structures[i], sharp[i], mean[i], std[i], source[i], guess[i]),
                parent=known.name(parents[i]) if parents[i] >= 0 else "",
                rotated_deg=rotation_deg(structures[i], known.structures[parents[i]])
                if parents[i] >= 0
                else np.zeros(0),
                nearest=known.name(int(done[row])) if row >= 0 else "",
                nearest_deg=away if np.isfinite(away) else float("nan"),
                hit_probability=float(hit_probability),
            )
        )
    return batch


def _differs(
    structure: Microstructure, code: np.ndarray, batch: Sequence[Microstructure], request: BatchRequest
) -> bool:
    """Whether a structure is another answer than those that are known and those of the batch so far."""
    least = request.distinct_deg
    if least <= 0:
        return True
    return request.answers.nearest(structure, code)[1] > least and all(
        axis_distance_deg(structure, other) > least for other in batch
    )
