"""Materials by name: every number has its source, and none stands in for a missing one."""

from __future__ import annotations

import math

import pytest

from inverse_design.commands.materials import materials, materials_table
from inverse_design.study.reading import parse_study
from simulation import MATERIALS, InputError, Material, Nd2Fe14B
from simulation.material import listed_material
from simulation.material_table import CONSTANTS, RECORDS, SOURCES


def test_every_number_has_a_source_and_is_of_a_magnet() -> None:
    quoted = [getattr(record, key) for records in RECORDS.values() for record in records for key in CONSTANTS]
    sources = {item.source for item in quoted if item}
    assert sources == set(SOURCES)
    assert all(item.value > 0 for item in quoted if item)


def test_the_materials_are_the_complete_ones_and_nd2fe14b_is_that_of_the_paper() -> None:
    assert set(MATERIALS) == {"Nd2Fe14B", "FePt", "Co"}
    assert Nd2Fe14B == Material(A_J_per_m=8e-12, Js_T=1.61, K1_J_per_m3=4.2e6)


def test_the_anisotropy_fields_are_those_of_the_source() -> None:
    # Han and Meng, Table 1: Hk of 116 kOe (FePt), 400 kOe (SmCo5), 17 kOe (BaFe12O19)
    kOe = 1e6 / (4 * math.pi)  # A/m
    fields = {
        "FePt": listed_material("FePt"),
        "SmCo5": listed_material("SmCo5", A_J_per_m=1e-11),
        "BaFe12O19": listed_material("BaFe12O19", A_J_per_m=1e-11),
    }
    found = {name: magnet.H_A_A_per_m / kOe for name, magnet in fields.items()}
    assert found["FePt"] == pytest.approx(116, rel=0.01)
    assert found["SmCo5"] == pytest.approx(400, rel=0.03)
    assert found["BaFe12O19"] == pytest.approx(17, rel=0.03)


def test_a_name_with_ones_own_constants() -> None:
    study = parse_study(
        "name: a\nmaterial: {name: FePt, temperature_K: 298, A_J_per_m: 9.0e-12}\ngoals: {Hc: maximize}", "s"
    )
    assert study.magnet == Material(9e-12, 1.43, 6.6e6)
    with pytest.raises(InputError, match="give A_J_per_m, Js_T beside the name"):
        listed_material("SrFe12O19")


def test_the_list_says_what_is_missing() -> None:
    listed = {entry["name"]: entry for entry in materials()}
    assert set(listed) == set(RECORDS)
    assert listed["SmCo5"]["A_J_per_m"] is None
    assert "q" not in listed["SmCo5"]
    assert listed["Co"]["q"] > 1  # too soft for planar spins: `simulation.validity` says so
    assert materials_table().row_count == len(listed)
