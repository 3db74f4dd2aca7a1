"""Free spins against fidimag's spins pushed out of the plane: the shipped curves, and what counts as agreement."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from simulation import ANCHORS, InputError
from studies.benchmarks import out_of_plane as bench

HC = ANCHORS.index("Hc")


def test_shipped_curves_are_of_enough_structures_and_pushes() -> None:
    curves = bench.read(bench.CURVES)
    pushes = {name: len(curves.of(name)) for name in set(curves.name.tolist())}
    assert min(pushes.values()) >= 2
    assert sum(int(name) >= len(bench.SQUARES) for name in pushes) >= 5  # of 320 nm
    for m in curves.m:
        assert np.isfinite(m[:101]).all()  # to zero field at least
        assert m[np.isfinite(m)][-1] < 0 <= m[np.isfinite(m)][-2]


@pytest.mark.parametrize("name", ["2", "3"])  # a wall turns through the axis; a plane that is stable
def test_a_square_has_fidimags_curve(name: str) -> None:
    found = bench.compare(name, bench.read(bench.CURVES))
    assert (found.beyond <= 0).all()
    assert found.apart.max() < 1e-3


def test_what_does_not_agree_is_named() -> None:
    theirs = np.tile([0.95, 0.8, 0.2, 0.25, 0.3, 0.35], (2, 1))
    theirs[1, HC] += 0.01
    ours = np.stack([theirs[:1], theirs[:1]])
    agreeing = bench.Compared(theirs, ours, np.zeros(2), 0.0)
    assert (agreeing.beyond <= 0).all()
    assert str(agreeing).endswith("none | none")
    ours = ours.copy()
    ours[1, 0, HC] += 0.01 + 0.015  # fidimag's nearest is 0.015 away, and its range 0.01
    apart = replace(agreeing, ours=ours)
    assert apart.beyond[1, HC] == pytest.approx(0.005)
    assert str(apart).endswith("none | Hc by 0.0050")


def test_structures_are_named_by_numbers(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="squares 0 to 9"):
        bench.structure("square")
    assert not len(bench.read(tmp_path / "none.npz").name)
