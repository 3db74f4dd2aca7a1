"""A study's simulations: under which conditions, where, and with progress shown."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from inverse_design.progress import Tracker
from inverse_design.study.study import Study
from simulation.errors import InputError
from simulation.execution.engine import Engine
from simulation.execution.executors import engine
from simulation.hysteresis import FieldSweep
from simulation.labels.label import Conditions, Label, Outcome, Specification
from simulation.labels.labelling import (
    Progress,
    label_all,
    simulate_label,
    simulate_label_and_reversal,
)
from simulation.labels.store import LabelStore
from simulation.microstructure import Microstructure
from simulation.sampling import Purpose

log = logging.getLogger("inverse_design")


def conditions_of(
    study: Study, backend: str, discretization: str, spins: str = "planar", **options: float
) -> Conditions:
    """The study's material and field sweep under a solver, with options of that solver.

    Args:
        spins: "planar" or "free"; of planar ones nothing is said to the solver, as before there were others.

    Raises:
        InputError: if there is no such solver here, or it knows no such spins.
    """
    if spins != "planar" and backend != "planar":
        raise InputError(f"spins {spins!r} are for backend planar, the built-in solver; {backend} has none of them")
    said: dict[str, Any] = options if spins == "planar" else {"spins": spins, **options}
    part = study.field_sweep
    sweep = FieldSweep(part.start, part.stop, part.step, part.until)
    return Conditions.of(study.magnet, sweep, backend, discretization, **said)


def make_engine(study: Study) -> Engine:
    """Where the study's simulations run; a context that ends its workers."""
    part = study.execution
    # Workers need nothing of a script that calls `design`: it does without a __main__ guard.
    return engine(part.engine, None if part.workers == "auto" else part.workers, part.address, import_main=False)


def wanted_labels(study: Study) -> list[Specification]:
    """The structures that the study labels."""
    indices = range(study.labels.count)
    return [Specification(study.family, study.seed, Purpose.LABELS, index) for index in indices]


@dataclass(frozen=True, eq=False)
class Simulator:
    """A study's simulations: into a store, by an engine, with progress shown."""

    study: Study
    store: LabelStore
    engine: Engine
    tracker: Tracker

    def conditions(self, backend: str | None = None, spins: str | None = None) -> Conditions:
        """See `conditions_of`; what is not said is as candidates are verified."""
        part, labels = self.study, self.study.labels
        backend = backend or part.verification.backend
        return conditions_of(part, backend, labels.discretization, spins or labels.spins)

    def simulate(
        self,
        name: str,
        wanted: Sequence[Specification] | Sequence[Microstructure],
        conditions: Conditions,
        reversals: bool = False,
    ) -> list[Label]:
        """Labels of what is wanted, simulated where the store lacks them; each is stored as soon as it is done.

        Args:
            reversals: let those that are simulated say how they gave way, see `Label`.
        """
        simulate = simulate_label_and_reversal if reversals else simulate_label
        began, lost = time.monotonic(), 0
        with self.tracker(name) as update:

            def show(state: Progress) -> None:
                nonlocal lost
                if state.lost > lost:
                    log.warning("%s: a worker died; what was lost with it is simulated again, and nothing else", name)
                    lost = state.lost
                bad = state.done - state.outcomes[Outcome.CONVERGED]
                update(state.done, state.total or len(wanted), f"{bad} unusable" if bad else "", state.found)

            update(0, len(wanted))

            found = list(label_all(wanted, conditions, self.store, self.engine, progress=show, simulate=simulate))
        bad = [label for label in found if not label.converged]
        if bad:
            say = "%s: %d of %d simulations gave no converged curve and are used for nothing; the first: %s"
            log.warning(say, name, len(bad), len(found), bad[0].reason)
        log.info("%s: done in %.1f s", name, time.monotonic() - began)
        return found
