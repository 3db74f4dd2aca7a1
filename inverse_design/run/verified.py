"""Candidates simulated in full: the rows of `verified.csv`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from inverse_design.candidates.candidate import DECODED, DRAWN, KNOWN, REFINED, STEERED, TURNED, Candidate
from inverse_design.files import read_arrays
from inverse_design.goals import Goal, curve_of, distance, hits, ranking
from inverse_design.properties import DERIVED, PROPERTIES, STRUCTURE, Column, simulated_properties, with_boundaries
from simulation.anchors import ANCHORS, AnchorPoints
from simulation.errors import InputError
from simulation.files import write_text
from simulation.labels.label import Conditions, Label
from simulation.microstructure import Microstructure

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Verified:
    """A candidate with its full simulation.

    Attributes:
        round: the round of the loop in which it was chosen, from 0.
        candidate: structure, codes and prediction.
        label_key: key of the simulation in the label store.
        backend, discretization: what simulated it; the backend with what was asked of it beyond its defaults.
        converged: whether every field of the curve converged; if not, it is no hit and no label.
        h, m: the curve, H / H_A and M / Ms.
        properties: (13,) `PROPERTIES`, simulated and as the grains have them.
        redrawn: (k, 13) properties of structures with the same statistics, NaN where not converged; none if k is 0.
        confirmed: of a candidate that was simulated further (on a finer mesh, by another solver): whether it is a hit
            here and in each of these; None where nothing was.
        outdone: of a hit that was not simulated further though the study confirms its hits: a confirmed one is better,
            or as good, in all that is to be maximised or minimised.
        spins: "planar", or "free" if they may leave the plane.
        part: its batch, what stages that are done for one are named by: its round, "known" or, climbed to before the
            search of a round, "refined-ROUND-BATCH".
        switching_field, plane_unstable_h: how it gave way, see `simulation.reversal.Reversal`, if the first simulation
            kept it; else (0, 0).
    """

    round: int
    candidate: Candidate
    label_key: str
    backend: str
    discretization: str
    converged: bool
    h: np.ndarray
    m: np.ndarray
    properties: np.ndarray
    redrawn: np.ndarray = field(default_factory=lambda: np.zeros((0, len(PROPERTIES))))
    confirmed: bool | None = None
    outdone: bool = False
    spins: str = "planar"
    part: str = ""
    switching_field: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), np.float32))
    plane_unstable_h: float = float("nan")

    def __post_init__(self) -> None:
        if not self.part:
            object.__setattr__(self, "part", KNOWN if self.candidate.source == KNOWN else str(self.round))

    def __repr__(self) -> str:
        words = {True: ", confirmed", False: ", not confirmed", None: ", outdone" * self.outdone}[self.confirmed]
        values = " ".join(f"{name} {value:.3f}" for name, value in zip(ANCHORS, self.anchors, strict=True))
        said = values if self.converged else "not converged"
        return f"<Verified, round {self.round}, {self.candidate.source}: {said}{words}>"

    @property
    def anchors(self) -> np.ndarray:
        """(6,) simulated anchor points."""
        return self.properties[: len(ANCHORS)]

    def is_hit(self, goals: Sequence[Goal]) -> bool:
        """Converged, and every target and bound met by the simulated values; robust ones by the redraws' mean, too."""
        robust = [goal for goal in goals if goal.robust]
        if not self.map_hits(goals) or not robust:
            return self.map_hits(goals)
        return bool(np.isfinite(self.redrawn[:, 0]).any() and hits(robust, np.nanmean(self.redrawn, axis=0)[None])[0])

    def counts(self, goals: Sequence[Goal]) -> bool:
        """Whether it is a hit that no further simulation refutes: what every sum, rank and badge goes by.

        Where a study confirms its hits, each that is not outdone has been simulated further before anyone asks.
        """
        return self.confirmed is not False and not self.outdone and self.is_hit(goals)

    def map_hits(self, goals: Sequence[Goal]) -> bool:
        """Whether this very map of grains meets every target and bound, and its curve a measured one."""
        curve = curve_of(goals)
        met = self.converged and bool(hits(goals, self.properties[None])[0])
        return met and (curve is None or curve.met(self.h, self.m))

    def apart(self, goals: Sequence[Goal]) -> float:
        """Distance of the curve from the measured one that is a goal; NaN without one, and of a curve that is none."""
        curve = curve_of(goals)
        return float("nan") if curve is None or not self.converged else curve.distance(self.h, self.m)


