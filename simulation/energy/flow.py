"""What the gradient flow of all discretisations shares: how far it goes in one far field, and where anything moves.

Through an avalanche the path is that of d(phi)/dt = -g (time in 1/(2 K1) of the damping). The local torques are
integrated in many short explicit steps, the far field is held at its value in the middle of the time, extrapolated from
the last two evaluations. Lagging behind is harmless while the time is short: a lagged field of norm q/2 is stable up to
a time of 2/q with extrapolation, and a wall moves by about one cell in that time. Held for longer, it diverges.
"""

from __future__ import annotations

import numpy as np
from numba import njit

FLOW_REACH = 1.6
"""Time of the flow per far field, times q = Ms/H_A."""
LONGEST_FLOW = 20.0
"""The same where q is so small that the far field does not matter."""
STABLE_STEP = 1.6
"""Explicit step times the bound on the local Hessian; 2 is where the step becomes unstable."""
QUIET = 1e-3
"""Tiles whose torques are all smaller rest until the next evaluation of all of them."""

TILE_ROWS, TILE_COLUMNS = 8, 32
_WAKE_ALL = 8


def tiles(ny: int, nx: int) -> tuple[int, int]:
    """Number of tiles that cover a grid."""
    return -(-ny // TILE_ROWS), -(-nx // TILE_COLUMNS)


@njit(inline="always")
def tile_edges(ty, tx, rows, columns):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """First and past-the-last row and column of a tile within padded arrays."""
    top, left = 1 + ty * TILE_ROWS, 1 + tx * TILE_COLUMNS
    return top, min(top + TILE_ROWS, rows - 1), left, min(left + TILE_COLUMNS, columns - 1)


@njit(cache=True)
def wake(moving: np.ndarray, step: int) -> None:  # pragma: no cover - compiled
    """Set moving[1], the tiles to touch in this step: those next to one that moved (moving[0]), or now and then all."""
    rows, columns = moving.shape[1], moving.shape[2]
    for ty in range(rows):
        for tx in range(columns):
            touch = step % _WAKE_ALL == 0
            for near_y in range(max(ty - 1, 0), min(ty + 2, rows)):
                for near_x in range(max(tx - 1, 0), min(tx + 2, columns)):
                    touch = touch or moving[0, near_y, near_x]
            moving[1, ty, tx] = touch
    moving[0] = False
