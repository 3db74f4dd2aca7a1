"""Where simulations run: an executor that is started when it is needed and replaced when its workers died."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import types
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, CancelledError, Executor
from multiprocessing import resource_tracker
from types import TracebackType

from simulation.errors import InputError

if sys.platform != "win32":
    import fcntl


class Engine:
    """A way to get an executor: started when first needed, kept warm, replaced when its workers died.

    Use it as a context: leaving it normally waits for the workers, leaving it by an exception ends them at once.

    Args:
        start: makes the executor.
        workers: simulations that run at once.
    """

    losses: tuple[type[BaseException], ...] = (BrokenExecutor, CancelledError)
    """What a future raises whose worker died, as opposed to a simulation that failed."""

    def __init__(self, start: Callable[[], Executor], workers: int) -> None:
        if isinstance(workers, bool) or not isinstance(workers, int) or workers < 1:
            raise InputError(f"workers must be a whole number of at least 1, got {workers!r}")
        self._start = start
        self._workers = workers
        self._executor: Executor | None = None

    def __repr__(self) -> str:
        return f"<Engine of {self._workers} workers, {'not started' if self._executor is None else 'running'}>"

    def executor(self) -> Executor:
        """The running executor, started if there is none.

        Raises:
            InputError: if it cannot be started.
        """
        if self._executor is None:
            _refuse_in_a_starting_worker()
            self._executor = self._start()
        return self._executor

    @property
    def workers(self) -> int:
        """Simulations that run at once."""
        return self._workers

    def check(self) -> None:
        """Raise `InputError` if no result can come any more; a dead pool says so by its futures instead."""

    def stop(self) -> None:
        """End the workers without waiting for what they do; the next use starts new ones."""
        executor, self._executor = self._executor, None
        if executor is not None:
            self._end(executor)

    def close(self) -> None:
        """Wait for what is running, then end the workers."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown()

    def _end(self, executor: Executor) -> None:
        executor.shutdown(wait=False, cancel_futures=True)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if kind is None:
            self.close()
        else:
            self.stop()


def _refuse_in_a_starting_worker() -> None:
    """End a worker that starts workers because it imports a script without a __main__ guard, with a sentence.

    Not by an `InputError`: nobody would catch it here, and what is printed should be the sentence alone.
    """
    if getattr(multiprocessing.current_process(), "_inheriting", False):  # as multiprocessing itself asks
        raise SystemExit(
            "error: worker processes import the script that starts them; put what the script does under "
            '`if __name__ == "__main__":`'
        )


_hidden = threading.Lock(), list[types.ModuleType]()
"""The main module, as often as it is hidden."""


@contextlib.contextmanager
def without_main() -> Iterator[None]:
    """Hide the main module: a process spawned meanwhile would import it and run a script without a __main__ guard once
    more. Several threads may do so at once."""
    lock, mains = _hidden
    with lock:
        mains.append(mains[0] if mains else sys.modules["__main__"])
        sys.modules["__main__"] = types.ModuleType("__main__")
    try:
        yield
    finally:
        with lock:
            main = mains.pop()
            if not mains:
                sys.modules["__main__"] = main


@contextlib.contextmanager
def no_interrupt() -> Iterator[None]:
    """Hold Ctrl-C back: processes and threads started meanwhile never see one, this thread sees it afterwards."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # else it is started at the first spawn, and lets Ctrl-C through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_by_the_system(pipe: int) -> None:
    """Have the system end this process when the other end of a pipe is closed, whatever it is at: SIGIO, where nothing
    handles it, does so, and needs no thread that could have to wait for the interpreter's lock."""
    if sys.platform == "win32" or not hasattr(os, "O_ASYNC"):
        return
    signal.signal(signal.SIGIO, signal.SIG_DFL)
    fcntl.fcntl(pipe, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(pipe, fcntl.F_SETFL, fcntl.fcntl(pipe, fcntl.F_GETFL) | os.O_ASYNC)


@contextlib.contextmanager
def interrupt_after() -> Iterator[None]:
    """Let a Ctrl-C that comes in this block be raised at its end.

    Where Python calls back, in a destructor of a Dask future for one, it would be raised there, printed and forgotten.
    """
    of_main = threading.current_thread() is threading.main_thread()
    if not of_main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    seen: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: seen.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if seen:
        raise KeyboardInterrupt
