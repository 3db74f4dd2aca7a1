"""Fields and magnetisations of a goal: a reduced number, or a number with a unit."""

from __future__ import annotations

import functools
import re
from typing import Any

from simulation.material import MU0_T_M_PER_A, Material

_NUMBER_AND_UNIT = re.compile(r"\s*([-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?)\s*([A-Za-zµμ]+(?:/[A-Za-z]+)?)\s*")
"""All that pint is shown: left alone it would compute "9**9**9 T" to the end of days."""


def reduced(value: float | str, quantity: str, material: Material) -> float:
    """A value of a goal in reduced units.

    Args:
        value: a number (H / H_A for fields, M / Ms for magnetisations), or a text such as "2.1 MA/m" or "1.2 T".
            Tesla means mu0 H for a field and mu0 M for a magnetisation.
        quantity: "field" or "magnetization".
        material: gives H_A and Ms.

    Raises:
        ValueError: if the text is not a number with a unit of that quantity.
    """
    if not isinstance(value, str):
        return float(value)
    allowed = "a plain number (reduced), A/m, kA/m, MA/m, T or mT"
    try:
        number, unit_name = _NUMBER_AND_UNIT.fullmatch(value).groups()  # type: ignore[union-attr]
        amount = _registry().Quantity(float(number), unit_name)
    except Exception:  # pint raises a dozen kinds, from its tokenizer's to AttributeError
        raise ValueError(f"{value!r} is not a number with a unit; allowed: {allowed}") from None
    unit = material.H_A_A_per_m if quantity == "field" else material.Ms_A_per_m
    try:
        if amount.check("[magnetic_field]"):
            return float(amount.to("tesla").magnitude) / (MU0_T_M_PER_A * unit)
        if amount.check("[current]/[length]"):
            return float(amount.to("ampere/meter").magnitude) / unit
    except (TypeError, ValueError, OverflowError):
        pass
    raise ValueError(f"{value!r} is not a {quantity}; allowed: {allowed}")


@functools.cache
def _registry() -> Any:
    import pint  # a third of a second that only studies with units pay

    return pint.UnitRegistry()
