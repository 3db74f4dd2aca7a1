"""Crossover and mutation of codes whose numbers stand on a grid of places.

A window of one magnet is pasted into another: what lies inside and what lies outside of it stay what they are, so that
a child is a magnet as its parents are, and not their average (as with tiles of images; spatial crossover of building
blocks goes back to Cavicchio 1970 and Kane and Schoenauer 1996). Mutation changes few numbers, each by as much as it
varies over real structures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from pymoo.core.crossover import Crossover
from pymoo.core.mutation import Mutation

SHARE = 0.02
"""Of the numbers of a code that mutation changes."""

STEP = 0.7
"""By how much, in standard deviations of this number over the codes of real structures."""


class WindowCrossover(Crossover):  # type: ignore[misc]
    """Two codes exchange a rectangle of their places, between two and all but one along each edge.

    Args:
        grid: rows, columns and numbers a place of a code.
    """

    def __init__(self, grid: tuple[int, int, int]) -> None:
        super().__init__(2, 2, prob=0.9)
        self._grid = grid

    def _do(self, problem: Any, X: np.ndarray, *args: Any, random_state: Any = None, **kwargs: Any) -> np.ndarray:
        parents = X.reshape(2, -1, *self._grid)
        children = parents.copy()
        for pair in range(parents.shape[1]):
            (top, bottom), (left, right) = (_span(edge, random_state) for edge in self._grid[:2])
            window = np.s_[pair, top:bottom, left:right]
            children[0][window], children[1][window] = parents[1][window], parents[0][window]
        return np.asarray(children.reshape(X.shape))


def _span(edge: int, rng: Any) -> tuple[int, int]:
    length = int(rng.integers(min(2, edge), max(edge, 3)))
    first = int(rng.integers(0, edge - length + 1))
    return first, first + length


class SparseMutation(Mutation):  # type: ignore[misc]
    """A few numbers of a code change.

    Args:
        std: (latent,) standard deviations of codes of real structures.
    """

    def __init__(self, std: np.ndarray) -> None:
        super().__init__()
        self._std = std

    def _do(self, problem: Any, X: np.ndarray, *args: Any, random_state: Any = None, **kwargs: Any) -> np.ndarray:
        moved = X + STEP * self._std * random_state.normal(size=X.shape)
        chosen = random_state.random(X.shape) < SHARE
        return np.asarray(np.where(chosen, np.clip(moved, problem.xl, problem.xu), X))
