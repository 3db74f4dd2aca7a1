"""What a run leaves for people and programs beside its stages: tables, candidates, manifest and report."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from inverse_design.run.folder import (
    MANIFEST,
    RunFolder,
    intact,
    read_arrays,
    read_artifact,
    read_manifest,
)
from inverse_design.run.keys import FRONT_AXES, HISTORY, TEST, VERSIONS, labels_key, redraws_key, search_key, verify_key
from inverse_design.run.redraws import redraws_table, with_redraws
from inverse_design.run.verified import Verified, load_batch, verified_table, write_candidate
from inverse_design.search.genetic import load_result
from inverse_design.study.reading import load_study
from inverse_design.study.study import Study, study_text
from simulation.anchors import ANCHORS
from simulation.errors import InputError
from simulation.files import replacing, write_text

if TYPE_CHECKING:
    from inverse_design.report.data import ReportData
    from surrogate.metrics import Evaluation

log = logging.getLogger("inverse_design")

PACKAGES = ("inverse-design", "numpy", "scipy", "numba", "ducc0", "tensorflow", "keras", "pymoo", "pandas")


@dataclass(frozen=True, eq=False)
class Findings:
    """How far a run has come.

    Attributes:
        rounds: rounds done.
        reason: why it stopped, or that it goes on, as a sentence.
        verified: every simulated candidate, in the order of choice.
        labels: `count` simulations in the store, and how many `converged`.
        labelled: what the labelled structures held before the search, see `look_up`.
    """

    rounds: int
    reason: str
    verified: tuple[Verified, ...]
    labels: Mapping[str, int]
    labelled: Mapping[str, Any]


def write_outputs(study: Study, folder: RunFolder, findings: Findings) -> None:
    """Write `front.csv`, `verified.csv`, `candidates/`, `manifest.json` and `report.html` from what is known."""
    from inverse_design.report.page import write_report
    from inverse_design.run.switching import reversals_of

    run = folder.path
    last = findings.rounds - 1
    with replacing(run / "front.csv") as partial:
        shutil.copyfile(run / "search" / str(last) / "front.csv", partial)
    _write_candidates(run, study, findings.verified)
    table = verified_table(findings.verified, study.reduced_goals, checks_of(run, findings.verified))
    write_text(run / "verified.csv", table.to_csv(index=False))
    write_text(run / "redraws.csv", redraws_table(findings.verified).to_csv(index=False))
    reversals = reversals_of(study, folder, findings.verified)
    write_text(run / MANIFEST, json.dumps(_manifest(study, folder, findings), indent=1) + "\n")
    write_report(replace(report_data(study, folder, findings), reversals=reversals), run)


def findings_of(run: Path) -> tuple[Study, Findings]:
    """Read a finished or interrupted run back.

    Raises:
        InputError: if the folder holds no run that has come to a verified round.
    """
    manifest = read_manifest(run)
    rounds, reason, labels = manifest["rounds"], manifest["reason"], manifest["labels"]
    study = load_study(run / "study.yaml")
    parts = ("regressor", "search", "verify", *(("redraws",) if study.redraws else ()))
    RunFolder(run).check("vae")
    for round_ in range(rounds):
        RunFolder(run).check(*(f"{stage}/{round_}" for stage in parts))
    _check_study(run, study, rounds)
    batches = [load_batch(run / "verify" / str(r)) for r in range(rounds)]
    if study.redraws:  # those of an earlier goal may lie there still
        batches = [with_redraws(batch, run / "redraws" / str(r)) for r, batch in enumerate(batches)]
    verified = [item for batch in batches for item in batch]
    return study, Findings(rounds, reason, tuple(verified), labels, manifest["labelled"])


def _check_study(run: Path, study: Study, rounds: int) -> None:
    """Make sure that the goals and the rules of the study are those that the rounds were searched and verified for."""
    for round_ in range(rounds):
        keys = {name: (read_artifact(run / name / str(round_)) or {}).get("key") for name in VERSIONS if name != "vae"}
        search = search_key(study, str(keys["regressor"]), round_)
        verify = verify_key(study, search, round_)
        redrawn = redraws_key(study, verify) if study.redraws else keys["redraws"]
        if (keys["search"], keys["verify"], keys["redraws"]) != (search, verify, redrawn):
            raise InputError(f"{run}: the study has changed since round {round_} was done; run it again")


def checks_of(run: Path, verified: Sequence[Verified]) -> list[tuple[int, Verified]]:
    """Further simulations of a run's candidates; those of candidates that an older study chose are passed over."""
    found = []
    for folder in sorted((run / "checks").glob("*")):
        if not intact(folder):
            log.warning("%s: damaged and left out; `verify` makes it anew", folder)
            continue
        try:
            batch = load_batch(folder)
        except InputError as error:
            log.warning("%s: left out; `verify` makes it anew", error)
            continue
        for number, item in enumerate(batch):
            if number < len(verified) and item.candidate.same_grains(verified[number].candidate):
                found.append((number, item))
    return found


def report_again(run: Path) -> Path:
    """Write the report and tables of a run again; the path of `report.html`."""
    findings_of(run)  # says what is wrong before a folder is made for a lock
    with RunFolder(run).locked():
        study, findings = findings_of(run)
        write_outputs(study, RunFolder(run), findings)
    return run / "report.html"


