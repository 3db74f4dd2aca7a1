"""Simulations on the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import logging
import multiprocessing
import time
from concurrent.futures import Executor

from distributed import Client, KilledWorker, LocalCluster, Nanny, WorkerPlugin
from distributed.core import Status
from distributed.security import Security

from simulation.errors import InputError
from simulation.execution.engine import Engine, end_by_the_system, no_interrupt, without_main

_CONNECT_S = 10
_COUNT_S = 10.0
_LOGGERS = ("distributed", "distributed.client", "distributed.scheduler", "tornado.application")


class _NannyWithoutMain(Nanny):  # type: ignore[misc]
    """Starts a worker, at first and after its death, that does not import the main script."""

    async def instantiate(self) -> Status:
        with without_main():
            return await super().instantiate()


class _EndsWithItsDriver(WorkerPlugin):  # type: ignore[misc]
    """Dask's own watch is a thread of the worker, which compiled code may keep from running."""

    def setup(self, worker: object) -> None:
        parent = multiprocessing.parent_process()
        if parent is not None:
            end_by_the_system(parent.sentinel)


class DaskEngine(Engine):
    """The workers of a scheduler at an address, or of a cluster of one-threaded processes on this machine.

    Dask itself does the jobs of a dead worker again; workers may come and go while a job runs.

    Args:
        address: such as "tcp://host:8786"; None starts a cluster here, open to this machine only.
        workers: of the cluster that is started here; with an address, as many as the scheduler has.
        import_main: whether the workers of that cluster import the main script, as spawned processes do.
    """

    losses = (*Engine.losses, KilledWorker)

    def __init__(self, address: str | None, workers: int, import_main: bool = True) -> None:
        super().__init__(self._connect, workers)
        self._address = address
        self._nanny = Nanny if import_main else _NannyWithoutMain
        self._client: Client | None = None
        self._cluster: LocalCluster | None = None
        self._counted_at = float("-inf")

    def _connect(self) -> Executor:
        for name in _LOGGERS:  # tracebacks of every connection that ends; a user gets our sentences instead
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if self._address is None:
            self._cluster = self._start_cluster()
        elif self._address.startswith("tls:") and Security().get_connection_args("client").get("ssl_context") is None:
            raise InputError(
                f"no certificate for the Dask scheduler at {self._address}: name it under distributed.comm.tls in "
                "Dask's configuration"
            )
        try:
            self._client = Client(self._cluster or self._address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {self._address} ({error})") from None
        executor: Executor = self._client.get_executor(pure=False)
        return executor

    def _start_cluster(self) -> LocalCluster:
        try:
            with no_interrupt():
                return LocalCluster(
                    n_workers=self._workers,
                    threads_per_worker=1,
                    processes=True,
                    worker_class=self._nanny,
                    plugins=(_EndsWithItsDriver(),),
                    dashboard_address="127.0.0.1:0",  # no fixed port: another cluster may have it
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )
        except RuntimeError:
            raise InputError("the workers of the Dask cluster do not start; the messages above say why") from None

    @property
    def workers(self) -> int:
        if self._client is not None and self._address and time.monotonic() - self._counted_at > _COUNT_S:
            self._counted_at = time.monotonic()
            with contextlib.suppress(OSError, TimeoutError, ValueError):
                self._workers = max(1, sum(self._client.nthreads().values()))
        return self._workers

    def check(self) -> None:
        if self._client is not None and self._client.status not in ("running", "newly-created"):
            self.stop()
            raise InputError(
                f"the Dask scheduler at {self._address or 'this machine'} is gone; every label that arrived is stored, "
                "run the same command again to go on"
            )

    def _end(self, executor: Executor) -> None:
        self._leave()

    def close(self) -> None:
        super().close()
        self._leave()

    def _leave(self) -> None:
        client, cluster, self._client, self._cluster = self._client, self._cluster, None, None
        for part in (client, cluster):
            if part is not None:
                with contextlib.suppress(OSError, TimeoutError):
                    part.close()
