"""Where candidates come from: four ways to grain structures, each a function of the same situation.

- "decoded": grains drawn from the best codes of the search of the latent space;
- "steered": structures that come near the goals already, labelled, verified or freshly drawn, with their axes turned as
  little as possible until the goals are predicted;
- "turned": the same with the axis of a single grain turned: little is moved, so that most of what is known still holds;
- "drawn": fresh draws from the family that are predicted to meet the goals as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from inverse_design.candidates.acquisition import utilities
from inverse_design.candidates.candidate import (
    DECODED,
    DRAWN,
    STEERED,
    TURNED,
    BatchRequest,
    Known,
    LatentModel,
)
from inverse_design.candidates.error_model import Discrepancy, Posterior, with_derived
from inverse_design.candidates.selection import diverse_batch, top
from inverse_design.goals import aim
from inverse_design.properties import STRUCTURE, grain_properties
from simulation.anchors import ANCHORS
from simulation.microstructure import Microstructure

SHORTLIST = 8
"""Codes that are decoded to grains for each candidate that is simulated."""

PARENTS = 2
"""Structures that are steered for each candidate that is simulated, each as far as every one of `DEPTHS`."""

DEPTHS = (0.8, 0.15)
"""How far into the windows, of the way to their middle: well inside, and just inside with the least turn. Near what was
simulated the least turn is the safer one."""

TURNED_PARENTS, ROTATIONS_RAD = 6, np.pi * np.arange(1, 8) / 8
"""Structures of which single grains are turned, and by how much."""

REACH = 0.15
"""How far steering takes an anchor, in standard deviations over the labels, without moving everything else."""


@dataclass(frozen=True, eq=False)
class Situation:
    """What a source goes by.

    Attributes:
        model: the surrogate.
        request: what is wanted of the batch.
        known: structures that were simulated, and fresh draws that were not.
        visited: (m, latent) codes that the search visited.
        prediction, spread: (n, 6) what the surrogate alone says of the known structures, and its standard deviation.
        discrepancy: its errors where the truth is known.
        posterior: of the properties of the known structures, (n, 13).
        selection_bias: (6,) by how much predictions of what was chosen for them are too high.
    """

    model: LatentModel
    request: BatchRequest
    known: Known
    visited: np.ndarray
    prediction: np.ndarray
    spread: np.ndarray
    discrepancy: Discrepancy
    posterior: Posterior
    selection_bias: np.ndarray

    def scores(self, posterior: Posterior) -> np.ndarray:
        """(k, n) what simulations promise, see `utilities`."""
        return utilities(self.request.goals, posterior, self.request.front)

    def promise(self, codes: np.ndarray, structures: Sequence[Microstructure] | None = None) -> np.ndarray:
        """(k, n) the same of codes (n, latent); goals on the grains count only where these are given."""
        posterior = self.discrepancy.correct(codes, *self.model.predict(codes))
        goals = self.request.goals
        grains = None
        if structures is None:
            goals = [goal for goal in goals if goal.quantity not in STRUCTURE]
        elif any(goal.quantity in STRUCTURE for goal in goals):
            grains = grain_properties(structures)
        posterior = with_derived(posterior, grains, self.request.material)
        return utilities(goals, posterior, self.request.front)


Found = tuple[list[Microstructure], list[int]]
"""Structures, and for each the row of its parent in `known`, or -1."""


def drawn(now: Situation) -> Found:
    """Fresh draws as they are."""
    known = now.known
    rows = top(np.where(known.simulated, -np.inf, now.scores(now.posterior)), 4 * now.request.count)
    rows = rows[~known.simulated[rows]]
    return [known.structures[i] for i in rows], [-1] * len(rows)


def steered(now: Situation) -> Found:
    """Structures near the goals, each steered as far as every one of `DEPTHS`."""
    reach = REACH * now.model.label_std
    rows = np.tile(_parents(now, reach, PARENTS * now.request.count), len(DEPTHS))
    estimate = now.posterior.mean[rows, : len(ANCHORS)]
    halves = [np.array_split(values, len(DEPTHS)) for values in (estimate, now.spread[rows])]
    aims = [aim(now.request.goals, middle, doubt, depth) for middle, doubt, depth in zip(*halves, DEPTHS, strict=True)]
    wanted, scale = (np.concatenate(column) for column in zip(*aims, strict=True))
    far = np.clip(np.abs(np.nan_to_num(wanted - estimate)) / reach, 0, 1)
    wanted += now.prediction[rows] - estimate + now.selection_bias * far.max(axis=1, keepdims=True)
    structures = now.model.steer_axes([now.known.structures[i] for i in rows], wanted, scale)
    return structures, rows.tolist()


def turned(now: Situation) -> Found:
    """Structures near the goals with the axis of one grain turned."""
    parents = _parents(now, REACH / 2 * now.model.label_std, TURNED_PARENTS)
    structures = [each for i in parents for each in rotate_one_grain(now.known.structures[i], ROTATIONS_RAD)]
    rows = top(now.promise(now.model.encode(structures), structures), 4 * now.request.count)
    children = [len(ROTATIONS_RAD) * now.known.structures[i].grain_angle_rad.size for i in parents]
    parent = np.repeat(parents, children)[rows]
    return [structures[i] for i in rows], parent.tolist()


def decoded(now: Situation) -> Found:
    """The best codes of the search as grains, by which they are judged in the end."""
    codes = np.unique(now.visited, axis=0)
    shortlist = codes[diverse_batch(now.promise(codes), codes, SHORTLIST * now.request.count)]
    return now.model.draw(shortlist), [-1] * len(shortlist)


BY_NAME: dict[str, Callable[[Situation], Found]] = {DRAWN: drawn, STEERED: steered, TURNED: turned, DECODED: decoded}
"""Every source, in the order in which they are asked."""


def _parents(now: Situation, reach: np.ndarray, count: int) -> np.ndarray:
    """Indices of the structures that steering promises most of: those it is likeliest to bring to the goals."""
    std = now.posterior.std
    std[:, : len(reach)] = np.hypot(std[:, : len(reach)], reach)
    return top(now.scores(Posterior.gaussian(now.posterior.mean, std)), count)


def rotate_one_grain(structure: Microstructure, rotations_rad: np.ndarray) -> list[Microstructure]:
    """Every structure with one grain's axis turned by one of these angles, grain by grain."""
    angles = structure.grain_angle_rad
    each = np.repeat(angles[None], angles.size * len(rotations_rad), axis=0)
    each[np.arange(len(each)), np.repeat(np.arange(angles.size), len(rotations_rad))] += np.tile(
        rotations_rad, angles.size
    )
    return [replace(structure, grain_angle_rad=turned) for turned in each]
