"""A falling branch is what it was before noise, holder, offset and specimen came on top."""

from __future__ import annotations

import numpy as np
import pytest

from simulation import InputError, Nd2Fe14B, anchor_points
from simulation.bhmax import internal_field
from simulation.loops import as_of_a_square_prism, curve_distance, falling_branch


def branch(h: np.ndarray) -> np.ndarray:
    """A smooth falling branch with Hc of 0.3."""
    return np.tanh((h + 0.3) / 0.15) * 0.9 + 0.05 * np.tanh(h)


def loop(most: float = 1.5, step: float = 0.01) -> tuple[np.ndarray, np.ndarray]:
    down = np.arange(most, -most - step / 2, -step)
    return np.concatenate([down, -down]), np.concatenate([branch(down), -branch(down)])


FALLING = np.arange(1.5, -1.5 - 0.005, -0.01)


def test_the_falling_branch_of_a_loop_wherever_it_starts() -> None:
    h, m = loop()
    virgin = np.linspace(0, 1.5, 40)
    for fields, values in (
        (h, m),
        (np.roll(h, 301), np.roll(m, 301)),  # from the negative end
        (np.concatenate([virgin, h]), np.concatenate([0.4 * virgin, m])),
    ):
        found, along = falling_branch(fields, values)
        assert (np.diff(found) < 0).all()
        np.testing.assert_allclose(along, branch(found), atol=1e-6)  # both branches meet there


def test_a_second_quadrant_listed_from_below_is_turned_round() -> None:
    h = np.linspace(-0.3, 0, 31)
    found, along = falling_branch(h, branch(h))
    assert found[0] == 0
    np.testing.assert_allclose(along, branch(found))


def test_noise_in_field_and_magnetisation_moves_no_anchor_far() -> None:
    rng = np.random.default_rng(0)
    h, m = loop()
    found, along = falling_branch(h + 0.003 * rng.standard_normal(h.size), m + 0.01 * rng.standard_normal(m.size))
    assert (np.diff(along) <= 0).all()
    exact, noisy = (anchor_points(*pair).as_array() for pair in ((FALLING, branch(FALLING)), (found, along)))
    np.testing.assert_allclose(noisy, exact, atol=0.015)


def test_slope_and_offset_are_taken_off_on_demand() -> None:
    h, m = loop(3.0)
    exact = anchor_points(FALLING, branch(FALLING)).as_array()
    tilted, along = falling_branch(h, m + 0.04 * h, slope=True)
    # what is left of the slope of the branch itself at these fields goes with it
    np.testing.assert_allclose(anchor_points(tilted, along).as_array(), exact, atol=0.003)
    moved, along = falling_branch(h + 0.05, m + 0.1, offset=True)
    np.testing.assert_allclose(anchor_points(moved, along).as_array(), exact, atol=0.003)
    with pytest.raises(InputError, match="full loop"):
        falling_branch(FALLING, branch(FALLING), offset=True)


def test_the_prism_has_the_field_inside_that_the_specimen_had() -> None:
    h, m = FALLING, branch(FALLING)
    for factor in (0.0, 1 / 3, 0.5):
        prism = as_of_a_square_prism(h, m, Nd2Fe14B, factor)
        np.testing.assert_allclose(internal_field(prism, m, Nd2Fe14B), internal_field(h, m, Nd2Fe14B, factor))
    np.testing.assert_array_equal(as_of_a_square_prism(h, m, Nd2Fe14B, 0.5), h)


def test_the_distance_of_curves() -> None:
    h, m = FALLING, branch(FALLING)
    assert curve_distance(h, m, h, m) < 1e-9
    assert curve_distance(h[::7], branch(h[::7]), h, m) < 0.004  # straight lines between the points of a coarse one
    flat, level = np.array([1.0, 0.0, -0.5]), np.array([0.8, 0.8, 0.8])
    assert curve_distance(flat, level, flat, level - 0.1) == pytest.approx(0.1)
    # a square loop that falls 0.05 H_A later is off by that along its fall, not by its height
    square_h, square_m = np.array([1, -0.3, -0.3]), np.array([0.9, 0.9, 0.0])
    late = curve_distance(square_h, square_m, np.array([1, -0.35, -0.35]), square_m)
    assert late == pytest.approx(0.05 * np.sqrt(0.85 / 2.2), rel=0.05)


def test_only_what_both_curves_cover_is_compared() -> None:
    h, m = FALLING, branch(FALLING)
    ends = np.flatnonzero(m < 0)[0] + 1
    assert curve_distance(h, m, h[:ends], m[:ends]) < 1e-9  # simulated to the coercive field
    assert curve_distance(h, m, h[100:ends], m[100:ends]) < 1e-9  # from a smaller first field
    assert curve_distance(h[:160], m[:160], h, m) < 1e-9  # measured to less than the coercive field
    assert np.isnan(curve_distance(h[:20], m[:20], h[100:], m[100:]))


@pytest.mark.parametrize(
    ("h", "m", "sentence"),
    [
        ([1, 0], [1, 1], "at least three points"),
        ([0, 1, 2], [0.1, 0.2, 0.3], "the field only rises"),
        ([1, 0, -1], [-1, 0, 1], "turn the sign"),
        ([1, 0, np.nan], [1, 1, 1], "finite number"),
    ],
)
def test_what_is_no_branch_is_refused(h: list[float], m: list[float], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        falling_branch(np.array(h), np.array(m))
