"""The engine: study, goals, latent search, candidates, verification, report and command line.

    design(study)           run a study, or go on with it: the whole loop, to a `Design`
    load_study(path)        a `Study` from its file, checked; `StudyError` says what is wrong with it
    Design, Verified        what a run has come to, and each of its simulated candidates
    Goal                    what is asked of one property, in reduced units
    run_study(study, runs)  `design` for a `Study` that is read already

Names are imported on first use, so that `import inverse_design` costs nothing.
"""

from __future__ import annotations

import time

from simulation.lazy import attach

STARTED = time.monotonic()
"""When a command began, but for the start of Python itself."""

__getattr__, __dir__, __all__ = attach(__name__, __file__)
