"""Candidates simulated in full: the rows of `verified.csv`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inverse_design.candidates.candidate import Candidate
from inverse_design.goals import Goal, hits
from inverse_design.properties import PROPERTIES, simulated_properties
from inverse_design.run.folder import read_arrays
from simulation.anchors import ANCHORS, AnchorPoints
from simulation.labels.label import Conditions, Label
from simulation.microstructure import Microstructure


@dataclass(frozen=True, eq=False)
class Verified:
    """A candidate with its full simulation.

    Attributes:
        round: the round of the loop in which it was chosen, from 0.
        candidate: structure, codes and prediction.
        label_key: key of the simulation in the label store.
        backend, discretization: what simulated it; the backend with what was asked of it beyond its defaults.
        converged: whether every field of the curve converged; if not, it is no hit and no label.
        h, m: the curve, H / H_A and M / Ms.
        anchors: (6,) simulated anchor points.
        more: (5,) squareness, BHmax and the properties of the structure, see `properties`.
        redrawn: (k, 11) properties of structures with the same statistics, NaN where not converged; none if k is 0.
    """

    round: int
    candidate: Candidate
    label_key: str
    backend: str
    discretization: str
    converged: bool
    h: np.ndarray
    m: np.ndarray
    anchors: np.ndarray
    more: np.ndarray
    redrawn: np.ndarray = field(default_factory=lambda: np.zeros((0, len(PROPERTIES))))

    @property
    def properties(self) -> np.ndarray:
        """(11,) in the order of `PROPERTIES`, simulated and as the grains have them."""
        return np.concatenate([self.anchors, self.more])

    def is_hit(self, goals: Sequence[Goal]) -> bool:
        """Converged, and every target and bound met by the simulated values; robust ones by the redraws' mean, too."""
        robust = [goal for goal in goals if goal.robust]
        if not self.map_hits(goals) or not robust:
            return self.map_hits(goals)
        return bool(np.isfinite(self.redrawn[:, 0]).any() and hits(robust, np.nanmean(self.redrawn, axis=0)[None])[0])

    def map_hits(self, goals: Sequence[Goal]) -> bool:
        """Whether this very map of grains meets every target and bound."""
        return self.converged and bool(hits(goals, self.properties[None])[0])


def verify_batch(rounds: Sequence[int], chosen: Sequence[Candidate], labels: Sequence[Label]) -> list[Verified]:
    """Candidates with the rounds of their choice and their simulations; labels may come in any order."""
    by_structure = {label.structure_hash: label for label in labels}
    batch = []
    for round_, candidate in zip(rounds, chosen, strict=True):
        label = by_structure[candidate.structure.content_hash]
        conditions, anchors = label.conditions, label.anchors.as_array()
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
                anchors,
                simulated_properties(candidate.structure, label.h, label.m, anchors, conditions.material)[
                    len(ANCHORS) :
                ],
            )
        )
    return batch


def _named(conditions: Conditions) -> str:
    """The backend as tables and reports call it."""
    push = conditions.options.get("out_of_plane_rad", 0.0)
    return f"{conditions.backend}, {push:g} rad out of plane" if push else conditions.backend


def verified_table(
    verified: Sequence[Verified], goals: Sequence[Goal], checks: Sequence[tuple[int, Verified]] = ()
) -> pd.DataFrame:
    """One row a simulation: the candidates in the order of choice, then their further simulations.

    Args:
        checks: candidate number and simulation by another solver or on another mesh.
    """
    rows = []
    for number, item in [*enumerate(verified), *checks]:
        row: dict[str, object] = {
            "candidate": number,
            "round": item.round,
            "backend": item.backend,
            "discretization": item.discretization,
            "cell_nm": item.candidate.structure.cell_nm,
            "converged": item.converged,
            "hit": item.is_hit(goals),
        }
        for i, anchor in enumerate(ANCHORS):
            row[f"{anchor}_predicted"] = item.candidate.predicted[i]
            row[f"{anchor}_std"] = item.candidate.std[i]
            row[f"{anchor}_verified"] = item.anchors[i]
        row["source"] = item.candidate.source
        row |= dict(zip(PROPERTIES[len(ANCHORS) :], item.more, strict=True))
        rows.append(row)
    return pd.DataFrame(rows, columns=_columns())


