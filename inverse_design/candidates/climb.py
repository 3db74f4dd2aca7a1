"""A climb with the solver itself: structures near the goals, a few of their axes turned, chosen by what can be told
without any network.

A simulation takes a second or less, as long as a network takes to load. By the posterior of children of simulated
structures (`turned`) the acquisition function says what each of many promises, as it does for candidates of the
surrogate (`acquisition`); the most promising are turned further, some times over, as an evolution strategy does, which
costs no simulation. Those that are simulated are drawn with probabilities in proportion (a softmax, by the trick of
Gumbel 1954, so that not all are of one kind).
Where a phase may lie between the grains, promising structures are also looked at with other layers (see `layers`), and
their axes turned as above.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inverse_design.candidates.acquisition import depends_on_others, log_feasibility, utilities
from inverse_design.candidates.axis_statistics import AxisModel, axis_statistics
from inverse_design.candidates.candidate import REFINED, BatchRequest, Candidate
from inverse_design.candidates.distances import axis_distance_deg, rotation_deg
from inverse_design.candidates.error_model import Posterior, with_derived
from inverse_design.candidates.layers import VARIED_CELLS, VARIED_SHARE, layer_change, layer_spread, other_layers
from inverse_design.candidates.selection import top
from inverse_design.candidates.turned import posterior_of_turned
from inverse_design.goals import Goal
from inverse_design.properties import STRUCTURE, grain_properties, properties_turned
from simulation.anchors import ANCHORS
from simulation.microstructure import Microstructure, axis_angle

NEAR = 400
"""Structures whose axes are looked at, those nearest to the goals."""

PARENTS, CHILDREN = 8, 64
"""Structures that are climbed from, and children that are looked at of each, in each sweep."""

SWEEPS, KEPT = 4, 8
"""How often children are turned further, and how many of each parent's are."""

HEAT = 1.0
"""Scale of the noise in the choice, in natural logarithms of what is promised."""

REACHED = np.array([0.002, 0.02, 0.02, 0.02, 0.02, 0.02])
VARIED = np.array([0.0, 1.5, 0.02, 0.0, 0.0])
"""How far anchor points and `STRUCTURE` of children are from those of their parents, about, as standard deviations."""

ROTATION_RAD = 0.6
"""Standard deviation of the angles that axes are turned by."""

MOST_TURNED = 0.3
"""Share of the grains that are turned in one child, at most."""

STRETCHED, STRETCH = 8, 0.15
"""Of so many children in one all angles from the field are stretched, by a factor with this standard deviation."""


@dataclass(frozen=True, eq=False)
class Simulated:
    """Structures with known curves.

    Attributes:
        structures: n of them; those that are climbed from are drawn.
        anchors: (n, 6) as simulated; NaN where there are none.
        names: n words that say which each is, see `LabelledStructures`.
    """

    structures: Sequence[Microstructure]
    anchors: np.ndarray
    names: Sequence[str]


def climb(request: BatchRequest, known: Simulated, answers: Sequence[Microstructure], seed: int) -> list[Candidate]:
    """A batch of children of the most promising known structures.

    Args:
        request: what is wanted of the batch; its `answers` have codes and are not asked.
        known: what was simulated.
        answers: structures that meet the goals already; what differs from one of them by no more than
            `request.distinct_deg` is not proposed.
        seed: the same seed gives the same batch.
    """
    rng = np.random.default_rng(seed)
    near = nearest(request, known)
    if not len(near):
        return []
    model = axis_model(known, near)
    litters = [
        _litter(request, known, model, int(row), rng, layered)
        for row in promising(request, known, near)
        for layered in (None, *other_layers(known.structures[row], request.boundary, rng))
    ]
    scores = np.concatenate([litter.scores for litter in litters], axis=1)
    scores = scores + HEAT * rng.gumbel(size=scores.shape)
    which = np.repeat(np.arange(len(litters)), [litter.scores.shape[1] for litter in litters])
    place = np.concatenate([np.arange(litter.scores.shape[1]) for litter in litters])
    batch: list[Candidate] = []
    chosen: list[Microstructure] = []
    for row in top(scores, 40 * request.count + 1):
        if len(batch) == request.count:
            break
        candidate = litters[which[row]].candidate(int(place[row]), request.goals)
        child = candidate.structure
        if all(axis_distance_deg(child, other) > request.distinct_deg for other in (*answers, *chosen)):
            chosen.append(child)
            batch.append(candidate)
    return batch


@dataclass(frozen=True, eq=False)
class _Litter:
    """Children of one structure.

    Attributes:
        parent: their grains, and what lies between them.
        origin: the structure itself, which has another layer where that was changed.
        name: which it is.
        angle_rad: (n, grains) their axes.
        posterior: of their properties (n, 13).
        scores: (k, n) what simulations promise.
    """

    parent: Microstructure
    origin: Microstructure
    name: str
    angle_rad: np.ndarray
    posterior: Posterior
    scores: np.ndarray

    def candidate(self, row: int, goals: Sequence[Goal]) -> Candidate:
        """One of them, to simulate."""
        child = replace(self.parent, grain_angle_rad=self.angle_rad[row])
        mean, std = self.posterior.mean[row], self.posterior.std[row, : len(ANCHORS)]
        return Candidate(
            *(child, np.zeros(0), mean, std, REFINED),
            parent=self.name, rotated_deg=rotation_deg(child, self.origin),
            nearest=self.name, nearest_deg=axis_distance_deg(child, self.origin),
            hit_probability=float(np.exp(log_feasibility(goals, self.posterior[np.array([row])])[0])),
        )  # fmt: skip