def part_in_words(part: str) -> str:
    """A batch by its `Verified.part`: round 2, known, or refinement 1 of round 2."""
    if part.startswith(f"{REFINED}-"):
        _, round_, batch = part.split("-")
        return f"refinement {batch} before round {round_}"
    return f"round {part}" if part.isdigit() else part


def best_first(goals: Sequence[Goal], verified: Sequence[Verified]) -> list[int]:
    """Numbers of the candidates from the best to the worst, see `goals.ranking`."""
    values = np.array([item.properties if item.converged else np.full(len(PROPERTIES), np.nan) for item in verified])
    hit = np.array([item.is_hit(goals) for item in verified], bool)
    counts = np.array([item.counts(goals) for item in verified], bool)
    apart = np.array([item.apart(goals) for item in verified])
    return [int(row) for row in ranking(goals, values.reshape(-1, len(PROPERTIES)), hit, counts, apart)]


def best(goals: Sequence[Goal], verified: Sequence[Verified]) -> int | None:
    """Number of the best candidate; None if no curve has converged and has what the targets and bounds ask for."""
    first = next(iter(best_first(goals, verified)), None)
    if first is None or not verified[first].converged:
        return None
    return first if np.isfinite(distance(goals, verified[first].properties[None])[0]) else None


def verify_batch(
    rounds: Sequence[int], chosen: Sequence[Candidate], labels: Sequence[Label], part: str = ""
) -> list[Verified]:
    """Candidates with the rounds of their choice and their simulations; labels may come in any order.

    Args:
        part: see `Verified`; by round and source, unless given.
    """
    by_structure = {label.structure_hash: label for label in labels}
    batch = []
    for round_, candidate in zip(rounds, chosen, strict=True):
        label = by_structure[candidate.structure.content_hash]
        conditions, anchors = label.conditions, label.anchors.as_array()
        properties = simulated_properties(candidate.structure, label.h, label.m, anchors, conditions.material)
        batch.append(
            Verified(
                round_,
                candidate,
                label.key,
                _named(conditions),
                conditions.discretization,
                label.converged,
                label.h,
                label.m,
                properties,
                spins=_spins(conditions),
                part=part,
                **_reversal(label),
            )
        )
    return batch


def _reversal(label: Label) -> dict[str, Any]:
    known = label.reversal
    if known is None:
        return {}
    return {"switching_field": known.switching_field.astype(np.float32), "plane_unstable_h": known.plane_unstable_h}


def _named(conditions: Conditions) -> str:
    """The backend as tables and reports call it."""
    push = conditions.options.get("out_of_plane_rad", 0.0)
    return f"{conditions.backend}, {push:g} rad out of plane" if push else conditions.backend


def _spins(conditions: Conditions) -> str:
    """Whether spins could leave the plane; those of fidimag do where they are pushed."""
    pushed = bool(conditions.options.get("out_of_plane_rad", 0.0))
    return str(conditions.settings.get("spins", "free" if pushed else "planar"))


