"""Fields and magnetisations of a goal: a reduced number, or a number with a unit."""

from __future__ import annotations

import functools
import re
from typing import Any

from simulation.material import MU0_T_M_PER_A, Material

_NUMBER_AND_UNIT = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-zµμ]+(?:/[A-Za-z]+(?:\^3)?)?)\s*")
"""All that pint is shown: left alone it would compute "9**9**9 T" to the end of days."""


def reduced(value: float | str, quantity: str, material: Material) -> float:
    """A value of a goal in reduced units.

    Args:
        value: a number (H / H_A for fields, M / Ms for magnetisations), or a text such as "2.1 MA/m" or "1.2 T".
            Tesla means mu0 H for a field and mu0 M for a magnetisation.
        quantity: "field", "magnetization", "energy product" (reduced: in mu0 Ms^2 / 4), "length" (nm), "angle"
            (degrees) or "share".
        material: gives H_A and Ms.

    Raises:
        ValueError: if the text is not a number with a unit of that quantity.

    >>> from simulation import Nd2Fe14B
    >>> round(reduced("1.288 T", "magnetization", Nd2Fe14B), 6), reduced(0.8, "magnetization", Nd2Fe14B)
    (0.8, 0.8)
    """
    if not isinstance(value, str):
        return float(value)
    allowed = _ALLOWED.get(quantity, "a plain number (reduced), A/m, kA/m, MA/m, T or mT")
    try:
        number, unit_name = _NUMBER_AND_UNIT.fullmatch(value).groups()  # type: ignore[union-attr]
        amount = _registry().Quantity(float(number), unit_name)
    except Exception:  # pint raises a dozen kinds, from its tokenizer's to AttributeError
        raise ValueError(f"{value!r} is not a number with a unit; allowed: {allowed}") from None
    if quantity in _ALLOWED:
        return _other(amount, value, quantity, material)
    unit = material.H_A_A_per_m if quantity == "field" else material.Ms_A_per_m
    try:
        if amount.check("[magnetic_field]"):
            return float(amount.to("tesla").magnitude) / (MU0_T_M_PER_A * unit)
        if amount.check("[current]/[length]"):
            return float(amount.to("ampere/meter").magnitude) / unit
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{value!r} is not a {quantity}; allowed: {allowed}")


_ALLOWED = {
    "energy product": "a plain number (reduced), J/m^3 or kJ/m^3",
    "length": "a plain number (nm) or a length",
    "angle": "a plain number (degrees) or an angle",
    "share": "a plain number",
}


def _other(amount: Any, value: str, quantity: str, material: Material) -> float:
    """What is neither a field nor a magnetisation; see `reduced`."""
    unit = {"energy product": "J/m^3", "length": "nm", "angle": "degree"}.get(quantity)
    try:
        if unit is None:
            raise ValueError
        scale = material.maximum_energy_product_J_per_m3 if quantity == "energy product" else 1.0
        return float(amount.to(unit).magnitude) / scale
    except Exception:  # pint's DimensionalityError and its kin
        raise ValueError(f"{value!r} is no {quantity}; allowed: {_ALLOWED[quantity]}") from None


@functools.cache
def _registry() -> Any:
    import pint  # a third of a second that only studies with units pay

    return pint.UnitRegistry()
