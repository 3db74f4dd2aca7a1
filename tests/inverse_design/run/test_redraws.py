"""Structures with a hit's statistics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inverse_design.goals import Goal
from inverse_design.properties import PROPERTIES, structure_properties
from inverse_design.run.redraws import redraws, redraws_table, save_redraws, with_redraws
from inverse_design.run.verified import load_batch, save_batch
from inverse_design.study.reading import StudyError, parse_study
from simulation import (
    Boundary,
    Conditions,
    FieldSweep,
    InputError,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Phase,
    Purpose,
    StructureFamily,
    label_all,
)
from simulation.execution.executors import local
from tests.inverse_design.report.stand_ins import verified

FAMILY = StructureFamily(40, 2, (8, 12))


def test_a_redraw_has_the_same_axes_elsewhere() -> None:
    original = FAMILY.draw(1, Purpose.BENCHMARK, 0)
    drawn = redraws(original, 5, seed=3)
    assert len({structure.content_hash for structure in [original, *drawn]}) == 6
    for structure in drawn:
        assert structure.shape == original.shape
        assert set(structure.grain_angle_rad) <= set(original.grain_angle_rad)
        assert abs(structure.grain_angle_rad.size - original.grain_angle_rad.size) <= 1
    again = redraws(original, 5, seed=3)
    assert [a.content_hash for a in drawn] == [b.content_hash for b in again]


def test_redraws_have_the_layer_of_the_hit_between_their_grains() -> None:
    """Of a hit of a family, which draws others; and of a map without a known thickness about as much of the phase."""
    grains, phase = FAMILY.draw(1, Purpose.BENCHMARK, 0), Phase(8e-13, 0.5)
    family = replace(FAMILY, size_sigma=0.2, boundary=Boundary((0.0, 4.0), (0.2, 1.2), 5e-12))
    for of in (None, FAMILY, family):
        for drawn in redraws(grains.with_boundary(4, phase), 3, seed=3, family=of):
            assert (drawn.boundary_nm, drawn.phases) == (4, (phase,))
            assert drawn == drawn.without_phases().with_boundary(4, phase)
        assert not any(drawn.phases for drawn in redraws(grains, 3, seed=3, family=of))
    known = grains.with_boundary(4, phase).phase_map
    own = Microstructure(grains.grain_id, grains.grain_angle_rad, grains.cell_nm, known, (phase,))
    shares = [(drawn.phase_map > 0).mean() for drawn in redraws(own, 3, seed=3)]
    assert np.mean(shares) == pytest.approx((known > 0).mean(), rel=0.3)


def test_what_is_saved_comes_back_and_is_a_table(tmp_path: Path) -> None:
    items = [verified(FAMILY.draw(1, Purpose.BENCHMARK, i), 0.8, 0.36) for i in range(2)]
    drawn = [redraws(items[1].candidate.structure, 2, seed=1)]
    conditions = Conditions.of(Nd2Fe14B, FieldSweep(step=0.05, until="coercivity"))
    with LabelStore(tmp_path / "labels.sqlite") as store, local(1) as engine:
        labels = list(label_all(drawn[0], conditions, store, engine))
    save_redraws(tmp_path, [1], drawn, labels)
    first, second = with_redraws(items, tmp_path)
    assert len(first.redrawn) == 0
    assert second.redrawn.shape == (2, len(PROPERTIES))
    np.testing.assert_allclose(second.redrawn[0, 8:], structure_properties(drawn[0][0]))
    by_hash = {label.structure_hash: label for label in labels}
    np.testing.assert_array_equal(second.redrawn[1, :6], by_hash[drawn[0][1].content_hash].anchors.as_array())
    table = redraws_table([first, second])
    assert table["candidate"].tolist() == [1, 1]
    assert table["converged"].all()


def test_a_robust_goal_is_met_by_the_mean_of_the_redraws() -> None:
    item = verified(FAMILY.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)
    value = float(item.anchors[5])
    plain, robust = (Goal("Hc", target=value, tolerance=0.01, robust=flag) for flag in (False, True))
    near, far = (np.tile(item.properties + shift, (4, 1)) for shift in (0.005, 0.02))
    near[0] = np.nan  # one that did not converge says nothing
    assert item.is_hit([plain])
    assert not item.is_hit([robust])  # nothing was redrawn
    assert replace(item, redrawn=near).is_hit([robust])
    assert not replace(item, redrawn=far).is_hit([robust])
    assert replace(item, redrawn=far).map_hits([robust])


def test_robust_goals_ask_for_redraws_and_are_bounds_or_targets() -> None:
    text = "name: a\ngoals: {{Hc: {{target: 0.3, tolerance: 0.01, robust: true}}}}\nverification: {{redraws: {}}}\n"
    assert parse_study(text.format(0), "s.yaml").redraws == 16
    assert parse_study(text.format(4), "s.yaml").redraws == 4
    with pytest.raises(StudyError, match=r"goals\.Hc\.robust: goes with a target or with bounds"):
        parse_study("name: a\ngoals: {Hc: {maximize: true, robust: true}}\n", "s.yaml")


def test_a_saved_batch_comes_back_whole(tmp_path: Path) -> None:
    item = verified(FAMILY.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)
    item = replace(
        item, candidate=replace(item.candidate, source="turned", predicted=np.arange(float(len(PROPERTIES))))
    )
    save_batch(tmp_path, [item])
    (again,) = load_batch(tmp_path)
    np.testing.assert_array_equal(again.candidate.predicted, item.candidate.predicted)
    np.testing.assert_array_equal(again.properties, item.properties)
    assert again.candidate.source == "turned"
    assert (again.round, again.converged, again.label_key) == (item.round, item.converged, item.label_key)


def test_a_batch_of_another_version_is_refused(tmp_path: Path) -> None:
    save_batch(tmp_path, [verified(FAMILY.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)])
    with np.load(tmp_path / "result-000.npz") as data:
        older = {name: data[name] for name in data.files if name != "properties"}
    np.savez_compressed(tmp_path / "result-000.npz", **older, more=np.zeros(5))
    with pytest.raises(InputError, match="written by another version"):
        load_batch(tmp_path)
