"""Free spins in a study: the conditions of labels and of confirmations, and the keys of stages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from inverse_design.run import keys
from inverse_design.run.confirming import checks_of, confirm, judged, load_confirmations
from inverse_design.run.simulating import Simulator, conditions_of
from inverse_design.run.verified import load_batch, save_batch, verified_table, verify_batch
from inverse_design.study.reading import parse_study
from inverse_design.study.study import Study
from simulation import Conditions, FieldSweep, InputError, Label, Microstructure, Nd2Fe14B, Purpose
from simulation.labels.label import Job
from tests.inverse_design.report.stand_ins import GOALS, SMALL, verified

STUDY = """
name: a
goals: {Mr: {target: 0.8, tolerance: 0.02}, Hc: {target: 0.36, tolerance: 0.02}}
"""
SWEEP = FieldSweep(until="coercivity")


def study_of(text: str = "") -> Study:
    return parse_study(STUDY + text, "s.yaml")


class Stub(Simulator):
    """Simulates nothing: under free spins everything has half the coercive field, on finer cells a little less."""

    def simulate(self, name, wanted: Sequence[Microstructure], conditions: Conditions) -> list[Label]:  # type: ignore[no-untyped-def, override]
        self.asked.append((name, conditions, wanted[0].cell_nm))  # type: ignore[attr-defined]
        labels = []
        for structure in wanted:
            field = (0.18 if conditions.options.get("spins") == "free" else 0.36) - (structure.cell_nm < 2) * 0.001
            drawn = verified(structure, 0.8, field)
            labels.append(Job.of(structure, conditions).label(drawn.h, drawn.m, [0] * len(drawn.h), "", 1, 0.0))
        return labels


def stub(study: Study) -> Stub:
    made = Stub(study, None, None, None)  # type: ignore[arg-type]
    object.__setattr__(made, "asked", [])
    return made


def test_labels_of_free_spins_are_those_of_the_solver_asked_for_them() -> None:
    """Whatever a study says by way of it, the label's key is that of the plain call."""
    study = study_of("labels: {spins: free}\n")
    plain = Conditions.of(Nd2Fe14B, SWEEP, "planar", "elements", spins="free")
    for found in (stub(study).conditions("planar"), conditions_of(study, "planar", "elements", spins="free")):
        assert found == plain
        assert found.key == plain.key
        assert found.options == {"spins": "free"}
        assert found.settings["spins"] == "free"
    planar = stub(study_of()).conditions()
    assert planar == Conditions.of(Nd2Fe14B, SWEEP, "planar", "elements")
    assert planar.key != plain.key


def test_a_solver_without_free_spins_is_refused() -> None:
    with pytest.raises(InputError, match="spins 'free' are for backend planar"):
        conditions_of(study_of("labels: {discretization: cells}\n"), "fidimag", "cells", "free")


def test_planar_spins_are_in_no_key_and_free_ones_in_every_that_a_simulation_decides() -> None:
    """Each is the stage's hash of what it was before there were free spins: what was made then is found again."""
    planar, free = study_of(), study_of("labels: {spins: free}\n")
    written = planar.model_dump(mode="json", include={"seed", "goals", "surrogate", "labels"})
    for later in ("spins", "measured", "weight", "uncertainty"):
        del written["labels"][later]
    of_family = planar.microstructures.model_dump(
        mode="json", include={"size_nm", "cell_nm", "grains", "misorientation_deg"}
    )
    written["microstructures"] = of_family
    assert keys.rest_key(planar) == keys.stage_key(keys.Stage.LABELS, rest=written)
    assert keys.labels_key(planar) == keys.stage_key(
        keys.Stage.LABELS,
        seed=1,
        microstructures=of_family,
        material=vars(Nd2Fe14B),
        field_sweep=planar.field_sweep.model_dump(mode="json"),
        backend="planar",
        discretization="elements",
    )
    for key in (keys.labels_key, keys.rest_key, lambda s: keys.verify_key(s, "", 0), lambda s: keys.known_key(s, "")):
        assert key(planar) != key(free)


def test_the_finer_mesh_has_free_spins_where_free_spins_are_asked_for() -> None:
    def said(text: str) -> list[tuple[str, int, str]]:
        return [(name, check.refine, check.spins) for name, check in checks_of(study_of(text)).items()]

    assert said("") == [("finer", 2, "free"), ("free", 1, "free")]
    assert said("verification: {confirm: finer}\n") == [("finer", 2, "planar")]
    assert said("verification: {confirm: free}\n") == [("free", 1, "free")]
    assert said("labels: {spins: free}\n") == [("finer", 2, "free")]
    assert said("labels: {discretization: cells}\n") == []


def test_a_hit_that_only_the_plane_allows_is_none(tmp_path: Path) -> None:
    items = [verified(SMALL.draw(1, Purpose.BENCHMARK, i), 0.8, field) for i, field in enumerate((0.36, 0.30))]
    by = stub(study_of())
    confirm(tmp_path, items, GOALS, by)
    assert [(name, conditions.options, cell_nm) for name, conditions, cell_nm in by.asked] == [  # type: ignore[attr-defined]
        ("confirmations (free)", {"spins": "free"}, 2.0),  # the cheaper one, which refutes it
    ]
    checked = load_confirmations(tmp_path)
    assert [(number, again.spins) for number, again in checked] == [(0, "free")]
    assert [item.confirmed for item in judged(GOALS, items, checked)] == [False, None]
    finer = tmp_path / "finer"
    finer.mkdir()
    confirm(finer, items, GOALS, stub(study_of("verification: {confirm: finer}\n")))
    assert [item.confirmed for item in judged(GOALS, items, load_confirmations(finer))] == [True, None]


def test_spins_are_a_column_and_in_the_batch(tmp_path: Path) -> None:
    item = replace(verified(SMALL.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36), spins="free")
    table = verified_table([item], GOALS, [(0, replace(item, spins="planar"))])
    columns = list(table.columns)
    assert columns.index("spins") > columns.index("low_angle_share")
    assert table["spins"].tolist() == ["free", "planar"]
    save_batch(tmp_path, [item])
    (again,) = load_batch(tmp_path)
    assert again.spins == "free"
    path = tmp_path / "result-000.npz"
    with np.load(path) as file:
        np.savez_compressed(path, **{name: value for name, value in file.items() if name != "spins"})
    assert load_batch(tmp_path)[0].spins == "planar"  # of before there were others


def test_fidimags_spins_are_free_where_they_are_pushed() -> None:
    item = verified(SMALL.draw(1, Purpose.BENCHMARK, 0), 0.8, 0.36)
    for push, spins in ((0.0, "planar"), (0.003, "free")):
        options = {"out_of_plane_rad": push} if push else {}
        conditions = Conditions(Nd2Fe14B, SWEEP, "fidimag", "cells", {"version": 1}, options)
        label = Job.of(item.candidate.structure, conditions).label(item.h, item.m, [0] * len(item.h), "", 1, 0.0)
        assert verify_batch([0], [item.candidate], [label])[0].spins == spins
