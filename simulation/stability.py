"""Whether a planar state is stable against leaving the plane: the lowest eigenvalue of its out-of-plane Hessian.

An infinite prism has no charges out of the plane, N_zz = 0, so that small tilts theta of the vectors see no long-range
field of each other: the Hessian H of the energy by the tilts is local, a nine-point stencil of anisotropy, exchange,
the trace of the demagnetisation tensor (-q/2) and the field along m. For cells

    H_ii = (k.m)^2 + b.m - q/2 + c sum_neighbours cos(phi - phi_n),        H_in = -c.

Per area, in units of 2 K1, its lowest eigenvalue comes from Lanczos' method (Golub and Van Loan, Matrix Computations,
chapter 10). A Ritz value is an upper bound of it: one below zero proves that the plane is unstable, after few steps.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy.linalg import eigh_tridiagonal

from simulation.compiled import compiled

STEPS, CHECK_EVERY = 64, 8
"""Most steps of Lanczos' method, and after how many of them its lowest Ritz value is looked at."""
CHANGE = 0.02
"""Part of itself by which that may have changed since the last look when it is taken for the lowest eigenvalue."""
PER_RAD = 4.0
"""How much the lowest eigenvalue may change as vectors turn by a radian, estimated: 1 by anisotropy, 1 by the field, q
by the long-range field, 2 by the exchange of neighbours that differ by a radian. A field changes it by as much."""


class OutOfPlaneHessian(Protocol):
    """What assembles the stencil of a discretisation."""

    area: np.ndarray
    sensitivity: float
    """How many times `PER_RAD` its lowest eigenvalue may change: 1 where there is one phase."""

    def stencil(self, angle: np.ndarray, b: np.ndarray) -> np.ndarray:
        """(9, rows, columns) couplings of each node to those at offsets (-1, -1), (-1, 0) .. (1, 1); ghosts zero.

        Args:
            angle: planar state, padded.
            b: (2, ny, nx) field of its last evaluation.
        """
        ...


class Stability:
    """Lowest eigenvalues and modes of planar states of one structure.

    A state that is nearer to one with a lowest eigenvalue x than what could change that by x is not looked at again.

    Args:
        hessian: of the discretisation.
    """

    def __init__(self, hessian: OutOfPlaneHessian) -> None:
        self._hessian = hessian
        self._scale = np.zeros_like(hessian.area)
        np.divide(1, np.sqrt(hessian.area), out=self._scale, where=hessian.area > 0)
        start = np.random.default_rng(0).normal(size=hessian.area.shape) * (hessian.area > 0)
        self._start = (start / np.linalg.norm(start)).astype(np.float32)
        self._vectors = np.zeros((3, *hessian.area.shape), np.float32)
        self._known: tuple[float, np.ndarray, float] | None = None  # field, angles and lowest eigenvalue of a state
        self._matrix = np.zeros((9, *hessian.area.shape), np.float32)

    def stable(self, angle: np.ndarray, b: np.ndarray, h: float) -> bool:
        """Whether no small tilt of the planar state at reduced field h grows."""
        way = (
            np.inf
            if self._known is None
            else abs(h - self._known[0]) + PER_RAD * float(np.abs(angle - self._known[1]).max())
        ) * self._hessian.sensitivity
        if self._known is not None and way < self._known[2]:
            return True
        self._set(angle, b)
        lowest = self._lanczos(stop_at_negative=True)[0]
        self._known = (h, angle.copy(), lowest * (1 - CHANGE)) if lowest > 0 else None
        return lowest > 0

    def lowest(self, angle: np.ndarray, b: np.ndarray) -> float:
        """Lowest eigenvalue per area, 2 K1."""
        self._set(angle, b)
        return self._lanczos()[0]

    def mode(self, angle: np.ndarray, b: np.ndarray) -> np.ndarray:
        """Tilts of the lowest mode, padded, the largest of them 1."""
        self._set(angle, b)
        _, diagonal, beside = self._lanczos()
        _, weights = eigh_tridiagonal(diagonal, beside[:-1], select="i", select_range=(0, 0))
        mode = np.zeros(self._start.shape)
        self._begin()
        for k in range(diagonal.size):
            mode += weights[k, 0] * self._vectors[1]
            self._step(0.0 if k == 0 else beside[k - 1])
        mode *= self._scale
        tilts: np.ndarray = mode / mode.flat[np.abs(mode).argmax()]
        return tilts

    def _set(self, angle: np.ndarray, b: np.ndarray) -> None:
        _scaled(self._hessian.stencil(angle, b), self._scale, self._matrix)

    def _begin(self) -> None:
        self._vectors[0] = 0
        self._vectors[1] = self._start

    def _step(self, beside: float) -> tuple[float, float]:
        diagonal, norm = _lanczos_step(self._matrix, self._vectors, beside)
        return float(diagonal), float(norm)

    def _lanczos(self, stop_at_negative: bool = False) -> tuple[float, np.ndarray, np.ndarray]:
        """Lowest Ritz value and the tridiagonal matrix it belongs to."""
        self._begin()
        diagonal: list[float] = []
        beside: list[float] = []
        last = np.inf
        for k in range(STEPS):
            a, norm = self._step(beside[-1] if k else 0.0)
            diagonal.append(a)
            beside.append(norm)
            ended = norm < 1e-5
            if ended or (k + 1) % CHECK_EVERY == 0:
                lowest = _lowest_ritz(diagonal, beside)
                settled = abs(last - lowest) <= CHANGE * abs(lowest)
                if ended or settled or (stop_at_negative and lowest < 0):
                    break
                last = lowest
        return lowest, np.array(diagonal), np.array(beside)


