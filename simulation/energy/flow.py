"""What the gradient flow of all discretisations shares: its step, and which rows take part in it.

Through an avalanche the path is that of d(phi)/dt = -g (time in units that make the damping one). The local torques are
integrated in many short explicit steps, while the far field is held at its value in the middle of the time, as
extrapolated from the last two evaluations. That is stable as long as the time is short against 1/q; held for longer, it
would diverge, because it is the far field that stabilises the soft modes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from simulation.compiled import compiled

LONGEST_FLOW = 20.0
"""Time of the flow per evaluation where q is so small that the far field does not matter."""
STABLE_STEP = 1.6
"""Explicit step times the bound on the local Hessian; 2 is where the step becomes unstable."""
MOST_STEPS = 2**14
"""Explicit steps in one far field: where the exchange is so stiff that they do not reach, the flow ends earlier.

Cells of a quarter of a nanometre of Nd2Fe14B need no more."""
CALL = 2**27
"""Cells times steps of one compiled call, which nothing can interrupt: half a second."""
QUIET = 1e-3
"""Rows whose torques are all smaller rest until the next step that looks at all of them."""

_LOOK_EVERYWHERE = 16


def explicit_steps(time: float, stiffest: float) -> tuple[float, int]:
    """Length and number of the explicit steps of a flow; a bound on the local Hessian says how long they may be."""
    steps = time * stiffest / STABLE_STEP
    if steps > MOST_STEPS:
        return STABLE_STEP / stiffest, MOST_STEPS
    return time / math.ceil(steps), math.ceil(steps)


def in_short_calls(steps: int, cells: int) -> Iterator[tuple[int, int]]:
    """First step and end of each compiled call: between two of them Python sees to Ctrl-C and to other threads."""
    most = max(CALL // cells, 1)
    return ((begin, min(begin + most, steps)) for begin in range(0, steps, most))


@compiled()
def wake(moved: np.ndarray, awake: np.ndarray, step: int) -> None:  # pragma: no cover - compiled
    """Set the rows to touch in this step: those that moved in the last or are next to one, now and then all of them."""
    rows = moved.shape[0]
    for i in range(1, rows - 1):
        awake[i] = moved[i - 1] or moved[i] or moved[i + 1] or step % _LOOK_EVERYWHERE == 0


@compiled(fastmath=True)
def extrapolate(b, last_b, ahead):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """b becomes the field of the flow, ahead by a part of its change since the last evaluation; last_b what b was."""
    for xy in range(b.shape[0]):
        for i in range(b.shape[1]):
            for j in range(b.shape[2]):
                now = b[xy, i, j]
                b[xy, i, j] += ahead * (now - last_b[xy, i, j])
                last_b[xy, i, j] = now
