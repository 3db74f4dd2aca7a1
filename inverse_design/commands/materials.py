"""Materials that a study can name: their constants, what follows from them, and where each number is from."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from simulation.material import Material
from simulation.material_table import CONSTANTS, RECORDS, SOURCES, Record

UNITS = {"A_J_per_m": ("A", "pJ/m", 1e12), "Js_T": ("Js", "T", 1.0), "K1_J_per_m3": ("K1", "MJ/m3", 1e-6)}


def materials() -> list[dict[str, Any]]:
    """One entry a material and temperature; None where no source is known, and no entry says of what follows then."""
    listed: list[dict[str, Any]] = []
    for name, records in RECORDS.items():
        for record in records or (Record(300.0),):
            entry: dict[str, Any] = {"name": name, "temperature_K": record.temperature_K, "about": record.about}
            values = [getattr(record, key) for key in CONSTANTS]
            for key, quoted in zip(CONSTANTS, values, strict=True):
                entry[key] = quoted and quoted.value
            entry["sources"] = sorted({quoted.source for quoted in values if quoted})
            if None not in values:
                magnet = Material(*[quoted.value for quoted in values])
                entry |= {"H_A_A_per_m": magnet.H_A_A_per_m, "q": magnet.q, "wall_nm": magnet.wall_parameter_nm}
            listed.append(entry)
    return listed


def materials_table() -> Table:
    """The same to read."""
    table = Table(title="material: {name: NAME}, with your own constants beside it where one is missing")
    for title in ("name", "T (K)", "A (pJ/m)", "Js (T)", "K1 (MJ/m3)", "H_A (MA/m)", "Ms/H_A", "sqrt(A/K1) (nm)"):
        table.add_column(title, justify="left" if title == "name" else "right")
    table.add_column("sources")
    for entry in materials():
        shown = [_number(entry[key], UNITS[key][2]) for key in CONSTANTS]
        after = [_number(entry.get(key), scale) for key, scale in (("H_A_A_per_m", 1e-6), ("q", 1.0), ("wall_nm", 1.0))]
        name = f"{entry['name']} ({entry['about']})" if entry["about"] else entry["name"]
        sources = ", ".join(entry["sources"]) or "no number with a source"
        table.add_row(name, f"{entry['temperature_K']:g}", *shown, *after, sources)
    return table


def sources_in_words() -> list[str]:
    """What the names of the sources stand for, a line each."""
    return [f"{name}: {what}" for name, what in SOURCES.items()]


def _number(value: float | None, scale: float) -> str:
    return "-" if value is None else f"{value * scale:.4g}"
