"""What the grains of a latent code will look like, before it is turned into grains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from inverse_design.properties import structure_properties
from simulation.microstructure import Microstructure

LEARNT = 3
"""Properties that are told from the field; what lies between the grains is decoded as it is."""


class StructureGuess:
    """Grain size, spread of the axes and share of low-angle boundaries of codes, told from the decoded field; thickness
    and polarisation of what lies between the grains as decoded.

    A decoded field is blurred: how large its gradients are and how long its mean vector is are fitted, by least
    squares, to the properties of structures whose codes are known. Candidates are judged by their grains, not by this.

    Args:
        decode: (n, latent) codes to double-angle fields (n, ny, nx, 2).
        structures: to learn from; a few hundred will do.
        codes: (n, latent) of them.
        between: (n, latent) codes to (n, 2) thickness in nm and polarisation in T; None where there is one phase only.
    """

    def __init__(
        self,
        decode: Callable[[np.ndarray], np.ndarray],
        structures: Sequence[Microstructure],
        codes: np.ndarray,
        between: Callable[[np.ndarray], np.ndarray] | None = None,
    ) -> None:
        self._decode, self._between = decode, between
        exact = np.array([structure_properties(structure)[:LEARNT] for structure in structures])
        exact[:, 0] = np.log(exact[:, 0])
        features = self._features(codes)
        self._low, self._high = exact.min(axis=0), exact.max(axis=0)
        penalty = 1e-4 * len(features) * np.eye(features.shape[1])
        self._weights = np.linalg.solve(features.T @ features + penalty, features.T @ exact)

    def __call__(self, codes: np.ndarray) -> np.ndarray:
        """(n, 5) for codes (n, latent)."""
        values = np.clip(self._features(codes) @ self._weights, self._low, self._high)
        values[:, 0] = np.exp(values[:, 0])
        between = np.zeros((len(codes), 2)) if self._between is None else self._between(codes)
        return np.hstack([values, between])

    def _features(self, codes: np.ndarray) -> np.ndarray:
        rows = []
        for start in range(0, len(codes), 256):
            field = self._decode(codes[start : start + 256])
            change = np.sqrt(
                np.square(np.diff(field, axis=1))[:, :, :-1].sum(-1) + np.square(np.diff(field, axis=2))[:, :-1].sum(-1)
            )
            mean = np.log(change.mean(axis=(1, 2)) + 1e-4)
            steep = np.log((change > 0.1).mean(axis=(1, 2)) + 1e-3)
            resultant = np.linalg.norm(field.mean(axis=(1, 2)), axis=-1).clip(0.01, 0.999)
            spread = np.sqrt(-np.log(resultant))
            rows.append(np.stack([mean, steep, resultant, spread], axis=1))
        base = np.concatenate(rows)
        products = [base[:, i] * base[:, j] for i in range(4) for j in range(i, 4)]
        return np.column_stack([np.ones(len(base)), base, *products])
