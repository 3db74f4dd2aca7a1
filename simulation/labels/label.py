"""Labels: what was simulated, under which conditions, and what came out; and the key that names each."""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import inspect
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from simulation.anchors import AnchorPoints, anchor_points
from simulation.errors import InputError
from simulation.material import Material
from simulation.microstructure import Microstructure
from simulation.sampling import Purpose, StructureFamily

if TYPE_CHECKING:
    from simulation.hysteresis import FieldSweep
    from simulation.reversal import Reversal


class Outcome(StrEnum):
    """How a simulation ended. Only a converged label may train or verify anything."""

    CONVERGED = "converged"
    UNCONVERGED = "unconverged"
    FAILED = "failed"


def canonical(value: Any) -> str:
    """One text for one value: floats by their exact hexadecimal digits, 1 and 1.0 alike, mappings sorted by name."""
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, np.generic):
        value = value.item()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if value is None or isinstance(value, (bool, str)):
        return json.dumps(value)
    if isinstance(value, int) and int(float(value)) != value:
        return str(value)
    if isinstance(value, (int, float)):
        return (float(value) + 0.0).hex()  # + 0.0 turns -0.0 into 0.0
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{json.dumps(name)}:{canonical(value[name])}" for name in sorted(value)) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ",".join(canonical(item) for item in value) + "]"
    raise TypeError(f"no canonical text for a {type(value).__name__}")


def digest(*values: Any) -> str:
    """SHA-256 of the canonical text of some values, hexadecimal."""
    return hashlib.sha256(canonical(values).encode()).hexdigest()


@dataclass(frozen=True, repr=False)
class Conditions:
    """Everything but the structure that a demagnetisation curve depends on.

    Args:
        material: intrinsic properties.
        sweep: the fields.
        backend: "planar", "fidimag".
        discretization: "cells" or "elements".
        settings: the solver's tolerances and version: names to numbers, texts or truth values.
        options: what the solver is called with besides, where it differs from its defaults.
    """

    material: Material
    sweep: FieldSweep
    backend: str = "planar"
    discretization: str = "elements"
    settings: Mapping[str, Any] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        material: Material,
        sweep: FieldSweep,
        backend: str = "planar",
        discretization: str = "elements",
        **options: Any,
    ) -> Conditions:
        """Conditions with the settings that the installed solver has; fidimag's are by cells, see
        `simulation.demagnetization_curve`.

        Raises:
            InputError: if there is no such solver here, or it knows no such option.
        """
        from simulation.hysteresis import BACKENDS, check_options, discretization_of

        if backend not in BACKENDS:
            raise InputError(f"backend must be one of {', '.join(BACKENDS)}, got {backend!r}")
        try:
            module = importlib.import_module(f"simulation.backends.{backend}")
        except ModuleNotFoundError:
            raise InputError(f"backend {backend}: this optional solver is not installed; use planar") from None
        check_options(backend, module.simulate, options)
        discretization = discretization_of(backend, discretization)
        stated = inspect.signature(module.settings).parameters
        known = {name: value for name, value in options.items() if name in stated}
        settings = dict(module.settings(discretization, **known))
        return cls(material, sweep, backend, discretization, settings, options)

    def __repr__(self) -> str:
        more = "".join(f", {name} {value}" for name, value in self.options.items())
        until = f" until {self.sweep.until}" if self.sweep.until else ""
        fields = f"{self.sweep.start:g} to {self.sweep.stop:g} H_A in steps of {self.sweep.step:g}{until}"
        return f"<Conditions: {self.backend} ({self.discretization}){more}, {self.material}, {fields}>"

    @cached_property
    def key(self) -> str:
        """SHA-256 of the conditions."""
        solver = {**self.settings, **self.options}
        return digest("conditions", self.material, self.sweep, self.backend, self.discretization, solver)

    def label_key(self, structure_hash: str) -> str:
        """Key of the label of the structure with this content hash."""
        return digest("label", structure_hash, self.key)

    def to_json(self) -> str:
        """Readable text from which `from_json` makes the same conditions, with the same key."""
        plain: dict[str, Any] = {"material": dataclasses.asdict(self.material), "sweep": dataclasses.asdict(self.sweep)}
        plain |= {"backend": self.backend, "discretization": self.discretization, "settings": dict(self.settings)}
        plain |= {"options": dict(self.options)}
        return json.dumps(plain, sort_keys=True, default=_plain)

    @classmethod
    def from_json(cls, text: str) -> Conditions:
        """The conditions that `to_json` wrote."""
        from simulation.hysteresis import FieldSweep

        plain = json.loads(text)
        return cls(**plain | {"material": Material(**plain["material"]), "sweep": FieldSweep(**plain["sweep"])})


