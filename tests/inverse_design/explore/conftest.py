"""The page served to this machine, by a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from inverse_design.explore.atlas import Atlas
from inverse_design.explore.simulations import Simulations
from simulation import Engine
from tests.inverse_design.explore.stand_ins import atlas, atlas_of_run

pytest.importorskip("bokeh", reason="Bokeh is not installed")
from inverse_design.explore.server import Explorer


@contextlib.contextmanager
def served(of: Atlas, folder: Path) -> Iterator[Explorer]:
    """A server in a thread; simulations in another: a process would import everything anew."""
    ready, made = threading.Event(), list[Explorer]()

    def run() -> None:
        asyncio.set_event_loop(asyncio.new_event_loop())
        try:
            made.append(Explorer(of, folder, simulations))
        finally:
            ready.set()
        made[0].run()
        made[0].close()
        made[0].loop.close(all_fds=True)  # as the end of a process closes its connections

    with Simulations(Engine(lambda: ThreadPoolExecutor(1), 1)) as simulations:
        thread = threading.Thread(target=run)
        thread.start()
        ready.wait()
        yield made[0]
        made[0].loop.add_callback(made[0].loop.stop)
        thread.join()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("run") / "explored"


@pytest.fixture(scope="module")
def explorer(folder: Path) -> Iterator[Explorer]:
    """The page of a run."""
    atlas()
    with served(atlas_of_run(folder.parent), folder) as one:
        yield one