def compare(runs: tuple[Path, Path]) -> Path:
    """Set two runs side by side; the path of the page, in the folder of the first.

    Raises:
        InputError: if one of them is no run with a verified round, or both are the same.
    """
    from inverse_design.report.comparison import write_comparison

    if runs[1].exists() and runs[0].samefile(runs[1]):
        raise InputError(f"{runs[1]}: the same run twice; name another one")
    found = [(RunFolder(run), *findings_of(run)) for run in runs]
    one, two = (report_data(study, folder, findings) for folder, study, findings in found)
    names = tuple(run.resolve().name for run in runs)
    places = names if names[0] != names[1] else tuple(str(run) for run in runs)
    return write_comparison((one, two), (places[0], places[1]), runs[0] / f"comparison-{names[1]}.html")


def _write_candidates(run: Path, study: Study, verified: Sequence[Verified]) -> None:
    """`candidates/NN/`; folders that an older study of this name left go."""
    names = {f"{number:02d}" for number in range(len(verified))}
    for number, item in enumerate(verified):
        folder = run / "candidates" / f"{number:02d}"
        surrogate = read_artifact(run / "regressor" / str(item.round)) or {}
        write_candidate(folder, item, {"seed": study.seed, "surrogate": surrogate.get("files", {})})
    for folder in (run / "candidates").glob("*"):
        if folder.name not in names:
            shutil.rmtree(folder)


def _manifest(study: Study, folder: RunFolder, findings: Findings) -> dict[str, Any]:
    return {
        "name": study.name,
        "seed": study.seed,
        "rounds": findings.rounds,
        "simulations": len(findings.verified),
        "hits": sum(item.is_hit(study.reduced_goals) for item in findings.verified),
        "reason": findings.reason,
        "labels": dict(findings.labels),
        "labelled": dict(findings.labelled),
        "seconds": _seconds(study, folder, findings),
        "versions": versions(),
    }


def versions() -> dict[str, str]:
    """Releases of what decides the numbers."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def evaluation(run: Path, round_: int) -> Evaluation:
    """Errors of a round's regressors on the test split, as measured when they were trained.

    Raises:
        InputError: if they are missing or damaged.
    """
    from surrogate.metrics import compare

    anchors, mean, std = predictions(run, round_)
    return compare(mean, std, anchors)


def predictions(run: Path, round_: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Simulated anchors, predicted means and standard deviations (n, 6) of the test split in a round.

    Raises:
        InputError: if they are missing or damaged.
    """
    RunFolder(run).check(f"regressor/{round_}")
    data = read_arrays(run / "regressor" / str(round_) / TEST)
    return data["anchors"], data["mean"], data["std"]


def last_round(run: Path) -> int:
    """The last round that has trained regressors.

    Raises:
        InputError: if there is none.
    """
    rounds = [int(path.parent.name) for path in run.glob("regressor/*/artifact.json") if path.parent.name.isdigit()]
    if not rounds:
        raise InputError(f"{run}: no trained surrogate here; run the study first")
    return max(rounds)


def _seconds(study: Study, folder: RunFolder, findings: Findings) -> dict[str, float]:
    """Wall time by stage, of those that have been at work."""
    names = ["vae"]
    for round_ in range(findings.rounds):
        names += [f"{stage}/{round_}" for stage in ("regressor", "search", "verify", "redraws", "reversal")]
    labels = folder.times.seconds("labels", labels_key(study))
    found = {"labels": labels} | {name: folder.seconds(name) for name in names}
    return {name: seconds for name, seconds in found.items() if seconds}


def report_data(study: Study, folder: RunFolder, findings: Findings) -> ReportData:
    """What the report of a run shows, but for the maps of the reversal."""
    from inverse_design.report.data import ReportData
    from surrogate.card import read_card

    run, last = folder.path, findings.rounds - 1
    errors = evaluation(run, last)
    trained = read_card(run / "regressor" / str(last)).about.get("training_labels")
    return ReportData(
        name=study.name,
        study_text=study_text(study),  # not the file, which may have been edited meanwhile
        command="python -m inverse_design run study.yaml",
        goals=study.reduced_goals,
        material=study.magnet,
        verified=findings.verified,
        front=pd.read_csv(run / "search" / str(last) / "front.csv"),
        front_fields=read_arrays(run / "search" / str(last) / FRONT_AXES)["angle_rad"],
        hypervolume=tuple(load_result(run / "search" / str(r)).hypervolume for r in range(findings.rounds)),
        losses=_losses(run, findings.rounds),
        pretrained=study.surrogate.pretrained or "",
        labelled=findings.labelled,
        labels={"training": trained or 0, "test": errors.n, **findings.labels},
        accuracy=dict(zip(ANCHORS, errors.mae, strict=True)),
        rounds=findings.rounds,
        simulations=len(findings.verified),
        reason=findings.reason,
        seconds=_seconds(study, folder, findings),
        versions=versions(),
        seed=study.seed,
        checks=tuple(checks_of(run, findings.verified)),
        exports=_exports(run, len(findings.verified)),
    )


def _exports(run: Path, count: int) -> dict[int, list[str]]:
    """What `export` has left in the candidates' folders."""
    folders = {number: run / "candidates" / f"{number:02d}" for number in range(count)}
    return {
        n: sorted(path.name for path in at.glob("structure*") if path.name != "structure.npz")
        for n, at in folders.items()
    }


def _losses(run: Path, rounds: int) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Training losses by epoch of the autoencoder and of each round's regressors, but of what came trained."""
    found = {}
    names = {"autoencoder": "vae"} | {f"regressors, round {r}": f"regressor/{r}" for r in range(rounds)}
    for title, folder in names.items():
        if not (run / folder / HISTORY).exists():
            continue
        table = pd.read_csv(run / folder / HISTORY)
        found[title] = (table["epoch"].to_numpy(), table["loss"].to_numpy())
    return found
