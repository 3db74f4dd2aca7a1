"""What a run leaves for people and programs beside its stages: tables, candidates, manifest and report."""

from __future__ import annotations

import contextlib
import importlib.metadata
import os
import platform
import re
import shutil
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from inverse_design.candidates.candidate import KNOWN, REFINED
from inverse_design.console import printable
from inverse_design.files import read_arrays
from inverse_design.progress import Tracker, track
from inverse_design.report.comparison import SIDES, write_comparison
from inverse_design.report.data import ReportData
from inverse_design.report.figure_files import write_figures
from inverse_design.report.page import write_report
from inverse_design.run.accuracy import evaluation
from inverse_design.run.design import Design, read_design
from inverse_design.run.folder import RunFolder, read_artifact, write_manifest
from inverse_design.run.keys import FRONT, FRONT_AXES, HISTORY, PAIRS, Stage, labels_key, rest_key
from inverse_design.run.redraws import redraws_table
from inverse_design.run.refining import stage_of
from inverse_design.run.seconds import REST, StageTimes
from inverse_design.run.switching import reversals_of
from inverse_design.run.verified import CANDIDATE_FILES, ORIGIN, verified_table, write_candidate
from inverse_design.study.study import study_text
from simulation.anchors import ANCHORS
from simulation.errors import InputError
from simulation.files import replacing, write_text
from simulation.reversal import Reversal
from surrogate.card import read_card

PACKAGES = ("inverse-design", "numpy", "scipy", "numba", "ducc0", "tensorflow", "keras", "pymoo", "pandas")
_LONGEST_NAME = 200


def write_outputs(
    design: Design, times: StageTimes | None = None, tracker: Tracker = track, all_figures: bool = False
) -> None:
    """Write `front.csv`, `verified.csv`, `candidates/`, `manifest.json` and `report.html` from what is known.

    Args:
        times: of the attempt at the run that this is part of, so that the report can say all of its time.
        tracker: shows progress.
        all_figures: see `ReportData`.
    """
    run = design.folder
    found, why_none = reversals_of(design.study, RunFolder(run), design.verified, tracker)
    with tracker("report"):
        _write(design, times, found, why_none, all_figures)


def _write(
    design: Design,
    times: StageTimes | None,
    found: dict[int, Reversal],
    why_none: dict[int, str],
    all_figures: bool,
) -> None:
    run = design.folder
    if design.rounds:
        with replacing(run / FRONT) as partial:
            shutil.copyfile(run / Stage.SEARCH.of(design.rounds - 1) / FRONT, partial)
    else:
        (run / FRONT).unlink(missing_ok=True)  # of an older study of this name
    _write_candidates(design)
    table = verified_table(design.verified, design.goals, [*design.confirmations, *design.checks])
    write_text(run / "verified.csv", table.to_csv(index=False))
    write_text(run / "redraws.csv", redraws_table(design.verified).to_csv(index=False))
    data = replace(
        report_data(design),
        reversals={number: one.switching_field for number, one in found.items()},
        plane_unstable_h={number: one.plane_unstable_h for number, one in found.items()},
        no_reversals=why_none,
        all_figures=all_figures,
    )
    write_figures(data, run / "figures")
    if times is not None:
        times.note_rest(rest_key(design.study))
    seconds = _seconds(design)
    write_manifest(run, _manifest(design, seconds))
    write_report(replace(data, seconds=seconds), run)


def report_again(run: Path) -> Path:
    """Write the report and tables of a run again; the path of `report.html`."""
    read_design(run)  # says what is wrong before a folder is made for a lock
    with RunFolder(run).locked():
        write_outputs(read_design(run), all_figures=True)
    return run / "report.html"


def compare(runs: Sequence[Path]) -> Path:
    """Set runs side by side; the path of the page, in the folder of the first.

    Raises:
        InputError: if one of them is no run with a verified round, one is there twice, or they are too many.
    """
    if len(runs) > len(SIDES):
        raise InputError(f"{runs[len(SIDES)]}: at most {len(SIDES)} runs can be set side by side, not {len(runs)}")
    for i, run in enumerate(runs):
        if run.exists() and any(other.exists() and other.samefile(run) for other in runs[:i]):
            raise InputError(f"{run}: the same run twice; name another one")
    data = [report_data(read_design(run)) for run in runs]
    names = [run.resolve().name for run in runs]
    places = [printable(place) for place in (names if len(set(names)) == len(names) else map(str, runs))]
    others = "-".join(names[1:])
    if len(os.fsencode(others)) > _LONGEST_NAME:  # of a file on most systems, with what stands around it
        others = f"{names[1]}-and-{len(names) - 2}-more"
    return write_comparison(data, places, runs[0] / f"comparison-{others}.html")