def _lowest_ritz(diagonal: list[float], beside: list[float]) -> float:
    values = eigh_tridiagonal(diagonal, beside[:-1], eigvals_only=True, select="i", select_range=(0, 0))
    return float(values[0])


@compiled(fastmath=True)
def _scaled(stencil, scale, out):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """The stencil between tilts times the roots of their areas."""
    for k in range(9):
        di, dj = k // 3 - 1, k % 3 - 1
        for i in range(1, scale.shape[0] - 1):
            for j in range(1, scale.shape[1] - 1):
                out[k, i, j] = stencil[k, i, j] * scale[i, j] * scale[i + di, j + dj]


@compiled(fastmath=True)
def _lanczos_step(matrix, vectors, beside):  # type: ignore[no-untyped-def]  # pragma: no cover - compiled
    """From v_(k-1), v_k to v_k, v_(k+1); returns the diagonal element and the one beside it."""
    last, now, new = vectors[0], vectors[1], vectors[2]
    rows, columns = now.shape
    diagonal: Any = 0.0
    b = np.float32(beside)
    for i in range(1, rows - 1):
        row = np.float32(0)
        for j in range(1, columns - 1):
            x = (
                matrix[0, i, j] * now[i - 1, j - 1] + matrix[1, i, j] * now[i - 1, j]
                + matrix[2, i, j] * now[i - 1, j + 1] + matrix[3, i, j] * now[i, j - 1]
                + matrix[4, i, j] * now[i, j] + matrix[5, i, j] * now[i, j + 1]
                + matrix[6, i, j] * now[i + 1, j - 1] + matrix[7, i, j] * now[i + 1, j]
                + matrix[8, i, j] * now[i + 1, j + 1]
            )  # fmt: skip
            row += x * now[i, j]
            new[i, j] = x - b * last[i, j]
        diagonal += row
    a = np.float32(diagonal)
    square: Any = 0.0
    for i in range(1, rows - 1):
        row = np.float32(0)
        for j in range(1, columns - 1):
            new[i, j] -= a * now[i, j]
            row += new[i, j] * new[i, j]
        square += row
    norm = np.sqrt(square)
    over = np.float32(1 / max(norm, 1e-30))
    for i in range(1, rows - 1):
        for j in range(1, columns - 1):
            last[i, j] = now[i, j]
            now[i, j] = over * new[i, j]
    return diagonal, norm
