"""Intrinsic properties of a hard magnet and the reduced units that follow from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulation.errors import InputError
from simulation.material_table import CONSTANTS, RECORDS, record_of

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


def listed_material(name: str, temperature_K: float | None = None, **own: float | None) -> Material:
    """A material of `simulation.material_table`, some of its constants replaced or filled in.

    Args:
        name: as listed there.
        temperature_K: at which; room temperature by default.
        own: `A_J_per_m`, `Js_T`, `K1_J_per_m3` of one's own, which count for more than the listed ones; None is none.

    Raises:
        InputError: if a constant is neither listed with a source nor given.

    >>> f"{listed_material('FePt').H_A_A_per_m / 1e6:.2f} MA/m"
    '9.23 MA/m'
    >>> listed_material("SmCo5", A_J_per_m=1.2e-11).K1_J_per_m3
    17000000.0
    """
    record, wanting = record_of(name, temperature_K)
    values = {key: own.get(key) for key in CONSTANTS}
    for key in CONSTANTS:
        quoted = getattr(record, key, None)
        if values[key] is None and quoted is not None:
            values[key] = quoted.value
    missing = [key for key, value in values.items() if value is None]
    if name not in RECORDS:
        raise InputError(f"{wanting}, or give constants alone")
    if missing:
        reason = wanting or f"of {name} no {' nor '.join(missing)} with a source is known here"
        raise InputError(f"{reason}; give {', '.join(missing)} beside the name")
    return Material(*[float(value) for value in values.values() if value is not None])


def why_no_material(name: str) -> str:
    """Why a name alone is no material, in words: it is not listed, or not all of its constants are; nothing if it is.

    >>> why_no_material("SmCo5")
    'of SmCo5 no A_J_per_m with a source is known here; give A_J_per_m beside the name'
    """
    try:
        listed_material(name)
    except InputError as error:
        return str(error)
    return ""


def _complete() -> dict[str, Material]:
    found = {}
    for name, records in RECORDS.items():
        if records and None not in [getattr(records[0], key) for key in CONSTANTS]:
            found[name] = listed_material(name, records[0].temperature_K)
    return found


MATERIALS = _complete()
"""Materials by name at room temperature, those of `simulation.material_table` of which all constants are known."""

Nd2Fe14B = MATERIALS["Nd2Fe14B"]
"""Nd2Fe14B at room temperature with the values of Kovacs et al. (2022)."""


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
