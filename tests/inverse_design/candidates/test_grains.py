"""From a blurred orientation field to Voronoi grains."""

import math

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, label

from inverse_design.candidates.blurred_voronoi import BlurredVoronoi
from inverse_design.candidates.grains import connected, fit_grains
from inverse_design.candidates.voronoi_fit import _normal_equations
from simulation import InputError, Microstructure, Purpose, StructureFamily

SMALL = StructureFamily(80.0, 2.0, (4, 32), (0.0, math.pi))


def double_angle(structure: Microstructure) -> np.ndarray:
    return np.stack([np.sin(2 * structure.angle_rad), np.cos(2 * structure.angle_rad)], axis=-1)


def blurred(structure: Microstructure, blur_cells: float, noise: float = 0.0, seed: int = 0) -> np.ndarray:
    """The field after a Gaussian blur, with noise as smooth as the field."""
    white = np.random.default_rng(seed).standard_normal((*structure.shape, 2))
    smooth = gaussian_filter(white, (blur_cells, blur_cells, 0), mode="wrap")
    return gaussian_filter(double_angle(structure), (blur_cells, blur_cells, 0), mode="nearest") + noise * (
        smooth / smooth.std()
    )


def axis_difference_deg(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(np.abs(np.angle(np.exp(2j * (a - b)))) / 2)


def test_fitted_axes_are_nearer_to_the_original_than_the_blurred_field_is() -> None:
    fitted, field = [], []
    for index in range(8):
        original = SMALL.draw(5, Purpose.BENCHMARK, index)
        target = blurred(original, 3.0, 0.05, index)
        structure = fit_grains(target, 2.0, (4, 32))
        fitted.append(axis_difference_deg(structure.angle_rad, original.angle_rad).mean())
        of_field = np.arctan2(target[..., 0], target[..., 1]) / 2
        field.append(axis_difference_deg(of_field, original.angle_rad).mean())
    assert np.mean(fitted) < 0.75 * np.mean(field)


def test_a_weakly_blurred_structure_comes_back() -> None:
    """Few grains, little blur: nearly all the area to a degree, and its boundaries where they were."""
    for index in range(4):
        original = StructureFamily(80.0, 2.0, (6, 10), (math.pi / 2, math.pi)).draw(3, Purpose.BENCHMARK, index)
        structure = fit_grains(blurred(original, 1.5, 0.01, index), 2.0, (4, 32))
        wrong = axis_difference_deg(structure.angle_rad, original.angle_rad)
        assert np.quantile(wrong, 0.85) < 1.0
        assert np.mean(wrong > 5.0) < 0.1


def test_the_remanence_stand_in_is_kept() -> None:
    """mean |cos a|, what an assembly of grains without interaction would have as remanence."""
    kept = []
    for index in range(10):
        original = SMALL.draw(6, Purpose.BENCHMARK, index)
        structure = fit_grains(blurred(original, 3.0, 0.02, index), 2.0, (4, 32))
        kept.append(np.abs(np.cos(structure.angle_rad)).mean() - np.abs(np.cos(original.angle_rad)).mean())
    assert np.median(np.abs(kept)) < 0.01


@pytest.mark.parametrize("blur_cells", [2.0, 5.0])
def test_grains_are_connected_and_not_small_and_as_many_as_allowed(blur_cells: float) -> None:
    for index in range(6):
        original = SMALL.draw(7, Purpose.BENCHMARK, index)
        structure = fit_grains(blurred(original, blur_cells, 0.1, index), 2.0, (6, 20), min_cells=5)
        assert 6 <= structure.grains <= 20
        assert np.bincount(structure.grain_id.ravel()).min() >= 5
        assert all(label(structure.grain_id == g)[1] == 1 for g in range(structure.grains))


def test_a_field_without_contrast_still_gives_the_fewest_grains() -> None:
    field = np.zeros((40, 40, 2))
    field[..., 1] = 0.9
    structure = fit_grains(field, 2.0, (5, 32))
    assert structure.grains == 5
    assert np.abs(structure.grain_angle_rad).max() < 1e-6


def test_same_field_same_structure() -> None:
    target = blurred(SMALL.draw(8, Purpose.BENCHMARK, 0), 3.0, 0.05)
    assert fit_grains(target, 2.0, (4, 32)).content_hash == fit_grains(target.copy(), 2.0, (4, 32)).content_hash


def test_normal_equations_are_the_derivative_of_the_misfit() -> None:
    rng = np.random.default_rng(0)
    shape, n = (18, 23), 7
    seeds = rng.uniform(0, 18, (n, 2))
    vectors = rng.standard_normal((n, 2))
    target = rng.standard_normal((*shape, 2)) * 0.1
    matrix, slope = np.empty((4 * n + 1, 4 * n + 1)), np.empty(4 * n + 1)
    misfit, area = _normal_equations(seeds, vectors, 1.1, target, matrix, slope)

    def field(change: np.ndarray) -> np.ndarray:
        step = change[:-1].reshape(n, 4)
        return BlurredVoronoi(seeds + step[:, :2], vectors + step[:, 2:], 1.1 * math.exp(change[-1])).field(shape)

    here = field(np.zeros(4 * n + 1))
    eps = 1e-7
    jacobian = np.stack([(field(eps * e) - field(-eps * e)).ravel() / (2 * eps) for e in np.eye(4 * n + 1)], axis=-1)
    assert misfit == pytest.approx(((here - target) ** 2).sum(), rel=1e-12)
    assert area.sum() == pytest.approx(shape[0] * shape[1], rel=1e-12)
    np.testing.assert_allclose(slope, jacobian.T @ (here - target).ravel(), atol=1e-4)
    np.testing.assert_allclose(np.tril(matrix), np.tril(jacobian.T @ jacobian), atol=1e-4)


def test_removal_cost_is_the_misfit_without_the_seed() -> None:
    rng = np.random.default_rng(1)
    shape = (20, 24)
    model = BlurredVoronoi(rng.uniform(0, 20, (9, 2)), rng.standard_normal((9, 2)), 0.6)
    target = model.field(shape) + 0.1 * rng.standard_normal((*shape, 2))

    def misfit(m: BlurredVoronoi) -> float:
        return float(((m.field(shape) - target) ** 2).sum())

    expected = [misfit(model.keep(np.arange(9) != g)) - misfit(model) for g in range(9)]
    # a weight below 2 % is not followed, which is all that may be missing
    np.testing.assert_allclose(model.removal_cost(target), expected, rtol=0.02, atol=0.05)


def test_stray_cells_go_to_a_neighbour() -> None:
    owner = np.array([[0, 0, 1, 1], [0, 0, 1, 0], [0, 0, 1, 1]], dtype=np.int32)
    np.testing.assert_array_equal(connected(owner), [[0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]])


@pytest.mark.parametrize(
    ("field", "grains", "said"),
    [
        (np.zeros((8, 8)), (1, 4), "shape"),
        (np.full((8, 8, 2), np.nan), (1, 4), "finite"),
        (np.zeros((8, 8, 2)), (5, 4), "range"),
        (np.zeros((8, 8, 2)), (1, 65), "range"),
    ],
)
def test_bad_input_is_refused(field: np.ndarray, grains: tuple[int, int], said: str) -> None:
    with pytest.raises(InputError, match=said):
        fit_grains(field, 2.0, grains)
