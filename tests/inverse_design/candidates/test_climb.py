"""The climb of the solver: what it expects of children, which it proposes, and that it needs no network."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from inverse_design.candidates.axis_statistics import axis_statistics
from inverse_design.candidates.candidate import REFINED, BatchRequest
from inverse_design.candidates.climb import Simulated, axis_model, climb
from inverse_design.candidates.distances import axis_distance_deg
from inverse_design.candidates.turned import HALF, posterior_of_turned
from inverse_design.goals import Goal
from inverse_design.properties import structure_properties
from inverse_design.run.verified import in_words
from simulation import Boundary, FieldSweep, Microstructure, Purpose, StructureFamily, demagnetization_curve

FAMILY = StructureFamily(40, 2, (6, 12), (0.0, 2.0))
STRUCTURES = list(FAMILY.stream(3, Purpose.BENCHMARK, 0, 30))


def anchors_of(structure: Microstructure) -> np.ndarray:
    """A magnet without interactions: Mr is the mean of |cos|, and every field falls with it."""
    remanence = float(np.abs(np.cos(structure.angle_rad)).mean())
    return np.array([0.5 + remanence / 2, remanence, *(remanence * share for share in (0.3, 0.35, 0.4, 0.5))])


KNOWN = Simulated(STRUCTURES, np.array([anchors_of(one) for one in STRUCTURES]), [f"label:{i}" for i in range(30)])
MODEL = axis_model(KNOWN, np.arange(len(STRUCTURES)))


def request(*goals: Goal, count: int = 4) -> BatchRequest:
    return BatchRequest(goals, count, distinct_deg=0.0)


def test_remanence_of_a_child_is_told_from_its_parent_and_an_unturned_child_stays() -> None:
    parent = STRUCTURES[0]
    turned = parent.grain_angle_rad.copy()
    turned[0] += 0.7
    child = Microstructure(parent.grain_id, turned, parent.cell_nm)
    axes = np.array([child.grain_angle_rad, parent.grain_angle_rad])
    posterior = posterior_of_turned(MODEL, parent, KNOWN.anchors[0], axes)
    np.testing.assert_allclose(posterior.persist_mean[:, 1], [anchors_of(child)[1], anchors_of(parent)[1]], atol=1e-12)
    assert posterior.persist_probability[1, 5] == 1
    area = (parent.grain_id == 0).mean()
    apart = area * math.sin(0.7) ** 2
    assert posterior.persist_probability[0, 5] == pytest.approx(1 / (1 + math.sqrt(apart / HALF)))
    assert (posterior.persist_std[0] > posterior.persist_std[1]).all()


def test_children_far_from_their_parents_go_where_the_statistics_of_their_axes_say() -> None:
    parent = STRUCTURES[0]
    turned = 0.5 * STRUCTURES[0].grain_angle_rad
    child = Microstructure(parent.grain_id, turned, parent.cell_nm)
    posterior = posterior_of_turned(MODEL, parent, KNOWN.anchors[0], turned[None])
    said = MODEL.predict(axis_statistics(child, turned[None]))[0][0]
    assert abs(said[5] - anchors_of(child)[5]) < 0.3 * abs(KNOWN.anchors[0, 5] - anchors_of(child)[5])
    assert abs(posterior.change_mean[0, 5] - said[5]) < 0.2 * abs(said[5] - KNOWN.anchors[0, 5])


def test_beyond_all_axes_that_were_simulated_the_statistics_admit_that_they_know_little() -> None:
    near = [one for one in STRUCTURES if anchors_of(one)[1] > 0.8]
    narrow = replace(KNOWN, structures=near, anchors=np.array([anchors_of(one) for one in near]))
    model = axis_model(narrow, np.arange(len(near)))
    one = STRUCTURES[0]
    inside, outside = (model.predict(axis_statistics(one, angle * np.ones((1, one.grain_angle_rad.size))))[1][0, 5]
                       for angle in (0.4, 1.5))  # fmt: skip
    assert outside > 1.5 * inside
    assert outside > 0.9 * model.spread[5]


def test_children_come_nearer_to_a_remanence_that_no_parent_has() -> None:
    there = np.sort(KNOWN.anchors[:, 1])
    gap = int(np.diff(there).argmax())
    wanted = float(there[gap : gap + 2].mean())
    batch = climb(request(Goal("Mr", wanted, 0.002)), KNOWN, (), seed=1)
    assert len(batch) == 4
    found = np.array([anchors_of(candidate.structure)[1] for candidate in batch])
    assert np.abs(found - wanted).max() < 0.5 * np.abs(there - wanted).min()
    for candidate in batch:
        assert candidate.source == REFINED
        assert candidate.parent == candidate.nearest
        parent = STRUCTURES[int(candidate.parent.partition(":")[2])]
        assert candidate.nearest_deg == axis_distance_deg(candidate.structure, parent) > 0
        assert candidate.change is not None


def test_the_same_seed_gives_the_same_batch_and_another_another() -> None:
    asked = request(Goal("Mr", 0.8, 0.01))
    hashes = [[c.structure.content_hash for c in climb(asked, KNOWN, (), seed)] for seed in (1, 1, 2)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_what_is_no_other_answer_is_not_proposed() -> None:
    asked = replace(request(Goal("Mr", 0.8, 0.01), count=6), distinct_deg=3.0)
    batch = climb(asked, KNOWN, STRUCTURES, seed=1)
    every = [candidate.structure for candidate in batch]
    assert batch
    for number, one in enumerate(every):
        assert all(axis_distance_deg(one, other) > 3 for other in (*STRUCTURES, *every[:number]))


def test_what_the_grains_have_can_be_climbed_to() -> None:
    goals = Goal("axis_spread_deg", direction="maximize"), Goal("Mr", at_least=0.6)
    best = max((structure_properties(one)[1], number) for number, one in enumerate(STRUCTURES))
    row = np.concatenate([KNOWN.anchors[best[1]], np.zeros(2), structure_properties(STRUCTURES[best[1]])])
    asked = replace(request(*goals), front=row[None])
    spreads = [structure_properties(candidate.structure)[1] for candidate in climb(asked, KNOWN, (), seed=2)]
    assert max(spreads) > best[0]


def test_it_knows_what_no_curve_came_of() -> None:
    anchors = KNOWN.anchors.copy()
    anchors[5:] = np.nan
    batch = climb(request(Goal("Mr", 0.8, 0.01)), replace(KNOWN, anchors=anchors), (), seed=1)
    assert {candidate.parent for candidate in batch} <= {f"label:{i}" for i in range(5)}
    assert climb(request(Goal("Mr", 0.8, 0.01)), replace(KNOWN, anchors=anchors * np.nan), (), seed=1) == []


def test_it_needs_no_network() -> None:
    code = (
        "import sys, inverse_design.run.refining as m; sys.exit('tensorflow' in sys.modules or 'keras' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_it_expects_is_about_what_the_solver_says() -> None:
    parent = STRUCTURES[1]
    turned = parent.grain_angle_rad.copy()
    turned[1] += 0.4
    child = Microstructure(parent.grain_id, turned, parent.cell_nm)
    before, after = (
        demagnetization_curve(one, sweep=FieldSweep(step=0.05, until="coercivity")).anchors.as_array()
        for one in (parent, child)
    )
    expected = posterior_of_turned(MODEL, parent, before, child.grain_angle_rad[None]).mean[0, 1]
    assert abs(after[1] - expected) < 0.3 * abs(before[1] - after[1])


LAYERS = Boundary((0.0, 6.0), (0.2, 0.8), 8e-13)


def test_layers_are_climbed_to_within_those_of_the_family() -> None:
    """And grains without one get one; where nothing may lie between the grains, nothing does."""
    goals = Goal("boundary_nm", at_least=1.0), Goal("boundary_Js_T", at_least=0.45, at_most=0.55), Goal("Mr", 0.7, 0.2)
    batch = climb(replace(request(*goals, count=8), boundary=LAYERS), KNOWN, (), seed=4)
    assert len(batch) == 8
    for candidate in batch:
        (found,), thickness_nm = candidate.structure.phases, candidate.structure.boundary_nm
        assert found == LAYERS.phase(found.Js_T)
        assert thickness_nm == 2.0  # one cell more than the parent's
        assert 0.45 <= found.Js_T <= 0.55
        parent = STRUCTURES[int(candidate.parent.partition(":")[2])]
        assert candidate.nearest_deg == axis_distance_deg(candidate.structure, parent) > 0
        assert candidate.change is not None  # told from the parent's grains
        between = f"; between its grains 2 nm of a phase with Js of {found.Js_T:.3g} T."
        assert between in in_words(candidate)
        assert "or its boundary changed: " in in_words(candidate)
    assert not any(candidate.structure.phases for candidate in climb(request(Goal("Mr", 0.8)), KNOWN, (), seed=4))


def test_a_layer_of_known_curves_is_made_thinner() -> None:
    """Of structures with layers of 4 and 6 nm, the ones with 4 have children with 2."""
    layered = [one.with_boundary(4 + 2 * (i % 2), LAYERS.phase(0.5)) for i, one in enumerate(STRUCTURES)]
    known = replace(KNOWN, structures=layered)
    goals = Goal("boundary_nm", at_least=1.0, direction="minimize"), Goal("Mr", at_least=0.3)
    best = np.concatenate([KNOWN.anchors[0], np.zeros(2), structure_properties(layered[0])])
    asked = replace(request(*goals), boundary=LAYERS, front=best[None])
    assert min(candidate.structure.boundary_nm for candidate in climb(asked, known, (), seed=2)) == 2.0