def verified_table(
    verified: Sequence[Verified], goals: Sequence[Goal], checks: Sequence[tuple[int, Verified]] = ()
) -> pd.DataFrame:
    """One row a simulation: the candidates in the order of choice, then their further simulations.

    Args:
        checks: candidate number and simulation on another mesh or by another solver, confirmations first. Of these a
            hit is what has these grains and values; redraws are of the first simulation only.
    """
    import pandas as pd  # a quarter of a second that checking a study does not pay

    rows = []
    every = [(number, item, item.is_hit(goals)) for number, item in enumerate(verified)]
    every += [(number, item, item.map_hits(goals)) for number, item in checks]
    for number, item, hit in every:
        row: dict[str, object] = {
            "candidate": number,
            "round": item.round,
            "backend": item.backend,
            "discretization": item.discretization,
            "cell_nm": item.candidate.structure.cell_nm,
            "converged": item.converged,
            "hit": hit,
            "confirmed": "" if item.confirmed is None else str(item.confirmed),
        }
        for i, anchor in enumerate(ANCHORS):
            row[f"{anchor}_predicted"] = item.candidate.predicted[i]
            row[f"{anchor}_std"] = item.candidate.std[i]
            row[f"{anchor}_verified"] = item.properties[i]
        row["source"], row["parent"] = item.candidate.source, item.candidate.parent
        row |= {name: item.properties[Column[name]] for name in (*DERIVED, *STRUCTURE)}
        row["spins"] = item.spins
        row["novelty"], row["hit_probability"] = item.candidate.novelty, item.candidate.hit_probability
        row["curve_distance"] = item.apart(goals)
        rows.append(row)
    more = [] if curve_of(goals) is None else ["curve_distance"]
    return pd.DataFrame(rows, columns=[*_columns(), *more])


def _columns() -> list[str]:
    first = ["candidate", "round", "backend", "discretization", "cell_nm", "converged", "hit", "confirmed"]
    anchors = [f"{anchor}_{kind}" for anchor in ANCHORS for kind in ("predicted", "std", "verified")]
    return [*first, *anchors, "source", "parent", *DERIVED, *STRUCTURE, "spins", "novelty", "hit_probability"]


ORIGIN = "origin.json"
CANDIDATE_FILES = ("structure.npz", "curve.csv", "anchors.json", ORIGIN)
"""What `write_candidate` writes; the last marks a folder as a candidate's."""


def write_candidate(folder: Path, item: Verified, origin: Mapping[str, Any]) -> None:
    """Write `structure.npz`, `curve.csv`, `anchors.json` and `origin.json` of one candidate.

    Args:
        origin: what it was made with, beside the round, its source, and what was predicted: JSON-able.
    """
    folder.mkdir(parents=True, exist_ok=True)
    candidate = item.candidate
    predicted = {
        name: [float(value), float(std)] if np.isfinite(value) else None
        for name, value, std in zip(ANCHORS, candidate.anchors, candidate.std, strict=True)
    }
    change = candidate.change
    record = {
        "round": item.round, "source": candidate.source, "parent": candidate.parent or None,
        "changed": None if change is None else {**vars(change), "degrees": candidate.rotated_deg.tolist()},
        "nearest": {"structure": candidate.nearest, "degrees": candidate.nearest_deg} if candidate.nearest else None,
        "in_words": in_words(candidate), "predicted": predicted,
        "novelty": candidate.novelty if np.isfinite(candidate.novelty) else None,
        "hit_probability": candidate.hit_probability if np.isfinite(candidate.hit_probability) else None,
        "label": item.label_key, "backend": item.backend,
        "discretization": item.discretization, "spins": item.spins, "confirmed": item.confirmed, **origin,
    }  # fmt: skip
    write_text(folder / ORIGIN, json.dumps(record, indent=1) + "\n")
    item.candidate.structure.save(folder / "structure.npz")
    write_curve(folder, item.h, item.m, np.full(len(item.h), item.converged), AnchorPoints(*item.anchors))


