"""How far a run is; reads only, so that a running one is not disturbed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from inverse_design.run.folder import GOES_ON, MANIFEST, RunFolder, read_artifact, read_manifest, work_in_words
from inverse_design.run.keys import Stage, labels_key
from inverse_design.study.reading import load_study
from inverse_design.study.study import Study
from simulation.errors import InputError

_ONCE = (Stage.LABELS, Stage.KNOWN, Stage.VAE)
_BY_ROUND = (Stage.REFINE, Stage.REGRESSOR, Stage.SEARCH, Stage.VERIFY, Stage.REDRAWS, Stage.CONFIRM, Stage.REVERSAL)
_LAST = 10**6


def status_of(run: Path) -> dict[str, Any]:
    """The object of `status --json`.

    `name`; `running`, whether a process writes the run now; `stage`, the one at work, null where none is; `rounds`
    done; `labels`, simulations in the store, `labels_wanted` (null where they come with a surrogate) and `outcomes`;
    `candidates`; `hits` by the first mesh; `confirmed`, those that every further simulation upholds; `counted`, what
    the study counts; `outdone`, hits that confirmed ones outdo and that were not simulated further; `checked`, whether
    hits are confirmed; `work`, in words; `reason` why it stopped, null while it goes on; `stages` in their order, each
    with its `name`, whether it is `done` and the `seconds` that it took so far.

    Raises:
        InputError: if the folder is no run.
    """
    if not (run / "study.yaml").is_file():
        raise InputError(f"{run}: no run here (no study.yaml)")
    study, folder = load_study(run / "study.yaml"), RunFolder(run)
    running = folder.is_locked()
    stage = folder.times.current() if running else None
    outcomes = _outcomes(run)
    found: dict[str, Any] = {
        "name": study.name,
        "running": running,
        "stage": stage,
        "rounds": 0,
        "labels": 0 if outcomes is None else sum(outcomes.values()),
        "labels_wanted": None if study.surrogate.pretrained else study.labels.count,
        "surrogate": study.surrogate.pretrained,
        "outcomes": outcomes,
        "candidates": 0,
        "hits": 0,
        "confirmed": 0,
        "counted": 0,
        "outdone": 0,
        "checked": bool(study.checks),
        "work": "",
        "reason": None,
        "stages": _stages(run, study, folder, stage),
    }
    if (run / MANIFEST).is_file():
        found |= _of_manifest(run)
    return found


def _of_manifest(run: Path) -> dict[str, Any]:
    known = read_manifest(run)
    simulations, confirmations, shown = (int(known.get(key, 0)) for key in ("simulations", "confirmations", "known"))
    counted = int(known.get("counted", known["hits"]))
    checked = bool(known.get("checks"))
    return {
        "rounds": known["rounds"],
        "candidates": simulations + shown,
        "hits": known["hits"],
        "confirmed": int(known.get("confirmed", counted if checked else 0)),
        "counted": counted,
        "outdone": int(known.get("outdone", 0)),
        "checked": checked,
        "work": work_in_words(simulations, confirmations, shown),
        "reason": None if known["reason"] == GOES_ON else known["reason"],
    }


def _outcomes(run: Path) -> dict[str, int] | None:
    """Simulations in the store by outcome, None where there is no store."""
    from simulation.labels.store import LabelStore

    if not (run / "labels.sqlite").is_file():
        return None
    with LabelStore(run / "labels.sqlite", read_only=True) as store:
        return {str(outcome): count for outcome, count in store.counts().items()}


def _stages(run: Path, study: Study, folder: RunFolder, current: str | None) -> list[dict[str, Any]]:
    """What has been done and what is at work, in the order of a run."""
    found = {}
    seconds = folder.times.seconds(Stage.LABELS, labels_key(study))
    if seconds:
        found[str(Stage.LABELS)] = {"name": str(Stage.LABELS), "done": current != Stage.LABELS, "seconds": seconds}
    for path in [*run.glob("*/artifact.json"), *run.glob("*/*/artifact.json")]:
        record = read_artifact(path.parent)
        if record and not path.is_relative_to(run / ".work"):
            seconds = folder.times.seconds(record["stage"], record["key"])
            found[record["stage"]] = {"name": record["stage"], "done": True, "seconds": seconds}
    if current is not None:
        before = found.get(current, {}).get("seconds", 0.0)
        found[current] = {"name": current, "done": False, "seconds": before}
    return [found[name] for name in sorted(found, key=_place)]


def _place(stage: str) -> tuple[int, int, int, str]:
    """Where a stage comes in a run: what is made once, then round by round, then what was checked and written last."""
    name, _, part = stage.partition("/")
    if name in _ONCE:
        return (-2, 0, _ONCE.index(Stage(name)), stage)
    if name in _BY_ROUND:
        round_, _, batch = part.removeprefix("refined-").partition("-")
        if not round_.isdigit():
            return (-1, 0, _BY_ROUND.index(Stage(name)), stage)
        return (int(round_), int(batch) if batch.isdigit() else _LAST, _BY_ROUND.index(Stage(name)), stage)
    return (_LAST, 0, 0, stage)


def in_words(found: dict[str, Any]) -> list[str]:
    """`status_of` for people, a line each."""
    lines = [f"{found['name']}: {_labels(found)}"]
    if found["running"]:
        lines.append(f"  running now: {found['stage'] or 'between two stages'}")
    else:
        lines.append("  no process is running it")
    for stage in found["stages"]:
        seconds = f"{stage['seconds']:.1f} s" if stage["seconds"] else ""
        if stage["name"] == Stage.LABELS:
            words = f"{seconds} so far"
        elif stage["done"]:
            words = "done" + (f" in {seconds}" if seconds else "")
        else:
            words = "at work" + (f", {seconds} so far" if seconds else "")
        lines.append(f"  {stage['name']:<14} {words}")
    if found["work"]:
        counted, outdone = found["counted"], found["outdone"]
        lost = found["hits"] - counted - outdone
        if found["checked"]:
            more = f", {lost} more by the first mesh only" if lost > 0 else ""
            more += f", {outdone} more outdone by these and not simulated further" if outdone else ""
            hits = f"{counted} confirmed hit{'s' * (counted != 1)}{more}"
        else:
            hits = f"{counted} hits, not confirmed"
        lines.append(f"  {found['rounds']} rounds, {found['work']}, {hits}")
        lines.append(f"  {found['reason'] or GOES_ON}")
    return lines


def _labels(found: dict[str, Any]) -> str:
    wanted = f"{found['labels_wanted']} labels wanted"
    if found["surrogate"]:
        wanted = f"labels come with the surrogate {found['surrogate']}"
    if found["outcomes"] is None:
        return f"no simulation in the store ({wanted})"
    outcomes = found["outcomes"].items()
    bad = ", ".join(f"{count} {outcome}" for outcome, count in outcomes if count and outcome != "converged")
    return f"{found['labels']} simulations in the store ({wanted})" + (f"; {bad}" if bad else "")
