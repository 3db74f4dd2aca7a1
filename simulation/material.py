"""Intrinsic properties of a hard magnet and the reduced units that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulation.errors import InputError

MU0_T_M_PER_A = 4e-7 * math.pi


@dataclass(frozen=True)
class Material:
    """A uniaxial ferromagnet.

    Args:
        A_J_per_m: exchange stiffness, J/m.
        Js_T: spontaneous polarisation mu0 Ms, T.
        K1_J_per_m3: first anisotropy constant, J/m^3; positive, so that the axis is easy.

    Raises:
        InputError: if a value is not a positive finite number.

    >>> magnet = Material(A_J_per_m=8e-12, Js_T=1.61, K1_J_per_m3=4.2e6)
    >>> f"{magnet.H_A_A_per_m / 1e6:.2f} MA/m, {magnet.wall_parameter_nm:.2f} nm"
    '5.22 MA/m, 1.38 nm'
    """

    A_J_per_m: float
    Js_T: float
    K1_J_per_m3: float

    def __post_init__(self) -> None:
        for name in ("A_J_per_m", "Js_T", "K1_J_per_m3"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < math.inf:
                raise InputError(f"Material: {name} must be a positive finite number, got {value!r}")

    def _repr_html_(self) -> str:
        """In a notebook: a table with what follows from the three numbers."""
        from simulation.pictures.notebook import beside

        rows = [
            ("A", f"{self.A_J_per_m * 1e12:.4g} pJ/m"),
            ("Js", f"{self.Js_T:.4g} T"),
            ("K1", f"{self.K1_J_per_m3 / 1e6:.4g} MJ/m3"),
            ("H_A", f"{self.H_A_A_per_m / 1e6:.4g} MA/m"),
            ("Ms/H_A", f"{self.q:.3g}"),
            ("sqrt(A/K1)", f"{self.wall_parameter_nm:.3g} nm"),
            ("BHmax at most", f"{self.maximum_energy_product_J_per_m3 / 1e3:.0f} kJ/m3"),
        ]
        return beside("", rows, type(self).__name__)

    @property
    def Ms_A_per_m(self) -> float:
        """Spontaneous magnetisation, A/m."""
        return self.Js_T / MU0_T_M_PER_A

    @property
    def H_A_A_per_m(self) -> float:
        """Anisotropy field H_A = 2 K1 / Js, A/m: the unit of every reduced field."""
        return 2 * self.K1_J_per_m3 / self.Js_T

    @property
    def maximum_energy_product_J_per_m3(self) -> float:
        """mu0 Ms^2 / 4, J/m^3: the largest energy product that a magnet of this material can have."""
        return MU0_T_M_PER_A * self.Ms_A_per_m**2 / 4

    @property
    def q(self) -> float:
        """Ms / H_A: the weight of the demagnetising field in reduced units."""
        return self.Ms_A_per_m / self.H_A_A_per_m

    @property
    def wall_parameter_nm(self) -> float:
        """sqrt(A / K1), nm: a 180 degree wall is about pi times as wide."""
        return math.sqrt(self.A_J_per_m / self.K1_J_per_m3) * 1e9

    def exchange_number(self, cell_nm: float) -> float:
        """c = A / (K1 dx^2): the exchange of two neighbouring cells in units of 2 K1 V_cell."""
        return (self.wall_parameter_nm / cell_nm) ** 2


@dataclass(frozen=True)
class Phase:
    """A phase beside the main one: between the grains, or in them.

    Args:
        A_J_per_m: exchange stiffness, J/m; 0 where neighbouring vectors do not couple.
        Js_T: spontaneous polarisation, T; 0 is a void, without exchange and anisotropy whatever the others are.
        K1_J_per_m3: anisotropy constant along the axis of the grain that it lies in, J/m^3; 0 is soft.

    Raises:
        InputError: if a value is negative or no finite number.

    >>> Phase(A_J_per_m=0.0, Js_T=0.0, K1_J_per_m3=0.0) == VOID
    True
    """

    A_J_per_m: float
    Js_T: float
    K1_J_per_m3: float = 0.0

    def __post_init__(self) -> None:
        for name in ("A_J_per_m", "Js_T", "K1_J_per_m3"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
                raise InputError(f"Phase: {name} must be a finite number of at least 0, got {value!r}")
            object.__setattr__(self, name, float(value))

    def __str__(self) -> str:
        return (
            "void"
            if self.Js_T == 0
            else f"Js {self.Js_T:g} T, A {self.A_J_per_m * 1e12:g} pJ/m, K1 {self.K1_J_per_m3 / 1e6:g} MJ/m3"
        )


VOID = Phase(0.0, 0.0, 0.0)

Nd2Fe14B = Material(A_J_per_m=8e-12, Js_T=1.61, K1_J_per_m3=4.2e6)
"""Nd2Fe14B at room temperature with the values of Kovacs et al. (2022)."""

MATERIALS = {"Nd2Fe14B": Nd2Fe14B}


def named_material(material: object) -> Material:
    """The material itself, or that of a name in `MATERIALS`.

    Raises:
        InputError: if it is neither.
    """
    if isinstance(material, Material):
        return material
    if isinstance(material, str) and material in MATERIALS:
        return MATERIALS[material]
    raise InputError(f"material must be a Material or one of the names {', '.join(MATERIALS)}, got {material!r:.80}")
