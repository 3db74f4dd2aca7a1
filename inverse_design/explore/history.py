"""Steps that can be undone and done again."""

from __future__ import annotations

from dataclasses import dataclass

from simulation.microstructure import Microstructure

KEPT = 200
"""Steps that can be undone."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A structure on the page.

    Attributes:
        structure: its grains.
        words: where it comes from.
        row: of the map, if it is a point of it, unchanged.
    """

    structure: Microstructure
    words: str
    row: int | None = None


class History:
    """What is shown, what was before it, and what was undone."""

    def __init__(self) -> None:
        self.now: Shown | None = None
        self._before: list[Shown] = []
        self._after: list[Shown] = []
        self._gesture = ""

    def show(self, shown: Shown, gesture: str = "") -> None:
        """Show another structure. Steps of one gesture (a slider, a drag) are undone as one."""
        if not gesture or gesture != self._gesture:
            if self.now is not None:
                self._before = [*self._before, self.now][-KEPT:]
            self._after = []
        self.now, self._gesture = shown, gesture

    def end_gesture(self) -> None:
        """What comes next is a step of its own."""
        self._gesture = ""

    def forget_steps(self) -> None:
        """What is shown now is the beginning."""
        self._before, self._after, self._gesture = [], [], ""

    @property
    def can_undo(self) -> bool:
        return bool(self._before)

    @property
    def can_redo(self) -> bool:
        return bool(self._after)

    def undo(self) -> None:
        """Show again what was shown before the last step; nothing where there is none."""
        self._step(self._before, self._after)

    def redo(self) -> None:
        """The step that was undone, once more."""
        self._step(self._after, self._before)

    def _step(self, source: list[Shown], target: list[Shown]) -> None:
        if source and self.now is not None:
            target.append(self.now)
            self.now, self._gesture = source.pop(), ""
