"""The goals of a study: as written in its file, and as values in reduced units."""

from __future__ import annotations

from dataclasses import replace

from inverse_design.goals import Goal
from inverse_design.properties import PROPERTIES, UNITS
from inverse_design.study.sections import Flag, Number, Section, refuse
from inverse_design.study.units import SI, in_unit, reduced, unit_of
from simulation.material import Material

QUANTITIES = {
    "Ms": "magnetization",
    "H_A": "field",
    UNITS["BHmax"]: "energy product",
    "nm": "length",
    "deg": "angle",
}
"""What a value is, by the unit of its property; without a unit it is a share."""

MOST_SIZE_NM, MOST_SPREAD_DEG = 1e4, 180.0
"""Beyond any grain size and any spread of axes that can be asked for."""


class GoalSection(Section):
    """One entry of `goals` as written: values are reduced numbers or texts with a unit."""

    target: Number | str | None = None
    tolerance: Number | str | None = None
    at_least: Number | str | None = None
    at_most: Number | str | None = None
    between: tuple[Number | str, Number | str] | None = None
    robust: Flag = False
    maximize: Flag = False
    minimize: Flag = False


def goal_of(name: str, written: str | GoalSection, material: Material) -> Goal:
    path = f"goals.{name}"
    if name not in PROPERTIES:
        raise refuse(path, f"nothing of the name {name!r} can be asked for; allowed: {', '.join(PROPERTIES)}")
    if isinstance(written, str):
        return Goal(name, direction=written)
    quantity = QUANTITIES.get(UNITS[name], "share")

    def value(key: str, given: float | str | None) -> float | None:
        if given is None:
            return None
        try:
            return reduced(given, quantity, material)
        except ValueError as error:
            raise refuse(f"{path}.{key}", str(error)) from None

    at_least, at_most = value("at_least", written.at_least), value("at_most", written.at_most)
    if written.between is not None:
        if at_least is not None or at_most is not None:
            raise refuse(f"{path}.between", "stands for at_least and at_most: give one or the other")
        at_least, at_most = value("between", written.between[0]), value("between", written.between[1])
    target, tolerance = value("target", written.target), value("tolerance", written.tolerance)
    direction = "maximize" if written.maximize else "minimize" if written.minimize else None
    bounded = at_least is not None or at_most is not None
    if written.maximize and written.minimize:
        raise refuse(path, "cannot be both maximize and minimize")
    if target is not None and (bounded or direction):
        raise refuse(path, "a target goes with a tolerance and with nothing else")
    if (target is None) != (tolerance is None):
        raise refuse(
            path, "a target needs a tolerance and a tolerance a target, for example {target: 0.8, tolerance: 0.01}"
        )
    if target is None and not bounded and direction is None:
        raise refuse(path, "must be maximize, minimize, or have target and tolerance, at_least, at_most or between")
    if written.robust and direction is not None and not bounded:
        raise refuse(f"{path}.robust", "goes with a target or with bounds: it says what a hit is")
    return Goal(name, target, tolerance, at_least, at_most, direction, written.robust)


def corrected(goal: Goal, residual: float) -> Goal:
    """A goal on what is simulated, of one on what will be measured: less what the two differ by."""
    if not residual:
        return goal
    moved = {
        key: round(value - residual, 12)
        for key in ("target", "at_least", "at_most")
        if (value := getattr(goal, key)) is not None
    }
    return replace(goal, **moved)


def shown_unit(name: str, written: str | GoalSection) -> str | None:
    """The unit beside the reduced one in which values of a goal are shown: the one it is written in, else the SI one;
    None where the reduced one is a unit that people use."""
    quantity = QUANTITIES.get(UNITS[name], "share")
    if quantity not in SI:
        return None
    if isinstance(written, str):
        return SI[quantity]
    given = (written.target, written.at_least, written.at_most, *(written.between or ()), written.tolerance)
    units = [unit for value in given if (unit := unit_of(value)) not in (None, "%")]
    return units[0] if units else SI[quantity]


def number_in_unit(value: float, name: str, unit: str, material: Material) -> str:
    """A reduced value of a property in the unit that `shown_unit` gives."""
    return f"{in_unit(value, QUANTITIES[UNITS[name]], material, unit):.4g} {unit}"


def goal_in_unit(goal: Goal, unit: str, material: Material) -> str:
    """A goal's numbers in the unit that `shown_unit` gives; nothing where it has none."""

    def scaled(value: float | None) -> float | None:
        return None if value is None else in_unit(value, QUANTITIES[UNITS[goal.quantity]], material, unit)

    if goal.window is None:
        return ""
    low, high = scaled(goal.at_least), scaled(goal.at_most)
    there = Goal(goal.quantity, scaled(goal.target), scaled(goal.tolerance), low, high)
    return there.describe().replace(f" {UNITS[goal.quantity]}", f" {unit}")


def _digits(given: float, bound: float) -> str:
    """With as many digits as tell it from a bound."""
    return next(text for digits in (6, 9, 12, 17) if float(text := f"{given:.{digits}g}") != bound or digits == 17)


def check_goals(goals: tuple[Goal, ...], deepest: float) -> None:
    """Values must be physical: 0 <= M <= Ms, and a field between 0 and both the sweep's end and H_A.

    H_A bounds the coercive field from above: no particle switches later than a Stoner-Wohlfarth one.
    """
    for goal in goals:
        high, unit = 1.0, UNITS[goal.quantity]
        if unit == "H_A":
            high = min(deepest, 1.0)
        elif goal.quantity in ("grain_size_nm", "axis_spread_deg"):
            high = MOST_SIZE_NM if goal.quantity == "grain_size_nm" else MOST_SPREAD_DEG
        for key in ("target", "at_least", "at_most"):
            given = getattr(goal, key)
            if given is not None and not 0 <= given <= high:
                raise refuse(
                    f"goals.{goal.quantity}.{key}",
                    f"must lie within 0 to {high:g} {unit}, got {_digits(given, high)} {unit}",
                )
        if goal.tolerance is not None and not 0 < goal.tolerance <= max(high, 1):
            raise refuse(
                f"goals.{goal.quantity}.tolerance",
                f"must be above 0 and at most {max(high, 1):g} {unit}, got {_digits(goal.tolerance, max(high, 1))}",
            )
        if goal.at_least is not None and goal.at_most is not None and goal.at_least > goal.at_most:
            raise refuse(f"goals.{goal.quantity}", f"the range {goal.at_least:.6g} to {goal.at_most:.6g} is reversed")
    for lower, upper in (("Mr", "M1"), ("Hk90", "Hk80"), ("Hk80", "Hk70"), ("Hk90", "Hk70"),
                         ("Hk90", "Hc"), ("Hk80", "Hc"), ("Hk70", "Hc")):  # fmt: skip
        windows = {goal.quantity: goal.window for goal in goals}
        first, second = windows.get(lower), windows.get(upper)
        if first and second and first[0] > second[1]:
            raise refuse(
                f"goals.{lower}", f"asks for {first[0]:.4g} or more, above {upper} ({second[1]:.4g} at most): "
                f"{lower} <= {upper} for every curve"
            )  # fmt: skip
