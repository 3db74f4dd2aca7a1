"""Who sees the page: nobody without the token in its address, nobody from elsewhere."""

from __future__ import annotations

import http.client
import re
import socket

import pytest

from inverse_design.explore.server import HOST, Explorer

WEBSOCKET = {
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA==",
    "Sec-WebSocket-Protocol": "bokeh, token",
}


def answer(explorer: Explorer, path: str, method: str = "GET", **headers: str) -> tuple[int, str, dict[str, str]]:
    connection = http.client.HTTPConnection(HOST, explorer.port, timeout=20)
    try:
        connection.request(method, path, headers={name.replace("_", "-"): value for name, value in headers.items()})
        found = connection.getresponse()
        body = "" if found.status == 101 else found.read().decode(errors="replace")
        return found.status, body, dict(found.getheaders())
    finally:
        connection.close()


def paths(token: str) -> list[str]:
    pages = [f"/{token}{end}" for end in ("", "/", "/ws", "/autoload.js", "/metadata", "/static/js/bokeh.min.js")]
    return [*pages, "/", "/ws", "/static/js/bokeh.min.js", "/index.html", "//", "/..", "/%2e%2e/"]


def test_a_missing_or_wrong_token_sees_nothing(explorer: Explorer) -> None:
    right = explorer.token
    for token in ("x", right[:-1], right + "A", right.swapcase(), right[::-1], f"../{right}x"):
        for path in paths(token):
            status, body, _ = answer(explorer, path)
            assert status in (400, 403, 404), path
            assert right not in body
            assert "a-run" not in body
            status, body, _ = answer(explorer, path, **WEBSOCKET, Origin=f"http://{HOST}:{explorer.port}")
            assert status in (400, 403, 404), path


def test_each_server_has_a_token_of_256_bits_of_its_own(explorer: Explorer) -> None:
    assert re.fullmatch(r"[A-Za-z0-9_-]{43}", explorer.token)
    assert explorer.address == f"http://127.0.0.1:{explorer.port}/{explorer.token}"


def test_the_right_token_sees_the_page_which_needs_nothing_from_elsewhere(explorer: Explorer) -> None:
    status, body, headers = answer(explorer, f"/{explorer.token}")
    assert status == 200
    assert "a-run" in body
    scripts = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', body)
    assert scripts
    ours = (f"{explorer.token}/static/", f"/{explorer.token}/static/", "static/", "data:")
    assert all(one.startswith(ours) for one in scripts), scripts
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "unsafe-eval" not in headers["Content-Security-Policy"]
    assert (headers["Referrer-Policy"], headers["Cache-Control"]) == ("no-referrer", "no-store")


def test_a_page_of_elsewhere_gets_no_websocket(explorer: Explorer) -> None:
    """Even one that knows the address."""
    for origin in ("http://evil.example", f"http://evil.example:{explorer.port}", "null", f"http://{HOST}:1"):
        status, _, _ = answer(explorer, f"/{explorer.token}/ws", **WEBSOCKET, Origin=origin)
        assert status == 403, origin


def test_it_listens_on_this_machine_alone(explorer: Explorer) -> None:
    others = {info[4][0] for info in socket.getaddrinfo(socket.gethostname(), None, socket.AF_INET)} - {HOST}
    for address in [*others, "127.0.0.2"]:
        with pytest.raises(OSError, match=r"refused|timed out|unreachable"):
            socket.create_connection((str(address), explorer.port), timeout=2).close()
