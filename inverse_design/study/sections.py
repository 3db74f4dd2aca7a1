"""The sections of a study file: every key but the goals, its type, its range and its default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    Strict,
    model_validator,
)
from pydantic_core import PydanticCustomError

from inverse_design.study.like import MEASURED, statistics_of
from simulation.errors import InputError
from simulation.limits import why_not_with
from simulation.material import Material, listed_material
from simulation.material_table import CONSTANTS
from simulation.sampling import MOST_ASPECT, SIZE_SIGMA, Boundary
from simulation.tessellation import square_cells

NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
Positive = Annotated[int, Strict(), Field(ge=1, le=10**7)]
Number = Annotated[float, Strict(), Field(allow_inf_nan=False)]
Share = Annotated[Number, Field(gt=0, le=1)]
Flag = Annotated[bool, Strict()]
Anchor = Literal["M1", "Mr", "Hk90", "Hk80", "Hk70", "Hc"]


def _ascending(pair: tuple[Any, Any]) -> tuple[Any, Any]:
    if pair[0] > pair[1]:
        raise PydanticCustomError(
            "reversed", "must be [low, high], got the reversed range {pair}", {"pair": list(pair)}
        )
    return pair


Range = Annotated[tuple[Number, Number], AfterValidator(_ascending)]
WholeRange = Annotated[tuple[Positive, Positive], AfterValidator(_ascending)]


def refuse(path: str, sentence: str) -> PydanticCustomError:
    """An error that a check across several keys lays at the door of one of them."""
    return PydanticCustomError("study", "{sentence}", {"sentence": sentence, "path": path})


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class MaterialSection(Section):
    """Intrinsic properties, as in `simulation.Material`: all three, or a name of `simulation.material_table` with the
    temperature, and beside it whatever is to be another value or is not listed."""

    name: str | None = None
    temperature_K: Annotated[Number, Field(gt=0, le=2000)] | None = None
    A_J_per_m: Annotated[Number, Field(ge=1e-15, le=1e-9)] | None = None
    Js_T: Annotated[Number, Field(ge=1e-3, le=10)] | None = None
    K1_J_per_m3: Annotated[Number, Field(ge=1, le=1e9)] | None = None

    @model_validator(mode="after")
    def _whole(self) -> MaterialSection:
        if self.name is None:
            missing = [key for key in CONSTANTS if getattr(self, key) is None]
            if missing:
                raise refuse(f"material.{missing[0]}", "this key is required, or a name")
            if self.temperature_K is not None:
                raise refuse("material.temperature_K", "goes with a name; constants alone are those of one temperature")
        else:
            try:
                self.magnet()
            except InputError as error:
                raise refuse("material.name", str(error)) from None
        return self

    def magnet(self) -> Material:
        """The material as a value."""
        own = {key: getattr(self, key) for key in CONSTANTS}
        return Material(**own) if self.name is None else listed_material(self.name, self.temperature_K, **own)


class BoundarySection(Section):
    """The phase between the grains, as in `simulation.Boundary`: its polarisation is drawn for each structure."""

    Js_T: Annotated[Range, BeforeValidator(lambda given: [given, given] if isinstance(given, int | float) else given)]
    A_J_per_m: Annotated[Number, Field(ge=0, le=1e-9)]
    K1_J_per_m3: Annotated[Number, Field(ge=0, le=1e9)] = 0.0


class Microstructures(Section):
    """The family of grain structures that is sampled and searched, see `simulation.sampling.StructureFamily`.

    `like` is a structure whose statistics are taken for what is not written; a study as run has them written.
    """

    size_nm: Annotated[Number, Field(gt=0)] = 320.0
    cell_nm: Annotated[Number, Field(ge=1e-3, le=1e3)] = 2.0
    grains: WholeRange = (16, 256)
    misorientation_deg: Range = (0.0, 180.0)
    texture: Literal["uniform", "gaussian", "von_mises"] = "uniform"
    direction_deg: Annotated[Number, Field(ge=-180, le=180)] = 0.0
    size_sigma: Annotated[Number, Field(ge=SIZE_SIGMA[0], le=SIZE_SIGMA[1])] | None = None
    aspect: Annotated[Number, Field(ge=1, le=MOST_ASPECT)] = 1.0
    elongation_deg: Annotated[Number, Field(ge=-180, le=180)] = 0.0
    like: str | None = None
    boundary_nm: Range | None = None
    boundary: BoundarySection | None = None

    @model_validator(mode="before")
    @classmethod
    def _measured(cls, data: Any) -> Any:
        """Fill in what is not written from the structure that is named."""
        if not isinstance(data, dict) or not isinstance(data.get("like"), str):
            return data
        if all(key in data for key in MEASURED):
            return data  # a study as run: nothing is read any more
        try:
            return {**statistics_of(Path(data["like"]), data), **data}
        except InputError as error:
            raise refuse("microstructures.like", str(error)) from None

    def as_plain(self) -> dict[str, Any]:
        """What keys say of the family: nothing of what came later where it is at its default, nor a file."""
        first = ("size_nm", "cell_nm", "grains", "misorientation_deg")
        plain = self.model_dump(mode="json", exclude={"like"})
        fields = type(self).model_fields
        return {key: value for key, value in plain.items() if key in first or value != fields[key].default}


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
    spins: Literal["planar", "free"] = "planar"
    measured: str | None = None  # a table of pairs, see `study.pairs`; each counts as `weight` simulated labels
    weight: Annotated[int, Strict(), Field(ge=1, le=1000)] = 1
    uncertainty: Annotated[Number, Field(ge=0, le=0.5)] = 0.0  # of their anchor points, in Ms and H_A


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
    grain_epochs: Positive = 2
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


CHECKS = ("finer", "free")
"""Further simulations that can be asked of every hit before it counts: "finer", on cells half as large; "free", with
spins that may leave the plane. See `run.confirming.checks_of`."""


def _as_checks(given: Any) -> Any:
    """A check by its name, or several; "none" is no check at all."""
    if given is None or given == "none":
        return None if given is None else ()
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list | tuple) or not all(isinstance(name, str) and name in CHECKS for name in names):
        allowed = ", ".join(("none", *CHECKS))
        raise refuse("verification.confirm", f"must be {allowed} or a list of checks, got {str(given)[:60]!r}")
    return tuple(dict.fromkeys(names))


def _checks_as_written(names: tuple[str, ...] | None) -> str | list[str] | None:
    return list(names) if names else names if names is None else "none"


Checks = Annotated[
    tuple[str, ...] | None, BeforeValidator(_as_checks), PlainSerializer(_checks_as_written, when_used="json")
]


class Verification(Section):
    """Full simulations of the chosen candidates, and when to stop.

    `correction` is what is measured less what is simulated, by anchor: goals are of what will be measured.
    `max_simulations` is for candidates and redraws; confirmations, and what is known from the labels, are not in it.
    `refine` is how many simulations the solver climbs with before each search of the surrogate, in whole batches of
    `candidates`; unless given as many as six batches, and none for a solver of minutes a curve.
    """

    candidates: Positive = 8
    rounds: Positive = 3
    max_simulations: Positive = 96
    refine: Annotated[int, Strict(), Field(ge=0)] | None = None
    hits: Positive = 1
    patience: Positive = 5
    redraws: Annotated[int, Strict(), Field(ge=0, le=1000)] = 0
    confirm: Checks = None
    known: Flag = True
    distinct_deg: Annotated[Number, Field(ge=0, le=90)] = 3.0
    correction: dict[Anchor, Annotated[Number, Field(ge=-0.5, le=0.5)]] = Field(default_factory=dict)
    backend: Literal["planar", "fidimag"] = "planar"
    sources: Annotated[tuple[Literal["refined", "decoded", "steered", "turned", "drawn"], ...], Field(min_length=1)] = (
        "refined", "decoded", "steered", "turned", "drawn",
    )  # fmt: skip


class Execution(Section):
    """Where simulations run."""

    engine: Literal["local", "dask", "mpi"] = "local"
    workers: Annotated[int, Strict(), Field(ge=1, le=1024)] | Literal["auto"] = "auto"
    address: str | None = None


def check_grid(part: Microstructures, surrogate: SurrogateSection) -> None:
    try:
        cells = square_cells(part.size_nm, part.cell_nm)
    except InputError as error:
        raise refuse("microstructures.size_nm", str(error)) from None
    if not 8 <= cells <= 1024:
        raise refuse("microstructures.size_nm", f"must give 8 to 1024 cells along an edge, got {cells}")
    if part.grains[1] > cells * cells:
        raise refuse(
            "microstructures.grains", f"at most {cells * cells} grains fit (one cell each), got {part.grains[1]}"
        )
    low, high = part.misorientation_deg
    if low < 0 or high > 180:
        raise refuse("microstructures.misorientation_deg", f"must lie within 0 to 180 degrees, got [{low}, {high}]")
    if cells % surrogate.cells_per_pixel or cells // surrogate.cells_per_pixel < 8:
        raise refuse(
            "surrogate.cells_per_pixel",
            f"must divide the {cells} cells of an edge into 8 pixels or more, got {surrogate.cells_per_pixel}",
        )
    pixels = min((cells // surrogate.cells_per_pixel) ** 2, 4096)
    if surrogate.latent_dim > pixels:
        raise refuse("surrogate.latent_dim", f"must be at most {pixels} for this grid, got {surrogate.latent_dim}")
    edge = -(-(cells // surrogate.cells_per_pixel) // 4)
    if surrogate.layout == "grid" and surrogate.latent_dim % edge**2:
        raise refuse(
            "surrogate.latent_dim",
            f"must be a multiple of the {edge} x {edge} = {edge**2} places of the grid, got {surrogate.latent_dim}",
        )
    if surrogate.layout == "grid" and surrogate.regressor.layout == "paper":
        raise refuse("surrogate.regressor.layout", "the paper's regressor takes no grid; set surrogate.layout: dense")
    if surrogate.regressor.folds == 1:
        raise refuse("surrogate.regressor.folds", "must be 0 (every member learns from all labels) or 2 to 64, got 1")


def check_boundary(part: Microstructures, magnet: Material) -> Boundary | None:
    """What lies between the grains of a family; None if nothing does."""
    if part.boundary_nm is None and part.boundary is None:
        return None
    if part.boundary_nm is None or part.boundary is None:
        missing = "boundary_nm" if part.boundary_nm is None else "boundary"
        raise refuse(f"microstructures.{missing}", "boundary_nm and boundary go together: how thick, and of what")
    phase = part.boundary
    try:
        made = Boundary(part.boundary_nm, phase.Js_T, phase.A_J_per_m, phase.K1_J_per_m3)
        made.cells(part.cell_nm)
    except InputError as error:
        key = "boundary" if "Js_T" in str(error) else "boundary_nm"
        raise refuse(f"microstructures.{key}", str(error)) from None
    if phase.Js_T[1] > magnet.Js_T:
        raise refuse(
            "microstructures.boundary.Js_T",
            f"must be at most that of the main phase, {magnet.Js_T:g} T, as M above Ms is predicted by no surrogate, "
            f"got {phase.Js_T[1]:g}",
        )
    if part.boundary_nm[1] > part.size_nm / 4:
        raise refuse("microstructures.boundary_nm", f"must be at most a quarter of size_nm, got {part.boundary_nm[1]}")
    if wrong := why_not_with(magnet, part.cell_nm, [made.phase(phase.Js_T[1])]):
        raise refuse("microstructures.boundary", f"the planar solver cannot simulate this: {wrong}")
    return made


def check_sweep(sweep: Sweep) -> None:
    if sweep.start < 1 or sweep.start > 10:
        raise refuse("field_sweep.start", f"must be 1 to 10 H_A, so that M1 = M(H_A) is part of it, got {sweep.start}")
    if not -10 <= sweep.stop <= -0.05:
        raise refuse("field_sweep.stop", f"must be -10 to -0.05 H_A, so that the curve has knees, got {sweep.stop}")
    if sweep.step > 0.1 or sweep.step < 1e-4:
        raise refuse("field_sweep.step", f"must be 0.0001 to 0.1 H_A, got {sweep.step}")
