"""The engine: study, goals, latent search, candidates, verification, report and command line.

    design(study)           run a study, or go on with it: the whole loop, to a `Design`
    load_study(path)        a `Study` from its file, checked; `StudyError` says what is wrong with it
    Design, Verified        what a run has come to, and each of its simulated candidates
    Goal                    what is asked of one property, in reduced units
    run_study(study, runs)  `design` for a `Study` that is read already

Names are imported on first use, so that `import inverse_design` costs nothing.
"""

from __future__ import annotations

import importlib
import time
from typing import TYPE_CHECKING, Any

STARTED = time.monotonic()
"""When a command began, but for the start of Python itself."""

_HOME = {
    "Design": "run.design",
    "design": "api",
    "Goal": "goals",
    "Study": "study.study",
    "StudyError": "study.reading",
    "load_study": "study.reading",
    "Verified": "run.verified",
    "run_study": "loop",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(importlib.import_module(f"inverse_design.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    if name == "__version__":
        from importlib.metadata import version  # ten milliseconds that an import does not pay

        return version("inverse-design")
    raise AttributeError(f"module 'inverse_design' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(set(globals()) | set(_HOME))


if TYPE_CHECKING:
    from inverse_design.api import design as design
    from inverse_design.goals import Goal as Goal
    from inverse_design.loop import run_study as run_study
    from inverse_design.run.design import Design as Design
    from inverse_design.run.verified import Verified as Verified
    from inverse_design.study.reading import StudyError as StudyError
    from inverse_design.study.reading import load_study as load_study
    from inverse_design.study.study import Study as Study
