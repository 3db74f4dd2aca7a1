"""Magnets: material, grain structures, planar micromagnetics, demagnetisation curves, anchor points and labels.

Angles are radians from +y towards +x, lengths nm where a person reads them, fields in H_A and magnetisation in Ms
unless a name says otherwise. Names are imported on first use, so that `import simulation` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "ANCHORS": "anchors",
    "AnchorPoints": "anchors",
    "anchor_points": "anchors",
    "InputError": "errors",
    "MATERIALS": "material",
    "Material": "material",
    "Nd2Fe14B": "material",
    "Microstructure": "microstructure",
    "ReadOptions": "formats",
    "export_structure": "formats",
    "read_structure": "formats",
    "load_labels": "labels.sets",
    "load_structures": "labels.sets",
    "maximum_energy_product": "bhmax",
    "voronoi": "tessellation",
    "Purpose": "sampling",
    "StructureFamily": "sampling",
    "FieldSweep": "hysteresis",
    "DemagnetizationCurve": "curve",
    "FieldStatus": "hysteresis",
    "demagnetization_curve": "hysteresis",
    "Conditions": "labels.label",
    "Label": "labels.label",
    "Outcome": "labels.label",
    "Specification": "labels.label",
    "LabelStore": "labels.store",
    "Progress": "labels.labelling",
    "label_all": "labels.labelling",
    "shard": "labels.labelling",
    "Engine": "execution.engine",
    "engine": "execution.executors",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"simulation.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name == "__version__":
        from importlib.metadata import version  # ten milliseconds that an import does not pay

        return version("inverse-design")
    raise AttributeError(f"module 'simulation' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME))


if TYPE_CHECKING:
    from simulation.anchors import ANCHORS as ANCHORS
    from simulation.anchors import AnchorPoints as AnchorPoints
    from simulation.anchors import anchor_points as anchor_points
    from simulation.bhmax import maximum_energy_product as maximum_energy_product
    from simulation.curve import DemagnetizationCurve as DemagnetizationCurve
    from simulation.errors import InputError as InputError
    from simulation.execution.engine import Engine as Engine
    from simulation.execution.executors import engine as engine
    from simulation.formats import ReadOptions as ReadOptions
    from simulation.formats import export_structure as export_structure
    from simulation.formats import read_structure as read_structure
    from simulation.hysteresis import FieldStatus as FieldStatus
    from simulation.hysteresis import FieldSweep as FieldSweep
    from simulation.hysteresis import demagnetization_curve as demagnetization_curve
    from simulation.labels.label import Conditions as Conditions
    from simulation.labels.label import Label as Label
    from simulation.labels.label import Outcome as Outcome
    from simulation.labels.label import Specification as Specification
    from simulation.labels.labelling import Progress as Progress
    from simulation.labels.labelling import label_all as label_all
    from simulation.labels.labelling import shard as shard
    from simulation.labels.sets import load_labels as load_labels
    from simulation.labels.sets import load_structures as load_structures
    from simulation.labels.store import LabelStore as LabelStore
    from simulation.material import MATERIALS as MATERIALS
    from simulation.material import Material as Material
    from simulation.material import Nd2Fe14B as Nd2Fe14B
    from simulation.microstructure import Microstructure as Microstructure
    from simulation.sampling import Purpose as Purpose
    from simulation.sampling import StructureFamily as StructureFamily
    from simulation.tessellation import voronoi as voronoi
