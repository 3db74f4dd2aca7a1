"""From a blurred orientation field to a grain structure of the generator's own family.

A decoder's image has plateaus with broad slopes between them; a magnet has grains. Cutting the image up (superpixels)
turns every slope into a ring of narrow grains that no magnet has. Here Voronoi seeds with one axis each are fitted so
that they show the image after a blur (`blurred_voronoi`, `voronoi_fit`); then the blur is taken away.

The number of grains follows from the image. It starts from the basins of the gradient's magnitude (a core is where the
field does not change), then seeds go whose absence costs less than a threshold, and come where the misfit is.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from inverse_design.candidates.blurred_voronoi import BlurredVoronoi
from inverse_design.candidates.voronoi_fit import refine
from simulation import InputError, Microstructure
from simulation.compiled import compiled
from simulation.tessellation import nearest_seed

FIRST_BLUR_CELLS = 3.0
COARSE_FROM_CELLS = 100
"""Fields with edges from here on are fitted at every second cell: a decoder shows nothing finer, and it is four times
less work."""
LEAST_WORTH = 0.5
"""A grain must lower the squared misfit, summed over cells, by at least this much: some ten cells of a grain that
differs from its neighbours by 6 degrees, or a fraction of a cell of a right angle."""

PATCH_CELLS, FREE_NUMBERS = 20, 4
"""What a field shows that is not grains is correlated over about so many cells; a grain has so many free numbers
(position, axis vector). Together they set what a grain must be worth, by Schwarz's criterion."""


