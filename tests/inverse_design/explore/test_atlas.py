"""The map of a shipped surrogate: what is there is what was labelled; nothing is drawn or simulated for it."""

from __future__ import annotations

import numpy as np
import pytest

import surrogate
from inverse_design.explore.atlas import COLUMNS, LABEL, load_atlas
from simulation import anchor_points, load_labels, load_structures
from simulation.anchors import ANCHORS


class NoModel:
    """What is shipped has its codes with it."""

    @staticmethod
    def load(name: str) -> NoModel:
        return NoModel()


def test_the_map_of_a_shipped_surrogate_is_that_of_its_labels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(vars(surrogate), "Surrogate", NoModel)  # so that TensorFlow is not imported for it
    atlas, labels = load_atlas("nd2fe14b-elements"), load_labels("nd2fe14b-elements")
    assert {point.kind for point in atlas.points} == {LABEL}
    assert len(atlas.codes) == len(atlas.points) == (labels["split"] != "reserve").sum()
    row = atlas.rows["label 1234"]
    np.testing.assert_array_equal(atlas.table[row, :6], labels.loc[1234, list(ANCHORS)].to_numpy(float))
    assert atlas.table[row, COLUMNS.index("grains")] == labels.loc[1234, "grains"]
    curve = atlas.points[row].curve()
    assert curve is not None
    np.testing.assert_allclose(anchor_points(*curve).as_array(), atlas.table[row, :6], atol=1e-6)
    assert atlas.structure(row) == load_structures("nd2fe14b-elements", [1234])[0]
    assert (atlas.conditions.discretization, atlas.run, atlas.goals) == ("elements", None, ())
