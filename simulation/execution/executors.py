"""Engines: the ways to a `concurrent.futures.Executor` that a study can name; importing this module costs nothing.

with local(workers=2) as engine:
    for label in label_all(jobs, conditions, store, engine): ...
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from multiprocessing.connection import Connection, wait
from typing import Any

from simulation.errors import InputError
from simulation.execution.allotted import available_cores
from simulation.execution.engine import Engine, end_by_the_system, no_interrupt, without_main

ENGINES = ("local", "dask", "mpi")
_ADDRESS = re.compile(r"((tcp|tls)://)?([\w.-]+|\[[\w:.%]+\]):\d{1,5}")
_ONE_THREAD = dict.fromkeys(
    ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMBA_NUM_THREADS"), "1"
)


def engine(name: str, workers: int | None = None, address: str | None = None, import_main: bool = True) -> Engine:
    """The engine of a study file.

    Args:
        name: "local", "dask" or "mpi".
        workers: simulations at once; every core that this process may use unless given. Not where others start them:
            see `why_no_workers`.
        address: of a Dask scheduler; a cluster on this machine unless given.
        import_main: see `local`.

    Raises:
        InputError: if there is no such engine, what it needs is not installed, or it cannot have so many workers.
    """
    if name not in ENGINES:
        raise InputError(f"engine must be one of {', '.join(ENGINES)}, got {name!r}")
    _check(name, workers, address)
    if name == "local":
        return local(workers, import_main)
    if name == "dask":
        return dask(address, workers, import_main)
    return mpi()


def why_no_address(name: str, address: str | None) -> str:
    """What is wrong with an address of a Dask scheduler; nothing if all is well."""
    if address is None:
        return ""
    if name != "dask":
        return f"is for engine dask only, got engine {name}"
    if not _ADDRESS.fullmatch(str(address)):
        return f"must be the address of a Dask scheduler, such as tcp://host:8786, got {address!r}"
    return ""


def why_no_workers(name: str, address: str | None) -> str:
    """Why no number of workers can be asked of an engine whose workers others have started; nothing where it can."""
    if name == "mpi":
        return "is not for engine mpi, whose workers are the ranks of mpiexec; leave it out"
    if address is not None:
        return "is not for a Dask scheduler at an address, whose workers are those that joined it; leave it out"
    return ""


def _check(name: str, workers: int | None, address: str | None) -> None:
    if wrong := why_no_address(name, address):
        raise InputError(f"address {wrong}")
    if workers is not None and (wrong := why_no_workers(name, address)):
        raise InputError(f"workers {wrong}, got {workers!r}")


def local(workers: int | None = None, import_main: bool = True) -> Engine:
    """Processes on this machine, spawned, each with one thread of BLAS, OpenMP and Numba.

    Args:
        workers: how many; every core that this process may use unless given.
        import_main: whether they import the main script, as spawned processes do: functions of it can then be sent to
            them, and it needs a __main__ guard.
    """
    count = available_cores() if workers is None else workers
    return _Local(lambda: _SpawnPool(count, import_main), count)


class _Local(Engine):
    def _end(self, executor: Executor) -> None:
        if isinstance(executor, _SpawnPool):
            executor.kill()


class _SpawnPool(ProcessPoolExecutor):
    """Spawned processes that end with the process that started them, however that ends."""

    def __init__(self, workers: int, import_main: bool) -> None:
        self._main = contextlib.nullcontext if import_main else without_main
        context = multiprocessing.get_context("spawn")
        heard, self._killer = context.Pipe(duplex=False)
        super().__init__(workers, context, _enter_worker, (heard,))

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        # A process may be spawned here, and begins with what it finds.
        with _one_thread(), self._main(), no_interrupt():
            return super().submit(fn, *args, **kwargs)

    def kill(self) -> None:
        """End the workers at once and wait until they are gone."""
        workers = list((self._processes or {}).values())
        with contextlib.suppress(OSError):  # all are gone already
            self._killer.send_bytes(b"end")  # to those that are starting
        for worker in workers:
            worker.kill()  # what it is at may keep it from listening
        self.shutdown(cancel_futures=True)


def _enter_worker(killer: Connection[Any, Any]) -> None:
    """Leave Ctrl-C to the driving process, and end when it asks for it or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    if parent:
        end_by_the_system(parent.sentinel)
    watched: list[Any] = [killer, parent.sentinel] if parent else [killer]

    def watch() -> None:
        wait(watched)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in _ONE_THREAD}
    os.environ.update(_ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def dask(address: str | None = None, workers: int | None = None, import_main: bool = True) -> Engine:
    """Workers of a Dask cluster: one on this machine, or that of the scheduler at an address.

    Args:
        address: of a scheduler.
        workers: of a cluster on this machine; every core that this process may use unless given.
        import_main: whether those import the main script, see `local`.

    Raises:
        InputError: if Dask is not installed, the address is none, or a number of workers is given with it.
    """
    _check("dask", workers, address)
    try:
        import distributed  # noqa: F401
    except ImportError as error:
        if error.name in ("dask", "distributed"):
            raise InputError("engine dask: Dask is not installed; pip install 'inverse-design[dask]'") from None
        raise InputError(
            f"engine dask: Dask is installed but does not load ({error}); pip install 'inverse-design[dask]'"
        ) from None
    from simulation.execution.dask import DaskEngine

    return DaskEngine(address, available_cores() if workers is None else workers, import_main)


def _interruptible(fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """A job of an MPI worker: Ctrl-C ends it, and not the worker, which waits for what the first rank says next."""
    if threading.current_thread() is not threading.main_thread():
        return fn(*args, **kwargs)
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        return fn(*args, **kwargs)
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


def mpi() -> Engine:
    """Workers of an MPI job: `mpiexec -n 65 python -m mpi4py.futures -m inverse_design run STUDY` has 64.

    Where one rank is killed, or mpiexec is, MPI ends the others whatever they are at. Ctrl-C goes to every rank.

    Raises:
        InputError: if mpi4py is not installed or the process was not started that way: by mpiexec alone, every rank
            would do all the work and start workers of its own.
    """
    try:
        from mpi4py import MPI
        from mpi4py.futures import MPIPoolExecutor
    except (ImportError, RuntimeError):
        raise InputError("engine mpi: mpi4py or MPI is not installed; pip install 'inverse-design[mpi]'") from None
    ranks = MPI.COMM_WORLD.Get_size()
    if ranks < 2 or not any("mpi4py.futures" in word for word in sys.orig_argv):
        raise InputError(
            "engine mpi: start it as `mpiexec -n N python -m mpi4py.futures -m inverse_design ...` with N of at least 2"
        )

    class Pool(MPIPoolExecutor):  # type: ignore[misc]
        def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
            future: Future[Any] = super().submit(_interruptible, fn, *args, **kwargs)
            return future

    return Engine(lambda: Pool(initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN)), ranks - 1)