def _litter(
    request: BatchRequest,
    known: Simulated,
    model: AxisModel,
    row: int,
    rng: np.random.Generator,
    layered: Microstructure | None = None,
) -> _Litter:
    """Children of one structure and, sweep by sweep, of the most promising of them.

    Args:
        layered: the structure with another layer between its grains, which is a child itself.
    """
    origin, anchors, spread = known.structures[row], known.anchors[row], None
    kept = axis_angle(origin.grain_angle_rad)[None]
    first = kept[:0]
    if layered is not None:
        shift, grown = layer_change(origin, layered, request.material)
        first, anchors, spread = kept, anchors + shift, layer_spread(grown)
    parent = origin if layered is None else layered
    angles, posteriors, found = kept[:0], list[Posterior](), list[np.ndarray]()
    for sweep in range(SWEEPS):
        turned = np.concatenate([first[: 0 if sweep else None], _turned(kept, rng)])
        of_turned = posterior_of_turned(model, parent, anchors, turned, request.material, spread)
        posteriors.append(_with_grains(of_turned, parent, turned, request))
        angles = np.concatenate([angles, turned])
        if depends_on_others(request.goals, request.front):
            found = [utilities(request.goals, Posterior.of(posteriors), request.front)]
        else:
            found.append(utilities(request.goals, posteriors[-1], request.front))
        scores = np.concatenate(found, axis=1)
        kept = angles[top(scores, KEPT)]
    return _Litter(parent, origin, known.names[row], angles, Posterior.of(posteriors), scores)


def nearest(request: BatchRequest, known: Simulated) -> np.ndarray:
    """Rows of the structures with curves nearest to the goals, as far as curves are asked for; `NEAR` at most."""
    rows = np.flatnonzero(np.isfinite(known.anchors).all(axis=1))
    posterior = with_derived(_varied(known.anchors[rows]), None, request.material)
    goals = [goal for goal in request.goals if goal.quantity not in STRUCTURE]
    return rows[top(utilities(goals, posterior), NEAR)]


def promising(request: BatchRequest, known: Simulated, near: np.ndarray) -> np.ndarray:
    """Rows of the structures to climb from, of those that are near: whose children are likeliest to meet the goals, or
    to improve."""
    posterior, grains = _varied(known.anchors[near]), None
    if any(goal.quantity in STRUCTURE for goal in request.goals):
        grains = grain_properties(known.structures[row] for row in near)
    varied = VARIED.copy()
    if request.boundary is not None:
        low, high = request.boundary.Js_T
        varied[-2:] = VARIED_CELLS * known.structures[near[0]].cell_nm, VARIED_SHARE * (high - low)
    posterior = with_derived(posterior, grains, request.material, varied)
    return near[top(utilities(request.goals, posterior, request.front), PARENTS)]


def axis_model(known: Simulated, near: np.ndarray) -> AxisModel:
    """What the axes' statistics of some rows say."""
    structures = [known.structures[row] for row in near]
    numbers = [axis_statistics(each, each.grain_angle_rad[None]) for each in structures]
    return AxisModel.of(np.concatenate(numbers), known.anchors[near])


def _varied(anchors: np.ndarray) -> Posterior:
    """Of what children of structures with these anchor points (n, 6) may have, before any is looked at."""
    return Posterior.gaussian(anchors, np.broadcast_to(REACHED, anchors.shape))


def _with_grains(
    posterior: Posterior, parent: Microstructure, angle_rad: np.ndarray, request: BatchRequest
) -> Posterior:
    """With all properties; what the grains have only where a goal asks for it."""
    structural = any(goal.quantity in STRUCTURE for goal in request.goals)
    return with_derived(posterior, properties_turned(parent, angle_rad) if structural else None, request.material)


def _turned(angle_rad: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(`CHILDREN`, grains) axes of these (m, grains) with one turned or several, up to `MOST_TURNED` of them, as many
    numbers as sizes of it; and some that are all brought nearer to the field, or taken away from it."""
    found = angle_rad[np.arange(CHILDREN) % len(angle_rad)].copy()
    count = found.shape[1]
    most = max(MOST_TURNED * count, 2.0)
    for number, angles in enumerate(found):
        if number % STRETCHED == 0:
            angles *= 1 + STRETCH * rng.normal()
        else:
            which = rng.choice(count, size=min(int(most ** rng.random()), count), replace=False)
            angles[which] += rng.normal(scale=ROTATION_RAD, size=which.size)
    return found
