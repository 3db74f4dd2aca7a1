"""The server of the page: on this machine alone, and only for who knows the address.

It listens on 127.0.0.1. The address holds a token of 256 random bits as its first folder; page, websocket and Bokeh's
own files lie below it, and there is nothing beside it. Each visit has a session of its own.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import secrets
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bokeh.document import Document
from bokeh.server.server import BaseServer
from bokeh.server.tornado import BokehTornado
from bokeh.server.util import bind_sockets
from tornado.httpserver import HTTPServer
from tornado.httputil import HTTPHeaders
from tornado.ioloop import IOLoop
from tornado.web import OutputTransform

from inverse_design.explore.atlas import Atlas
from inverse_design.explore.page import Page
from inverse_design.explore.simulations import Simulations
from simulation.errors import InputError

HOST = "127.0.0.1"
MOST_MESSAGE = 4 * 2**20
"""Bytes of one message of a browser: a page sends some hundred."""


HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            "script-src 'self' 'unsafe-inline'",
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self' ws://127.0.0.1:*",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""Of every answer: a browser runs nothing of others, tells nobody the address, and keeps nothing."""


class Headers(OutputTransform):
    """Adds `HEADERS`."""

    def transform_first_chunk(
        self, status_code: int, headers: HTTPHeaders, chunk: bytes, finishing: bool
    ) -> tuple[int, HTTPHeaders, bytes]:
        for name, value in HEADERS.items():
            headers[name] = value
        return status_code, headers, chunk


class Explorer:
    """The running server.

    Args:
        atlas: the map.
        folder: where files are saved.
        port: to listen on; any free one if 0.
        loop: of Tornado; the current one unless given.
        simulations: the workers.

    Raises:
        InputError: if nothing can listen on the port.
    """

    def __init__(self, atlas: Atlas, folder: Path, simulations: Simulations, port: int = 0) -> None:
        self.token = secrets.token_urlsafe(32)
        self._background = ThreadPoolExecutor(1, thread_name_prefix="find")
        try:
            sockets, self.port = bind_sockets(HOST, port)
        except OSError as error:
            why = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
            raise InputError(f"--port {port}: cannot be opened ({why}); name another, or 0 for any") from None

        def open_page(doc: Document) -> None:
            Page(doc, atlas, simulations, self._background, folder)

        application = BokehTornado(
            {"/": open_page}, prefix=self.token, extra_websocket_origins=[f"{HOST}:{self.port}"], ico_path="none",
            websocket_max_message_size_bytes=MOST_MESSAGE, exclude_headers=["Cookie"],
        )  # fmt: skip
        application.add_transform(Headers)
        http = HTTPServer(application)
        http.add_sockets(sockets)
        self.loop = IOLoop.current()
        self._server = BaseServer(self.loop, application, http)
        self._server.start()

    @property
    def address(self) -> str:
        """What to open."""
        return f"http://{HOST}:{self.port}/{self.token}"

    def run(self) -> None:
        """Serve until Ctrl-C, or until the loop is stopped."""
        before = None
        if threading.current_thread() is threading.main_thread():
            # Not as an exception: raised in a callback of the garbage collector it would be printed and forgotten.
            before = signal.signal(signal.SIGINT, lambda number, frame: self.loop.add_callback(self.loop.stop))
        try:
            with contextlib.suppress(KeyboardInterrupt):
                self.loop.start()
        finally:
            if before is not None:
                signal.signal(signal.SIGINT, before)

    def close(self) -> None:
        """Leave the port; pages that are open say that the connection is lost."""
        self._server.stop()
        self._background.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def serving(atlas: Atlas, folder: Path, port: int = 0) -> Iterator[Explorer]:
    """A server and its worker, both gone when the block ends."""
    for name in ("bokeh", "tornado"):  # they tell of every page that is opened
        logging.getLogger(name).setLevel(logging.ERROR)
    with Simulations() as simulations:
        explorer = Explorer(atlas, folder, simulations, port)
        try:
            simulations.warm_up(atlas.conditions)
            yield explorer
        finally:
            explorer.close()


def explore(atlas: Atlas, folder: Path, port: int, say: Callable[[str], object]) -> None:
    """Serve the page of an atlas until Ctrl-C; says its address."""
    with serving(atlas, folder, port) as explorer:
        say(f"open {explorer.address}\nthe address is the key: who has it can use the page; Ctrl-C ends it")
        explorer.run()
    say("closed")
