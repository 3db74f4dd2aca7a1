"""Properties of a loop: the energy product against closed forms, and all of them against mammos-analysis."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simulation import FieldSweep, InputError, Nd2Fe14B, anchor_points, demagnetization_curve, voronoi
from simulation.bhmax import SQUARE_PRISM, maximum_energy_product
from simulation.loops import falling_branch
from simulation.material import MU0_T_M_PER_A

H = FieldSweep().h
H_A, MS = Nd2Fe14B.H_A_A_per_m, Nd2Fe14B.Ms_A_per_m


def smooth_loop(h: np.ndarray) -> np.ndarray:
    """A sloped, curved descending branch with Hc = 0.4 H_A."""
    return 0.95 * np.tanh((h + 0.4) / 0.2)


@pytest.mark.parametrize("factor", [0.0, 1 / 3, 0.5, 0.9])
@pytest.mark.parametrize("slope", [0.0, 0.3])
def test_energy_product_of_a_sloped_loop(factor: float, slope: float) -> None:
    """M = Mr + chi H: with M = (Mr + chi H_int) / (1 - chi N) the largest -B H_int is mu0 M0^2 / (4 (1 + chi'))."""
    remanence = 0.8
    chi = slope * MS / H_A
    m = remanence + slope * H
    sheared = 1 / (1 - chi * factor)
    expected = MU0_T_M_PER_A * (remanence * MS * sheared) ** 2 / (4 * (1 + chi * sheared))
    assert maximum_energy_product(H, m, Nd2Fe14B, factor) == pytest.approx(expected, rel=1e-12)


def test_energy_product_of_the_ideal_magnet_is_a_quarter_of_js_squared() -> None:
    m = np.where(H > -0.5, 1.0, -1.0)
    assert maximum_energy_product(H, m, Nd2Fe14B) == pytest.approx(Nd2Fe14B.Js_T**2 / (4 * MU0_T_M_PER_A))


def test_soft_magnet_is_limited_by_its_coercive_field() -> None:
    # Without demagnetising field and with Hc below Mr/2 the product is taken at the knee: mu0 Hc (Ms - Hc).
    m = np.where(H > -0.095, 1.0, -1.0)
    knee = 0.09 * H_A
    assert maximum_energy_product(H, m, Nd2Fe14B, 0.0) >= MU0_T_M_PER_A * knee * (MS - knee)
    assert maximum_energy_product(H, m, Nd2Fe14B, 0.0) < MU0_T_M_PER_A * 0.1 * H_A * (MS - 0.1 * H_A)


def test_missing_energy_product_is_nan() -> None:
    m = smooth_loop(H)
    assert not math.isnan(maximum_energy_product(H, m, Nd2Fe14B))
    assert math.isnan(maximum_energy_product(H[H > 0.2], m[H > 0.2], Nd2Fe14B))  # ends before the second quadrant
    rising = H > 0.1  # within it, but the product still grows at the end
    assert math.isnan(maximum_energy_product(H[rising], m[rising], Nd2Fe14B))
    falling = H < -0.2  # begins after the maximum
    assert math.isnan(maximum_energy_product(H[falling], m[falling], Nd2Fe14B))
    with pytest.raises(InputError, match=r"\[0, 1\]"):
        maximum_energy_product(H, m, Nd2Fe14B, 1.5)
    with pytest.raises(InputError, match="one length"):
        maximum_energy_product(H, m[1:], Nd2Fe14B)


@pytest.mark.parametrize("source", ["smooth", "simulated", "measured"])
def test_mammos_analysis_agrees(source: str) -> None:
    hysteresis = pytest.importorskip(
        "mammos_analysis.hysteresis", reason="mammos-analysis (extra `interop`) is missing", exc_type=ImportError
    )
    h, m = H, smooth_loop(H)
    if source == "simulated":
        curve = demagnetization_curve(voronoi(40, 2.0, 12, np.pi / 4, np.random.default_rng(3)))
        assert curve.converged.all()
        h, m = curve.h, curve.m
    if source == "measured":  # a noisy full loop, of which it takes the falling branch only where it is given that
        noise = 0.005 * np.random.default_rng(1).standard_normal(2 * H.size)
        h, m = falling_branch(np.concatenate([H, H[::-1]]), np.concatenate([m, -m]) + noise)
    ours = anchor_points(h, m)
    field, magnetization = h * H_A, m * MS
    assert hysteresis.extract_coercive_field(field, magnetization).value / H_A == pytest.approx(ours.Hc, rel=1e-12)
    assert hysteresis.extract_remanent_magnetization(field, magnetization).value / MS == pytest.approx(ours.Mr)
    # It takes the largest product among the points, so it is given many more on the straight lines between ours.
    fine = np.linspace(h[0], h[-1], 100_001)
    theirs = hysteresis.extract_BHmax(fine * H_A, np.interp(-fine, -h, m) * MS, SQUARE_PRISM).value
    assert maximum_energy_product(h, m, Nd2Fe14B) == pytest.approx(float(theirs), rel=1e-6)
