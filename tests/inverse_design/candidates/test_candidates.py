"""The choice of structures to simulate, on a surrogate that is a formula."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import mpmath
import numpy as np
import pytest
from pymoo.indicators.hv import HV

from inverse_design.candidates.acquisition import (
    CAUTION,
    log_expected_improvement,
    log_hypervolume_improvement,
    utilities,
    utility,
)
from inverse_design.candidates.candidate import DECODED, DRAWN, SOURCES, STEERED, TURNED, BatchRequest, Known
from inverse_design.candidates.error_model import Posterior
from inverse_design.candidates.propose import propose
from inverse_design.candidates.selection import diverse_batch
from inverse_design.candidates.sources import rotate_one_grain
from inverse_design.goals import Goal
from inverse_design.properties import PROPERTIES, Column
from simulation import ANCHORS, Microstructure, Purpose, StructureFamily

FAMILY = StructureFamily(40, 2, (4, 9), (0.0, 1.0))
LABELLED, DRAWS = 40, 30


class Formula:
    """The code is the mean of the double angle's vector in four quarters; Mr goes with its cosine, Hc falls with it."""

    label_std = np.full(6, 0.05)

    def encode(self, microstructures: Sequence[Microstructure]) -> np.ndarray:
        codes = []
        for structure in microstructures:
            axes = np.stack([np.cos(2 * structure.angle_rad), np.sin(2 * structure.angle_rad)])
            quarters = [half[..., cut] for half in np.split(axes, 2, axis=1) for cut in (slice(0, 10), slice(10, 20))]
            codes.append(np.concatenate([quarter.mean(axis=(1, 2)) for quarter in quarters]))
        return np.array(codes, np.float32).reshape(-1, 8)

    def predict(self, latent: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        aligned = latent[:, ::2].mean(axis=1).astype(float)
        mean = np.stack(
            [0.9 + 0.05 * aligned, 0.7 + 0.2 * aligned, *(k - 0.05 * aligned for k in (0.2, 0.25, 0.3, 0.4))], 1
        )
        return mean, np.full(mean.shape, 0.01)

    def draw(self, latent: np.ndarray) -> list[Microstructure]:
        return [Microstructure(np.zeros((20, 20), int), np.array([np.arctan2(0.3, 0.9) / 2])) for _ in latent]

    def steer_axes(
        self, microstructures: Sequence[Microstructure], wanted: np.ndarray, scale: np.ndarray
    ) -> list[Microstructure]:
        return [Microstructure(m.grain_id, m.grain_angle_rad + 0.02, m.cell_nm) for m in microstructures]


MODEL = Formula()
STRUCTURES = list(FAMILY.stream(1, Purpose.BENCHMARK, 0, LABELLED + DRAWS))
CODES = MODEL.encode(STRUCTURES)
TRUTH = MODEL.predict(CODES)[0]
GOALS = (Goal("Mr", 0.80, 0.01), Goal("Hc", 0.375, 0.01))


def known(anchors: np.ndarray | None = None, failed: int = 0) -> Known:
    """The first are labelled, `failed` of the rest were simulated in vain, all others are draws."""
    number = np.arange(len(STRUCTURES))
    anchors = TRUTH if anchors is None else anchors
    simulated = number < LABELLED + failed
    labels = np.where(number[:, None] < LABELLED, anchors, np.nan)
    return Known(STRUCTURES, CODES, labels, simulated, np.full(anchors.shape, np.nan))


def request(count: int, *sources: str) -> BatchRequest:
    return BatchRequest(GOALS, count, sources=sources or SOURCES)


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_gives_candidates_of_its_kind(source: str) -> None:
    batch = propose(MODEL, request(4, source), CODES[:20], known())
    assert {candidate.source for candidate in batch} == {source}
    assert 1 <= len(batch) <= 4
    labelled = {structure.content_hash for structure in STRUCTURES[:LABELLED]}
    drawn = {structure.content_hash for structure in STRUCTURES[LABELLED:]}
    for candidate in batch:
        assert candidate.structure.content_hash not in labelled
        assert (candidate.structure.content_hash in drawn) == (source == DRAWN)
        assert candidate.predicted.shape == (len(PROPERTIES),)
        assert np.isfinite(candidate.predicted).all()


def test_the_likeliest_come_first_and_no_two_are_the_same() -> None:
    batch = propose(MODEL, request(6), CODES[:20], known())
    assert len({candidate.structure.content_hash for candidate in batch}) == len(batch) == 6
    miss = [abs(candidate.predicted[1] - 0.80) for candidate in batch]
    assert miss[0] < 0.02


def test_what_was_simulated_in_vain_is_no_candidate_again() -> None:
    first = propose(MODEL, request(DRAWS, DRAWN), CODES[:0], known())
    again = propose(MODEL, request(DRAWS, DRAWN), CODES[:0], known(failed=DRAWS))
    assert len(first) == DRAWS
    assert again == []


def test_a_known_error_nearby_corrects_what_is_predicted() -> None:
    wrong = TRUTH.copy()
    wrong[:, 1] += 0.03
    plain, corrected = (propose(MODEL, request(4, STEERED, TURNED), CODES[:0], known(a)) for a in (TRUTH, wrong))
    for candidate in corrected:
        assert candidate.predicted[1] - MODEL.predict(candidate.code[None])[0][0, 1] > 0.01
    for candidate in plain:
        assert abs(candidate.predicted[1] - MODEL.predict(candidate.code[None])[0][0, 1]) < 1e-6


def test_errors_of_sought_candidates_shift_and_widen_what_is_said_of_the_next_ones() -> None:
    plain = known()
    raw_prediction = plain.raw_prediction.copy()
    raw_prediction[:10] = TRUTH[:10] + np.where(np.arange(10)[:, None] % 2, 0.01, 0.07)  # too high by 0.04 in the mean
    taught = replace(plain, raw_prediction=raw_prediction)
    for source, moves in ((STEERED, True), (DRAWN, False)):
        before, after = (propose(MODEL, request(4, source), CODES[:0], given) for given in (plain, taught))
        shift = after[0].predicted[5] - MODEL.predict(after[0].code[None])[0][0, 5]
        assert (shift < -0.01) == moves
        assert (after[0].std[5] > 1.5 * before[0].std[5]) == moves
        np.testing.assert_allclose(after[0].raw_prediction, MODEL.predict(after[0].code[None])[0][0])


def test_a_goal_on_the_grains_is_judged_by_the_grains() -> None:
    goals = (Goal("Mr", at_least=0.6), Goal("axis_spread_deg", direction="maximize"))
    batch = propose(MODEL, replace(request(3, DRAWN, DECODED), goals=goals), CODES[:10], known())
    spread = [candidate.predicted[Column.axis_spread_deg] for candidate in batch]
    assert max(spread) > 20
    assert all(candidate.predicted[1] > 0.59 for candidate in batch)


def test_every_other_candidate_of_a_batch_is_a_safe_one() -> None:
    spread = np.linspace(0, 1, 50)  # what is to be large grows as the bound on Hc becomes unlikely
    mean = np.stack([0.9 + 0 * spread, 0.7 + 0.2 * spread, *(k - 0.1 * spread for k in (0.2, 0.25, 0.3, 0.4))], 1)
    posterior = Posterior.gaussian(mean, np.full(mean.shape, 0.03))
    goals = (Goal("Mr", direction="maximize"), Goal("Hc", at_least=0.36))
    best = np.concatenate([mean[5], np.zeros(5)])
    bold, safe = utilities(goals, posterior, best[None])
    assert np.argmax(bold) > np.argmax(safe) > 5
    codes = np.eye(50)
    first, second, third = diverse_batch(np.array([bold, safe]), codes, 3)
    assert (first, second) == (np.argmax(bold), np.argmax(safe))
    assert third not in (first, second)


def test_one_grain_is_turned_at_a_time() -> None:
    turned = rotate_one_grain(STRUCTURES[0], np.array([0.5, 1.0]))
    grains = STRUCTURES[0].grain_angle_rad.size
    changes = np.array([structure.grain_angle_rad - STRUCTURES[0].grain_angle_rad for structure in turned])
    assert len(turned) == 2 * grains
    assert ((np.abs(changes) > 1e-9).sum(axis=1) == 1).all()
    np.testing.assert_allclose(changes.sum(axis=1), np.tile([0.5, 1.0], grains))


def test_the_log_of_the_expected_improvement_is_exact_and_never_falls() -> None:
    z = np.concatenate([np.linspace(-1000, 10, 400_001), np.linspace(-101, -99, 2001), np.linspace(-6.1, -5.9, 2001)])
    z.sort()
    log_ei = log_expected_improvement(z)
    assert np.isfinite(log_ei).all()
    assert (np.diff(log_ei)[np.diff(z) > 1e-9] > 0).all()
    some = np.array([-1000, -300, -100.001, -99.999, -40, -10, -6.001, -5.999, -3, -1, -0.1, 0, 1e-9, 0.5, 2, 10])
    with mpmath.workdps(60):
        exact = [float(mpmath.log(x * mpmath.ncdf(x) + mpmath.npdf(x))) for x in map(mpmath.mpf, some)]
    np.testing.assert_allclose(log_expected_improvement(some), exact, rtol=1e-12)
    far = log_expected_improvement(np.array([-1e10, -1e6, 1e10]))
    np.testing.assert_allclose(far, [-0.5e20, -0.5e12, np.log(1e10)], rtol=1e-9)


def test_the_expected_gain_in_hypervolume_is_that_of_many_draws() -> None:
    rng = np.random.default_rng(3)
    front = np.array([[0.2, 0.9], [0.5, 0.7], [0.9, 0.1]])
    mean, std = np.array([[0.6, 0.75], [0.5, 0.5], [1.0, 0.3], [0.3, 0.3]]), np.full((4, 2), 0.08)
    said = np.exp(log_hypervolume_improvement(mean, std, front, np.zeros(2)))
    volume = HV(ref_point=np.zeros(2))
    base, gains = volume(-front), []
    for middle in mean:
        draws = middle + 0.08 * rng.normal(size=(400, 2))
        gains.append(np.mean([volume(-np.vstack([front, draw])) - base for draw in draws]))
    # The measure over directions is the volume but for a constant, as far as its 48 directions tell.
    ratios = said[:3] / np.array(gains[:3])
    assert ratios.max() / ratios.min() < 1.35
    assert gains[3] < 0.01 * max(gains)
    assert said[3] < 0.01 * said.max()


def test_of_two_directions_what_lies_beyond_the_front_is_wanted_and_not_the_middle_of_it() -> None:
    goals = (Goal("Mr", direction="maximize"), Goal("Hc", direction="maximize"))
    front = np.zeros((3, len(PROPERTIES)))
    front[:, Column.Mr], front[:, Column.Hc] = [0.7, 0.8, 0.9], [0.5, 0.4, 0.2]
    mean = np.full((3, len(PROPERTIES)), 0.2)
    mean[:, Column.Mr], mean[:, Column.Hc] = [0.75, 0.85, 0.9], [0.35, 0.40, 0.15]
    posterior = Posterior.gaussian(mean, np.full(mean.shape, 0.01))
    scores = utility(goals, posterior, front)
    assert np.argmax(scores) == 1
    assert scores[1] > np.sort(scores)[1] + 3


@pytest.mark.parametrize("hits", [1, 3])
def test_what_a_candidate_promises_does_not_depend_on_the_others_once_there_is_a_hit(hits: int) -> None:
    rng = np.random.default_rng(hits)
    mean = rng.uniform(0.2, 0.6, (20, len(ANCHORS)))
    posterior = Posterior.gaussian(mean, rng.uniform(0.01, 0.05, mean.shape))
    goals = [Goal("Hk90", direction="maximize"), Goal("Hc", direction="maximize"), Goal("Mr", at_least=0.3)]
    front = np.pad(rng.uniform(0.3, 0.5, (hits, len(ANCHORS))), ((0, 0), (0, len(PROPERTIES) - len(ANCHORS))))
    whole = utilities(goals, posterior, front)
    parts = [posterior[np.arange(7)], posterior[np.arange(7, 20)]]
    np.testing.assert_allclose(np.hstack([utilities(goals, part, front) for part in parts]), whole, rtol=1e-12)
    np.testing.assert_array_equal(utilities(goals, Posterior.of(parts), front), whole)
    for caution, said in zip(CAUTION, whole, strict=True):
        np.testing.assert_array_equal(utility(goals, posterior, front, caution), said)
