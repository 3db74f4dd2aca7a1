"""Layers of a second phase between grains: where they lie, that they are kept everywhere, and what has none stays."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simulation import (
    VOID,
    Boundary,
    Conditions,
    FieldSweep,
    InputError,
    LabelStore,
    Microstructure,
    Nd2Fe14B,
    Phase,
    Purpose,
    Specification,
    StructureFamily,
    export_structure,
    voronoi,
)
from simulation.boundary import boundary_layer
from simulation.formats.mumax3 import mumax3_script, regions
from simulation.labels.label import Job, digest
from simulation.labels.rows import check_label

SOFT = Phase(A_J_per_m=5e-12, Js_T=2.15, K1_J_per_m3=0.0)
HARD = Phase(A_J_per_m=5e-12, Js_T=0.5, K1_J_per_m3=1e6)
GRAINS = voronoi(60, 2, 12, 1.0, np.random.default_rng(0))
FAMILY = StructureFamily(80.0, 2.0, (8, 32), boundary=Boundary((0.0, 6.0), (0.0, 1.2), 5e-12))


@pytest.mark.parametrize("cells", range(6))
def test_a_layer_of_so_many_cells_is_so_many_cells_across(cells: int) -> None:
    two = np.repeat([[0, 1]], 9, axis=1)
    assert boundary_layer(two, cells).sum() == cells
    assert boundary_layer(np.tile(two.T, 4), cells).sum() == 4 * cells


def test_a_layer_covers_its_thickness_of_a_straight_boundary_whatever_its_direction() -> None:
    y, x = np.mgrid[:200, :200] - 99.5
    for degrees in (0, 10, 25, 45, 70):
        turn = np.radians(degrees)
        side = (x * np.cos(turn) + y * np.sin(turn) > 0).astype(int)
        layer = boundary_layer(side, 3.0) & (np.hypot(x, y) < 80)
        assert layer.sum() / 160 == pytest.approx(3.0, rel=0.2)


def test_a_layer_is_that_of_the_mirror_image_and_does_not_ask_for_the_order_of_rows() -> None:
    layer = boundary_layer(GRAINS.grain_id, 3.0)
    assert 0 < layer.mean() < 1
    for order in (np.s_[::-1], np.s_[:, ::-1]):
        np.testing.assert_array_equal(boundary_layer(GRAINS.grain_id[order], 3.0), layer[order])
    np.testing.assert_array_equal(boundary_layer(GRAINS.grain_id.T, 3.0), layer.T)


def test_grains_keep_their_axes_and_a_layer_that_is_none_is_none() -> None:
    made = GRAINS.with_boundary(4, SOFT)
    np.testing.assert_array_equal(made.angle_rad, GRAINS.angle_rad)
    assert made.without_phases() == GRAINS
    assert made.boundary_nm == 4
    assert GRAINS.with_boundary(0, SOFT) == GRAINS
    assert GRAINS.with_boundary(0, SOFT).content_hash == GRAINS.content_hash
    assert made != GRAINS
    one = Microstructure(np.zeros((5, 5), int), np.zeros(1))
    assert one.with_boundary(4, SOFT) == one


def test_hashes_and_keys_of_one_phase_are_what_they_were() -> None:
    """Known since before there were phases: stores and shipped sets hold them."""
    family = StructureFamily(size_nm=80.0, grains=(8, 32))
    specification = Specification(family, 3, Purpose.LABELS, 5)
    assert "boundary" not in specification.to_json()
    # NumPy's release is part of that key, so that only what goes before it can be known
    assert (
        digest("specification", family.as_plain(), 3, Purpose.LABELS, 5, "2.4")
        == "2643de05b98b98d91278e4fab25a2cf2cff30583e8c1d539d6b50e9f627a78c2"
    )
    assert (
        digest("specification", family, 3, Purpose.LABELS, 5, "2.4")
        != "2643de05b98b98d91278e4fab25a2cf2cff30583e8c1d539d6b50e9f627a78c2"
    )  # with the field that is not there
    known = Microstructure(np.array([[0, 0, 1], [2, 1, 1]]), np.array([0.1, -0.4, 1.2]))
    assert known.content_hash == "5ad6e3a0ebb8d139d09e28f88e383a9979f1b1256856169250f999cae7449f16"


def test_a_hash_sees_where_the_phase_is_and_what_it_is() -> None:
    every = [GRAINS, *(GRAINS.with_boundary(t, p) for t in (2, 4) for p in (SOFT, HARD, VOID))]
    assert len({made.content_hash for made in every}) == len(every)


def test_phases_are_kept_by_files_rows_refinement_and_mirrors(tmp_path: Path) -> None:
    made = GRAINS.with_boundary(4, HARD)
    made.save(tmp_path / "a.npz")
    again = Microstructure.load(tmp_path / "a.npz")
    assert again == made
    assert (again.boundary_nm, again.phases, again.content_hash) == (4, (HARD,), made.content_hash)
    fine = made.refine(2)
    np.testing.assert_array_equal(fine.phase_map[::2, 1::2], made.phase_map)
    assert (fine.boundary_nm, fine.phases) == (4, (HARD,))
    assert made.mirror_x().mirror_y().mirror_x().mirror_y() == made
    np.testing.assert_array_equal(made.mirror_y().phase_id, made.phase_map[::-1])


def test_a_label_of_a_magnet_with_a_boundary_comes_back_from_the_store(tmp_path: Path) -> None:
    conditions = Conditions(Nd2Fe14B, FieldSweep(), "planar", "cells", {"version": 1})
    sampled = next(
        Specification(FAMILY, 1, Purpose.LABELS, i) for i in range(9) if FAMILY.draw(1, Purpose.LABELS, i).phases
    )
    with LabelStore(tmp_path / "s.sqlite") as store:
        for source in (GRAINS.with_boundary(4, SOFT), sampled):
            label = Job.of(source, conditions).label(np.array([1.0, -1.0]), np.array([1.1, -1.1]), [0, 0], "", 3, 0.1)
            if source is sampled:  # whose phase is not so strong
                with pytest.raises(InputError, match="exceeds Ms"):
                    check_label(label)
                continue
            store.add(label)
            back = store.get(label.key)
            assert back is not None
            assert back.microstructure() == source
            assert back.microstructure().boundary_nm == 4


def test_a_family_draws_its_boundaries_from_its_seeds_and_the_grains_of_the_family_without() -> None:
    bare = StructureFamily(80.0, 2.0, (8, 32))
    drawn = list(FAMILY.stream(0, Purpose.LABELS, 0, 24))
    assert drawn == list(FAMILY.stream(0, Purpose.LABELS, 0, 24))
    assert [made.without_phases() for made in drawn] == list(bare.stream(0, Purpose.LABELS, 0, 24))
    assert {made.boundary_nm for made in drawn} == {0.0, 2.0, 4.0, 6.0}
    assert all(0 <= phase.Js_T <= 1.2 and phase.A_J_per_m == 5e-12 for made in drawn for phase in made.phases)
    there = Specification(FAMILY, 0, Purpose.LABELS, 3)
    assert Specification.from_json(there.to_json()) == there
    assert there.key != Specification(bare, 0, Purpose.LABELS, 3).key
    with pytest.raises(InputError, match="whole numbers of cells, got 3 nm"):
        StructureFamily(80.0, 2.0, (8, 32), boundary=Boundary((0.0, 3.0), (0.0, 1.2), 5e-12))


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"phases": (SOFT,)}, "phases need phase_id"),
        ({"phase_id": np.ones((2, 3), int)}, "runs from 1 to 1, 0 is the main phase and there are 0 others"),
        ({"phase_id": np.zeros((3, 2), int)}, r"in the shape of grain_id, \(2, 3\)"),
        ({"phase_id": np.ones((2, 3)), "phases": (SOFT,)}, "dtype float64"),
        ({"phase_id": np.ones((2, 3), int), "phases": ("iron",)}, "of Phase"),
        ({"boundary_nm": -1.0}, "boundary_nm must be finite and at least 0"),
    ],
)
def test_what_is_no_phase_map_is_refused_in_one_sentence(bad: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says) as refused:
        Microstructure(**{"grain_id": np.zeros((2, 3), int), "grain_angle_rad": np.zeros(1), **bad})
    assert "\n" not in str(refused.value)


def test_what_is_no_layer_is_refused_in_one_sentence() -> None:
    with pytest.raises(InputError, match="at least 0"):
        GRAINS.with_boundary(-1, SOFT)
    with pytest.raises(InputError, match="thicker than the magnet"):
        GRAINS.with_boundary(1e9, SOFT)
    with pytest.raises(InputError, match="phase must be a Phase"):
        GRAINS.with_boundary(2, Nd2Fe14B)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="second phase already"):
        GRAINS.with_boundary(2, SOFT).with_boundary(4, SOFT)
    with pytest.raises(InputError, match="Js_T must be a finite number of at least 0"):
        Phase(1e-12, -0.1)


def test_ovf_has_the_spontaneous_magnetisation_beside_the_axes(tmp_path: Path) -> None:
    made = GRAINS.with_boundary(4, HARD)
    files = export_structure(made, tmp_path / "a.ovf", "ovf", text=True)
    assert [file.name for file in files] == ["a.ovf", "a-Ms.ovf"]
    text = files[1].read_text()
    assert "# valuedim: 1" in text
    assert "# valueunits: A/m" in text
    values = np.array([float(line) for line in text.splitlines() if line and not line.startswith("#")])
    np.testing.assert_allclose(values.reshape(made.shape), made.polarization_T(Nd2Fe14B) / (4e-7 * np.pi), rtol=1e-15)


def test_mumax3_regions_have_the_axes_and_the_constants_of_their_phases() -> None:
    for phase in (HARD, SOFT, VOID):
        made = GRAINS.with_boundary(4, phase)
        region, angle, of = regions(made)
        np.testing.assert_array_equal(of[region], made.phase_map)
        hard = made.phase_map == 0 if phase.K1_J_per_m3 == 0 else np.ones(made.shape, bool)
        np.testing.assert_array_equal(angle[region][hard], made.angle_rad[hard])
        script = mumax3_script(made, Nd2Fe14B, FieldSweep())
        own = {int(n): float(v) for n, v in re.findall(r"Msat\.SetRegion\((\d+), (\S+)\)", script)}
        assert set(own) == set(np.flatnonzero(of))
        assert set(own.values()) == {phase.Js_T / (4e-7 * np.pi)}
        assert len(re.findall(r"(?:Aex|Ku1)\.SetRegion", script)) == 2 * len(own)
    assert "SetRegion(0, vector" in mumax3_script(GRAINS, Nd2Fe14B, FieldSweep())
    assert "Msat.SetRegion" not in mumax3_script(GRAINS, Nd2Fe14B, FieldSweep())
