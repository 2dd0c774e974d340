"""A WebSocket opens for pages of this very origin and for programs; nobody else's page gets one."""

from __future__ import annotations

import pytest

from .wire import handshake


def _status(served, host, origin, path="/ws/"):
    host = host.replace("PORT", str(served.port)) if host is not None else None
    origin = origin.replace("PORT", str(served.port)) if origin is not None else None
    status, connection = handshake(served, host=host, origin=origin, path=path)
    connection.close()
    return status


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:PORT", "http://127.0.0.1:PORT"),
        ("localhost:PORT", "http://localhost:PORT"),
        ("LOCALHOST:PORT", "http://LOCALHOST:PORT"),
        ("[::1]:PORT", "http://[::1]:PORT"),
        ("classroom.localhost:PORT", "http://classroom.localhost:PORT"),
        ("localhost:PORT", None),  # a program: browsers always say where a page is from
    ],
)
def test_our_own_pages_and_programs_are_let_in(served, host, origin):
    assert _status(served, host, origin) == 101


@pytest.mark.parametrize(
    "origin",
    [
        "http://localhost:1",
        "http://localhost",
        "https://localhost:PORT",
        "ws://localhost:PORT",
        "http://127.0.0.1:PORT",  # the same node by another name is another origin
        "http://evil.example",
        "http://evil.example:PORT",
        "http://localhost:PORT.evil.example",
        "http://localhost.evil.example:PORT",
        "http://localhost:PORT@evil.example",
        "http://evil.example@localhost:PORT",
        "http://localhost.:PORT",
        "http://LOCALHOST:PORT",
        "HTTP://localhost:PORT",
        "http://localhost:PORT/",
        "http://localhost:0PORT",
        "http://localhost:PORT http://evil.example",
        "http://evil.example, http://localhost:PORT",
        "null",
        "file://",
        "",
    ],
)
def test_pages_from_elsewhere_are_not(served, origin):
    # 400 is the WebSocket library's own answer to what is no origin at all.
    assert _status(served, "localhost:PORT", origin) in (403, 400)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:PORT",
        "localhost.evil.example:PORT",
        "localhost@evil.example:PORT",
        "localhost:PORT, evil.example",
        "*",
        "[::2]:PORT",
    ],
)
def test_a_name_that_is_not_ours_is_refused_even_to_its_own_pages(served, host):
    """DNS rebinding: their name, pointed at this machine, makes their page same-origin."""
    assert _status(served, host, f"http://{host}") in (403, 400)
    assert _status(served, host, None) in (403, 400)


def test_a_request_without_a_host_is_refused(served):
    assert _status(served, None, None) in (400, 403)


@pytest.mark.parametrize("path", ["/", "/ws/more", "/wss/", "/mine", "/%77s/../x"])
def test_there_is_no_other_socket(served, path):
    assert _status(served, "localhost:PORT", "http://localhost:PORT", path) == 403
    assert "Traceback" not in served.text


def test_the_path_may_leave_out_its_slash(served):
    assert _status(served, "localhost:PORT", "http://localhost:PORT", "/ws") == 101
