"""The study: all sections together, valid by construction."""

from __future__ import annotations

import math
import re
from io import StringIO
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, Strict, model_validator
from ruamel.yaml import YAML

from inverse_design.goals import Goals
from inverse_design.properties import BOUNDARY, UNITS
from inverse_design.study.measured_curve import CurveSection, read_curve
from inverse_design.study.sections import (
    NAME,
    USED_OF_PRETRAINED,
    Execution,
    ForOne,
    ForSeveral,
    Labels,
    MaterialSection,
    Microstructures,
    Search,
    Section,
    SurrogateSection,
    Sweep,
    Verification,
    check_boundary,
    check_grid,
    check_sweep,
    refuse,
)
from inverse_design.study.shipped import CONTINUED, FIXED, fixed_sections, sizes_of
from inverse_design.study.start import Starts
from inverse_design.study.wishes import GoalSection, check_goals, corrected, goal_of
from simulation.errors import InputError
from simulation.execution.executors import why_no_address, why_no_workers
from simulation.limits import why_not
from simulation.material import MATERIALS, Material, why_no_material
from simulation.sampling import StructureFamily

CURVE = "goals.curve"
"""Where a measured curve stands in a study file."""


class Study(Section):
    """A whole study, valid by construction."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)  # a dump has `curve` by its name

    name: Annotated[str, Field(pattern=NAME, max_length=100)]
    seed: Annotated[int, Strict(), Field(ge=0, lt=2**63)] = 1
    material: Annotated[MaterialSection | str, Field(union_mode="left_to_right")] = "Nd2Fe14B"
    microstructures: Microstructures = Microstructures()
    field_sweep: Sweep = Sweep()
    labels: Labels = Labels()
    surrogate: SurrogateSection = SurrogateSection()
    goals: dict[str, Literal["maximize", "minimize"] | GoalSection]
    curve: CurveSection | None = Field(default=None, alias="goals.curve")  # as `CURVE`
    search: Search = Search()
    verification: Verification = Verification()
    execution: Execution = Execution()
    start: Starts = ()

    def __repr__(self) -> str:
        goals = ", ".join(f"{goal.quantity} {goal.describe()}" for goal in self.reduced_goals)
        name = self.material if isinstance(self.material, str) else repr(self.magnet)
        return f"<Study {self.name}: {name}, {self.family.size_nm:g} nm, {goals}>"

    @property
    def magnet(self) -> Material:
        """The material as a value."""
        if isinstance(self.material, str):
            return MATERIALS[self.material]
        return self.material.magnet()

    @property
    def family(self) -> StructureFamily:
        """The family of structures as a value."""
        part = self.microstructures
        low, high = (math.radians(angle) for angle in part.misorientation_deg)
        return StructureFamily(
            part.size_nm,
            part.cell_nm,
            part.grains,
            (low, min(high, math.pi)),
            part.texture,
            math.radians(part.direction_deg),
            part.size_sigma,
            part.aspect,
            math.radians(part.elongation_deg),
            check_boundary(part, self.magnet),
        )

    @property
    def redraws(self) -> int:
        """Structures with the same statistics that are simulated for each hit; 16 if a goal is robust and says nothing
        else."""
        return self.verification.redraws or (16 if any(goal.robust for goal in self.reduced_goals) else 0)

    @property
    def checks(self) -> tuple[str, ...]:
        """What every hit has to stand before it counts, see `sections.CHECKS`."""
        return self.verification.confirm or ()

    @property
    def reduced_goals(self) -> Goals:
        """The goals in reduced units, in the order of the file, and the measured curve that goes with them."""
        curve = None if self.curve is None or self.curve.points is None else self.curve.goal()
        goals = (goal_of(name, written, self.magnet) for name, written in self.goals.items())
        shift = {str(name): value for name, value in self.verification.correction.items()}
        return Goals((corrected(goal, shift.get(goal.quantity, 0.0)) for goal in goals), curve)

    @model_validator(mode="before")
    @classmethod
    def _curve_apart(cls, data: Any) -> Any:
        """`goals.curve` is no goal on a property: it has keys of its own."""
        goals = data.get("goals") if isinstance(data, dict) else None
        if not isinstance(goals, dict) or "curve" not in goals:
            return data
        rest = {name: goal for name, goal in goals.items() if name != "curve"}
        return {**data, "goals": rest, CURVE: goals["curve"]}

    @model_validator(mode="before")
    @classmethod
    def _by_cells_with_fidimag(cls, data: Any) -> Any:
        """fidimag knows cells only, so that a study that asks for it means them unless it names something else."""
        if not isinstance(data, dict):
            return data
        labels, more, part = (data.get(key, {}) for key in ("labels", "verification", "surrogate"))
        if not all(isinstance(section, dict) for section in (labels, more, part)) or part.get("pretrained"):
            return data  # a card says by what its labels are
        if "fidimag" not in (labels.get("backend"), more.get("backend")) or "discretization" in labels:
            return data
        return {**data, "labels": {**labels, "discretization": "cells"}}

    @model_validator(mode="before")
    @classmethod
    def _of_its_card(cls, data: Any) -> Any:
        """Fill in the sections that a pretrained surrogate fixes."""
        part = data.get("surrogate") if isinstance(data, dict) else None
        if not isinstance(part, dict):
            return data
        name = part.get("pretrained")
        if not isinstance(name, str) or not re.fullmatch(NAME, name):
            return data  # the field itself says what is wrong
        fixed, sizes = _of_card(name)
        filled = {key: fixed[key] for key in FIXED if key not in data}
        given = part.get("regressor", {})
        regressor = {**CONTINUED, **given} if isinstance(given, dict) else given
        return {**filled, **data, "surrogate": {**sizes, **part, "regressor": regressor}}

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if isinstance(self.material, str) and self.material not in MATERIALS:
            raise refuse("material", why_no_material(self.material))
        if self.surrogate.pretrained is not None:
            self._check_pretrained(self.surrogate.pretrained)
        else:
            check_grid(self.microstructures, self.surrogate)
        check_sweep(self.field_sweep)
        if "planar" in (self.labels.backend, self.verification.backend) and (
            wrong := why_not(self.magnet, self.microstructures.cell_nm)
        ):
            key = "material" if isinstance(self.material, MaterialSection) else "microstructures.cell_nm"
            raise refuse(key, f"the planar solver cannot simulate this: {wrong}")
        part = self.execution
        if wrong := why_no_address(part.engine, part.address):
            raise refuse("execution.address", wrong)
        if part.workers != "auto" and (wrong := why_no_workers(part.engine, part.address)):
            raise refuse("execution.workers", f"{wrong}, got {part.workers}")
        for section, backend in (("labels", self.labels.backend), ("verification", self.verification.backend)):
            if backend == "fidimag" and self.labels.discretization != "cells":
                raise refuse(f"{section}.backend", "fidimag simulates by cells only; set labels.discretization: cells")
        self._check_spins()
        self._check_phases()
        if self.labels.test > self.labels.count // 2:
            half = f"at most half of labels.count ({self.labels.count})"
            raise refuse("labels.test", f"must be {half}, got {self.labels.test}: the rest trains the regressor")
        if self.verification.candidates > self.search.population:
            raise refuse(
                "verification.candidates",
                f"must be at most search.population ({self.search.population}), got {self.verification.candidates}",
            )
        self._read_curve()
        goals = self.reduced_goals
        if not goals:
            raise refuse("goals", f"needs at least one entry, got {{{'curve' if self.curve else ''}}}")
        check_goals(goals, -self.field_sweep.stop)
        several = sum(goal.is_objective for goal in goals) > 1
        if several and self.search.algorithm in get_args(ForOne):
            allowed = ", ".join(get_args(ForSeveral))
            raise refuse(
                "search.algorithm", f"{self.search.algorithm!r} serves one objective only; for several: {allowed}"
            )
        if not any(goal.is_objective for goal in goals):
            raise refuse("goals", "at least one goal must be a target, maximize or minimize: bounds alone rank nothing")
        self._fill_confirmation()
        self._fill_refinement()
        return self

    def _read_curve(self) -> None:
        """Read the measured curve, once: its anchor points are targets where the study says nothing else of them."""
        if self.curve is None or self.curve.points is not None:
            return
        try:
            curve, targets = read_curve(self.curve, self.magnet)
        except InputError as error:
            raise refuse(CURVE, str(error)) from None
        deepest = min(-self.field_sweep.stop, 1.0)
        within = {n: goal for n, goal in targets.items() if UNITS[n] == "Ms" or float(goal.target or 0) <= deepest}
        object.__setattr__(self, "curve", curve)
        object.__setattr__(self, "goals", {**within, **self.goals})

    def _check_spins(self) -> None:
        """Free spins are the built-in solver's, and a check of what is simulated so already is none."""
        free, asked = self.labels.spins == "free", "free" in self.checks
        if free and asked:
            raise refuse("verification.confirm", "labels.spins is free already; leave free out of this list")
        if "fidimag" in (self.labels.backend, self.verification.backend) and (free or asked):
            key = "labels.spins" if free else "verification.confirm"
            raise refuse(key, "fidimag does not know free, the built-in solver does; set backend: planar, or no free")

    def _check_phases(self) -> None:
        """What a solver does not know of a second phase, and goals on what is not there."""
        boundary = check_boundary(self.microstructures, self.magnet)
        named = [name for name in BOUNDARY if name in self.goals]
        if boundary is None:
            if named:
                raise refuse(f"goals.{named[0]}", "needs microstructures with boundary_nm and boundary: there is none")
            return
        for section, backend in (("labels", self.labels.backend), ("verification", self.verification.backend)):
            if backend == "fidimag" and boundary.A_J_per_m != self.magnet.A_J_per_m:
                raise refuse(f"{section}.backend", "fidimag knows one exchange stiffness only; use planar")

    def _fill_confirmation(self) -> None:
        """Unless the study says so, hits are confirmed by elements, on a finer mesh and with free spins, and not at all
        by cells: there the paper's mesh and plane are the measure, and few hits stand more."""
        if self.verification.confirm is None:
            free = () if self.labels.spins == "free" else ("free",)
            checks = ("finer", *free) if self.labels.discretization == "elements" else ()
            object.__setattr__(self, "verification", self.verification.model_copy(update={"confirm": checks}))

    def _fill_refinement(self) -> None:
        """Unless the study says so, the solver climbs with six batches before each search, as many of them as leave
        one for the search; not at all where a curve takes minutes."""
        part = self.verification
        if part.refine is None:
            slow = part.backend != "planar"
            room = max(min(6, part.max_simulations // part.candidates - 1), 0)
            refine = 0 if slow or "refined" not in part.sources else room * part.candidates
            object.__setattr__(self, "verification", part.model_copy(update={"refine": refine}))

    def _check_pretrained(self, name: str) -> None:
        """A study may repeat what the surrogate's card says, and not contradict it."""
        fixed, sizes = _of_card(name)
        for key in sorted(self.surrogate.model_fields_set - USED_OF_PRETRAINED):
            given, has = getattr(self.surrogate, key), sizes.get(key)
            if key not in sizes or given != has:
                stated = f" with {key}: {has}" if key in sizes else ""
                raise refuse(
                    f"surrogate.{key}", f"surrogate {name} is trained already{stated}; leave this key out, got {given}"
                )
        for key, kind in (("microstructures", Microstructures), ("field_sweep", Sweep), ("labels", Labels)):
            if getattr(self, key) != kind.model_validate(fixed[key]):
                raise refuse(key, f"surrogate {name} was trained for {fixed[key]}; leave this key out or repeat that")
        if self.magnet != Material(**fixed["material"]):
            raise refuse(
                "material", f"surrogate {name} was trained for {fixed['material']}, got {_text(self.material)}"
            )


def _of_card(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sections that a pretrained surrogate fixes, and the keys of its own section that its networks answer."""
    try:
        return fixed_sections(name), sizes_of(name)
    except InputError as error:
        raise refuse("surrogate.pretrained", str(error)) from None


def _text(value: Any) -> str:
    return str(value.model_dump(mode="json")) if isinstance(value, BaseModel) else str(value)


def study_text(study: Study) -> str:
    """The study with every default spelled out, as YAML that `load_study` reads back.

    Of a pretrained surrogate it has what its card says and how its regressors go on, not how one would be trained.
    """
    text = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    plain = study.model_dump(mode="json", exclude_none=True)
    if (curve := plain.pop("curve", None)) is not None:
        plain["goals"]["curve"] = curve
    if study.surrogate.pretrained is not None:
        said = USED_OF_PRETRAINED | _of_card(study.surrogate.pretrained)[1].keys()
        plain["surrogate"] = {key: value for key, value in plain["surrogate"].items() if key in said}
    yaml.dump(plain, text)
    return text.getvalue()
