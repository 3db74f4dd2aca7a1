"""Least-squares fit of a blurred Voronoi structure to an orientation field.

Levenberg-Marquardt over all seeds, axis vectors and the blur length at once. The normal equations are summed cell by
cell; a cell touches its few nearest seeds only.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from inverse_design.candidates.blurred_voronoi import (
    LOGISTIC,
    MOST_NEAR,
    TILE,
    BlurredVoronoi,
    active_seeds,
    blend,
    tile_lists,
)
from simulation.compiled import compiled

BLUR_RANGE_CELLS = (0.7, 12.0)


def refine(
    model: BlurredVoronoi, target: np.ndarray, steps: int, *, fixed_blur: bool = False, strength_weight: float = 0.1
) -> tuple[BlurredVoronoi, float]:
    """Levenberg-Marquardt steps on the squared misfit to `target`.

    Args:
        model: where to start.
        target: (ny, nx, 2) double-angle field.
        steps: at most so many accepted steps; it stops early when a step gains less than a thousandth.
        fixed_blur: keep the blur length.
        strength_weight: weight, per cell of a grain, of (strength - 1)^2. An axis has strength 1; a decoder that is
            unsure of a grain shows a weaker one, and that must not be mistaken for another axis.

    Returns:
        The fitted model and its squared misfit, summed over cells, without the strength term.
    """
    n = model.count
    matrix, slope = np.empty((4 * n + 1, 4 * n + 1)), np.empty(4 * n + 1)
    arguments = (model.seeds, model.vectors, model.blur_cells)
    misfit, area = _normal_equations(*arguments, target, matrix, slope)
    damping = 1e-2
    for _ in range(steps):
        weight = strength_weight * area
        before = misfit + _strength_penalty(model.vectors, weight)
        _add_strength_term(matrix, slope, model.vectors, weight)
        held = matrix.copy()
        for _ in range(5):
            change = _damped_step(matrix, slope, damping, fixed_blur)
            trial = None if change is None else _moved(model, change, target.shape)
            if trial is not None:
                arguments = (trial.seeds, trial.vectors, trial.blur_cells)
                new_slope = np.empty_like(slope)
                new_misfit, new_area = _normal_equations(*arguments, target, matrix, new_slope)
                after = new_misfit + _strength_penalty(trial.vectors, weight)
                if after < before:
                    break
            damping *= 5
            matrix[:] = held
        else:
            return model, misfit
        model, misfit, area, slope = trial, new_misfit, new_area, new_slope
        damping = max(damping / 4, 1e-5)
        if before - after < 1e-3 * before:
            break
    return model, misfit


def _strength_penalty(vectors: np.ndarray, weight: np.ndarray) -> float:
    return float(np.sum(weight * (np.linalg.norm(vectors, axis=1) - 1) ** 2))


def _add_strength_term(matrix: np.ndarray, slope: np.ndarray, vectors: np.ndarray, weight: np.ndarray) -> None:
    strength = np.linalg.norm(vectors, axis=1) + 1e-9
    unit = vectors / strength[:, None]
    rows = np.arange(len(vectors)) * 4 + 2
    for i in range(2):
        slope[rows + i] += weight * (strength - 1) * unit[:, i]
        for j in range(i + 1):
            matrix[rows + i, rows + j] += weight * unit[:, i] * unit[:, j]


def _damped_step(matrix: np.ndarray, slope: np.ndarray, damping: float, fixed_blur: bool) -> np.ndarray | None:
    """Solve (A + damping) step = -slope from the lower triangle of A, which is overwritten; None if A is not definite.

    A seed between grains of one axis is held by nothing else, hence the absolute part of its damping.
    """
    diagonal = np.einsum("ii->i", matrix)
    diagonal += damping * diagonal + 1e-3 * damping + 1e-9
    diagonal[0:-1:4] += 0.3 * damping
    diagonal[1:-1:4] += 0.3 * damping
    diagonal[-1] += 1.0
    if fixed_blur:
        matrix[-1, :-1] = 0.0
        slope = np.append(slope[:-1], 0.0)
    try:
        factor = cho_factor(matrix.T, lower=False, overwrite_a=True, check_finite=False)
    except LinAlgError:
        return None
    return -cho_solve(factor, slope, check_finite=False)


def _moved(model: BlurredVoronoi, change: np.ndarray, shape: tuple[int, ...]) -> BlurredVoronoi:
    """The model after one step; no seed goes farther than a blur length or out of the square."""
    step = change[:-1].reshape(-1, 4)
    move = (
        step[:, :2] * np.minimum(1, model.blur_cells / np.maximum(np.linalg.norm(step[:, :2], axis=1), 1e-9))[:, None]
    )
    blur = model.blur_cells * math.exp(min(max(float(change[-1]), -0.2), 0.2))
    return BlurredVoronoi(
        np.clip(model.seeds + move, 0.0, [shape[1], shape[0]]),
        model.vectors + step[:, 2:],
        min(max(blur, BLUR_RANGE_CELLS[0]), BLUR_RANGE_CELLS[1]),
    )


@compiled()
def _normal_equations(  # pragma: no cover - compiled
    seeds: np.ndarray, vectors: np.ndarray, blur: float, target: np.ndarray, matrix: np.ndarray, slope: np.ndarray
) -> tuple[float, np.ndarray]:
    """Fill `matrix` (lower triangle of J^T J) and `slope` (J^T r); the squared misfit and the soft area per seed.

    Unknowns: x, y and the two components of u of each seed in turn, and log b last. With weights w and field F,
    dF/d delta_g = -1.702/b w_g (u_g - F), dF/du_g = w_g; delta_g moves with seed g and with the nearest seed.
    """
    n = seeds.shape[0]
    ny, nx = target.shape[:2]
    start, near = tile_lists(seeds, ny, nx, blur)
    columns = (nx + TILE - 1) // TILE
    active, delta, w = np.empty(MOST_NEAR, np.int64), np.empty(MOST_NEAR), np.empty(MOST_NEAR)
    d2, area = np.empty(n), np.zeros(n)
    jacobian = np.empty((MOST_NEAR, 4))  # of each active seed: dFa/dx, dFa/dy, dFb/dx, dFb/dy
    matrix[:] = 0.0
    slope[:] = 0.0
    misfit = 0.0
    last = 4 * n
    for iy in range(ny):
        for ix in range(nx):
            x, y = ix + 0.5, iy + 0.5
            t = (iy // TILE) * columns + ix // TILE
            m = active_seeds(x, y, seeds, near[start[t] : start[t + 1]], -1, blur, active, delta, d2)
            fa, fb = blend(active, delta, m, vectors, blur, w)
            ra, rb = fa - target[iy, ix, 0], fb - target[iy, ix, 1]
            misfit += ra * ra + rb * rb
            ba, bb = _seed_jacobian(x, y, seeds, vectors, blur, active, delta, w, m, fa, fb, jacobian)
            slope[last] += ba * ra + bb * rb
            matrix[last, last] += ba * ba + bb * bb
            for k in range(m):
                p, wk = 4 * active[k], w[k]
                k0, k1, k2, k3 = jacobian[k, 0], jacobian[k, 1], jacobian[k, 2], jacobian[k, 3]
                area[active[k]] += wk
                slope[p] += k0 * ra + k2 * rb
                slope[p + 1] += k1 * ra + k3 * rb
                slope[p + 2] += wk * ra
                slope[p + 3] += wk * rb
                matrix[last, p] += k0 * ba + k2 * bb
                matrix[last, p + 1] += k1 * ba + k3 * bb
                matrix[last, p + 2] += wk * ba
                matrix[last, p + 3] += wk * bb
                for j in range(m):
                    q, wj = 4 * active[j], w[j]
                    if q > p:
                        continue
                    j0, j1, j2, j3 = jacobian[j, 0], jacobian[j, 1], jacobian[j, 2], jacobian[j, 3]
                    matrix[p, q] += k0 * j0 + k2 * j2
                    matrix[p, q + 1] += k0 * j1 + k2 * j3
                    matrix[p, q + 2] += k0 * wj
                    matrix[p, q + 3] += k2 * wj
                    matrix[p + 1, q] += k1 * j0 + k3 * j2
                    matrix[p + 1, q + 1] += k1 * j1 + k3 * j3
                    matrix[p + 1, q + 2] += k1 * wj
                    matrix[p + 1, q + 3] += k3 * wj
                    matrix[p + 2, q] += wk * j0
                    matrix[p + 2, q + 1] += wk * j1
                    matrix[p + 2, q + 2] += wk * wj
                    matrix[p + 3, q] += wk * j2
                    matrix[p + 3, q + 1] += wk * j3
                    matrix[p + 3, q + 3] += wk * wj
    return misfit, area


@compiled()
def _seed_jacobian(  # pragma: no cover - compiled
    x: float,
    y: float,
    seeds: np.ndarray,
    vectors: np.ndarray,
    blur: float,
    active: np.ndarray,
    delta: np.ndarray,
    w: np.ndarray,
    m: int,
    fa: float,
    fb: float,
    jacobian: np.ndarray,
) -> tuple[float, float]:
    """Fill the derivatives of the field at (x, y) by the active seeds' positions; those by log b are returned."""
    nearest = active[0]
    jacobian[0, :] = 0.0
    ba, bb = 0.0, 0.0
    for k in range(1, m):
        g = active[k]
        ca = -LOGISTIC / blur * w[k] * (vectors[g, 0] - fa)
        cb = -LOGISTIC / blur * w[k] * (vectors[g, 1] - fb)
        ex, ey = seeds[g, 0] - seeds[nearest, 0], seeds[g, 1] - seeds[nearest, 1]
        apart2 = ex * ex + ey * ey + 1e-12
        inverse, turn = 1.0 / math.sqrt(apart2), delta[k] / apart2
        gx, gy = -(x - seeds[g, 0]) * inverse - turn * ex, -(y - seeds[g, 1]) * inverse - turn * ey
        hx, hy = (x - seeds[nearest, 0]) * inverse + turn * ex, (y - seeds[nearest, 1]) * inverse + turn * ey
        jacobian[k, 0], jacobian[k, 1], jacobian[k, 2], jacobian[k, 3] = ca * gx, ca * gy, cb * gx, cb * gy
        jacobian[0, 0] += ca * hx
        jacobian[0, 1] += ca * hy
        jacobian[0, 2] += cb * hx
        jacobian[0, 3] += cb * hy
        ba -= ca * delta[k]
        bb -= cb * delta[k]
    return ba, bb
