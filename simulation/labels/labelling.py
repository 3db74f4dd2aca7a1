"""The label factory: many structures through one executor, each label stored as it arrives."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence, Sized
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, field, replace

from simulation.errors import InputError, SolverError
from simulation.execution.engine import Engine, interrupt_after
from simulation.labels.label import Conditions, Job, Label, Outcome, Specification
from simulation.labels.store import LabelStore
from simulation.microstructure import Microstructure

SHARED_LOSSES = 2
"""A job lost with this many dying pools runs alone from then on; if a pool dies under it alone, it is at fault."""

_LOOK_S = 0.5


@dataclass(frozen=True)
class Progress:
    """How far a labelling is: what a progress bar shows after each label.

    Args:
        done: labels yielded.
        total: labels wanted, None where the jobs have no length.
        found: of `done`, those that the store had already.
        outcomes: of `done`, by outcome.
        elapsed_s: seconds since the start.
        lost: times that a job was lost with its worker, and done again.
    """

    done: int
    total: int | None
    found: int
    outcomes: dict[Outcome, int]
    elapsed_s: float
    lost: int = 0

    @property
    def rate_per_s(self) -> float:
        """Labels simulated per second."""
        return (self.done - self.found) / self.elapsed_s if self.elapsed_s > 0 else 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds left at this rate, None where that is not known."""
        if self.total is None or not self.rate_per_s:
            return None
        return (self.total - self.done) / self.rate_per_s


def simulate_label(job: Job, keep: Sequence[float] = ()) -> Label:
    """Simulate the demagnetisation curve of a job; this is what runs in a worker.

    Args:
        keep: fields whose states tell the reversal; without them the label has none.

    Raises:
        InputError: if the solver here is not the one that the job's conditions name.
    """
    from simulation.hysteresis import FieldStatus, demagnetization_curve
    from simulation.reversal import reversal_of

    c = job.conditions
    here = Conditions.of(c.material, c.sweep, c.backend, c.discretization, **c.options)
    if here.key != c.key:
        raise InputError(f"this worker's solver is another version ({here.settings}) than asked for ({c.settings})")
    structure = job.microstructure()
    start = time.perf_counter()
    more = {**c.options, "keep": keep} if len(keep) else c.options
    curve = demagnetization_curve(structure, c.material, c.sweep, c.backend, c.discretization, **more)
    wall_s = time.perf_counter() - start
    codes = {status: code for code, status in enumerate(FieldStatus)}
    bad = next((i for i, status in enumerate(curve.status) if status is not FieldStatus.CONVERGED), None)
    reason = "" if bad is None else f"h = {curve.h[bad]:g}: {curve.status[bad].value}"
    label = job.label(curve.h, curve.m, [codes[status] for status in curve.status], reason, curve.evaluations, wall_s)
    seen = len(curve.kept_h) > 1 and label.converged
    return replace(label, reversal=reversal_of(curve, structure)) if seen else label


def simulate_label_and_reversal(job: Job) -> Label:
    """`simulate_label`, with the reversal where the solver is the built-in one and the sweep goes below H = 0."""
    from simulation.reversal import fields_to_keep

    fields = fields_to_keep(job.conditions.sweep) if job.conditions.backend == "planar" else []
    return simulate_label(job, fields if len(fields) > 1 else ())


def _attempt(simulate: Callable[[Job], Label], job: Job) -> Label:
    """Simulate in a worker; what a simulation raises stays there, because not every exception survives the way back."""
    start = time.perf_counter()
    try:
        return simulate(job)
    except SolverError as error:
        return job.failed(str(error), time.perf_counter() - start)
    except InputError:
        raise
    except OSError as error:  # of the machine, not of the structure: elsewhere or later it may well be simulated
        raise InputError(f"a worker could not simulate: {error.filename or 'file system'}: {error.strerror}") from None
    except Exception as error:
        return job.failed(f"{type(error).__name__}: {error}".rstrip(": "), time.perf_counter() - start)


def label_all(
    jobs: Iterable[Specification | Microstructure],
    conditions: Conditions,
    store: LabelStore,
    executor: Engine,
    *,
    workers: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    simulate: Callable[[Job], Label] = simulate_label,
    retry_failed: bool = False,
) -> Generator[Label, None, None]:
    """Label structures, yielding each as it is found in the store or simulated and stored.

    Nothing is simulated that the store has; two jobs with one key give one label. A job that fails or does not
    converge becomes a label with its reason. If workers die, their pool is replaced and the lost jobs are done again;
    a job that kills its worker even when it runs alone becomes a failed label. No label depends on the number of
    workers or on the order. Ending the iteration early, by an exception or Ctrl-C, stops the workers at once.

    Args:
        jobs: specifications or structures, consumed as workers get free.
        conditions: what all are simulated under.
        store: written by this process alone, before a label is yielded.
        executor: an engine of `simulation.execution.executors`; stays warm when all is done.
        workers: how many jobs to run at once, the engine's workers unless given; twice as many are in flight.
        progress: called after each label.
        simulate: module-level function that makes the label of a job in a worker.
        retry_failed: simulate those again that the store has as failed.

    Raises:
        InputError: if the store cannot be written, a worker lacks the solver, or the scheduler is gone.
    """
    run = _Run(conditions, store, executor, workers, simulate, retry_failed)
    total = len(jobs) if isinstance(jobs, Sized) else None
    outcomes: Counter[Outcome] = Counter()
    found, start = 0, time.monotonic()
    try:
        for label, was_there in run.labels(iter(jobs)):
            outcomes[label.outcome] += 1
            found += was_there
            if progress:
                elapsed_s = time.monotonic() - start
                counts = {outcome: outcomes[outcome] for outcome in Outcome}
                progress(Progress(outcomes.total(), total, found, counts, elapsed_s, run.losses.total()))
            yield label
    except BaseException:
        executor.stop()
        raise


