"""What follows from a curve and from the grains, and goals on it."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import spearmanr

from inverse_design.goals import Goal, hits, objectives
from inverse_design.properties import (
    PROPERTIES,
    UNITS,
    Column,
    derived_from_anchors,
    derived_from_curve,
    structure_properties,
)
from inverse_design.search.problem import LatentProblem, Plausibility, drift, limit, spread
from inverse_design.search.structure_guess import StructureGuess
from inverse_design.study.reading import parse_study
from simulation import ANCHORS, Microstructure, Nd2Fe14B, Purpose, StructureFamily, anchor_points

QUARTERS = np.kron(np.array([[0, 1], [2, 3]]), np.ones((10, 10), int))


def test_the_first_columns_are_the_anchor_points_in_their_order() -> None:
    assert PROPERTIES[: len(ANCHORS)] == ANCHORS
    assert [Column[name] for name in ANCHORS] == list(range(6))
    assert set(UNITS) == set(PROPERTIES)


def test_no_magnet_has_more_than_a_quarter_of_mu0_ms_squared() -> None:
    """mu0 Ms^2 / 4 = Js^2 / (4 mu0): 516 kJ/m3 of Nd2Fe14B with Js = 1.61 T."""
    assert Nd2Fe14B.maximum_energy_product_J_per_m3 == pytest.approx(515.7e3, rel=1e-3)


def test_a_rectangular_loop_has_the_most_energy_and_is_square() -> None:
    h = np.round(np.arange(1, -1.01, -0.01), 2)
    m = np.where(h > -0.6, 1.0, -1.0)
    anchors = anchor_points(h, m).as_array()
    squareness, product = derived_from_curve(h, m, anchors, Nd2Fe14B)
    assert squareness == pytest.approx(1, abs=0.02)
    assert product == pytest.approx(1, abs=1e-6)  # mu0 Mr^2 / 4, without any field applied
    np.testing.assert_allclose(derived_from_anchors(anchors[None], Nd2Fe14B)[0], [squareness, 1], atol=0.01)


def test_the_energy_product_of_anchor_points_is_that_of_the_straight_lines_through_them() -> None:
    anchors = np.array([0.95, 0.8, 0.1, 0.15, 0.2, 0.3])
    h = np.array([1, 0, *-anchors[2:]])
    m = np.array([0.95, 0.8, 0.72, 0.64, 0.56, 0])
    fine = np.linspace(1, -0.3, 2001)
    found = derived_from_curve(fine, np.interp(fine, h[::-1], m[::-1]), anchors, Nd2Fe14B)
    np.testing.assert_allclose(derived_from_anchors(anchors[None], Nd2Fe14B)[0], found, atol=2e-3)


def test_properties_of_four_square_grains() -> None:
    angles = np.radians([0, 10, 0, 40])
    size, spread, low, *between = structure_properties(Microstructure(QUARTERS, angles, 2.0))
    assert between == [0, 0]
    assert size == pytest.approx(2 * math.sqrt(100 / math.pi) * 2)
    assert low == pytest.approx(0.5)  # 0-10 and 0-0 are low, 10-40 and 0-40 are not; all four are of one length
    resultant = abs(np.mean(np.exp(2j * angles)))
    assert spread == pytest.approx(math.degrees(math.sqrt(-2 * math.log(resultant)) / 2))


def test_spread_of_axes_knows_no_head_and_is_the_standard_deviation_where_small() -> None:
    angles = np.random.default_rng(0).normal(0, 0.1, 400)
    ids = np.arange(400).reshape(20, 20)
    turned = Microstructure(ids, angles + math.pi * (np.arange(400) % 2), 2.0)
    assert structure_properties(turned)[1] == pytest.approx(math.degrees(angles.std()), rel=0.02)
    assert structure_properties(Microstructure(np.zeros((8, 8), int), np.array([0.3]), 2.0)).tolist()[1:] == [
        0,
        1,
        0,
        0,
    ]


def test_properties_are_told_from_the_decoded_field() -> None:
    family = StructureFamily(80, 2, (4, 60))
    structures = list(family.stream(0, Purpose.BENCHMARK, 0, 120))
    codes = np.arange(120.0)[:, None]

    def decode(codes: np.ndarray) -> np.ndarray:
        angle = np.stack([structures[int(i)].angle_rad for i in codes[:, 0]])
        return np.stack([np.sin(2 * angle), np.cos(2 * angle)], axis=-1)

    guess = StructureGuess(decode, structures[:80], codes[:80])(codes[80:])
    exact = np.array([structure_properties(structure) for structure in structures[80:]])
    for column in range(3):
        order = spearmanr(guess[:, column], exact[:, column]).statistic
        assert order > 0.7, (PROPERTIES[8 + column], order)  # a guess: candidates are judged by their grains


def test_goals_on_more_than_anchors_are_judged_by_their_own_columns() -> None:
    goals = (Goal("axis_spread_deg", direction="maximize"), Goal("BHmax", at_least=0.5), Goal("grain_size_nm", 20, 2))
    values = np.full((2, len(PROPERTIES)), 0.3)
    values[:, 7], values[:, 8], values[:, 9] = [0.6, 0.4], 21, [30, 40]
    np.testing.assert_allclose(objectives(goals, values), [[-30, 0.5], [-40, 0.5]])
    assert hits(goals, values).tolist() == [True, False]


def test_limits_are_constraints() -> None:
    codes = np.random.default_rng(1).normal(size=(50, 4))
    mean, std = np.tile(codes[:, :1], 6), np.tile(np.abs(codes[:, 1:2]), 6)
    measures = spread(np.full(6, 0.5)), drift(lambda z: np.tile(z[:, :1] + z[:, 2:3], 6), np.full(6, 0.2))
    limits = [
        limit(measure, lambda z: (mean, std), codes, share) for measure, share in zip(measures, (0.5, 0.2), strict=True)
    ]
    problem = LatentProblem(
        [Goal("Hc", direction="maximize")], lambda z: (mean, std), Plausibility.of_codes(codes, 0.9), None, limits
    )
    violated = problem.evaluate(codes, return_as_dictionary=True)["G"] > 0
    for column, share in ((1, 0.5), (2, 0.2)):
        size = np.abs(codes[:, column])
        np.testing.assert_array_equal(violated[:, column], size > np.quantile(size, share))


def test_a_study_may_ask_for_them_with_units() -> None:
    text = "name: a\ngoals: {BHmax: {at_least: 300 kJ/m^3}, axis_spread_deg: {at_least: 0.5 rad}, Hc: maximize, "
    text += "grain_size_nm: {target: 0.02 um, tolerance: 1}, squareness: {at_least: 0.8}}\n"
    wanted = {goal.quantity: goal for goal in parse_study(text, "s.yaml").reduced_goals}
    most = (Nd2Fe14B.Js_T**2) / (4e-7 * math.pi) / 4
    assert wanted["BHmax"].at_least == pytest.approx(300e3 / most, rel=1e-6)
    assert wanted["axis_spread_deg"].at_least == pytest.approx(math.degrees(0.5))
    assert wanted["grain_size_nm"].target == pytest.approx(20)
    assert wanted["squareness"].describe() == "≥ 0.8"
