"""A batch of candidates from all sources, chosen by what their simulations promise."""

from __future__ import annotations

import numpy as np

from inverse_design.candidates.acquisition import utilities
from inverse_design.candidates.candidate import DECODED, MODEL_OPTIMIZED, BatchRequest, Candidate, Known, LatentModel
from inverse_design.candidates.error_model import OPTIMISM, Discrepancy, selection_bias, with_derived
from inverse_design.candidates.selection import diverse_batch, unseen
from inverse_design.candidates.sources import BY_NAME, SHORTLIST, Situation
from inverse_design.progress import Update
from inverse_design.properties import STRUCTURE
from simulation.anchors import ANCHORS
from simulation.microstructure import Microstructure


def propose(
    model: LatentModel,
    request: BatchRequest,
    visited: np.ndarray,
    known: Known,
    progress: Update = lambda done, total, words: None,
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
    progress(0, SHORTLIST * request.count if DECODED in request.sources else 0, "")
    prediction, spread = model.predict(known.codes)
    discrepancy = Discrepancy.of(known.codes, known.anchors, prediction)
    structural = any(goal.quantity in STRUCTURE for goal in request.goals)
    posterior = discrepancy.correct(known.codes, prediction, spread)
    posterior = with_derived(posterior, known.structures if structural else None, request.material)
    bias, std_ratio = selection_bias(known.raw_prediction - known.anchors, OPTIMISM * spread)
    now = Situation(model, request, known, visited, prediction, spread, discrepancy, posterior, bias, progress)

    structures: list[Microstructure] = []
    wanted_codes: list[np.ndarray] = []
    source: list[str] = []
    for name, of_source in BY_NAME.items():
        if name in request.sources:
            found, codes = of_source(now)
            structures += found
            wanted_codes += codes
            source += [name] * len(found)

    sharp = model.encode(structures)
    guess, spread = model.predict(sharp)
    posterior = discrepancy.correct(sharp, guess, spread)
    model_optimized = np.isin(np.array(source, dtype=str), MODEL_OPTIMIZED)[:, None]
    unknown = (posterior.change_std / spread) ** 2  # share of the variance that no structure nearby takes away
    posterior = posterior.adjusted(
        -bias * model_optimized * unknown, np.where(model_optimized, OPTIMISM * std_ratio, 1.0)
    )
    posterior = with_derived(posterior, structures, request.material)
    new = unseen(sharp, known.codes[known.simulated])
    chosen = new[diverse_batch(utilities(request.goals, posterior[new], request.best), sharp[new], request.count)]
    mean, std = posterior.mean, posterior.std[:, : len(ANCHORS)]
    return [Candidate(structures[i], wanted_codes[i], sharp[i], mean[i], std[i], source[i], guess[i]) for i in chosen]
