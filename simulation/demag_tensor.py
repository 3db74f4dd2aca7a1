"""Demagnetisation tensor of infinitely long square prisms, and the long-range field as one complex convolution.

With a cell's magnetisation written as the complex number w = m_x + i m_y, the demagnetising field of all cells is

    H_d / Ms = -(w + kappa * conj(w)) / 2,        kappa = (N_xx - N_yy) + 2i N_xy,

where * is the convolution over cells. The trace N_xx + N_yy is 1 on the cell itself and 0 elsewhere, which is the
lone w; kappa is 0 on the cell itself. So the whole long-range part is one complex FFT forth and one back.
"""

from __future__ import annotations

import math
from functools import lru_cache

import ducc0
import numpy as np


def prism_tensor(ny: int, nx: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """N_xx, N_yy, N_xy between infinite square prisms at offsets of 0 to ny - 1 and 0 to nx - 1 cells.

    The double surface integral of 1/(2 pi) ln r is a second difference in x and in y (weights 1, -2, 1) of

        N_xx:  1/(2 pi) [ (y^2 - x^2)/4 ln(x^2 + y^2) + x y atan(y/x) ]        N_yy: the same with x and y swapped
        N_xy:  1/(2 pi) [ x y/2 ln(x^2 + y^2) + x^2/2 atan(y/x) + y^2/2 atan(x/y) ]

    (Newell, Williams and Dunlop 1993 in the limit of infinite length; terms that the differences remove are left out,
    but for those that keep the trace exact). N_xy is odd in x and in y, the others are even.

    Returns:
        Three (ny, nx) arrays, float64.
    """
    y, x = np.meshgrid(np.arange(-1.0, ny + 1), np.arange(-1.0, nx + 1), indexing="ij")
    r2 = x * x + y * y
    log = np.log(np.where(r2 == 0, 1.0, r2))
    with np.errstate(divide="ignore", invalid="ignore"):
        y_over_x = np.where(x == 0, np.sign(y) * math.pi / 2, np.arctan(y / x))
        x_over_y = np.where(y == 0, np.sign(x) * math.pi / 2, np.arctan(x / y))
    potential_xx = (y * y - x * x) / 4 * log - 0.75 * y * y + x * y * y_over_x
    potential_yy = (x * x - y * y) / 4 * log - 0.75 * x * x + x * y * x_over_y
    potential_xy = x * y / 2 * log + x * x / 2 * y_over_x + y * y / 2 * x_over_y
    n_xx, n_yy, n_xy = (_second_differences(p) / (2 * math.pi) for p in (potential_xx, potential_yy, potential_xy))
    return n_xx, n_yy, n_xy


def _second_differences(potential: np.ndarray) -> np.ndarray:
    along_x = potential[:, 2:] - 2 * potential[:, 1:-1] + potential[:, :-2]
    return along_x[2:] - 2 * along_x[1:-1] + along_x[:-2]


@lru_cache(maxsize=4)
def kernel_spectrum(ny: int, nx: int) -> np.ndarray:
    """Spectrum of kappa on the padded grid, complex64, with the 1/n of the inverse transform in it.

    The grid is padded to at least (2 ny - 1, 2 nx - 1), so that the cyclic convolution is the open one.
    """
    n_xx, n_yy, n_xy = prism_tensor(ny, nx)
    rows, columns = ducc0.fft.good_size(2 * ny - 1), ducc0.fft.good_size(2 * nx - 1)
    kappa = np.zeros((rows, columns), np.complex128)
    quadrant = (n_xx - n_yy) + 2j * n_xy
    quadrant[0, 0] = 0.0
    for row_sign in (1, -1):
        for column_sign in (1, -1):
            iy, ix = row_sign * np.arange(ny), column_sign * np.arange(nx)
            kappa[np.ix_(iy, ix)] = quadrant if row_sign == column_sign else quadrant.conj()
    spectrum: np.ndarray = ducc0.fft.c2c(kappa, inorm=2).astype(np.complex64)
    spectrum.setflags(write=False)
    return spectrum


class LongRangeField:
    """The convolution kappa * conj(w) on one grid, in single precision, with its work arrays.

    Fill the first nx columns of `source` with conj(w), call, read the first nx columns of the result. Both are
    contiguous, as compiled loops want them; rows of padding are never transformed along x.
    """

    def __init__(self, ny: int, nx: int) -> None:
        self._spectrum = kernel_spectrum(ny, nx)
        self.source = np.zeros((ny, self._spectrum.shape[1]), np.complex64)
        self._work = np.zeros(self._spectrum.shape, np.complex64)
        self.result = self._work[:ny]
        self._padding = self._work[ny:]
        self.ny, self.nx = ny, nx
        self.evaluations = 0

    def __call__(self) -> np.ndarray:
        """kappa * conj(w), complex64: a view that the next call overwrites."""
        c2c = ducc0.fft.c2c
        c2c(self.source, axes=(1,), out=self.result, nthreads=1)
        self._padding[:] = 0
        c2c(self._work, axes=(0,), out=self._work, nthreads=1)
        np.multiply(self._work, self._spectrum, out=self._work)
        c2c(self._work, axes=(0,), out=self._work, forward=False, nthreads=1)
        c2c(self.result, axes=(1,), out=self.result, forward=False, nthreads=1)
        self.evaluations += 1
        return self.result
