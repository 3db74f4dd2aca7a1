"""A climb with the solver itself: structures near the goals, a few of their axes turned, chosen by what can be told
without any network.

A simulation takes a second or less, as long as a network takes to load. What a child's curve will be is told from its
parent's, which was simulated. With w_i the share of the area of grain i, a_i its axis from the field, d_i by how much
it was turned,

    D = sum_i w_i (|cos(a_i + d_i)| - |cos a_i|)          by how much Mr changes if each grain stays where it is
    u = sum_i w_i sin^2 d_i                               how much is another magnet than before

As near what a surrogate is corrected by (`error_model`), a curve either stays what it is but for a little, or another
avalanche decides it: with the probability p an anchor point y of the child is

    y_parent + SLOPE D + DRIFT sqrt(u / UNIT) N(0, 1),         p = 1 / (1 + sqrt(u / HALF)),

and y_parent + SLOPE D + JUMP N(0, 1) else. The constants are read off children that were simulated (`python -m
studies.benchmarks.climb`).

Where there is a phase between the grains, its thickness and polarisation are changed, too. With s the Js of a cell over
that of the main phase, shares of the area above count s times, and by what is changed there

    M1 and Mr change by the means of s and of s |cos a| over the cells,
    all anchor points by LAYER_SLOPE w + LAYER_SPREAD sqrt(|w| / LAYER_UNIT) N(0, 1),

where w is by how much the moment of the layer, the sum of s over its cells over that of all cells, has grown (`python
-m studies.benchmarks.climb --boundary`).

By this posterior the acquisition function says what each of many children promises, as it does for candidates of the
surrogate (`acquisition`), and those that are simulated are drawn with probabilities in proportion (a softmax, by the
trick of Gumbel 1954, so that not all are of one kind).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inverse_design.candidates.acquisition import utilities
from inverse_design.candidates.candidate import REFINED, BatchRequest, Candidate
from inverse_design.candidates.distances import axis_distance_deg, rotation_deg
from inverse_design.candidates.error_model import Posterior, with_derived
from inverse_design.candidates.selection import top
from inverse_design.properties import STRUCTURE
from simulation.anchors import ANCHORS
from simulation.material import Material, Nd2Fe14B
from simulation.microstructure import Microstructure, axis_angle
from simulation.sampling import Boundary

SLOPE = np.array([0.1, 1.0, 0.0, 0.0, 0.0, 0.0])
DRIFT = np.array([0.0002, 0.0008, 0.003, 0.004, 0.004, 0.004])
JUMP = np.array([0.0006, 0.004, 0.03, 0.035, 0.035, 0.035])
UNIT, HALF = 0.003, 0.002
"""Of M1, Mr, Hk90, Hk80, Hk70 and Hc, see above."""

LAYER_SLOPE = np.array([0.0, 0.0, -1.6, -2.0, -1.8, -1.1])
LAYER_SPREAD = np.array([0.0015, 0.0025, 0.023, 0.028, 0.028, 0.028])
LAYER_UNIT = 0.02
"""The same of a layer between the grains that is changed, with free spins."""

PARENTS, CHILDREN = 8, 64
"""Structures that are climbed from, and children that are looked at of each."""

ROTATION_RAD = 0.6
"""Standard deviation of the angles that axes are turned by."""

MOST_TURNED = 0.3
"""Share of the grains that are turned in one child, at most."""

STRETCHED, STRETCH = 8, 0.15
"""Of so many children in one all angles from the field are stretched, by a factor with this standard deviation."""

LAYERED, THICKER_CELLS, STRONGER = 2, 1, 0.15
"""Of so many children in one the layer between the grains is another: thicker or thinner by up to so many cells, its
polarisation by this standard deviation of the family's range; of every other one no axis is turned."""


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
    parents = promising(request, known)
    children = [_children(known.structures[row], request.boundary, rng) for row in parents]
    structures = [child for of_parent in children for child in of_parent]
    if not structures:
        return []
    of = np.repeat(parents, [len(each) for each in children])
    posterior = posterior_of_children(
        [known.structures[row] for row in of], known.anchors[of], structures, request.material
    )
    structural = any(goal.quantity in STRUCTURE for goal in request.goals)
    posterior = with_derived(posterior, structures if structural else None, request.material)
    scores = utilities(request.goals, posterior, request.best)
    scores = scores + rng.gumbel(size=scores.shape)
    batch: list[Candidate] = []
    chosen: list[Microstructure] = []
    for row in top(scores, 40 * request.count + 1):
        child = structures[row]
        if len(batch) == request.count:
            break
        parent = int(of[row])
        away = axis_distance_deg(child, known.structures[parent])
        if not away or any(axis_distance_deg(child, other) <= request.distinct_deg for other in (*answers, *chosen)):
            continue
        mean, std, name = posterior.mean[row], posterior.std[row, : len(ANCHORS)], known.names[parent]
        turned = rotation_deg(child, known.structures[parent])
        chosen.append(child)
        batch.append(
            Candidate(
                *(child, np.zeros(0), mean, std, REFINED),
                parent=name, rotated_deg=turned, nearest=name, nearest_deg=away,
            )
        )  # fmt: skip
    return batch


