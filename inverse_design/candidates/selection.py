"""The choice of a batch by scores: good, diverse, and nothing that was simulated before."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

SAME = 1e-6
"""Square distance of two codes, in the mean square of a code, below which they are of one structure: rounding."""


def diverse_batch(
    score: np.ndarray,
    codes: np.ndarray,
    count: int,
    distinct: Callable[[int, Sequence[int]], bool] = lambda index, chosen: True,
) -> np.ndarray:
    """Indices of a batch that is good and not all of one kind.

    Greedy choice with local penalisation (González et al. 2016): each point chosen takes its neighbourhood out of the
    running by the factor 1 - exp(-d^2 / 2 l^2), with l a quarter of the codes' root mean square distance from their
    mean. What was simulated in earlier rounds needs no penalty: the score knows of it.

    Args:
        score: (n,), or (k, n) scores that choose in turn.
        codes: (n, latent).
        count: size of the batch.
        distinct: asked of the best that is left, and of those chosen before it, whether it is another answer than any
            that there is; else it is passed over.
    """
    if len(codes) == 0:
        return np.zeros(0, dtype=int)
    length = 0.25 * float(np.sqrt(np.sum(codes.var(axis=0)))) or 1.0
    running = np.array(score, dtype=float, ndmin=2)
    chosen: list[int] = []
    for _ in range(len(codes)):
        if len(chosen) == count:
            break
        best = int(np.argmax(running[len(chosen) % len(running)]))
        if not distinct(best, chosen):
            running[:, best] = -np.inf
            continue
        chosen.append(best)
        squared = np.sum((codes - codes[best]) ** 2, axis=1) / (2 * length**2)
        running += np.log(np.maximum(-np.expm1(-squared), 1e-12))
        running[:, best] = -np.inf
    return np.asarray(chosen, dtype=int)


def top(scores: np.ndarray, count: int) -> np.ndarray:
    """Indices of the best `count` of n by scores (k, n) that choose in turn."""
    ranked = np.argsort(-scores, axis=1, kind="stable")[:, :count].T.ravel()
    return ranked[np.sort(np.unique(ranked, return_index=True)[1])][:count]


def unseen(codes: np.ndarray, done: np.ndarray) -> np.ndarray:
    """Indices of structures whose codes (n, latent) are neither done (m, latent) nor those of an earlier one."""
    if not len(codes):
        return np.zeros(0, dtype=int)
    seen = np.vstack([done, codes])
    size = np.einsum("ij,ij->i", seen, seen)
    squared = size[len(done) :, None] + size - 2 * codes @ seen.T
    same = squared <= SAME * size.mean()
    earlier = np.tril(same[:, len(done) :], -1)
    return np.flatnonzero(~same[:, : len(done)].any(axis=1) & ~earlier.any(axis=1))
