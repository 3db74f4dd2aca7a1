"""The demagnetisation tensor and its convolution."""

from __future__ import annotations

import numpy as np
import pytest

from simulation.demag_tensor import LongRangeField, prism_tensor
from tests.simulation.energy.plain_energy import demagnetising_field


def fast_field(w: np.ndarray) -> np.ndarray:
    far = LongRangeField(*w.shape)
    far.source[:, : w.shape[1]] = w.conj()
    return -(w + far()[:, : w.shape[1]]) / 2


def test_self_term_is_one_half_each_way() -> None:
    n_xx, n_yy, n_xy = prism_tensor(4, 5)
    assert n_xx[0, 0] == pytest.approx(0.5, abs=1e-14)
    assert n_yy[0, 0] == pytest.approx(0.5, abs=1e-14)
    assert n_xy[0, 0] == pytest.approx(0.0, abs=1e-14)


def test_trace_is_zero_on_every_other_cell() -> None:
    n_xx, n_yy, _ = prism_tensor(300, 200)
    assert np.abs((n_xx + n_yy).ravel()[1:]).max() < 1e-10


def test_far_cells_are_line_dipoles() -> None:
    """At a distance r the field of a prism is that of a line dipole: N = (1/2 pi) (r^2 - 2 r_i r_j) / r^4."""
    n_xx, n_yy, n_xy = prism_tensor(41, 31)
    y, x = 40.0, 30.0
    r2 = x * x + y * y
    assert n_xx[40, 30] == pytest.approx((r2 - 2 * x * x) / (2 * np.pi * r2 * r2), rel=1e-3)
    assert n_yy[40, 30] == pytest.approx((r2 - 2 * y * y) / (2 * np.pi * r2 * r2), rel=1e-3)
    assert n_xy[40, 30] == pytest.approx(-2 * x * y / (2 * np.pi * r2 * r2), rel=1e-3)


@pytest.mark.parametrize("cells", [1, 7, 160])
@pytest.mark.parametrize("w", [1.0, 1.0j, 0.6 + 0.8j])
def test_uniform_square_has_a_mean_field_of_minus_one_half(cells: int, w: complex) -> None:
    assert fast_field(np.full((cells, cells), w, np.complex64)).mean() == pytest.approx(-w / 2, abs=1e-6)


def test_long_slab_has_no_field_along_and_the_full_one_across() -> None:
    along = fast_field(np.full((1, 1001), 1.0, np.complex64))[0, 500]
    across = fast_field(np.full((1, 1001), 1.0j, np.complex64))[0, 500]
    assert along == pytest.approx(0.0, abs=1e-3)
    assert across == pytest.approx(-1.0j, abs=1e-3)


@pytest.mark.parametrize("shape", [(1, 1), (1, 6), (7, 1), (9, 12), (13, 5)])
def test_convolution_is_the_sum_over_all_pairs(shape: tuple[int, int]) -> None:
    angle = np.random.default_rng(1).uniform(-np.pi, np.pi, shape)
    h_x, h_y = demagnetising_field(np.sin(angle), np.cos(angle))
    field = fast_field((np.sin(angle) + 1j * np.cos(angle)).astype(np.complex64))
    np.testing.assert_allclose(field, h_x + 1j * h_y, atol=1e-6)


def test_second_order_convergence_for_a_smooth_state() -> None:
    """The mean square error of the field of a smooth non-uniform state falls with the cell size squared."""

    def field(cells: int) -> np.ndarray:
        x = (np.arange(cells) + 0.5) / cells
        bump = np.sin(np.pi * x) ** 2  # vanishes with its slope at the edges: no surface charge
        m = np.outer(bump, bump) * np.exp(1j * np.cos(np.pi * x))[None, :]
        return fast_field(m.astype(np.complex64))

    finest = field(320)
    error = [
        np.sqrt((np.abs(field(n) - finest.reshape(n, 320 // n, n, 320 // n).mean(axis=(1, 3))) ** 2).mean())
        for n in (10, 20, 40)
    ]
    orders = np.log2(np.array(error[:-1]) / np.array(error[1:]))
    assert (orders > 1.8).all(), orders