def _result(future: Future[Label]) -> tuple[Label | None, BaseException | None]:
    """What a future that is done holds: a label, or what was raised instead."""
    try:
        return future.result(), None
    except (Exception, CancelledError) as error:
        return None, error


@dataclass
class _Run:
    """The state of one `label_all`: what is in flight, what was lost, what must run alone."""

    conditions: Conditions
    store: LabelStore
    engine: Engine
    workers: int | None
    simulate: Callable[[Job], Label]
    retry_failed: bool
    flying: dict[Future[Label], Job] = field(default_factory=dict)
    again: deque[Job] = field(default_factory=deque)
    losses: Counter[str] = field(default_factory=Counter)

    def labels(self, sources: Iterator[Specification | Microstructure]) -> Iterator[tuple[Label, bool]]:
        """Labels with whether the store had them."""
        seen: set[str] = set()
        exhausted = False
        while not (exhausted and not self.flying and not self.again):
            while not (exhausted or self.again or self._full()):
                source = next(sources, None)
                if source is None:
                    exhausted = True
                    break
                known = self._known(source)
                if isinstance(known, Job) and known.key not in seen:
                    seen.add(known.key)
                    self._submit(known)
                elif isinstance(known, Label) and known.key not in seen:
                    seen.add(known.key)
                    yield known, True
            self._resubmit()
            for label in self._landed():
                yield label, False

    def _full(self) -> bool:
        """Whether nothing may be added: enough is in flight, or one job flies alone."""
        if any(self._alone(job) for job in self.flying.values()):
            return True
        return len(self.flying) >= 2 * (self.workers or self.engine.workers)

    def _alone(self, job: Job) -> bool:
        return self.losses[job.key] >= SHARED_LOSSES

    def _known(self, source: Specification | Microstructure) -> Label | Job:
        """The stored label of a source, or the job that makes it."""
        label = self.store.find(source, self.conditions) if isinstance(source, Specification) else None
        job = None
        if label is None:
            job = Job.of(source, self.conditions)
            label = self.store.get(job.key)
        if label is None or (self.retry_failed and label.outcome is Outcome.FAILED):
            return job or Job.of(source, self.conditions)
        return label

    def _submit(self, job: Job) -> None:
        if not self.flying:
            self.store.check_writable()
        try:
            self.flying[self.engine.executor().submit(_attempt, self.simulate, job)] = job
        except BrokenExecutor:  # it died while nobody looked
            self._replace_pool([])
            self.again.appendleft(job)

    def _resubmit(self) -> None:
        """Send lost jobs again: together at first, one by one and alone once they were lost too often."""
        while self.again and not self._full():
            if self.flying and self._alone(self.again[0]):
                return
            self._submit(self.again.popleft())

    def _landed(self) -> Iterator[Label]:
        """Wait for at least one job to end; store and give the labels that came of it."""
        with interrupt_after():
            done, _ = wait(self.flying, _LOOK_S, FIRST_COMPLETED)
            ended = [(self.flying.pop(future), *_result(future)) for future in done]
            del done  # the last that is held of these futures
            ended = [(job, label and self._stored(label), error) for job, label, error in ended]
        lost = []
        for job, label, error in ended:
            if isinstance(error, self.engine.losses):
                lost.append(job)
                continue
            if isinstance(error, InputError):
                raise error
            if label is None:  # not of the simulation: that is caught in the worker
                what = str(error).strip().partition("\n")[0]
                raise InputError(
                    f"a worker could not take a job or give it back; it needs the packages that are here ({what})"
                ) from error
            yield label
        self.engine.check()
        if lost and self._alone(lost[0]):
            self._replace_pool([])
            self._probe()
            yield self._stored(lost[0].failed("its worker died each time it was simulated", 0.0))
        elif lost:
            self._replace_pool(lost)

    def _replace_pool(self, lost: list[Job]) -> None:
        """End a dead pool and queue what was lost with it; what it finished before stays in flight and still counts."""
        for future, job in list(self.flying.items()):
            if not (future.done() and not future.cancelled() and future.exception() is None):
                lost.append(job)
                del self.flying[future]
        self.engine.stop()
        self.losses.update(job.key for job in lost)
        self.again.extendleft(reversed(lost))

    def _probe(self) -> None:
        """Make sure that it is the job that kills workers, before it is blamed.

        Raises:
            InputError: if workers die by themselves.
        """
        try:
            self.engine.executor().submit(int).result()
        except self.engine.losses:
            raise InputError("the workers die as soon as they start; the messages above say why") from None

    def _stored(self, label: Label) -> Label:
        if self.store.add(label):
            return label
        return self.store.get(label.key) or label  # another run was first


def shard(jobs: Sequence[Specification], part: str) -> list[Specification]:
    """Every N-th specification by index, for `part` "K/N" with K from 1 to N.

    Raises:
        InputError: if `part` is not such a text.
    """
    k, slash, n = part.partition("/")
    if not (slash and k.isdecimal() and n.isdecimal() and 1 <= int(k) <= int(n)):
        raise InputError(f'shard must be "K/N" with K from 1 to N, such as "3/64", got {part!r}')
    return [job for job in jobs if job.index % int(n) == int(k) - 1]
