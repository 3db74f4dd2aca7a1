"""Unit vectors (3, rows, columns) with a border of ghosts and frames that move with them, see `free`."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from simulation.compiled import compiled

_ONE = np.float32(1)
# cos and sinc of a length of at most sqrt(2), as the descent allows, by their series.
_C2, _C4, _C6, _C8, _C10 = (np.float32(1 / math.factorial(n)) for n in (2, 4, 6, 8, 10))
_S3, _S5, _S7, _S9, _S11 = (np.float32(1 / math.factorial(n)) for n in (3, 5, 7, 9, 11))


@compiled(fastmath=True, error_model="numpy")
def normalize(m):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    for i in range(1, m.shape[1] - 1):
        for j in range(1, m.shape[2] - 1):
            scale = _ONE / np.float32(math.sqrt(m[0, i, j] ** 2 + m[1, i, j] ** 2 + m[2, i, j] ** 2))
            for xyz in range(3):
                m[xyz, i, j] *= scale


@compiled(fastmath=True, error_model="numpy")
def any_frame(m, e1):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """e1 in the plane across m, or along x where m is out of the plane."""
    for i in range(1, m.shape[1] - 1):
        for j in range(1, m.shape[2] - 1):
            x, y = m[1, i, j], -m[0, i, j]
            length = np.float32(math.sqrt(x * x + y * y))
            if length < np.float32(1e-3):
                x, y, length = m[2, i, j], np.float32(0), abs(m[2, i, j])
                e1[2, i, j] = -m[0, i, j] / length
            else:
                e1[2, i, j] = np.float32(0)
            e1[0, i, j], e1[1, i, j] = x / length, y / length


@njit(inline="always")
def carried(x0, y0, z0, x, y, z, ex, ey, ez):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """e, perpendicular to m0, transported to m and made exactly perpendicular there."""
    p = _ONE + x0 * x + y0 * y + z0 * z
    part = (ex * x + ey * y + ez * z) / max(p, np.float32(1e-3))
    ex, ey, ez = ex - part * (x0 + x), ey - part * (y0 + y), ez - part * (z0 + z)
    along = ex * x + ey * y + ez * z
    ex, ey, ez = ex - along * x, ey - along * y, ez - along * z
    scale = _ONE / np.float32(math.sqrt(max(ex * ex + ey * ey + ez * ez, np.float32(1e-12))))
    return scale * ex, scale * ey, scale * ez


@compiled(fastmath=True, error_model="numpy")
def move(m0, e1_0, angle, base, m, e1):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """m and e1 at coordinates `angle`, from m0 and e1_0 at `base`."""
    rows = m.shape[1]
    for i in range(1, rows - 1):
        for j in range(1, m.shape[2] - 1):
            v1 = np.float32(angle[i, j] - base[i, j])
            v2 = np.float32(angle[rows + i, j] - base[rows + i, j])
            x0, y0, z0 = m0[0, i, j], m0[1, i, j], m0[2, i, j]
            ex, ey, ez = e1_0[0, i, j], e1_0[1, i, j], e1_0[2, i, j]
            fx, fy, fz = y0 * ez - z0 * ey, z0 * ex - x0 * ez, x0 * ey - y0 * ex
            u = v1 * v1 + v2 * v2
            cos = _ONE - u * (_C2 - u * (_C4 - u * (_C6 - u * (_C8 - u * _C10))))
            part = _ONE - u * (_S3 - u * (_S5 - u * (_S7 - u * (_S9 - u * _S11))))
            x = cos * x0 + part * (v1 * ex + v2 * fx)
            y = cos * y0 + part * (v1 * ey + v2 * fy)
            z = cos * z0 + part * (v1 * ez + v2 * fz)
            scale = _ONE / np.float32(math.sqrt(x * x + y * y + z * z))
            x, y, z = scale * x, scale * y, scale * z
            m[0, i, j], m[1, i, j], m[2, i, j] = x, y, z
            e1[0, i, j], e1[1, i, j], e1[2, i, j] = carried(x0, y0, z0, x, y, z, ex, ey, ez)


@compiled(fastmath=True, error_model="numpy")
def transport(m0, m, e1):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Carry e1 from m0 to m."""
    for i in range(1, m.shape[1] - 1):
        for j in range(1, m.shape[2] - 1):
            e1[0, i, j], e1[1, i, j], e1[2, i, j] = carried(
                m0[0, i, j], m0[1, i, j], m0[2, i, j], m[0, i, j], m[1, i, j], m[2, i, j],
                e1[0, i, j], e1[1, i, j], e1[2, i, j],
            )  # fmt: skip


@compiled(fastmath=True, error_model="numpy")
def add_way(m0, m, e1, angle):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """Add the chord from m0 to m in the frame at m to the coordinates."""
    rows = m.shape[1]
    for i in range(1, rows - 1):
        for j in range(1, m.shape[2] - 1):
            x, y, z = m[0, i, j], m[1, i, j], m[2, i, j]
            dx, dy, dz = x - m0[0, i, j], y - m0[1, i, j], z - m0[2, i, j]
            ex, ey, ez = e1[0, i, j], e1[1, i, j], e1[2, i, j]
            angle[i, j] += ex * dx + ey * dy + ez * dz
            angle[rows + i, j] += (y * ez - z * ey) * dx + (z * ex - x * ez) * dy + (x * ey - y * ex) * dz


@compiled(fastmath=True, error_model="numpy")
def components(m, e1, e2, torque, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """e2 = m x e1, and the components of the torque along both."""
    rows = m.shape[1]
    for i in range(1, rows - 1):
        for j in range(1, m.shape[2] - 1):
            x, y, z = m[0, i, j], m[1, i, j], m[2, i, j]
            ex, ey, ez = e1[0, i, j], e1[1, i, j], e1[2, i, j]
            fx, fy, fz = y * ez - z * ey, z * ex - x * ez, x * ey - y * ex
            e2[0, i, j], e2[1, i, j], e2[2, i, j] = fx, fy, fz
            tx, ty, tz = torque[0, i, j], torque[1, i, j], torque[2, i, j]
            out[i, j] = ex * tx + ey * ty + ez * tz
            out[rows + i, j] = fx * tx + fy * ty + fz * tz
