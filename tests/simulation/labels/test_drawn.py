"""Structures that are drawn when they are needed."""

from __future__ import annotations

import pytest

from simulation import InputError, Microstructure, Purpose, StructureFamily
from simulation.labels.drawn import Drawn, Structures

FAMILY = StructureFamily(40, 2, (3, 6))
EVERY = [FAMILY.draw(0, Purpose.BENCHMARK, i) for i in range(5)]


class Counted:
    """Draws a structure and counts how often."""

    def __init__(self, structure: Microstructure) -> None:
        self.structure, self.times = structure, 0

    def __call__(self) -> Microstructure:
        self.times += 1
        return self.structure


def test_nothing_is_drawn_before_it_is_needed_and_nothing_twice() -> None:
    draws = [Counted(structure) for structure in EVERY]
    waiting = Structures(Drawn(draw.structure.content_hash, draw) for draw in draws)
    more = waiting.take([4, 3, 2, 1]) + EVERY[:1]
    assert more.content_hashes == [structure.content_hash for structure in [*EVERY[:0:-1], EVERY[0]]]
    assert len(more[1:3]) == 2
    assert [draw.times for draw in draws] == [0] * 5
    assert repr(more) == "<5 structures, 4 not drawn>"
    assert more[0] is waiting[4]
    assert more[0].content_hash == EVERY[4].content_hash
    assert [draw.times for draw in draws] == [0, 0, 0, 0, 1]


def test_it_is_a_sequence_like_any_other() -> None:
    every = Structures(EVERY)
    assert list(every) == EVERY
    assert every[-1] is EVERY[-1]
    assert list(every[::2]) == EVERY[::2]
    assert list(every + iter(EVERY[:2])) == [*EVERY, *EVERY[:2]]
    with pytest.raises(IndexError):
        every[5]


def test_another_draw_than_the_known_one_is_refused() -> None:
    waiting = Structures([Drawn(EVERY[0].content_hash, lambda: EVERY[1])])
    assert waiting.content_hashes == [EVERY[0].content_hash]
    with pytest.raises(InputError, match="draws another structure"):
        waiting[0]