def _columns() -> list[str]:
    first = ["candidate", "round", "backend", "discretization", "cell_nm", "converged", "hit"]
    anchors = [f"{anchor}_{kind}" for anchor in ANCHORS for kind in ("predicted", "std", "verified")]
    return [*first, *anchors, "source", *PROPERTIES[len(ANCHORS) :]]


def write_candidate(folder: Path, item: Verified, origin: Mapping[str, Any]) -> None:
    """Write `structure.npz`, `curve.csv`, `anchors.json` and `origin.json` of one candidate.

    Args:
        origin: what it was made with, beside the round, its source, and what was predicted: JSON-able.
    """
    folder.mkdir(parents=True, exist_ok=True)
    candidate = item.candidate
    predicted = {
        name: [float(value), float(std)]
        for name, value, std in zip(ANCHORS, candidate.predicted, candidate.std, strict=True)
    }
    record = {"round": item.round, "source": candidate.source, "predicted": predicted, "label": item.label_key,
              "backend": item.backend, "discretization": item.discretization, **origin}  # fmt: skip
    (folder / "origin.json").write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    item.candidate.structure.save(folder / "structure.npz")
    write_curve(folder, item.h, item.m, np.full(len(item.h), item.converged), AnchorPoints(*item.anchors))


def write_curve(folder: Path, h: np.ndarray, m: np.ndarray, converged: np.ndarray, anchors: AnchorPoints) -> None:
    """Write `curve.csv` (h, m, converged) and `anchors.json` (null where missing)."""
    pd.DataFrame({"h": h, "m": m, "converged": converged}).to_csv(folder / "curve.csv", index=False)
    (folder / "anchors.json").write_text(json.dumps(anchors.as_dict(), indent=1) + "\n", encoding="utf-8")


def save_batch(folder: Path, batch: Sequence[Verified]) -> None:
    """Write a round's verified candidates as arrays (no objects) and structures."""
    for number, item in enumerate(batch):
        item.candidate.structure.save(folder / f"structure-{number:03d}.npz")
        np.savez_compressed(
            folder / f"result-{number:03d}.npz",
            round=item.round,
            label_key=item.label_key,
            backend=item.backend,
            discretization=item.discretization,
            converged=item.converged,
            h=item.h,
            m=item.m,
            anchors=item.anchors,
            more=item.more,
            predicted_more=item.candidate.more,
            wanted_code=item.candidate.wanted_code,
            code=item.candidate.code,
            predicted=item.candidate.predicted,
            std=item.candidate.std,
            source=item.candidate.source,
            raw_prediction=item.candidate.raw_prediction,
        )


def load_batch(folder: Path) -> list[Verified]:
    """Read what `save_batch` wrote."""
    batch = []
    for path in sorted(folder.glob("result-*.npz")):
        structure = Microstructure.load(path.with_name(path.name.replace("result", "structure")))
        data = read_arrays(path)
        candidate = Candidate(
            structure,
            data["wanted_code"],
            data["code"],
            data["predicted"],
            data["std"],
            str(data["source"]),
            data["predicted_more"],
            data["raw_prediction"],
        )
        batch.append(
            Verified(
                round=int(data["round"]),
                candidate=candidate,
                label_key=str(data["label_key"]),
                backend=str(data["backend"]),
                discretization=str(data["discretization"]),
                converged=bool(data["converged"]),
                h=data["h"],
                m=data["m"],
                anchors=data["anchors"],
                more=data["more"],
            )
        )
    return batch
