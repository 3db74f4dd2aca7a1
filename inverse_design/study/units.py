"""Fields and magnetisations of a goal: a reduced number, or a number with a unit."""

from __future__ import annotations

import functools
import re
from typing import Any

from simulation.material import MU0_T_M_PER_A, Material

_NUMBER_AND_UNIT = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-zµμ°%]+(?:/[A-Za-z]+(?:\^?3|³)?)?)\s*")
"""All that pint is shown: left alone it would compute "9**9**9 T" to the end of days."""

_G_TO_T, _OE_TO_A_PER_M, _EMU_TO_A_PER_M = 1e-4, 1e-4 / MU0_T_M_PER_A, 1e3
"""SI Brochure, 9th edition, Table 8 and its notes: 1 Oe corresponds to 1000 / (4 pi) A/m; 1 emu/cm^3 is 1000 A/m."""

_TESLA: dict[str, float] = {"T": 1.0, "mT": 1e-3, "G": _G_TO_T, "kG": 1e3 * _G_TO_T}
_A_PER_M: dict[str, float] = {"A/m": 1.0, "kA/m": 1e3, "MA/m": 1e6}
_BY_TABLE: dict[str, dict[str, float]] = {
    "field": {
        **_A_PER_M,
        **{unit: tesla / MU0_T_M_PER_A for unit, tesla in _TESLA.items()},
        "Oe": _OE_TO_A_PER_M,
        "kOe": 1e3 * _OE_TO_A_PER_M,
    },
    "magnetization": {
        **_A_PER_M,
        **{unit: tesla / MU0_T_M_PER_A for unit, tesla in _TESLA.items()},
        "emu/cm^3": _EMU_TO_A_PER_M,
        "emu/cc": _EMU_TO_A_PER_M,
    },
    "energy product": {
        "J/m^3": 1.0,
        "kJ/m^3": 1e3,
        "MJ/m^3": 1e6,
        "MGOe": 1e6 * _G_TO_T * _OE_TO_A_PER_M,
        "GOe": _G_TO_T * _OE_TO_A_PER_M,
    },
    "angle": {"deg": 1.0, "degree": 1.0, "degrees": 1.0, "°": 1.0},
    "length": {"nm": 1.0},
    "polarization": {"T": 1.0, "mT": 1e-3},
}
"""The units of the field, in A/m, J/m^3, degrees and nm; G of a magnetisation means 4 pi M. pint knows the others, and
takes a third of a second to start."""

SI = {"magnetization": "T", "field": "MA/m", "energy product": "kJ/m^3"}
"""What reduced values are shown in beside, unless a person has written them in another unit."""


def reduced(value: float | str, quantity: str, material: Material) -> float:
    """A value of a goal in reduced units.

    Args:
        value: a number (H / H_A for fields, M / Ms for magnetisations), or a text such as "2.1 MA/m", "21 kOe", "1.2 T"
            or "80 %". Tesla means mu0 H for a field and mu0 M for a magnetisation; per cent are of the reduced unit.
        quantity: "field", "magnetization", "energy product" (reduced: in mu0 Ms^2 / 4), "length" (nm), "angle"
            (degrees), "polarization" (T) or "share".
        material: gives H_A and Ms.

    Raises:
        ValueError: if the text is not a number with a unit of that quantity.

    >>> from simulation import Nd2Fe14B
    >>> round(reduced("1.288 T", "magnetization", Nd2Fe14B), 6), reduced(0.8, "magnetization", Nd2Fe14B)
    (0.8, 0.8)
    >>> round(reduced("12.88 kG", "magnetization", Nd2Fe14B), 6), reduced("80 %", "magnetization", Nd2Fe14B)
    (0.8, 0.8)
    """
    if not isinstance(value, str):
        return float(value)
    allowed = _ALLOWED[quantity]
    try:
        number, unit = _NUMBER_AND_UNIT.fullmatch(value).groups()  # type: ignore[union-attr]
        amount, unit = float(number), _plain(unit)
    except (AttributeError, ValueError):
        raise ValueError(f"{value!r} is not a number with a unit; allowed: {allowed}") from None
    if unit == "%" and quantity not in ("length", "angle", "polarization"):
        return amount / 100
    scale = _BY_TABLE.get(quantity, {}).get(unit)
    if scale is None and quantity not in ("share", "polarization"):
        scale = _by_pint(unit, quantity)
    if scale is None:
        raise ValueError(f"{value!r} is no {quantity}; allowed: {allowed}")
    return amount * scale / _one(quantity, material)


def _plain(unit: str) -> str:
    """A unit with its cube as `^3`: m3 and m³ are the same."""
    return re.sub(r"(?<=[a-z])\^?[3³]$", "^3", unit)


def _one(quantity: str, material: Material) -> float:
    """The reduced unit, in those of the table."""
    ones = {
        "field": material.H_A_A_per_m,
        "magnetization": material.Ms_A_per_m,
        "energy product": material.maximum_energy_product_J_per_m3,
    }
    return ones.get(quantity, 1.0)


def _by_pint(unit: str, quantity: str) -> float | None:
    """What one of a unit is in those of the table, None where it is of another kind or unknown."""
    base = {"field": "A/m", "magnetization": "A/m", "energy product": "J/m^3", "length": "nm", "angle": "degree"}[
        quantity
    ]
    try:
        amount = _registry().Quantity(1.0, unit)
        if base == "A/m" and amount.check("[magnetic_field]"):
            return float(amount.to("tesla").magnitude) / MU0_T_M_PER_A
        if quantity == "angle" and amount.dimensionless and unit in ("%", "percent"):
            return None
        return float(amount.to(base).magnitude)
    except Exception:  # pint raises a dozen kinds, from its tokenizer's to AttributeError
        return None


def unit_of(value: float | str | None) -> str | None:
    """The unit that a person has written a value in, as written; None for a plain number."""
    found = _NUMBER_AND_UNIT.fullmatch(value) if isinstance(value, str) else None
    return None if found is None else found[2]


def in_unit(value: float, quantity: str, material: Material, unit: str | None = None) -> float:
    """A reduced value as a number of a unit, that of `SI` unless given."""
    return value / reduced(f"1 {unit or SI[quantity]}", quantity, material)


def in_si(value: float, quantity: str, material: Material) -> str:
    """A reduced value in SI units, in words.

    >>> from simulation import Nd2Fe14B
    >>> in_si(0.8, "magnetization", Nd2Fe14B), in_si(0.36, "field", Nd2Fe14B)
    ('1.288 T', '1.878 MA/m')
    """
    return f"{in_unit(value, quantity, material):.4g} {SI[quantity]}"


_ALLOWED = {
    "field": "a plain number (reduced), A/m, kA/m, MA/m, T, mT, Oe, kOe, G, kG or %",
    "magnetization": "a plain number (reduced), A/m, kA/m, MA/m, T, mT, G, kG, emu/cm^3 or %",
    "energy product": "a plain number (reduced), J/m^3, kJ/m^3, MGOe or %",
    "length": "a plain number (nm) or a length",
    "polarization": "a plain number (T), T or mT",
    "angle": "a plain number (degrees) or an angle",
    "share": "a plain number or %",
}


@functools.cache
def _registry() -> Any:
    import pint  # a third of a second that only studies with units pay

    return pint.UnitRegistry()