def fit_grains(
    field: np.ndarray, cell_nm: float, grains: tuple[int, int], *, blur_cells: float | None = None, min_cells: int = 4
) -> Microstructure:
    """Voronoi grains whose blurred image is the field: one axis each, connected, their number chosen by the field.

    Args:
        field: (ny, nx, 2) double-angle field (sin 2a, cos 2a), a the axis angle from +y; shorter than 1 where blurred.
        cell_nm: edge of a cell, nm.
        grains: (fewest, most) grains, both included.
        blur_cells: standard deviation of the blur in cells; None: found by the fit.
        min_cells: no grain is smaller (unless `grains` asks for so many that they must be).

    Raises:
        InputError: if the field is not such an array of finite numbers, or no structure has that many grains.
    """
    fine = np.ascontiguousarray(field, dtype=np.float64)
    if fine.ndim != 3 or fine.shape[2] != 2 or fine.size == 0:
        raise InputError(f"fit_grains: the field must be a (ny, nx, 2) array, got shape {fine.shape}")
    if not np.isfinite(fine).all():
        raise InputError("fit_grains: the field must be finite everywhere")
    cells = fine.shape[0] * fine.shape[1]
    fewest, most = grains
    if not 1 <= fewest <= most <= cells:
        raise InputError(f"fit_grains: grains must be a range [fewest, most] within 1 to {cells}, got {grains}")
    smallest = max(1, min(min_cells, cells // (2 * fewest)))
    if blur_cells is None and min(fine.shape[:2]) >= COARSE_FROM_CELLS and not any(n % 2 for n in fine.shape[:2]):
        coarse = _fit(fine.reshape(fine.shape[0] // 2, 2, fine.shape[1] // 2, 2, 2).mean(axis=(1, 3)), grains, None)
        model = BlurredVoronoi(2 * coarse.seeds, coarse.vectors, 2 * coarse.blur_cells)
    else:
        model = _fit(fine, grains, blur_cells)
    return _sharp(model, fine, cell_nm, fewest, smallest)


def _fit(target: np.ndarray, grains: tuple[int, int], blur_cells: float | None) -> BlurredVoronoi:
    """The blurred structure; see `fit_grains`."""
    cells, (fewest, most) = target.shape[0] * target.shape[1], grains
    first = BlurredVoronoi(*_cores(target, most), FIRST_BLUR_CELLS if blur_cells is None else float(blur_cells))
    fixed = blur_cells is not None
    model, misfit = _settle(_with_at_least(first, fewest, target), target, grains, LEAST_WORTH, fixed)
    worth = _worth(misfit, cells)
    model, misfit = _settle(model, target, grains, worth, fixed)
    for _ in range(2):
        more = _with_missing(model, target, most, worth)
        if more is None:
            break
        trial, trial_misfit = _settle(refine(more, target, 5, fixed_blur=fixed)[0], target, grains, worth, fixed)
        if trial_misfit + worth * trial.count >= misfit + worth * model.count:
            break
        model, misfit = trial, trial_misfit
    return refine(model, target, 12, fixed_blur=fixed)[0]


def _cores(target: np.ndarray, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Seeds at the middle of each basin of the gradient's magnitude, with the axis at its lowest point.

    Noise has basins too: the field is smoothed until there are at most twice as many as grains allowed.
    """
    width = 1.0
    while True:
        smooth = np.pad(gaussian_filter(target, (width, width, 0.0), mode="nearest"), ((1, 1), (1, 1), (0, 0)), "edge")
        along_y, along_x = smooth[2:, 1:-1] - smooth[:-2, 1:-1], smooth[1:-1, 2:] - smooth[1:-1, :-2]
        lowest = _basins((along_y**2 + along_x**2).sum(axis=-1))
        if np.unique(lowest).size <= max(2 * most, 8) or width > max(target.shape):
            break
        width *= 1.5
    cores, basin = np.unique(lowest.ravel(), return_inverse=True)
    iy, ix = np.divmod(np.arange(lowest.size), target.shape[1])
    size = np.bincount(basin)
    seeds = np.stack([np.bincount(basin, ix + 0.5) / size, np.bincount(basin, iy + 0.5) / size], axis=-1)
    return seeds, _unit(target.reshape(-1, 2)[cores])


def _worth(misfit: float, cells: int) -> float:
    """By how much a grain must lower the squared misfit when one with many grains leaves `misfit`.

    Schwarz (1978): one more free number must gain ln(N) times the variance of each of N independent observations.
    A decoder's ripple is one observation a patch, not one a cell.
    """
    patches = max(cells / PATCH_CELLS, 2.0)
    return max(LEAST_WORTH, FREE_NUMBERS * math.log(patches) * misfit / patches)


def _settle(
    model: BlurredVoronoi, target: np.ndarray, grains: tuple[int, int], worth: float, fixed_blur: bool
) -> tuple[BlurredVoronoi, float]:
    """Take out what is not worth a grain and fit what is left, until nothing goes."""
    misfit = math.inf
    for turn in range(50):  # each turn takes a seed at least; a handful is the rule
        keep = _worth_keeping(model, target, grains, worth)
        if turn and keep.all():
            break
        model, misfit = refine(model.keep(keep), target, 2, fixed_blur=fixed_blur)
    while model.count > grains[1]:
        keep = _worth_keeping(model, target, grains, worth)
        model, misfit = refine(model.keep(keep), target, 2, fixed_blur=fixed_blur)
    return model, misfit


def _worth_keeping(model: BlurredVoronoi, target: np.ndarray, grains: tuple[int, int], worth: float) -> np.ndarray:
    """(n,) mask: without the cheapest seeds, never two neighbours at once, since each may stand for the other."""
    fewest, most = grains
    cost = model.removal_cost(target)
    near = cKDTree(model.seeds).query(model.seeds, k=min(7, model.count))[1].reshape(model.count, -1)
    keep, locked = np.ones(model.count, dtype=bool), np.zeros(model.count, dtype=bool)
    left = model.count
    for g in np.argsort(cost, kind="stable"):
        if left <= fewest or (cost[g] > worth and left <= most):
            break
        if not locked[g]:
            keep[g] = False
            left -= 1
            locked[near[g]] = True
    return keep


def _with_missing(model: BlurredVoronoi, target: np.ndarray, most: int, worth: float) -> BlurredVoronoi | None:
    """With seeds where the misfit, smoothed over the blur, has its maxima; None if there is none worth a try."""
    rest = target - model.field(target.shape[:2])
    width = max(1.0, 0.7 * model.blur_cells)
    smooth = gaussian_filter(rest, (width, width, 0.0), mode="nearest")
    energy = (smooth**2).sum(axis=-1)
    peak = energy == maximum_filter(energy, size=2 * math.ceil(width) + 1, mode="nearest")
    # a spot of the blur's own shape with this peak has 4 pi width^2 times the peak's energy
    iy, ix = np.nonzero(peak & (4 * math.pi * width**2 * energy > 0.3 * worth))
    seeds = np.stack([ix + 0.5, iy + 0.5], axis=-1)
    free = cKDTree(model.seeds).query(seeds)[0] > 1.0 if len(seeds) else np.zeros(0, dtype=bool)
    order = np.argsort(-energy[iy, ix][free], kind="stable")[: max(4, math.ceil(1.3 * most) - model.count)]
    if order.size == 0:
        return None
    vectors = _unit(target[iy, ix] + 2 * smooth[iy, ix])
    return model.add(seeds[free][order], vectors[free][order])


def _with_at_least(model: BlurredVoronoi, fewest: int, target: np.ndarray) -> BlurredVoronoi:
    """With further seeds, each in the cell farthest from all others, up to `fewest`."""
    ny, nx = target.shape[:2]
    centres = np.stack(np.meshgrid(np.arange(nx) + 0.5, np.arange(ny) + 0.5), axis=-1).reshape(-1, 2)
    if model.count >= fewest:
        return model
    distance = cKDTree(model.seeds).query(centres)[0]
    added = []
    for _ in range(fewest - model.count):
        cell = int(np.argmax(distance))
        added.append(cell)
        distance = np.minimum(distance, np.linalg.norm(centres - centres[cell], axis=1))
    return model.add(centres[added], _unit(target.reshape(-1, 2)[added]))


def _sharp(model: BlurredVoronoi, target: np.ndarray, cell_nm: float, fewest: int, min_cells: int) -> Microstructure:
    """The structure without the blur and without grains that are too small."""
    ny, nx = target.shape[:2]
    for _ in range(8):
        owner = connected(nearest_seed(np.ascontiguousarray(model.seeds), ny, nx))
        large = np.bincount(owner.ravel(), minlength=model.count) >= min_cells
        if large.all():
            break
        model = _with_at_least(model.keep(large), fewest, target)
    angle = np.arctan2(model.vectors[:, 0], model.vectors[:, 1]) / 2
    used, grain_id = np.unique(owner, return_inverse=True)
    return Microstructure(grain_id.reshape(ny, nx), angle[used], cell_nm)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)


@compiled()
def _basins(height: np.ndarray) -> np.ndarray:  # pragma: no cover - compiled
    """(ny, nx) flat index of the cell where steepest descent over the eight neighbours ends; a tie goes down too.

    On level ground the lower index counts as lower, so that a plateau is one basin and not one per cell.
    """
    ny, nx = height.shape
    below = np.empty(ny * nx, np.int64)
    for iy in range(ny):
        for ix in range(nx):
            lowest, at = height[iy, ix], iy * nx + ix
            for jy in range(max(iy - 1, 0), min(iy + 2, ny)):
                for jx in range(max(ix - 1, 0), min(ix + 2, nx)):
                    j = jy * nx + jx
                    if height[jy, jx] < lowest or (height[jy, jx] == lowest and j < at):
                        lowest, at = height[jy, jx], j
            below[iy * nx + ix] = at
    for i in range(ny * nx):
        end = i
        while below[end] != end:
            end = below[end]
        j = i
        while below[j] != end:
            below[j], j = end, below[j]
    return below.reshape(ny, nx)


def connected(owner: np.ndarray) -> np.ndarray:
    """The same grains without their stray cells.

    A sharp corner of a Voronoi grain can leave cells that share no edge with the rest of it. Each grain keeps its
    largest edge-connected part; the other cells go to a grain that they touch.
    """
    index = np.arange(owner.size).reshape(owner.shape)
    down, right = owner[1:] == owner[:-1], owner[:, 1:] == owner[:, :-1]
    one = np.concatenate([index[1:][down], index[:, 1:][right]])
    other = np.concatenate([index[:-1][down], index[:, :-1][right]])
    edges = coo_array((np.ones(one.size, dtype=np.int8), (one, other)), shape=(owner.size, owner.size))
    parts, part = connected_components(edges, directed=False)
    size = np.bincount(part)
    grain_of_part = np.empty(parts, dtype=np.int64)
    grain_of_part[part] = owner.ravel()
    largest_first = np.lexsort((-size, grain_of_part))
    main = np.zeros(parts, dtype=bool)
    main[largest_first[np.unique(grain_of_part[largest_first], return_index=True)[1]]] = True
    result = np.where(main[part].reshape(owner.shape), owner, -1)
    while (result < 0).any():
        around = np.pad(result, 1, constant_values=-1)
        for touching in (around[:-2, 1:-1], around[2:, 1:-1], around[1:-1, :-2], around[1:-1, 2:]):
            result = np.where(result < 0, touching, result)
    return result
