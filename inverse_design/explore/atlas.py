"""The map that the page begins with: structures with known curves, a run's candidates and its Pareto front."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from inverse_design.candidates.distances import Nearby
from inverse_design.goals import Goal
from inverse_design.properties import (
    DERIVED,
    PROPERTIES,
    STRUCTURE,
    UNITS,
    Column,
    derived_from_curve,
    structure_properties,
)
from inverse_design.run.design import Design, read_design, study_of
from inverse_design.run.keys import Stage
from inverse_design.run.simulating import conditions_of, wanted_labels
from inverse_design.study.shipped import encoded, fixed_sections, labels_of
from inverse_design.study.study import Study
from simulation.anchors import ANCHORS
from simulation.errors import InputError
from simulation.labels.drawn import Drawn, Structures
from simulation.labels.label import Conditions, Label
from simulation.labels.sets import load_label_set
from simulation.labels.store import LabelStore
from simulation.microstructure import Microstructure

if TYPE_CHECKING:
    from surrogate import Surrogate

log = logging.getLogger("inverse_design")

LABEL, CANDIDATE, FRONT = KINDS = ("label", "candidate", "front")
COLUMNS = (*ANCHORS, *DERIVED, "grains", "misorientation_deg")
"""What the axes and colours of the map can show; NaN where a point has no such number."""
COLUMN_UNITS = {**UNITS, "grains": "", "misorientation_deg": "deg"}

Curve = tuple[np.ndarray, np.ndarray]
"""h in H_A and m in Ms, each (n,)."""


@dataclass(frozen=True, eq=False)
class Point:
    """One place of the map.

    Attributes:
        kind: one of `KINDS`; what is of the front was predicted, everything else simulated.
        name: "label 1234", "candidate 03", "front 7".
        values: (10,) `COLUMNS`.
        curve: its simulated curve; None where there is none.
    """

    kind: str
    name: str
    values: np.ndarray
    curve: Callable[[], Curve | None]


class Atlas:
    """All points with their structures and codes.

    Args:
        name: of the surrogate or the run.
        model: the surrogate.
        conditions: what its labels were, and a structure here will be, simulated under.
        points: n of them; those that were simulated come first.
        structures: of these, the first m.
        codes: (n, latent) of all.
        goals: what the run wants; none of a surrogate.
        run: the run folder, None of a shipped surrogate.
    """

    def __init__(
        self,
        name: str,
        model: Surrogate,
        conditions: Conditions,
        points: Sequence[Point],
        structures: Sequence[Microstructure],
        codes: np.ndarray,
        goals: Sequence[Goal] = (),
        run: Path | None = None,
    ) -> None:
        self.name, self.model, self.conditions, self.run = name, model, conditions, run
        self.points, self.structures, self.codes, self.goals = tuple(points), structures, codes, tuple(goals)

    def __repr__(self) -> str:
        counts = ", ".join(f"{sum(point.kind == kind for point in self.points)} {kind}" for kind in KINDS)
        return f"<Atlas of {self.name}: {counts}>"

    @cached_property
    def table(self) -> np.ndarray:
        """(n, 10) `COLUMNS` of all points."""
        return np.array([point.values for point in self.points]).reshape(-1, len(COLUMNS))

    def properties(self, structural: bool = False) -> np.ndarray:
        """(m, 13) `PROPERTIES` of the points that were simulated; of their grains, which have to be drawn, NaN unless
        they are asked for."""
        if structural:
            return self._properties
        curve = self.table[: len(self.structures), : Column.BHmax + 1]
        return np.hstack([curve, np.full((len(curve), len(STRUCTURE)), math.nan)])

    @cached_property
    def _properties(self) -> np.ndarray:
        values = self.properties()
        for row, structure in enumerate(self.structures):
            values[row, Column.BHmax + 1 :] = structure_properties(structure)
        return values

    @cached_property
    def simulated(self) -> Nearby:
        """Those whose curve was simulated, to be asked for the nearest."""
        return Nearby(self.structures, self.codes[: len(self.structures)])

    @cached_property
    def rows(self) -> dict[str, int]:
        """Row of each point by its name."""
        return {point.name: row for row, point in enumerate(self.points)}

    def structure(self, row: int) -> Microstructure:
        """The grains of a point; those of the front are drawn from its code."""
        if row < len(self.structures):
            return self.structures[row]
        return self.model.draw(self.codes[row : row + 1])[0]

    def code(self, row: int) -> np.ndarray:
        """(latent,) of a point."""
        return np.asarray(self.codes[row])


def load_atlas(name: str) -> Atlas:
    """The map of a shipped surrogate by its name, or of a run by its folder.

    Raises:
        InputError: if there is neither, or the run has no trained surrogate yet.
    """
    folder = Path(name)
    if (folder / "study.yaml").is_file():
        return _of_run(folder)
    return _of_shipped(name)


def _of_shipped(name: str) -> Atlas:
    from surrogate import Surrogate

    model = Surrogate.load(name)
    points, structures, conditions = _shipped_points(name)
    return Atlas(name, model, conditions, points, structures, encoded(name, model, structures))


def _shipped_points(name: str) -> tuple[list[Point], Structures, Conditions]:
    """Of the labels that a surrogate was trained and judged on; draws none of them."""
    labels = load_label_set(fixed_sections(name)["labels_of"])
    conditions = Conditions.from_json(labels.conditions)
    known = labels_of(name)
    row_of = {int(index): row for row, index in enumerate(labels.index)}
    points = []
    for label in known.names:
        index = int(label.partition(":")[2])
        row, curve = row_of[index], partial(labels.curve, index)
        grains, spread = int(labels.grains[row]), math.degrees(labels.misorientation_rad[row])
        points.append(_simulated(LABEL, f"label {index}", curve, labels.anchors[row], (grains, spread), conditions))
    return points, Structures(known.structures), conditions


def _simulated(
    kind: str,
    name: str,
    curve: Callable[[], Curve],
    anchors: np.ndarray,
    grains: tuple[float, float],
    conditions: Conditions,
) -> Point:
    derived = derived_from_curve(*curve(), anchors, conditions.material)
    return Point(kind, name, np.concatenate([anchors, derived, grains]), curve)


def _of_run(run: Path) -> Atlas:
    study = study_of(run)
    name = study.surrogate.pretrained
    try:
        design: Design | None = read_design(run)
    except InputError as error:
        log.warning("%s: shown without candidates: %s", run, error)
        design = None
    from surrogate import Surrogate

    trained = any((run / "regressor").glob("*/card.json"))
    model = Surrogate.load(run if trained or name is None else name)
    points, structures, conditions = _study_points(run, study) if name is None else _shipped_points(name)
    codes = encoded(name, model, structures)
    asked = study.labels
    conditions = conditions_of(study, asked.backend, asked.discretization, asked.spins)
    if design is not None:
        of_run, more = _candidates(design)
        structures = structures + more
        codes = np.concatenate([codes, model.encode(more)])
        front, of_front = _front(design)
        points, codes = [*points, *of_run, *front], np.concatenate([codes, of_front.reshape(-1, codes.shape[1])])
    return Atlas(study.name, model, conditions, points, structures, codes, study.reduced_goals, run)


def _study_points(run: Path, study: Study) -> tuple[list[Point], Structures, Conditions]:
    """The labels that a study has sampled, as far as they are there and converged."""
    asked = study.labels
    conditions = conditions_of(study, asked.backend, asked.discretization, asked.spins)
    with LabelStore(run / "labels.sqlite", read_only=True) as store:
        labels = [label for label in _found(store, study, conditions) if label.converged]
    points = [
        _simulated(LABEL, f"label {s.index}", partial(_curve_of, label), label.anchors.as_array(), drawn, conditions)
        for label in labels
        if (s := label.specification) is not None
        for drawn in [(float(label.drawn[0]), math.degrees(label.drawn[1]))]
    ]
    return points, Structures(Drawn(label.structure_hash, label.microstructure) for label in labels), conditions


def _found(store: LabelStore, study: Study, conditions: Conditions) -> Iterator[Label]:
    for specification in wanted_labels(study):
        label = store.find(specification, conditions)
        if label is not None:
            yield label


def _curve_of(label: Label) -> Curve:
    return label.h, label.m


def _candidates(design: Design) -> tuple[list[Point], list[Microstructure]]:
    """A run's converged candidates."""
    points, structures = [], []
    for number, item in enumerate(design.verified):
        if item.converged:
            grains = (float(item.candidate.structure.grains), math.nan)
            values = np.concatenate([item.properties[: Column.BHmax + 1], grains])
            points.append(Point(CANDIDATE, f"candidate {number:02d}", values, partial(_pair, item.h, item.m)))
            structures.append(item.candidate.structure)
    return points, structures


def _pair(h: np.ndarray, m: np.ndarray) -> Curve:
    return h, m


def _front(design: Design) -> tuple[list[Point], np.ndarray]:
    """The last round's Pareto points, as predicted, and their codes; none where nothing was searched."""
    if not design.rounds:
        return [], np.zeros(0)
    from inverse_design.search.genetic import load_result  # and with it pymoo

    codes = load_result(design.folder / Stage.SEARCH.of(design.rounds - 1)).front
    table = design.front_table.reindex(columns=[f"{name}_predicted" for name in PROPERTIES[: Column.BHmax + 1]])
    missing = np.full(2, math.nan)
    points = [
        Point(FRONT, f"front {number}", np.concatenate([values, missing]), lambda: None)
        for number, values in enumerate(table.to_numpy(dtype=np.float64))
    ]
    return points[: len(codes)], np.asarray(codes[: len(points)], np.float32)
