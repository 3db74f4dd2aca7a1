"""Fields and magnetisations of a goal: a reduced number, or a number with a unit."""

from __future__ import annotations

import functools
from typing import Any

from simulation.material import MU0_T_M_PER_A, Material


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
        amount = _registry().Quantity(value)
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
