"""What a page holds: picking, morphing, turning, undoing, goals, and what was simulated; without a browser."""

from __future__ import annotations

import math

import numpy as np
import pytest

from inverse_design.explore import words
from inverse_design.explore.prediction import predict
from inverse_design.explore.state import MOST_SIMULATED, Session
from inverse_design.goals import Goal
from inverse_design.properties import Column, structure_properties
from simulation import InputError, Microstructure
from simulation.labels.film import film
from surrogate.novelty import SLOPE
from tests.inverse_design.explore.stand_ins import atlas, atlas_of_run


def session(*picks: int) -> Session:
    made = Session(atlas())
    for end, row in enumerate(picks):
        made.pick(row, end)
    return made


def test_a_morph_begins_and_ends_with_the_structures_themselves() -> None:
    page = session(2, 7)
    for alpha, row in ((0.0, 2), (1.0, 7)):
        page.morph(alpha)
        assert page.shown.structure == atlas().structures[row]
        assert (page.shown.row, page.shown.words) == (row, f"label {row}")
        assert page.curve() is not None


def test_a_morph_is_drawn_from_the_code_on_the_straight_line() -> None:
    page = session(2, 7)
    page.morph(0.25)
    code = 0.75 * atlas().codes[2] + 0.25 * atlas().codes[7]
    assert page.shown.structure == atlas().model.draw(code[None])[0]
    assert page.shown.words == "25 % of the way from label 2 to label 7"
    assert page.curve() is None
    assert page.anchors() is None


def test_what_is_predicted_is_of_the_grains_that_are_shown() -> None:
    page = session(2, 7)
    page.morph(0.25)
    code = atlas().model.encode([page.shown.structure])
    np.testing.assert_allclose(page.prediction().mean, atlas().model.predict(code)[0][0])


def test_a_strange_structure_is_predicted_with_wider_deviations() -> None:
    one_grain = Microstructure(np.zeros((20, 20), int), np.array([0.1]))
    known, strange = predict(atlas().model, atlas().structures[0]), predict(atlas().model, one_grain)
    assert (known.novelty, strange.novelty) == (0.0, 1.4)
    np.testing.assert_allclose(strange.std, np.hypot(0.01, SLOPE * 0.4 * atlas().model.label_std))
    assert (strange.std > known.std).all()


@pytest.mark.parametrize("alpha", [-0.1, 1.1, math.nan])
def test_a_morph_beyond_its_ends_is_refused(alpha: float) -> None:
    page = session(2, 7)
    with pytest.raises(InputError, match="from 0 to 1"):
        page.morph(alpha)


def test_nothing_can_be_done_before_something_is_picked() -> None:
    page = session()
    for act in (lambda: page.morph(0.5), lambda: page.turn_to(1.0), page.merge, page.split, page.job):
        with pytest.raises(InputError):
            act()
    assert page.is_empty


@pytest.mark.parametrize(("text", "row"), [("label 3", 3), (" 3 ", 3), ("label  11", 11)])
def test_a_point_is_found_by_its_name(text: str, row: int) -> None:
    assert session().row_named(text) == row


@pytest.mark.parametrize("text", ["", "label 99", "x", "9" * 400, "label -1", "３" * 20])
def test_a_name_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="no point"):
        session().row_named(text)


def test_turning_a_grain_turns_no_other_and_no_cell() -> None:
    page = session(4)
    before = page.shown.structure
    grain = page.choose_grain(5.0, 35.0)
    assert grain is not None
    page.turn_to(30.0)
    after = page.shown.structure
    assert after.grain_angle_rad[grain] == pytest.approx(math.radians(30))
    others = np.arange(before.grain_angle_rad.size) != grain
    np.testing.assert_array_equal(after.grain_angle_rad[others], before.grain_angle_rad[others])
    np.testing.assert_array_equal(after.grain_id, before.grain_id)
    assert page.shown.row is None, "it is no point of the map any more"
    assert page.prediction().mean[1] != predict(atlas().model, before).mean[1]
    nearest, away = page.nearest()
    assert nearest == 4
    share = float(np.mean(before.grain_id == grain))
    turned = 30 - math.degrees(before.grain_angle_rad[grain])
    assert away == pytest.approx(share * min(abs(turned), 180 - abs(turned)), rel=1e-6)