def promising(request: BatchRequest, known: Simulated) -> np.ndarray:
    """Rows of the structures to climb from: those whose children are likeliest to meet the goals, or to improve."""
    rows = np.flatnonzero(np.isfinite(known.anchors).all(axis=1))
    posterior = _posterior(known.anchors[rows], np.full(len(rows), UNIT))
    goals = [goal for goal in request.goals if goal.quantity not in STRUCTURE]
    scores = utilities(goals, with_derived(posterior, None, request.material), request.best)
    return rows[top(scores, PARENTS)]


def posterior_of_children(
    parents: Sequence[Microstructure],
    anchors: np.ndarray,
    children: Sequence[Microstructure],
    material: Material = Nd2Fe14B,
) -> Posterior:
    """The posterior of the anchor points (n, 6) of children with the grains of their parents, whose own (n, 6) are
    known.

    Args:
        material: of the main phase.
    """
    change, apart = changes(parents, children, material)
    mean, layer = anchors + SLOPE * change[:, None], np.zeros(len(children))
    for row, (parent, child) in enumerate(zip(parents, children, strict=True)):
        if child.phases or parent.phases:
            shift, layer[row] = layer_change(parent, child, material)
            mean[row] += shift
    return _posterior(mean, apart, np.abs(layer))


def changes(
    parents: Sequence[Microstructure], children: Sequence[Microstructure], material: Material = Nd2Fe14B
) -> tuple[np.ndarray, np.ndarray]:
    """D and u (n,) of children with the grains of their parents, see above."""
    change, apart = np.zeros(len(children)), np.zeros(len(children))
    for row, (parent, child) in enumerate(zip(parents, children, strict=True)):
        before, after = parent.grain_angle_rad, child.grain_angle_rad
        strength = (parent.polarization_T(material) / material.Js_T).ravel() if parent.phases else None
        area = np.bincount(parent.grain_id.ravel(), strength, minlength=len(before)) / parent.grain_id.size
        change[row] = np.sum(area * (np.abs(np.cos(after)) - np.abs(np.cos(before))))
        apart[row] = np.sum(area * np.sin(after - before) ** 2)
    return change, apart


def layer_change(parent: Microstructure, child: Microstructure, material: Material) -> tuple[np.ndarray, float]:
    """(6,) by how much anchor points change with what lies between the grains, and w, see above."""
    before, after = (one.polarization_T(material) / material.Js_T for one in (parent, child))
    moments = [float((s * (one.phase_map > 0)).mean()) for s, one in ((before, parent), (after, child))]
    shift = LAYER_SLOPE * (moments[1] - moments[0])
    shift[0] += float((after - before).mean())
    shift[1] += float(((after - before) * np.abs(np.cos(child.angle_rad))).mean())
    return shift, moments[1] - moments[0]


def _posterior(mean: np.ndarray, apart: np.ndarray, layer: np.ndarray | None = None) -> Posterior:
    """Of anchor points about `mean` (n, 6) of children that differ by `apart` (n,), u, and `layer` (n,), |w|."""
    persists = 1 / (1 + np.sqrt(apart / HALF))[:, None]
    drift = DRIFT * np.sqrt(np.maximum(apart, 1e-2 * UNIT) / UNIT)[:, None]
    jump, probability = (np.broadcast_to(each, mean.shape) for each in (JUMP, persists))
    if layer is not None and layer.any():
        spread = LAYER_SPREAD * np.sqrt(layer / LAYER_UNIT)[:, None]
        drift, jump = np.hypot(drift, spread), np.hypot(jump, spread)
    return Posterior(mean, jump, mean, drift, probability)


def _children(parent: Microstructure, boundary: Boundary | None, rng: np.random.Generator) -> list[Microstructure]:
    """Copies with one axis or several turned, up to `MOST_TURNED` of them, as many numbers as sizes of it; and some
    whose axes are all brought nearer to the field, or taken away from it. Where a boundary may lie between the grains,
    that of some is changed, be it with the axes or alone."""
    layers = boundary is not None and (not parent.phases or parent.boundary_nm > 0)
    angles, found = axis_angle(parent.grain_angle_rad), []
    for number in range(CHILDREN):
        if number % STRETCHED == 0:
            turned = angles * (1 + STRETCH * rng.normal())
        else:
            most = max(MOST_TURNED * angles.size, 2.0)
            which = rng.choice(angles.size, size=min(int(most ** rng.random()), angles.size), replace=False)
            turned = angles.copy()
            turned[which] += rng.normal(scale=ROTATION_RAD, size=which.size)
        child = replace(parent, grain_angle_rad=turned)
        if boundary is not None and layers and number % LAYERED:
            child = with_other_layer(child if number % (2 * LAYERED) == 1 else parent, boundary, rng)
        found.append(child)
    return found


def with_other_layer(grains: Microstructure, boundary: Boundary, rng: np.random.Generator) -> Microstructure:
    """The same grains with a layer that is thicker or thinner, or of another polarisation, within what the family has.

    Those that had none get one of any polarisation.
    """
    cell_nm, (thin, thick) = grains.cell_nm, boundary.cells(grains.cell_nm)
    cells = round(grains.boundary_nm / cell_nm) + int(rng.integers(-THICKER_CELLS, THICKER_CELLS, endpoint=True))
    low, high = boundary.Js_T
    drawn_T = float(rng.uniform(low, high))
    if grains.phases:
        drawn_T = float(np.clip(grains.phases[0].Js_T + STRONGER * (high - low) * rng.normal(), low, high))
    thickness_nm = min(max(cells, thin), thick) * cell_nm
    return grains.without_phases().with_boundary(thickness_nm, boundary.phase(drawn_T))
