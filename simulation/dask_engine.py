"""Simulations on the workers of a Dask cluster."""

from __future__ import annotations

import contextlib
import logging
import time
from concurrent.futures import Executor

from distributed import Client, KilledWorker, LocalCluster

from simulation.errors import InputError
from simulation.workplace import Engine, no_interrupt

_CONNECT_S = 10
_COUNT_S = 10.0
_LOGGERS = ("distributed", "distributed.client", "distributed.scheduler", "tornado.application")


class DaskEngine(Engine):
    """The workers of a scheduler at an address, or of a cluster of one-threaded processes on this machine.

    Dask itself does the jobs of a dead worker again; workers may come and go while a job runs.

    Args:
        address: such as "tcp://host:8786"; None starts a cluster here, open to this machine only.
        workers: of the cluster that is started here; with an address, as many as the scheduler has.
    """

    losses = (*Engine.losses, KilledWorker)

    def __init__(self, address: str | None, workers: int) -> None:
        super().__init__(self._connect, workers)
        self._address = address
        self._client: Client | None = None
        self._cluster: LocalCluster | None = None
        self._counted_at = float("-inf")

    def _connect(self) -> Executor:
        for name in _LOGGERS:  # tracebacks of every connection that ends; a user gets our sentences instead
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if self._address is None:
            with no_interrupt():
                self._cluster = LocalCluster(
                    n_workers=self._workers,
                    threads_per_worker=1,
                    processes=True,
                    dashboard_address="127.0.0.1:0",  # no fixed port: another cluster may have it
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )
        try:
            self._client = Client(self._cluster or self._address, timeout=_CONNECT_S, set_as_default=False)
        except (OSError, TimeoutError, ValueError) as error:
            raise InputError(f"no Dask scheduler answers at {self._address} ({error})") from None
        executor: Executor = self._client.get_executor(pure=False)
        return executor

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
