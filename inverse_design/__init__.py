"""The engine: study, goals, latent search, candidates, verification, report and command line.

Names are imported on first use, so that `import inverse_design` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

_HOME = {
    "Design": "library",
    "design": "library",
    "Goal": "goals",
    "Study": "study",
    "StudyError": "study_file",
    "load_study": "study_file",
    "Verified": "verification",
    "run_study": "pipeline",
}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"inverse_design.{_HOME[name]}"), name)
    raise AttributeError(f"module 'inverse_design' has no attribute {name!r}")


if TYPE_CHECKING:
    from inverse_design.goals import Goal as Goal
    from inverse_design.library import Design as Design
    from inverse_design.library import design as design
    from inverse_design.pipeline import run_study as run_study
    from inverse_design.study import Study as Study
    from inverse_design.study_file import StudyError as StudyError
    from inverse_design.study_file import load_study as load_study
    from inverse_design.verification import Verified as Verified
