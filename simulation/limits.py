"""Which magnets on which cells the planar solver is not made for; it costs nothing to ask."""

from __future__ import annotations

from collections.abc import Iterable

from simulation.material import Material, Phase

MOST_EXCHANGE, MOST_Q = 256.0, 100.0
"""Exchange number and Ms/H_A up to which the solver is made for a problem.

Angles enter the torques in single precision, magnified by the exchange number: beyond some 500 their rounding hides the
tolerance (30 x 30 cells of 0.06 nm of Nd2Fe14B: 26 of 67 fields unconverged by cells, a division by zero by elements;
all converge at 132). A magnet of Ms = 1000 H_A did not come to its coercive field by cells, one of 100 H_A did."""


def why_not(material: Material, cell_nm: float) -> str:
    """Why the solver is not made for a magnet on such cells, in words; nothing where it is."""
    if material.q > MOST_Q:
        return f"it is made for hard magnets, with Ms of at most {MOST_Q:g} H_A, and this one has {material.q:.3g} H_A"
    if material.exchange_number(cell_nm) > MOST_EXCHANGE:
        least = material.wall_parameter_nm / MOST_EXCHANGE**0.5
        return (
            f"cells of {cell_nm:g} nm are too small beside sqrt(A/K1), {material.wall_parameter_nm:.3g} nm: "
            f"single precision needs {least:.3g} nm or more"
        )
    return ""


def why_not_with(material: Material, cell_nm: float, phases: Iterable[Phase]) -> str:
    """The same of a magnet with other phases beside the main one."""
    if wrong := why_not(material, cell_nm):
        return wrong
    for phase in phases:
        strength, stiffness = phase.Js_T / material.Js_T, phase.A_J_per_m / material.A_J_per_m
        if material.q * strength**2 > MOST_Q or material.exchange_number(cell_nm) * stiffness > MOST_EXCHANGE:
            return (
                f"a phase with {phase} is beyond what it is made for beside this main phase on cells of {cell_nm:g} nm"
            )
    return ""
