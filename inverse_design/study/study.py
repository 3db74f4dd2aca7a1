"""The study: every key of a study file, its type, its range and its default."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, Strict, model_validator
from pydantic_core import PydanticCustomError

from inverse_design.goals import Goal
from inverse_design.properties import PROPERTIES, UNITS
from inverse_design.study.units import reduced
from simulation.anchors import ANCHORS
from simulation.errors import InputError
from simulation.execution.executors import why_no_address, why_no_workers
from simulation.material import MATERIALS, Material
from simulation.sampling import StructureFamily
from simulation.tessellation import square_cells

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
Whole = Annotated[int, Strict()]
Positive = Annotated[int, Strict(), Field(ge=1, le=10**7)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Share = Annotated[Number, Field(gt=0, le=1)]
Flag = Annotated[bool, Strict()]


def _ascending(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    if pair[0] > pair[1]:
        raise PydanticCustomError(
            "reversed", "must be [low, high], got the reversed range {pair}", {"pair": list(pair)}
        )
    return pair


Range = Annotated[tuple[Number, Number], AfterValidator(_ascending)]
WholeRange = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]


def _refuse(path: str, sentence: str) -> PydanticCustomError:
    """An error that a check across several keys lays at the door of one of them."""
    return PydanticCustomError("study", "{sentence}", {"sentence": sentence, "path": path})


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MaterialSection(Section):
    """Intrinsic properties, as in `simulation.Material`."""

    A_J_per_m: Annotated[Number, Field(ge=1e-15, le=1e-9)]
    Js_T: Annotated[Number, Field(ge=1e-3, le=10)]
    K1_J_per_m3: Annotated[Number, Field(ge=1, le=1e9)]


class Microstructures(Section):
    """The family of grain structures that is sampled and searched."""

    size_nm: Annotated[Number, Field(gt=0)] = 320.0
    cell_nm: Annotated[Number, Field(ge=1e-3, le=1e3)] = 2.0
    grains: WholeRange = (16, 256)
    misorientation_deg: Range = (0.0, 180.0)


class Sweep(Section):
    """The applied field in units of H_A."""

    start: Number = 1.0
    stop: Number = -1.0
    step: Annotated[Number, Field(gt=0)] = 0.01
    until: Literal["coercivity"] | None = "coercivity"


class Labels(Section):
    """Sampled structures with simulated curves; the first `test` of them train nothing."""

    count: Annotated[int, Strict(), Field(ge=8, le=10**7)] = 400
    test: Annotated[int, Strict(), Field(ge=1)] = 40
    backend: Literal["planar", "fidimag"] = "planar"
    discretization: Literal["cells", "elements"] = "elements"


class Regressor(Section):
    """The network from latent code to anchor points."""

    layout: Literal["ordered", "paper"] = "ordered"
    epochs: Positive = 300
    batch: Positive = 64
    learning_rate: Annotated[Number, Field(gt=0, le=1)] = 4e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    noise: Annotated[Number, Field(ge=0, le=10)] = 1.0
    folds: Annotated[int, Strict(), Field(ge=0, le=64)] = 4
    more_epochs: Positive = 60


class SurrogateSection(Section):
    """The variational autoencoder and the regressors on its latent code; or a shipped one, which needs no labels and
    no training, and fixes material, structures, field sweep and labels."""

    pretrained: Annotated[str, Field(pattern=NAME)] | None = None
    encoding: Literal["kx", "double_angle"] = "double_angle"
    cells_per_pixel: Positive = 1
    layout: Literal["dense", "grid"] = "dense"
    latent_dim: Positive = 64
    width: Annotated[Number, Field(ge=0.1, le=8)] = 1.0
    unlabelled: Positive = 20000
    epochs: Positive = 6
    batch: Positive = 64
    learning_rate: Annotated[Number, Field(gt=0, le=1)] = 2e-3
    schedule: Literal["cosine", "constant"] = "cosine"
    kl_weight: Annotated[Number, Field(ge=0, le=1e6)] = 0.03
    kl_warmup: Annotated[Number, Field(ge=0, le=1)] = 0.1
    mirrored: Flag = True
    ensemble: Annotated[int, Strict(), Field(ge=1, le=64)] = 4
    regressor: Regressor = Regressor()


USED_OF_PRETRAINED = {"pretrained", "regressor", "mirrored"}
"""Keys of `surrogate` that say something beside the name of a pretrained one; the rest its card answers, or none."""


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


MOST_SIZE_NM, MOST_SPREAD_DEG = 1e4, 180.0
"""Beyond any grain size and any spread of axes that can be asked for."""


ForSeveral = Literal["nsga2", "nsga3", "unsga3", "smsemoa", "ctaea"]
ForOne = Literal["ga", "cmaes"]
"""Algorithms for several objectives, and those that serve one only."""


class Search(Section):
    """The genetic algorithm in the latent space."""

    algorithm: Literal[ForSeveral, ForOne] = "nsga2"
    population: Annotated[int, Strict(), Field(ge=4, le=8192)] = 128
    generations: Annotated[int, Strict(), Field(ge=1, le=100000)] = 150
    plausibility: Annotated[Number, Field(gt=0.5, lt=1)] = 0.99
    draws: Annotated[int, Strict(), Field(ge=0, le=100000)] = 1000
    spread: Share | None = None
    drift: Share | None = None


class Verification(Section):
    """Full simulations of the chosen candidates, and when to stop."""

    candidates: Positive = 8
    rounds: Positive = 3
    max_simulations: Positive = 24
    hits: Positive = 1
    patience: Positive = 5
    redraws: Annotated[int, Strict(), Field(ge=0, le=1000)] = 0
    backend: Literal["planar", "fidimag"] = "planar"
    sources: Annotated[tuple[Literal["decoded", "steered", "turned", "drawn"], ...], Field(min_length=1)] = (
        "decoded", "steered", "turned", "drawn",
    )  # fmt: skip


class Execution(Section):
    """Where simulations run."""

    engine: Literal["local", "dask", "mpi"] = "local"
    workers: Annotated[int, Strict(), Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    address: str | None = None


class Study(Section):
    """A whole study, valid by construction."""

    name: Annotated[str, Field(pattern=NAME, max_length=100)]
    seed: Annotated[int, Strict(), Field(ge=0, lt=2**63)] = 1
    material: Annotated[MaterialSection | str, Field(union_mode="left_to_right")] = "Nd2Fe14B"
    microstructures: Microstructures = Microstructures()
    field_sweep: Sweep = Sweep()
    labels: Labels = Labels()
    surrogate: SurrogateSection = SurrogateSection()
    goals: Annotated[dict[str, Literal["maximize", "minimize"] | GoalSection], Field(min_length=1)]
    search: Search = Search()
    verification: Verification = Verification()
    execution: Execution = Execution()

    @property
    def magnet(self) -> Material:
        """The material as a value."""
        if isinstance(self.material, str):
            return MATERIALS[self.material]
        return Material(**self.material.model_dump())

    @property
    def family(self) -> StructureFamily:
        """The family of structures as a value."""
        part = self.microstructures
        low, high = (math.radians(angle) for angle in part.misorientation_deg)
        return StructureFamily(part.size_nm, part.cell_nm, part.grains, (low, min(high, math.pi)))

    @property
    def redraws(self) -> int:
        """Structures with the same statistics that are simulated for each hit; 16 if a goal is robust and says nothing
        else."""
        return self.verification.redraws or (16 if any(goal.robust for goal in self.reduced_goals) else 0)

    @property
    def reduced_goals(self) -> tuple[Goal, ...]:
        """The goals in reduced units, in the order of the file."""
        return tuple(_goal(name, wish, self.magnet) for name, wish in self.goals.items())

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
        from inverse_design.study.shipped import CONTINUED, FIXED

        fixed, sizes = _of_card(name)
        filled = {key: fixed[key] for key in FIXED if key not in data}
        given = part.get("regressor", {})
        regressor = {**CONTINUED, **given} if isinstance(given, dict) else given
        return {**filled, **data, "surrogate": {**sizes, **part, "regressor": regressor}}

    @model_validator(mode="after")
    def _consistent(self) -> Study:
        if isinstance(self.material, str) and self.material not in MATERIALS:
            names = ", ".join(MATERIALS)
            raise _refuse(
                "material", f"unknown material {self.material!r}; allowed: {names}, or a mapping of constants"
            )
        if self.surrogate.pretrained is not None:
            self._check_pretrained(self.surrogate.pretrained)
        else:
            _check_grid(self.microstructures, self.surrogate)
        _check_sweep(self.field_sweep)
        part = self.execution
        if wrong := why_no_address(part.engine, part.address):
            raise _refuse("execution.address", wrong)
        if part.workers != "auto" and (wrong := why_no_workers(part.engine, part.address)):
            raise _refuse("execution.workers", f"{wrong}, got {part.workers}")
        for section, backend in (("labels", self.labels.backend), ("verification", self.verification.backend)):
            if backend == "fidimag" and self.labels.discretization != "cells":
                raise _refuse(f"{section}.backend", "fidimag simulates by cells only; set labels.discretization: cells")
        if self.labels.test > self.labels.count // 2:
            half = f"at most half of labels.count ({self.labels.count})"
            raise _refuse("labels.test", f"must be {half}, got {self.labels.test}: the rest trains the regressor")
        if self.verification.candidates > self.search.population:
            raise _refuse(
                "verification.candidates",
                f"must be at most search.population ({self.search.population}), got {self.verification.candidates}",
            )
        goals = self.reduced_goals
        _check_goals(goals, -self.field_sweep.stop)
        several = sum(goal.is_objective for goal in goals) > 1
        if several and self.search.algorithm in get_args(ForOne):
            allowed = ", ".join(get_args(ForSeveral))
            raise _refuse(
                "search.algorithm", f"{self.search.algorithm!r} serves one objective only; for several: {allowed}"
            )
        if not any(goal.is_objective for goal in goals):
            raise _refuse(
                "goals", "at least one goal must be a target, maximize or minimize: bounds alone rank nothing"
            )
        return self

    def _check_pretrained(self, name: str) -> None:
        """A study may repeat what the surrogate's card says, and not contradict it."""
        fixed, sizes = _of_card(name)
        for key in sorted(self.surrogate.model_fields_set - USED_OF_PRETRAINED):
            given, has = getattr(self.surrogate, key), sizes.get(key)
            if key not in sizes or given != has:
                stated = f" with {key}: {has}" if key in sizes else ""
                raise _refuse(
                    f"surrogate.{key}", f"surrogate {name} is trained already{stated}; leave this key out, got {given}"
                )
        for key, kind in (("microstructures", Microstructures), ("field_sweep", Sweep), ("labels", Labels)):
            if getattr(self, key) != kind.model_validate(fixed[key]):
                raise _refuse(key, f"surrogate {name} was trained for {fixed[key]}; leave this key out or repeat that")
        if self.magnet != Material(**fixed["material"]):
            raise _refuse(
                "material", f"surrogate {name} was trained for {fixed['material']}, got {_text(self.material)}"
            )