def _write_candidates(design: Design) -> None:
    """`candidates/NN/`; folders that an older study of this name left go."""
    home = design.folder / "candidates"
    names = {f"{number:02d}" for number in range(len(design.verified))}
    for number, item in enumerate(design.verified):
        searched = item.candidate.source not in (KNOWN, REFINED)
        surrogate = (read_artifact(design.folder / Stage.REGRESSOR.of(item.round)) if searched else None) or {}
        origin = {"seed": design.study.seed, "surrogate": surrogate.get("files", {})}
        write_candidate(home / f"{number:02d}", item, origin)
    for origin_file in home.glob(f"*/{ORIGIN}"):  # of ours each has one, and what else lies there is not ours
        folder = origin_file.parent
        if folder.name not in names and re.fullmatch(r"\d{2,}", folder.name):
            for name in CANDIDATE_FILES:
                (folder / name).unlink(missing_ok=True)
            with contextlib.suppress(OSError):  # an export, or a file of somebody else
                folder.rmdir()


def _manifest(design: Design, seconds: dict[str, float]) -> dict[str, Any]:
    return {
        "name": design.study.name,
        "study": study_text(design.study),
        "seed": design.study.seed,
        "rounds": design.rounds,
        "known": len(design.verified) - design.simulations,
        "refined": list(dict.fromkeys(item.part for item in design.verified if item.candidate.source == REFINED)),
        "simulations": design.simulations,
        "confirmations": len(design.confirmations),
        "checks": list(design.study.checks),
        "hits": sum(item.is_hit(design.goals) for item in design.verified),
        "confirmed": sum(item.confirmed is True for item in design.verified),
        "counted": sum(design.hits),
        "outdone": sum(item.outdone for item in design.verified),
        "reason": design.reason,
        "labels": dict(design.labels),
        "labelled": dict(design.labelled),
        "seconds": seconds,
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


def _seconds(design: Design) -> dict[str, float]:
    """Wall time by stage, of those that have been at work, and what the run took besides."""
    folder, after = RunFolder(design.folder), (Stage.REDRAWS, Stage.CONFIRM, Stage.REVERSAL)
    known = any(item.candidate.source == KNOWN for item in design.verified)
    names = [str(Stage.KNOWN), *(stage.of(KNOWN) for stage in after)] if known else []
    refined = list(dict.fromkeys(item.part for item in design.verified if item.candidate.source == REFINED))
    names += [name for part in refined for name in (stage_of(part), *(stage.of(part) for stage in after))]
    names += [str(Stage.VAE)] if design.rounds else []
    for round_ in range(design.rounds):
        names += [stage.of(round_) for stage in (Stage.REGRESSOR, Stage.SEARCH, Stage.VERIFY, *after)]
    labels = folder.times.seconds(Stage.LABELS, labels_key(design.study))
    found = {str(Stage.LABELS): labels} | {name: folder.seconds(name) for name in names}
    found[REST] = folder.times.seconds(REST, rest_key(design.study))
    return {name: seconds for name, seconds in found.items() if seconds}


def report_data(design: Design) -> ReportData:
    """What the report of a run shows, but for the maps of the reversal."""
    known = {one.name: getattr(design, one.name) for one in fields(Design)}
    common: dict[str, Any] = {"seconds": _seconds(design), "versions": versions(), "exports": _exports(design)}
    common["measured_pairs"] = (
        pd.read_csv(design.folder / PAIRS) if (design.folder / PAIRS).is_file() else pd.DataFrame()
    )
    if not design.rounds:
        return ReportData(**known, **common)
    from inverse_design.search.genetic import load_result  # and with it pymoo

    run, last = design.folder, design.rounds - 1
    errors, search = evaluation(run, last), run / Stage.SEARCH.of(last)
    trained = read_card(run / Stage.REGRESSOR.of(last)).about.get("training_labels")
    return ReportData(
        **known | {"labels": {"training": trained or 0, "test": errors.n, **design.labels}},
        **common,
        front=pd.read_csv(search / FRONT),
        front_fields=read_arrays(search / FRONT_AXES)["angle_rad"],
        hypervolume=tuple(load_result(run / Stage.SEARCH.of(r)).hypervolume for r in range(design.rounds)),
        losses=_losses(design),
        accuracy=dict(zip(ANCHORS, errors.mae, strict=True)),
    )


def _exports(design: Design) -> dict[int, list[str]]:
    """What `export` has left in the candidates' folders."""
    folders = {number: design.folder / "candidates" / f"{number:02d}" for number in range(len(design.verified))}
    return {
        n: sorted(path.name for path in at.glob("structure*") if path.name != "structure.npz")
        for n, at in folders.items()
    }


def _losses(design: Design) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Training losses by epoch of the autoencoder and of each round's regressors, but of what came trained."""
    found = {}
    names = {"autoencoder": str(Stage.VAE)}
    names |= {f"regressors, round {r}": Stage.REGRESSOR.of(r) for r in range(design.rounds)}
    for title, name in names.items():
        path = design.folder / name / HISTORY
        if path.exists():
            table = pd.read_csv(path)
            found[title] = (table["epoch"].to_numpy(), table["loss"].to_numpy())
    return found
