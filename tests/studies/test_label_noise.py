"""How labels of free spins depend on the push out of the plane: the shipped rows, and the ranges of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulation import ANCHORS
from simulation.labels.sets import load_labels
from studies.benchmarks import label_noise as bench


def rows(hc: dict[tuple[str, str], float]) -> list[bench.Row]:
    found = []
    for (seed, size), value in hc.items():
        anchors = ("0.9", "0.6", "0.05", "0.07", "0.09", str(value))
        found.append(bench.Row("elements", "7", "isotropic", seed, size, "True", anchors))
    return found


def test_ranges_are_over_all_pushes_of_a_structure() -> None:
    pushes = [("", "1"), ("1", "1")]
    some = rows({("", "1"): 0.10, ("1", "1"): 0.13, ("", "10"): 0.5})
    np.testing.assert_allclose(bench.ranges(some, "elements", "isotropic", pushes), [[0, 0, 0, 0, 0, 0.03]])
    assert bench.ranges(some[:1], "elements", "isotropic", pushes).shape == (0, len(ANCHORS))
    assert bench.ranges(some, "cells", "isotropic", pushes).shape == (0, len(ANCHORS))


def test_rows_are_read_as_they_were_written(tmp_path: Path) -> None:
    some = rows({("", "1"): 0.10, ("1", "1"): 0.13})
    bench.write(tmp_path / "rows.csv", some)
    assert bench.read(tmp_path / "rows.csv") == some
    assert bench.read(tmp_path / "none.csv") == []


def test_shipped_rows_are_whole_and_start_from_the_labels() -> None:
    shipped = bench.read(bench.ROWS)
    assert {row.key for row in shipped} == {(d, str(i), seed, f"{size:g}") for d, i, _, seed, size in bench.wanted()}
    labels = load_labels(bench.LABELS)
    for row in shipped:
        if row.discretization == "elements" and (row.seed, row.size) == ("", "1"):
            expected = labels.loc[int(row.label), list(ANCHORS)].to_numpy(float)
            assert [float(x) for x in row.anchors] == pytest.approx(expected, abs=1e-4)