@dataclass(frozen=True)
class Specification:
    """A structure by its place in a family: small enough to send anywhere, made into cells where it is needed."""

    family: StructureFamily
    seed: int
    purpose: Purpose
    index: int

    def draw(self) -> Microstructure:
        """The structure itself."""
        return self.family.draw(self.seed, self.purpose, self.index)

    @cached_property
    def key(self) -> str:
        """SHA-256 of the specification and of NumPy's release, with which a generator's stream may change."""
        release = ".".join(np.__version__.split(".")[:2])
        return digest("specification", self.family.as_plain(), self.seed, self.purpose, self.index, release)

    def to_json(self) -> str:
        """Text from which `from_json` makes the same specification."""
        plain = {"family": self.family.as_plain(), "seed": self.seed, "purpose": self.purpose, "index": self.index}
        return json.dumps(plain, sort_keys=True, default=_plain)

    @classmethod
    def from_json(cls, text: str) -> Specification:
        """The specification that `to_json` wrote."""
        plain = json.loads(text)
        family = StructureFamily.from_plain(plain["family"])
        return cls(family, plain["seed"], Purpose(plain["purpose"]), plain["index"])


@dataclass(frozen=True, eq=False, repr=False)
class Label:
    """One structure, the conditions it was simulated under and its curve. Equal where the results agree bit for bit.

    Args:
        key: names structure and conditions; equal keys mean equal physics.
        structure_hash: `Microstructure.content_hash`.
        source: the specification of a sampled structure, or a decoded structure itself.
        conditions: material, sweep and solver.
        h, m: (n,) reduced field and magnetisation; empty where the simulation failed.
        status: (n,) uint8, how each field ended: 0 converged, else the place in `simulation.FieldStatus`.
        anchors: the six anchor points.
        evaluations: long-range field evaluations of the whole curve.
        wall_s: seconds of simulation; in no key and no comparison.
        outcome: converged, unconverged or failed.
        reason: why it did not converge or failed, in one sentence; empty otherwise.
        reversal: how the magnet gave way, if that was asked of the simulation; no store keeps it.
    """

    key: str
    structure_hash: str
    source: Specification | Microstructure
    conditions: Conditions
    h: np.ndarray
    m: np.ndarray
    status: np.ndarray
    anchors: AnchorPoints
    evaluations: int
    wall_s: float
    outcome: Outcome
    reason: str = ""
    reversal: Reversal | None = None

    def __eq__(self, other: object) -> bool:
        return self.same_result(other) if isinstance(other, Label) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        fields = f", Mr {self.anchors.Mr:.4f} Ms, Hc {self.anchors.Hc:.4f} H_A" if self.h.size else ""
        reason = f": {self.reason}" if self.reason else ""
        by = f"{self.conditions.backend} ({self.conditions.discretization})"
        return f"<Label {self.key[:12]} by {by}, {self.outcome}{fields}{reason:.120}>"

    @property
    def converged(self) -> bool:
        """Whether the label may be used for anything but inspection."""
        return self.outcome is Outcome.CONVERGED

    @property
    def specification(self) -> Specification | None:
        """Where the structure was sampled, None for a decoded one."""
        return self.source if isinstance(self.source, Specification) else None

    @cached_property
    def drawn(self) -> tuple[int, float]:
        """Grain number and misorientation or width of the texture (rad) as drawn; of a decoded one NaN."""
        if isinstance(self.source, Specification):
            s = self.source
            return s.family.parameters(s.seed, s.purpose, s.index)[:2]
        return self.source.grains, float("nan")

    def microstructure(self) -> Microstructure:
        """The structure, drawn again where it was sampled.

        Raises:
            InputError: if the draw no longer gives the structure that was simulated.
        """
        if isinstance(self.source, Microstructure):
            return self.source
        structure = self.source.draw()
        if structure.content_hash != self.structure_hash:
            raise InputError(
                f"label {self.key[:12]}: index {self.source.index} of seed {self.source.seed} no longer draws the "
                f"structure that was simulated (NumPy {np.__version__} here); use the NumPy release that made it"
            )
        return structure

    def same_result(self, other: Label) -> bool:
        """Whether two labels agree bit for bit in all but the wall time."""
        return self.result_bytes == other.result_bytes

    @cached_property
    def result_bytes(self) -> bytes:
        """Key, curve, status, anchors, evaluations and outcome as bytes."""
        arrays = (self.h, self.m, self.status, self.anchors.as_array())
        words = f"{self.key} {self.evaluations} {self.outcome} {self.reason}".encode()
        return words + b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)


