"""How far structures are from one another, and that two answers which differ by little are one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from inverse_design.candidates.candidate import DRAWN, STEERED, TURNED
from inverse_design.candidates.distances import Change, Nearby, axis_distance_deg, rotation_deg
from inverse_design.candidates.propose import propose
from inverse_design.candidates.selection import diverse_batch
from inverse_design.run.verified import in_words
from simulation import Microstructure, Phase, voronoi
from tests.inverse_design.candidates.test_candidates import CODES, LABELLED, MODEL, STRUCTURES, known, request

HALVES = Microstructure(np.array([[0, 0, 0, 1], [0, 0, 0, 1]]), np.radians([10.0, 80.0]))


def rotated(structure: Microstructure, grain: int, degrees: float) -> Microstructure:
    angles = structure.grain_angle_rad.copy()
    angles[grain] += np.radians(degrees)
    return Microstructure(structure.grain_id, angles, structure.cell_nm)


@pytest.mark.parametrize(("degrees", "apart"), [(0, 0), (30, 30), (90, 90), (150, 30), (-20, 20), (180, 0), (360, 0)])
def test_an_axis_has_no_head_and_cells_count_by_their_number(degrees: float, apart: float) -> None:
    for grain, share in ((0, 0.75), (1, 0.25)):
        other = rotated(HALVES, grain, degrees)
        assert axis_distance_deg(HALVES, other) == pytest.approx(share * apart, abs=1e-9)
        assert axis_distance_deg(other, HALVES) == pytest.approx(share * apart, abs=1e-9)
        assert np.abs(rotation_deg(other, HALVES)[grain]) == pytest.approx(apart, abs=1e-9)


def test_layers_between_the_grains_make_another_magnet() -> None:
    """As far as axes can be, where a cell is of another phase; less, where the phases differ by a part."""
    grains = voronoi(40, 2, 5, 1.0, np.random.default_rng(0))
    thin, thick, weak = (grains.with_boundary(nm, Phase(1e-12, js)) for nm, js in ((2, 0.5), (4, 0.5), (4, 0.4)))
    share = [one.phase_map.mean() for one in (thin, thick)]
    assert axis_distance_deg(grains, thin) == pytest.approx(90 * share[0])
    assert axis_distance_deg(thin, thick) == axis_distance_deg(thick, thin) == pytest.approx(90 * (share[1] - share[0]))
    assert axis_distance_deg(thick, weak) == pytest.approx(90 * 0.2 * share[1])
    assert axis_distance_deg(thick, grains.with_boundary(4, Phase(1e-12, 0.5))) == 0
    assert axis_distance_deg(thin, thick) > 3  # what studies take for one answer by default
    turned = replace(thin, grain_angle_rad=thin.grain_angle_rad + np.radians(30))
    assert axis_distance_deg(thin, turned) == pytest.approx(30)


def test_what_was_changed_is_counted_where_the_grains_are_those_of_the_parent() -> None:
    child = rotated(HALVES, 1, 22.5)
    change = Change.of(child, rotation_deg(child, HALVES))
    assert change is not None
    assert (change.turned, change.grains, change.area) == (1, 2, 0.25)
    assert change.largest_deg == pytest.approx(22.5)
    assert change.in_words() == "1 of 2 grains turned, by 22.5 degrees, 25 % of the area"
    both = rotated(child, 0, -40.0)
    words = Change.of(both, rotation_deg(both, HALVES)).in_words()  # type: ignore[union-attr]
    assert words == "2 of 2 grains turned, by at most 40 degrees, 100 % of the area"
    other = Microstructure(HALVES.grain_id[:, ::-1], HALVES.grain_angle_rad)
    assert Change.of(other, rotation_deg(other, HALVES)) is None
    assert Change.of(HALVES, rotation_deg(HALVES, HALVES)).in_words() == "no grain turned"  # type: ignore[union-attr]


def test_the_nearest_is_found_by_its_axes_among_the_nearest_codes() -> None:
    several = Nearby([rotated(HALVES, 0, angle) for angle in (40, 8, 90)], np.array([[0.0], [1.0], [2.0]]))
    assert several.nearest(HALVES, np.array([0.0])) == (1, pytest.approx(6.0))
    assert Nearby([], np.zeros((0, 1))).nearest(HALVES, np.array([0.0])) == (-1, float("inf"))
    fine = HALVES.refine(2)
    assert several.nearest(fine, np.array([0.0]))[1] == float("inf")


def test_candidates_name_their_parent_and_what_was_changed() -> None:
    names = [f"label:{i}" for i in range(LABELLED)]
    named = replace(known(), names=[*names, *[""] * (len(STRUCTURES) - LABELLED)])
    by_name = dict(zip(names, STRUCTURES, strict=False))
    labelled = 0
    for candidate in propose(MODEL, request(8, STEERED, TURNED, DRAWN), CODES[:0], named):
        if candidate.source == DRAWN:
            assert (candidate.parent, candidate.change) == ("", None)
        else:
            assert candidate.change is not None
            assert candidate.change.turned >= 1
            assert candidate.source == STEERED or candidate.change.turned == 1
        if candidate.parent:
            labelled += 1
            parent = by_name[candidate.parent]
            assert np.array_equal(candidate.structure.grain_id, parent.grain_id)
            np.testing.assert_allclose(candidate.rotated_deg, rotation_deg(candidate.structure, parent))
            assert candidate.nearest_deg <= axis_distance_deg(candidate.structure, parent) + 1e-9
            assert in_words(candidate).startswith(f"Label {candidate.parent[6:]} with ")
        near = axis_distance_deg(candidate.structure, by_name[candidate.nearest])
        assert candidate.nearest_deg == pytest.approx(near)
    assert labelled


def test_two_answers_that_differ_by_less_than_some_degrees_are_one() -> None:
    """Neither near what meets the goals already nor near one another; other labels may be as near as they like."""
    plain = propose(MODEL, request(6, STEERED, TURNED), CODES[:0], known())
    first = plain[0].structure
    assert sum(axis_distance_deg(first, each.structure) <= 3 for each in plain) > 0
    answers = Nearby([first], plain[0].code[None])
    batch = propose(MODEL, replace(request(6, STEERED, TURNED), answers=answers, distinct_deg=3.0), CODES[:0], known())
    chosen = [each.structure for each in batch]
    assert len(chosen) > 1
    assert all(axis_distance_deg(first, each) > 3 for each in chosen)
    assert all(axis_distance_deg(a, b) > 3 for i, a in enumerate(chosen) for b in chosen[:i])
    assert min(each.nearest_deg for each in batch) < 3


def test_a_batch_is_smaller_rather_than_twice_the_same() -> None:
    codes = np.eye(5)
    far = diverse_batch(np.arange(5.0), codes, 4, lambda index, chosen: all(abs(index - i) > 1 for i in chosen))
    assert far.tolist() == [4, 2, 0]
