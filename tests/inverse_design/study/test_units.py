"""Goals in the units of the field, and what values are shown in."""

from __future__ import annotations

import math

import pytest

from inverse_design.study.units import reduced
from inverse_design.study.wishes import GoalSection, number_in_unit, shown_unit
from simulation import Nd2Fe14B


@pytest.mark.parametrize(
    ("text", "quantity", "value"),
    [
        ("20 kOe", "field", 20e3 * 1e3 / (4 * math.pi) / Nd2Fe14B.H_A_A_per_m),
        ("20000 Oe", "field", 20e3 * 1e3 / (4 * math.pi) / Nd2Fe14B.H_A_A_per_m),
        ("2 T", "field", 2e4 * 1e3 / (4 * math.pi) / Nd2Fe14B.H_A_A_per_m),
        ("36 %", "field", 0.36),
        ("12 kG", "magnetization", 1.2 / 1.61),
        ("12000 G", "magnetization", 1.2 / 1.61),
        ("1000 emu/cm3", "magnetization", 1e6 / Nd2Fe14B.Ms_A_per_m),
        ("1000 emu/cm^3", "magnetization", 1e6 / Nd2Fe14B.Ms_A_per_m),
        ("80%", "magnetization", 0.8),
        ("300 kJ/m3", "energy product", 300e3 / Nd2Fe14B.maximum_energy_product_J_per_m3),
        ("300 kJ/m³", "energy product", 300e3 / Nd2Fe14B.maximum_energy_product_J_per_m3),
        ("40 MGOe", "energy product", 40 * 1e5 / (4 * math.pi) / Nd2Fe14B.maximum_energy_product_J_per_m3),
        ("15 degrees", "angle", 15.0),
        ("15°", "angle", 15.0),
        ("80 %", "share", 0.8),
        ("0.02 µm", "length", 20.0),
        ("2e6 A/m", "field", 2e6 / Nd2Fe14B.H_A_A_per_m),
        ("100 uT", "magnetization", 1e-4 / 1.61),
    ],
)
def test_units_are_as_the_field_writes_them(text: str, quantity: str, value: float) -> None:
    """1 Oe is 1000 / (4 pi) A/m, 1 emu/cm^3 is 1000 A/m, 1 MGOe is 10^5 / (4 pi) J/m^3 (SI Brochure, Table 8)."""
    assert reduced(text, quantity, Nd2Fe14B) == pytest.approx(value, rel=1e-9)


@pytest.mark.parametrize(
    ("text", "quantity"),
    [("3 Oe", "magnetization"), ("3 emu/cm3", "field"), ("3 kJ", "energy product"), ("3 %", "angle"), ("3 T", "share"),
     ("3 %", "length"), ("3 MGOe", "field"), ("3 G/m", "field"), ("1.2.3 T", "field"), ("9**9 T", "field")],
)  # fmt: skip
def test_a_unit_of_another_quantity_is_refused(text: str, quantity: str) -> None:
    with pytest.raises(ValueError, match="allowed: a plain number"):
        reduced(text, quantity, Nd2Fe14B)


def test_a_unit_that_was_written_is_the_one_that_is_shown() -> None:
    assert shown_unit("Hc", GoalSection(target=0.4, tolerance="500 Oe")) == "Oe"
    assert shown_unit("Hc", GoalSection(target="21 kOe", tolerance="500 Oe")) == "kOe"
    assert shown_unit("Hc", GoalSection(at_least="40 %")) == "MA/m"
    assert shown_unit("BHmax", "maximize") == "kJ/m^3"
    assert shown_unit("squareness", "maximize") is None
    assert number_in_unit(0.8, "Mr", "kG", Nd2Fe14B) == "12.88 kG"
