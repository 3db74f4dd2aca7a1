"""Conjugate gradients for the local Hessians, written once for every stencil.

The function is inlined where it is called, with the stencil's product in place of `apply`: a call from inside the loop
is not vectorised and makes a solve three times as slow. Numba's cache looks at the caller's file alone: after a change
here, remove the `*.nbi` in `__pycache__`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

ITERATIONS = 8
LEAST_CURVATURE = 0.1
"""Floor of the diagonal, and of a cell's curvature where P is made positive definite."""


@njit(inline="always")
def conjugate_gradients(apply, matrix, reduction, right_side, x, work):  # type: ignore[no-untyped-def]  # pragma: no cover
    """Solve P x = right_side from zero with the diagonal as preconditioner. False on negative curvature.

    It ends when the residual, in the norm of the preconditioner, has fallen to `reduction`, or after `ITERATIONS`.

    Args:
        apply: compiled, to be inlined too; `apply(matrix, p, ap)` sets ap = P p inside the ghosts, returns p . P p.
        matrix: (k, ny, nx) of the stencil, its diagonal first.
        reduction: see above.
        right_side, x: (ny, nx).
        work: (3, ny, nx), zero in the ghosts.
    """
    rows, columns = x.shape
    diagonal = matrix[0]
    r, p, ap = work[0], work[1], work[2]
    floor = np.float32(LEAST_CURVATURE)
    rz = np.float32(0)
    for i in range(1, rows - 1):
        row = np.float32(0)
        for j in range(1, columns - 1):
            x[i, j] = np.float32(0)
            r[i, j] = right_side[i, j]
            p[i, j] = r[i, j] / max(diagonal[i, j], floor)
            row += p[i, j] * r[i, j]
        rz += row
    target = rz * np.float32(reduction * reduction)
    for _ in range(ITERATIONS):
        pap = apply(matrix, p, ap)
        if pap <= np.float32(1e-3) * rz:
            return False
        alpha = rz / pap
        rz_new = np.float32(0)
        for i in range(1, rows - 1):
            row = np.float32(0)
            for j in range(1, columns - 1):
                x[i, j] += alpha * p[i, j]
                r[i, j] -= alpha * ap[i, j]
                ap[i, j] = r[i, j] / max(diagonal[i, j], floor)
                row += ap[i, j] * r[i, j]
            rz_new += row
        if rz_new <= target:
            return True
        beta = rz_new / rz
        rz = rz_new
        for i in range(1, rows - 1):
            for j in range(1, columns - 1):
                p[i, j] = ap[i, j] + beta * p[i, j]
    return True
