"""The loop as a function: what `run` does, for scripts and notebooks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inverse_design.goals import Goal
from inverse_design.study.reading import StudyError, load_study, parse_study
from inverse_design.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from inverse_design.run.verified import Verified


@dataclass(frozen=True, eq=False)
class Design:
    """What a study came to.

    Attributes:
        goals: what was wanted, in reduced units.
        verified: every simulated candidate in the order of choice: `.candidate.structure` are its grains, `.anchors`
            its simulated anchor points, `.h` and `.m` its curve.
        best: the first of them by `goals.ranking`: hits before others; None where no curve can be used.
        folder: the run folder, with `report.html` and the tables.
        reason: why the loop stopped, a sentence.
    """

    goals: tuple[Goal, ...]
    verified: tuple[Verified, ...]
    best: Verified | None
    folder: Path
    reason: str

    @property
    def table(self) -> pd.DataFrame:
        """`verified.csv`: predicted beside verified anchor points."""
        import pandas as pd

        return pd.read_csv(self.folder / "verified.csv")


def design(
    study: str | Path | Mapping[str, Any] | Study, runs: str | Path = "runs", overrides: Sequence[str] = ()
) -> Design:
    """Run a study, or go on with it: labels, surrogate, search, full simulation, report.

    Args:
        study: a study file, or the same keys as a mapping.
        runs: where run folders are kept; this one is `runs`/<name of the study>.
        overrides: texts "key.path=value" that replace keys, as `--set` does.

    Raises:
        InputError: with a sentence, for a study that cannot be run and everything else that a user can cause.
    """
    wanted = _read(study, overrides)
    from inverse_design.loop import run_study
    from inverse_design.run.verified import best

    ending = run_study(wanted, Path(runs))
    number = best(wanted.reduced_goals, ending.verified)
    champion = None if number is None else ending.verified[number]
    return Design(wanted.reduced_goals, ending.verified, champion, Path(runs) / wanted.name, ending.reason)


def _read(study: str | Path | Mapping[str, Any] | Study, overrides: Sequence[str]) -> Study:
    if isinstance(study, str | Path):
        return load_study(study, overrides)
    if isinstance(study, Study):
        study = study.model_dump(mode="json", exclude_unset=True)
    try:
        text = json.dumps(study)  # JSON is YAML: one reader, one kind of error
    except (TypeError, ValueError) as error:
        raise StudyError(f"study: only plain values can stand in a study: {error}") from None
    return parse_study(text, "study", overrides)
