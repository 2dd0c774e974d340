"""Behind a reverse proxy: nobody is local, and only what our own proxies say is believed."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import override_settings

from chainsite.proxies import BehindProxies
from ledger.access.policy import Policy

from .conftest import TRANSACTION, From

PROXIES = ["127.0.0.1", "10.0.0.0/24"]


async def told(client: str | None, kind: str = "http", **headers: str) -> dict[str, Any]:
    """What the application sees of a connection from `client`."""
    seen: list[dict[str, Any]] = []

    async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
        seen.append(scope)

    with override_settings(NODE_TRUSTED_PROXIES=PROXIES):
        behind = BehindProxies(application, Policy.from_settings())
    named = [(n.replace("_", "-").lower().encode(), v.encode()) for n, v in headers.items()]
    scope = {
        "type": kind,
        "scheme": "http" if kind == "http" else "ws",
        "client": (client, 5) if client else None,
        "headers": named,
    }
    await behind(scope, None, None)
    return seen[0]


@pytest.mark.parametrize(
    ("client", "header", "address"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "127.0.0.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("10.0.0.7", " 2001:db8::1 ,10.0.0.9", "2001:db8::1"),
        ("127.0.0.1", "203.0.113.9, nonsense", "127.0.0.1"),
        ("127.0.0.1", "203.0.113.9, 192.0.2.1:80", "127.0.0.1"),
        ("127.0.0.1", "127.0.0.1", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("192.0.2.9", "203.0.113.9", "192.0.2.9"),
        ("10.0.1.7", "127.0.0.1", "10.0.1.7"),
    ],
)
async def test_the_last_address_that_is_no_proxy_of_ours_is_the_visitors(
    client: str, header: str, address: str
) -> None:
    for kind in ("http", "websocket"):
        scope = await told(client, kind, X_Forwarded_For=header)
        assert scope["client"][0] == address


async def test_the_scheme_is_what_the_nearest_proxy_says() -> None:
    both = {"X_Forwarded_For": "203.0.113.9", "X_Forwarded_Proto": "https"}
    assert (await told("127.0.0.1", **both))["scheme"] == "https"
    assert (await told("127.0.0.1", "websocket", **both))["scheme"] == "wss"
    assert (await told("192.0.2.9", **both))["scheme"] == "http"
    both["X_Forwarded_Proto"] = "https, http"
    assert (await told("127.0.0.1", **both))["scheme"] == "http"


async def test_a_connection_without_an_address_is_passed_on_as_it_is() -> None:
    assert (await told(None, X_Forwarded_For="127.0.0.1"))["client"] is None
    assert (await told("127.0.0.1", "lifespan"))["client"] == ("127.0.0.1", 5)


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Real-IP", "Forwarded", "Via"],
)
async def test_what_somebody_passed_on_is_not_from_this_machine(node: object, header: str) -> None:
    """A proxy on this machine that no setting names: all it serves would be local."""
    assert await From().status("GET", "/mine", **{header: "127.0.0.1"}) == 401
    assert await From().status("POST", "/transactions/new", TRANSACTION, **{header: "x"}) == 201


@override_settings(NODE_TRUSTED_PROXIES=["127.0.0.1"])
async def test_from_a_proxys_address_nobody_is_local_even_if_it_says_nothing(node: object) -> None:
    assert await From().status("GET", "/mine") == 401
    assert await From("::1").status("GET", "/mine") == 200
