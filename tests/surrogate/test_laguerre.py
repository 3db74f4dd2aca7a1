"""The sharp diagram is that of the definition, its cells are convex, and what is merged follows the rule."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.ndimage import label

from simulation.laguerre_kernel import power_diagram
from simulation.tessellation import nearest_seed
from surrogate.laguerre import PRICE_CELLS, SAME_RAD, grains_of_seeds, merged

SAME = (2 * math.sin(SAME_RAD)) ** 2


def random_seeds(seed: int, n: int, ny: int, nx: int, weight: float) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.uniform(-4, 4 + max(ny, nx), (n, 2)), -weight * rng.random(n)


def vectors_of(angles_deg: list[float]) -> np.ndarray:
    angle = np.radians(np.array(angles_deg, float))
    return np.stack([np.sin(2 * angle), np.cos(2 * angle)], axis=-1)


@pytest.mark.parametrize(("ny", "nx", "n", "weight"), [(40, 40, 60, 30.0), (33, 50, 200, 300.0), (9, 8, 1, 5.0)])
def test_every_cell_belongs_to_the_seed_of_least_power(ny: int, nx: int, n: int, weight: float) -> None:
    seeds, weights = random_seeds(n, n, ny, nx, weight)
    y, x = np.mgrid[:ny, :nx] + 0.5
    power = (x[..., None] - seeds[:, 0]) ** 2 + (y[..., None] - seeds[:, 1]) ** 2 - weights
    np.testing.assert_array_equal(power_diagram(seeds, weights, ny, nx), power.argmin(axis=-1))


def test_equal_weights_give_the_voronoi_diagram() -> None:
    seeds, _ = random_seeds(3, 80, 64, 64, 0.0)
    np.testing.assert_array_equal(power_diagram(seeds, np.full(80, -7.0), 64, 64), nearest_seed(seeds, 64, 64))


def test_cells_are_convex() -> None:
    """The middle of any two cells of a grain, where it is a cell's centre, is a cell of the same grain."""
    owner = power_diagram(*random_seeds(5, 50, 64, 64, 60.0), 64, 64)
    rng = np.random.default_rng(0)
    checked = 0
    for grain in np.unique(owner):
        cells = np.argwhere(owner == grain)
        one, other = cells[rng.integers(len(cells), size=(2, 200))]
        even = ((one + other) % 2 == 0).all(axis=1)
        middle = (one[even] + other[even]) // 2
        assert (owner[middle[:, 0], middle[:, 1]] == grain).all()
        checked += len(middle)
    assert checked > 1000


def test_neighbours_of_one_axis_are_one_grain_and_others_are_not() -> None:
    owner = np.repeat(np.arange(4, dtype=np.int32), 8)[None].repeat(20, axis=0)
    grain_id, means = merged(owner, vectors_of([10, 12.5, 40, 11]), PRICE_CELLS, SAME)
    assert grain_id[0].tolist() == [0] * 16 + [1] * 8 + [2] * 8  # the last is like the first, and does not touch it
    np.testing.assert_allclose(means[0], vectors_of([10, 12.5]).mean(axis=0))
    assert grain_id.dtype == np.int32


def test_an_axis_has_no_head() -> None:
    owner = np.repeat(np.arange(2, dtype=np.int32), 8)[None].repeat(20, axis=0)
    assert merged(owner, vectors_of([89, -89.5]), PRICE_CELLS, SAME)[0].max() == 0


def test_a_grain_that_is_not_worth_its_price_goes_to_the_neighbour_most_like_it() -> None:
    owner = np.zeros((20, 20), np.int32)
    owner[:, 10:] = 1
    owner[4:6, 9:11] = 2
    axes = [0.0, 50.0, 42.0]  # four cells, 8 degrees off the right side: 4 * 400 / 404 * (2 sin 8)^2 = 0.31
    grain_id, means = merged(owner, vectors_of(axes), 0.32, SAME)
    expected = (owner > 0).astype(np.int32)
    np.testing.assert_array_equal(grain_id, expected)
    assert len(means) == 2
    np.testing.assert_array_equal(merged(owner, vectors_of(axes), 0.30, SAME)[0] > 0, owner > 0)
    assert merged(owner, vectors_of(axes), 0.30, SAME)[0].max() == 2


def merged_plainly(owner: np.ndarray, vectors: np.ndarray, price: float, same: float) -> np.ndarray:
    """The rule, looked up anew after every merge; regions by their first cells."""
    owner = owner.copy()
    while True:
        area = {int(i): float((owner == i).sum()) for i in np.unique(owner)}
        sides = [(owner[1:], owner[:-1]), (owner[:, 1:], owner[:, :-1])]
        pairs = {(int(min(p)), int(max(p))) for a, b in sides for p in zip(a.ravel(), b.ravel(), strict=True)}
        best: tuple[float, int, int] = (1.0, -1, -1)
        for i, j in sorted(pair for pair in pairs if pair[0] != pair[1]):
            u, v = vectors[i], vectors[j]
            cost = area[i] * area[j] / (area[i] + area[j]) * ((u - v) ** 2).sum() / price
            if ((u / np.linalg.norm(u) - v / np.linalg.norm(v)) ** 2).sum() < same:
                cost = min(cost, 0.999)
            best = min(best, (cost, i, j))
        if best[1] < 0:
            return np.unique(np.unique(owner, return_index=True)[1][np.unique(owner, return_inverse=True)[1]],
                             return_inverse=True)[1].reshape(owner.shape)  # fmt: skip
        _, i, j = best
        vectors = vectors.copy()
        vectors[i] = (area[i] * vectors[i] + area[j] * vectors[j]) / (area[i] + area[j])
        owner[owner == j] = i


@pytest.mark.parametrize("seed", range(4))
def test_merging_is_that_of_the_rule(seed: int) -> None:
    seeds, weights = random_seeds(seed, 40, 40, 40, 20.0)
    vectors = vectors_of(list(np.random.default_rng(seed).uniform(-40, 40, 40)))
    owner = power_diagram(seeds, weights, 40, 40)
    for price in (1e-6, 2.0, 20.0):
        grain_id, means = merged(owner, vectors, price, SAME)
        np.testing.assert_array_equal(grain_id, merged_plainly(owner, vectors, price, SAME))
        assert len(means) == grain_id.max() + 1


def test_grains_are_numbered_without_gaps_and_each_is_in_one_piece() -> None:
    """Merged cells share edges; a cell of the diagram is convex, so at most a corner's cells lie apart."""
    seeds, weights = random_seeds(11, 60, 80, 80, 20.0)
    vectors = vectors_of(list(np.random.default_rng(1).uniform(-90, 90, 60)))
    grain_id, means = grains_of_seeds(seeds, weights, vectors, 80, 80)
    assert sorted(np.unique(grain_id)) == list(range(len(means)))
    whole = np.ones((3, 3))
    assert all(label(grain_id == grain, whole)[1] == 1 for grain in range(len(means)))
