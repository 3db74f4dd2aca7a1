"""Structures that are drawn when they are needed: what is known of them by their content needs no grain map."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import overload

import numpy as np

from simulation.errors import InputError
from simulation.microstructure import Microstructure


class Drawn:
    """A structure by its content hash, drawn when it is first asked for and refused if it is another.

    Args:
        content_hash: `Microstructure.content_hash` of what is to come.
        draw: makes it.
    """

    def __init__(self, content_hash: str, draw: Callable[[], Microstructure]) -> None:
        self.content_hash, self._draw = content_hash, draw

    @cached_property
    def structure(self) -> Microstructure:
        """The structure.

        Raises:
            InputError: if the draw gives another one.
        """
        structure = self._draw()
        if structure.content_hash != self.content_hash:
            raise InputError(
                f"NumPy {np.__version__} draws another structure than the one that is known as "
                f"{self.content_hash[:12]}; use the NumPy release that made it"
            )
        return structure


class Structures(Sequence[Microstructure]):
    """Grain structures in a fixed order, some of which are not drawn yet; immutable, as a tuple is.

    Args:
        items: structures, or what they can be drawn from.
    """

    def __init__(self, items: Iterable[Microstructure | Drawn]) -> None:
        self._items: tuple[Microstructure | Drawn, ...] = (
            items._items if isinstance(items, Structures) else tuple(items)
        )

    def __repr__(self) -> str:
        waiting = sum(isinstance(item, Drawn) and "structure" not in vars(item) for item in self._items)
        return f"<{len(self)} structures, {waiting} not drawn>"

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> Microstructure: ...

    @overload
    def __getitem__(self, index: slice) -> Structures: ...

    def __getitem__(self, index: int | slice) -> Microstructure | Structures:
        if isinstance(index, slice):
            return Structures(self._items[index])
        item = self._items[index]
        return item.structure if isinstance(item, Drawn) else item

    def __add__(self, more: Iterable[Microstructure]) -> Structures:
        """These, then others; draws nothing."""
        return Structures((*self._items, *Structures(more)._items))

    def take(self, rows: Iterable[int]) -> Structures:
        """Those of some rows, in that order; draws nothing."""
        return Structures(self._items[row] for row in rows)

    @property
    def content_hashes(self) -> list[str]:
        """Of each; draws nothing."""
        return [item.content_hash for item in self._items]