def _of_card(name: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The sections that a pretrained surrogate fixes, and the keys of its own section that its networks answer."""
    from inverse_design.study.shipped import fixed_sections, sizes_of

    try:
        return fixed_sections(name), sizes_of(name)
    except InputError as error:
        raise _refuse("surrogate.pretrained", str(error)) from None


def _check_grid(part: Microstructures, surrogate: SurrogateSection) -> None:
    try:
        cells = square_cells(part.size_nm, part.cell_nm)
    except InputError as error:
        raise _refuse("microstructures.size_nm", str(error)) from None
    if not 8 <= cells <= 1024:
        raise _refuse("microstructures.size_nm", f"must give 8 to 1024 cells along an edge, got {cells}")
    if part.grains[1] > cells * cells:
        raise _refuse(
            "microstructures.grains", f"at most {cells * cells} grains fit (one cell each), got {part.grains[1]}"
        )
    low, high = part.misorientation_deg
    if low < 0 or high > 180:
        raise _refuse("microstructures.misorientation_deg", f"must lie within 0 to 180 degrees, got [{low}, {high}]")
    if cells % surrogate.cells_per_pixel or cells // surrogate.cells_per_pixel < 8:
        raise _refuse(
            "surrogate.cells_per_pixel",
            f"must divide the {cells} cells of an edge into 8 pixels or more, got {surrogate.cells_per_pixel}",
        )
    pixels = min((cells // surrogate.cells_per_pixel) ** 2, 4096)
    if surrogate.latent_dim > pixels:
        raise _refuse("surrogate.latent_dim", f"must be at most {pixels} for this grid, got {surrogate.latent_dim}")
    edge = -(-(cells // surrogate.cells_per_pixel) // 4)
    if surrogate.layout == "grid" and surrogate.latent_dim % edge**2:
        raise _refuse(
            "surrogate.latent_dim",
            f"must be a multiple of the {edge} x {edge} = {edge**2} places of the grid, got {surrogate.latent_dim}",
        )
    if surrogate.layout == "grid" and surrogate.regressor.layout == "paper":
        raise _refuse("surrogate.regressor.layout", "the paper's regressor takes no grid; set surrogate.layout: dense")
    if surrogate.regressor.folds == 1:
        raise _refuse("surrogate.regressor.folds", "must be 0 (every member learns from all labels) or 2 to 64, got 1")


def _check_sweep(sweep: Sweep) -> None:
    if sweep.start < 1 or sweep.start > 10:
        raise _refuse("field_sweep.start", f"must be 1 to 10 H_A, so that M1 = M(H_A) is part of it, got {sweep.start}")
    if not -10 <= sweep.stop <= -0.05:
        raise _refuse("field_sweep.stop", f"must be -10 to -0.05 H_A, so that the curve has knees, got {sweep.stop}")
    if sweep.step > 0.1 or sweep.step < 1e-4:
        raise _refuse("field_sweep.step", f"must be 0.0001 to 0.1 H_A, got {sweep.step}")


def _goal(anchor: str, wish: str | GoalSection, material: Material) -> Goal:
    path = f"goals.{anchor}"
    if anchor not in PROPERTIES:
        raise _refuse(path, f"nothing of the name {anchor!r} can be asked for; allowed: {', '.join(PROPERTIES)}")
    if isinstance(wish, str):
        return Goal(anchor, direction=wish)
    quantity = _quantity(anchor)

    def value(key: str, given: float | str | None) -> float | None:
        if given is None:
            return None
        try:
            return reduced(given, quantity, material)
        except ValueError as error:
            raise _refuse(f"{path}.{key}", str(error)) from None

    at_least, at_most = value("at_least", wish.at_least), value("at_most", wish.at_most)
    if wish.between is not None:
        if at_least is not None or at_most is not None:
            raise _refuse(f"{path}.between", "stands for at_least and at_most: give one or the other")
        at_least, at_most = value("between", wish.between[0]), value("between", wish.between[1])
    target, tolerance = value("target", wish.target), value("tolerance", wish.tolerance)
    direction = "maximize" if wish.maximize else "minimize" if wish.minimize else None
    bounded = at_least is not None or at_most is not None
    if wish.maximize and wish.minimize:
        raise _refuse(path, "cannot be both maximize and minimize")
    if target is not None and (bounded or direction):
        raise _refuse(path, "a target goes with a tolerance and with nothing else")
    if (target is None) != (tolerance is None):
        raise _refuse(
            path, "a target needs a tolerance and a tolerance a target, for example {target: 0.8, tolerance: 0.01}"
        )
    if target is None and not bounded and direction is None:
        raise _refuse(path, "must be maximize, minimize, or have target and tolerance, at_least, at_most or between")
    if wish.robust and direction is not None and not bounded:
        raise _refuse(f"{path}.robust", "goes with a target or with bounds: it says what a hit is")
    return Goal(anchor, target, tolerance, at_least, at_most, direction, wish.robust)


def _quantity(anchor: str) -> str:
    if anchor in ANCHORS:
        return "magnetization" if UNITS[anchor] == "Ms" else "field"
    return {"BHmax": "energy product", "grain_size_nm": "length", "axis_spread_deg": "angle"}.get(anchor, "share")


def _check_goals(goals: tuple[Goal, ...], deepest: float) -> None:
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
                raise _refuse(
                    f"goals.{goal.quantity}.{key}", f"must lie within 0 to {high:g} {unit}, got {given:.6g} {unit}"
                )
        if goal.tolerance is not None and not 0 < goal.tolerance <= max(high, 1):
            raise _refuse(
                f"goals.{goal.quantity}.tolerance",
                f"must be above 0 and at most {max(high, 1):g} {unit}, got {goal.tolerance:.6g}",
            )
        if goal.at_least is not None and goal.at_most is not None and goal.at_least > goal.at_most:
            raise _refuse(f"goals.{goal.quantity}", f"the range {goal.at_least:.6g} to {goal.at_most:.6g} is reversed")
    for lower, upper in (("Mr", "M1"), ("Hk90", "Hk80"), ("Hk80", "Hk70"), ("Hk90", "Hk70"),
                         ("Hk90", "Hc"), ("Hk80", "Hc"), ("Hk70", "Hc")):  # fmt: skip
        windows = {goal.quantity: goal.window for goal in goals}
        first, second = windows.get(lower), windows.get(upper)
        if first and second and first[0] > second[1]:
            raise _refuse(
                f"goals.{lower}", f"asks for {first[0]:.4g} or more, above {upper} ({second[1]:.4g} at most): "
                f"{lower} <= {upper} for every curve"
            )  # fmt: skip


def _text(value: Any) -> str:
    return str(value.model_dump(mode="json")) if isinstance(value, BaseModel) else str(value)


def study_text(study: Study) -> str:
    """The study with every default spelled out, as YAML that `load_study` reads back.

    Of a pretrained surrogate it has what its card says and how its regressors go on, not how one would be trained.
    """
    from io import StringIO

    from ruamel.yaml import YAML

    text = StringIO()
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = None
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    plain = study.model_dump(mode="json", exclude_none=True)
    if study.surrogate.pretrained is not None:
        said = USED_OF_PRETRAINED | _of_card(study.surrogate.pretrained)[1].keys()
        plain["surrogate"] = {key: value for key, value in plain["surrogate"].items() if key in said}
    yaml.dump(plain, text)
    return text.getvalue()