@dataclass(frozen=True)
class Job:
    """One label to be made: what a worker is sent."""

    key: str
    structure_hash: str
    source: Specification | Microstructure
    conditions: Conditions

    @classmethod
    def of(cls, source: Specification | Microstructure, conditions: Conditions) -> Job:
        """The job of a source; draws a specification once (1.5 ms at 160 x 160), because the key needs the content."""
        structure = source.draw() if isinstance(source, Specification) else source
        structure_hash = structure.content_hash
        return cls(conditions.label_key(structure_hash), structure_hash, source, conditions)

    def microstructure(self) -> Microstructure:
        """The structure to simulate; `InputError` if the draw here differs from that where the job was made."""
        return self.failed("", 0.0).microstructure()

    def label(
        self, h: np.ndarray, m: np.ndarray, status: Sequence[int], bad: str, evaluations: int, wall: float
    ) -> Label:
        """The label of a simulated curve.

        Args:
            h, m: (n,) reduced field and magnetisation.
            status: (n,) codes.
            bad: what went wrong first along the curve, in one sentence; empty if every field converged.
            evaluations: long-range field evaluations.
            wall: seconds.
        """
        h, m = np.asarray(h, dtype=np.float64), np.asarray(m, dtype=np.float64)
        if h.size == 0 or not (np.isfinite(h).all() and np.isfinite(m).all()):
            return self.failed("the solver returned a magnetisation that is not a finite number", wall)
        outcome = Outcome.UNCONVERGED if bad else Outcome.CONVERGED
        codes = np.asarray(status, dtype=np.uint8)
        return self._label(h, m, codes, anchor_points(h, m), int(evaluations), wall, outcome, bad)

    def failed(self, reason: str, wall: float) -> Label:
        """The label of a simulation that gave no curve; the reason is made one line of plain text."""
        reason = " ".join(reason.encode(errors="replace").decode().split())[:500]
        nothing = np.empty(0)
        anchors = AnchorPoints(*[float("nan")] * 6)
        return self._label(nothing, nothing, np.empty(0, np.uint8), anchors, 0, wall, Outcome.FAILED, reason)

    def _label(self, *result: Any) -> Label:
        return Label(self.key, self.structure_hash, self.source, self.conditions, *result)


def _plain(value: Any) -> Any:
    """NumPy scalars and enumerations as JSON knows them."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