def test_a_drag_is_undone_as_one_step_and_done_again() -> None:
    page = session(4)
    start = page.shown.structure
    page.choose_grain(5.0, 35.0)
    for degrees in (10, 20, 30):
        page.turn_to(degrees)
    turned = page.shown.structure
    page.choose_grain(5.0, 35.0)
    page.turn_by(5)
    page.undo()
    assert page.shown.structure == turned
    page.undo()
    assert page.shown.structure == start
    page.redo()
    assert page.shown.structure == turned
    page.turn_by(1)
    assert not page.history.can_redo, "a new step ends what could be done again"


def test_grains_are_gone_through_as_one_reads_and_round_again() -> None:
    page = session(4)
    seen = [page.next_grain(1) for _ in range(page.shown.structure.grains)]
    assert sorted(seen) == list(range(page.shown.structure.grains))
    assert page.next_grain(1) == seen[0]
    assert page.next_grain(-1) == seen[-1]
    assert page.choose_grain(-1.0, 5.0) is None
    assert page.grain == seen[-1]


def test_a_merge_and_a_split_can_be_undone() -> None:
    page = session(4)
    start, grains = page.shown.structure, page.shown.structure.grains
    page.next_grain(1)
    page.split()
    assert page.shown.structure.grains == grains + 1
    page.merge()
    assert page.shown.structure.grains == grains
    page.undo()
    page.undo()
    assert page.shown.structure == start
    assert page.grain is None or page.grain < grains


def test_a_goal_is_a_band_and_says_how_likely_it_is_met() -> None:
    page = session(4)
    mean = page.prediction().mean
    assert page.chance() == 1.0
    page.set_goal("Mr", mean[1] + 0.01, mean[1] - 0.01)
    (goal,) = page.wanted()
    assert goal.window == pytest.approx((mean[1] - 0.01, mean[1] + 0.01))
    assert page.chance() == pytest.approx(math.erf(1 / math.sqrt(2)), abs=1e-6), "one standard deviation on either side"
    page.drop_goal("Mr")
    assert page.wanted() == []


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        *[("Mx", 0, 1), ("Mr", math.nan, 1), ("Hc", 0.1, math.inf), ("Hc", -5, 0.1)],
        *[("axis_spread_deg", -1, 20), ("grain_size_nm", 1, 1e4), ("boundary_nm", 0, 2)],
    ],
)
def test_a_goal_that_is_none_is_refused(name: str, low: float, high: float) -> None:
    with pytest.raises(InputError):
        session(4).set_goal(name, low, high)


def test_what_the_grains_have_is_a_goal_too_and_certain() -> None:
    page = session(4)
    spread = structure_properties(page.shown.structure)[1]
    page.set_goal("axis_spread_deg", spread - 1, spread + 1)
    assert page.chance() == pytest.approx(1.0)
    assert page.expected().mean[0, Column.axis_spread_deg] == pytest.approx(spread)
    page.set_goal("axis_spread_deg", spread + 1, spread + 2)
    assert page.chance() == pytest.approx(0.0, abs=1e-9)
    page.drop_goal("axis_spread_deg")
    page.set_goal("squareness", 0.0, 1.0)
    assert 0 < page.chance() <= 1
    assert "squareness" in words.values_table(page)


def test_a_run_brings_its_goals(tmp_path: object) -> None:
    page = Session(atlas_of_run(tmp_path, (Goal("Hc", at_least=0.4), Goal("Hk90", direction="maximize"))))
    assert page.goals == {"Hc": (0.4, 1.0)}


def test_what_was_simulated_belongs_to_its_structure() -> None:
    page = session(2, 7)
    page.morph(0.5)
    done = film(page.job())
    page.morph(0.75)
    page.receive(done)
    assert page.curve() is None, "it came for another structure"
    page.undo()
    page.morph(0.5)
    assert page.curve() is not None
    np.testing.assert_array_equal(page.anchors(), done.label.anchors.as_array())


def test_a_page_forgets_the_oldest_of_many_simulations() -> None:
    page = session(2)
    label = film(page.job()).label
    for number in range(MOST_SIMULATED + 5):
        page.receive_check(f"{number}", "finer mesh", label)
    assert len(page.simulated) == MOST_SIMULATED
    assert "0" not in page.simulated


def test_two_pages_share_nothing() -> None:
    one, other = session(2), session(5)
    one.choose_grain(5.0, 5.0)
    one.turn_by(40)
    one.set_goal("Mr", 0.7, 0.8)
    assert other.shown.structure == atlas().structures[5]
    assert (other.goals, other.grain, other.history.can_undo) == ({}, None, False)
