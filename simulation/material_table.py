"""Intrinsic properties of hard magnets from the literature: a number stands here only with the source it was read in.

Where a source gives Ms, Js = mu0 Ms is written. What no source was found for is left out, and is asked for: a study may
give it beside the name. The planar model takes a uniaxial magnet by its first constant alone; higher constants, and
temperatures at which the axis is not the easy one, are none of its business.
"""

from __future__ import annotations

from dataclasses import dataclass

ROOM_K = (290.0, 303.0)
"""What "room temperature" in a source may mean, K; such numbers are listed under 300 K."""

SOURCES = {
    "Kovacs 2022": "A. Kovacs et al., arXiv:2203.16676 (2022), section 2",
    "Kronmüller 2003": "H. Kronmüller, M. Fähnle, Magnetism and the Microstructure of Ferromagnetic Solids, Cambridge "
    "University Press (2003), as quoted by M. Han and S. Meng, Terahertz permeability of FePt nanowire, Table 1 and "
    "section 2",
    "Chinnasamy 2012": "C. Chinnasamy et al., IEEE Trans. Magn. 48, 3641 (2012), as quoted by M. Han and S. Meng, "
    "Terahertz permeability of FePt nanowire, Table 1",
    "OOMMF": "hcp Co of the material lists of OOMMF and MuMax2 (Ms = 1400 kA/m)",
    "Sci. Rep. 2019": "Scientific Reports 9 (2019), doi:10.1038/s41598-019-48010-w, introduction",
}


@dataclass(frozen=True)
class Quoted:
    """A number and where it was read, a key of `SOURCES`."""

    value: float
    source: str


@dataclass(frozen=True)
class Record:
    """What is known of a material at one temperature; None where no source was found.

    Attributes:
        temperature_K: of the numbers.
        A_J_per_m, Js_T, K1_J_per_m3: as in `simulation.Material`.
        about: what the name stands for, where it could be doubted.
    """

    temperature_K: float
    A_J_per_m: Quoted | None = None
    Js_T: Quoted | None = None
    K1_J_per_m3: Quoted | None = None
    about: str = ""


RECORDS: dict[str, tuple[Record, ...]] = {
    "Nd2Fe14B": (
        Record(
            300.0,
            Quoted(8e-12, "Kovacs 2022"),
            Quoted(1.61, "Kovacs 2022"),
            Quoted(4.2e6, "Kovacs 2022"),
        ),
    ),
    "FePt": (
        Record(
            300.0,
            Quoted(1e-11, "Kronmüller 2003"),
            Quoted(1.43, "Kronmüller 2003"),  # Ms = 1.14 MA/m
            Quoted(6.6e6, "Kronmüller 2003"),
            about="ordered, L1_0",
        ),
    ),
    "Co": (
        Record(
            300.0,
            Quoted(3e-11, "OOMMF"),
            Quoted(1.76, "OOMMF"),
            Quoted(5.2e5, "OOMMF"),
            about="hcp",
        ),
    ),
    "SmCo5": (
        Record(
            300.0,
            None,
            Quoted(1.05, "Kronmüller 2003"),  # Ms = 836 kA/m
            Quoted(1.7e7, "Kronmüller 2003"),
        ),
    ),
    "BaFe12O19": (
        Record(
            300.0,
            None,
            Quoted(0.48, "Kronmüller 2003"),  # Ms = 382 kA/m
            Quoted(3.2e5, "Kronmüller 2003"),
        ),
    ),
    "MnBi": (
        Record(
            300.0,
            None,
            Quoted(0.90, "Chinnasamy 2012"),  # Ms = 716 kA/m
            Quoted(1.6e6, "Chinnasamy 2012"),
            about="low-temperature phase",
        ),
    ),
    "SrFe12O19": (Record(300.0, None, None, Quoted(3.6e5, "Sci. Rep. 2019")),),
    # Asked for, and nothing of them was found in a source that could be read.
    "Pr2Fe14B": (),
    "Sm2Co17": (),
    "Sm2Fe17N3": (),
    "CoPt": (),
    "MnAl": (),
}
"""By name, the temperatures that are known."""

CONSTANTS = ("A_J_per_m", "Js_T", "K1_J_per_m3")


def record_of(name: str, temperature_K: float | None = None) -> tuple[Record | None, str]:
    """What is known of a material near a temperature, 300 K by default; and in words what is not.

    Returns:
        the record, None where there is none, and a sentence without an end that says so.
    """
    if name not in RECORDS:
        return None, f"no material of the name {name!r} is listed; there are {', '.join(RECORDS)}"
    if not RECORDS[name]:
        return None, f"of {name} no number with a source is known here"
    wanted = 300.0 if temperature_K is None else temperature_K
    if ROOM_K[0] <= wanted <= ROOM_K[1]:
        wanted = 300.0
    for record in RECORDS[name]:
        if abs(record.temperature_K - wanted) < 0.5:
            return record, ""
    known = ", ".join(f"{record.temperature_K:g} K" for record in RECORDS[name])
    return None, f"of {name} numbers with a source are known at {known} only, not at {wanted:g} K"
