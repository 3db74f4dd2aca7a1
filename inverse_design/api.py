"""The loop as a function: what `run` does, for scripts and notebooks."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inverse_design.study.reading import StudyError, load_study, parse_study
from inverse_design.study.study import Study
from simulation.errors import InputError

if TYPE_CHECKING:
    from inverse_design.run.design import Design


def design(
    study: str | Path | Mapping[str, Any] | Study,
    runs: str | Path = "runs",
    overrides: Sequence[str] = (),
    callback: Callable[[Design], object] | None = None,
) -> Design:
    """Run a study, or go on with it: labels, surrogate, search, full simulation, report.

    Args:
        study: a study file, or the same keys as a mapping.
        runs: where run folders are kept; this one is `runs`/<name of the study>.
        overrides: texts "key.path=value" that replace keys, as `--set` does.
        callback: called after each batch with the `Design` as it stands, its tables and report written. If it returns
            something true the run ends there, with a reason that says so; run again, with another callback or none, it
            goes on. Batches of an earlier attempt are shown to it again. What it raises goes through, and the run can
            be continued all the same.

    Raises:
        InputError: with a sentence, for a study that cannot be run and everything else that a user can cause.
    """
    if callback is not None and not callable(callback):
        raise InputError(f"design: callback must be a function of one argument, got {callback!r:.80}")
    wanted = _read(study, overrides)
    from inverse_design.console import said_aloud
    from inverse_design.loop import run_study

    with said_aloud():
        return run_study(wanted, Path(runs), callback=callback)


def _read(study: str | Path | Mapping[str, Any] | Study, overrides: Sequence[str]) -> Study:
    if isinstance(study, str | Path):
        return load_study(study, overrides)
    if not isinstance(study, Study | Mapping):
        raise StudyError(f"study: a file, a mapping of keys or a Study is needed, got {study!r:.80}")
    if isinstance(study, Study):
        study = study.model_dump(mode="json", exclude_unset=True)
    try:
        text = json.dumps(study)  # JSON is YAML: one reader, one kind of error
    except (TypeError, ValueError) as error:
        raise StudyError(f"study: only plain values can stand in a study: {error}") from None
    return parse_study(text, "study", overrides)