def in_words(candidate: Candidate) -> str:
    """Where a candidate comes from, as a person would say it."""
    parent = candidate.parent
    kind, _, name = parent.partition(":")
    of = f"{kind} {name}" if name else f"candidate {int(parent):02d}" if parent else ""
    words = {
        KNOWN: f"given as a start: {name}" if kind == "start" else f"known before the search: {of}",
        STEERED: f"{of or 'a fresh draw'} with its axes steered towards the goals",
        TURNED: f"{of or 'a fresh draw'} with the axis of one grain turned",
        REFINED: f"{of} refined by the solver alone, some of its axes turned"
        + (", or its boundary changed" if candidate.structure.phases else ""),
        DRAWN: "a fresh draw, as it is",
        DECODED: "decoded from the latent space and fitted with grains",
    }[candidate.source]
    change = candidate.change
    text = words if change is None else f"{words}: {change.in_words()}"
    structure = candidate.structure
    if structure.phases and structure.boundary_nm:
        text += (
            f"; between its grains {structure.boundary_nm:g} nm of a phase with Js of {structure.phases[0].Js_T:.3g} T"
        )
    if candidate.source != KNOWN and np.isfinite(candidate.nearest_deg):
        text += f". The nearest structure with a known curve differs by {candidate.nearest_deg:.3g} degrees of axis"
    if candidate.novelty > 1:
        text += f". Unlike what the surrogate was trained on (novelty {candidate.novelty:.2g}, outside above 1)"
    return f"{text[0].upper()}{text[1:]}."


def write_curve(folder: Path, h: np.ndarray, m: np.ndarray, converged: np.ndarray, anchors: AnchorPoints) -> None:
    """Write `curve.csv` (h, m, converged) and `anchors.json` (null where missing)."""
    import pandas as pd

    table = pd.DataFrame({"h": h, "m": m, "converged": converged})
    write_text(folder / "curve.csv", table.to_csv(index=False))
    write_text(folder / "anchors.json", json.dumps(anchors.as_dict(), indent=1) + "\n")


def save_batch(folder: Path, batch: Sequence[Verified]) -> None:
    """Write a round's verified candidates as arrays (no objects) and structures; redraws are a stage of their own."""
    for number, item in enumerate(batch):
        item.candidate.structure.save(folder / f"structure-{number:03d}.npz")
        of_candidate = {f"{_PREFIX}{name}": getattr(item.candidate, name) for name in _names(Candidate, "structure")}
        own = {name: getattr(item, name) for name in _names(Verified, *_ELSEWHERE)}
        np.savez_compressed(folder / f"result-{number:03d}.npz", **own, **of_candidate)


def load_batch(folder: Path) -> list[Verified]:
    """Read what `save_batch` wrote.

    Raises:
        InputError: if it is damaged, or of another version.
    """
    batch = []
    for path in sorted(folder.glob("result-*.npz")):
        structure = Microstructure.load(path.with_name(path.name.replace("result", "structure")))
        data: dict[str, Any] = {n: v if v.ndim else v.item() for n, v in read_arrays(path).items()}
        data.setdefault("spins", "planar")  # written before there were others
        for name in {"properties", f"{_PREFIX}predicted"} & set(data):
            data[name] = with_boundaries(data[name])
        data.setdefault("part", "")
        data.pop(f"{_PREFIX}wanted_code", None)  # in runs of before nobody asked for it
        data.setdefault("switching_field", np.zeros((0, 0), np.float32))
        data.setdefault("plane_unstable_h", float("nan"))
        own, of_candidate = _names(Verified, *_ELSEWHERE), _names(Candidate, "structure")
        for name in ("novelty", "hit_probability"):  # in runs of before they were not told
            data.setdefault(f"{_PREFIX}{name}", float("nan"))
        if set(data) != {*own, *(f"{_PREFIX}{name}" for name in of_candidate)}:
            raise InputError(f"{path}: written by another version of inverse_design")
        candidate = Candidate(structure, **{name: data[f"{_PREFIX}{name}"] for name in of_candidate})
        batch.append(Verified(candidate=candidate, **{name: data[name] for name in own}))
    return batch


_PREFIX = "candidate_"
_ELSEWHERE = ("candidate", "redrawn", "confirmed", "outdone")
"""What is in the structure's file, in stages of their own, or follows from those."""


def _names(kind: type, *but: str) -> list[str]:
    return [one.name for one in fields(kind) if one.name not in but]
