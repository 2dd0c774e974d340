"""Every way into the site has a rule; what has none is closed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from channels.security.websocket import WebsocketDenier
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpResponse
from django.test import override_settings
from django.urls import URLPattern, get_resolver, path

from ledger.access.policy import (
    ACTS,
    OPERATE,
    RULES,
    Grant,
    Place,
    Policy,
    Rate,
    rule_of,
)
from ledger.live.routing import websocket_urlpatterns

from .conftest import NEIGHBOUR, STRANGER, From


def _routes(patterns: list[object], namespace: str = "") -> Iterator[str]:
    for pattern in patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name}"
        else:
            inner = f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace
            yield from _routes(pattern.url_patterns, inner)


ROUTES = sorted(set(_routes(get_resolver().url_patterns)))


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_has_a_rule_in_ledger_access_policy(route: str) -> None:
    assert rule_of(route).act is not OPERATE, (
        f"{route} has no rule: it is closed to all but the operator until RULES names it"
    )


def test_a_rule_is_for_a_route_that_is_there() -> None:
    sockets = {pattern.name for pattern in websocket_urlpatterns}
    namespaces = {f"{route.partition(':')[0]}:*" for route in ROUTES if ":" in route}
    assert set(RULES) <= {*ROUTES, *namespaces, *sockets}


def test_a_socket_has_a_rule_or_is_refused() -> None:
    for pattern in websocket_urlpatterns:
        if pattern.name is None:
            assert pattern.callback.consumer_class is WebsocketDenier
        else:
            assert pattern.name in RULES


def test_acts_have_names_of_their_own_and_say_why() -> None:
    assert len({act.name for act in ACTS}) == len(ACTS)
    assert all(act.what and act.why.endswith(".") for act in ACTS)


@pytest.mark.parametrize("rule", RULES.values())
def test_only_what_every_visitor_may_read_is_shared_with_other_sites(rule: object) -> None:
    if rule.shared:
        reading = rule.asks_for("GET")
        assert {reading.classroom, reading.elsewhere} == {Grant.EVERYBODY}
        assert not rule.get_acts


async def forgotten(request: object) -> HttpResponse:
    return HttpResponse("done")


urlpatterns = [path("forgotten", forgotten, name="forgotten")]


@override_settings(ROOT_URLCONF=__name__)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "DELETE"])
async def test_what_nobody_thought_about_is_the_operators(node: object, method: str) -> None:
    assert await From().status(method, "/forgotten") == 200
    for address in (NEIGHBOUR, STRANGER):
        assert await From(address).status(method, "/forgotten") == 401


POLICY = {"NODE_CLASSROOM": ["192.168.0.0/16", "fd00::/8"], "NODE_TRUSTED_PROXIES": ["10.0.0.1"]}


@pytest.mark.parametrize(
    ("address", "place"),
    [
        ("127.0.0.1", Place.MACHINE),
        ("127.9.9.9", Place.MACHINE),
        ("::1", Place.MACHINE),
        ("::ffff:127.0.0.1", Place.MACHINE),
        ("192.168.1.1", Place.CLASSROOM),
        ("::ffff:192.168.1.1", Place.CLASSROOM),
        ("fd00::5", Place.CLASSROOM),
        ("172.16.0.1", Place.ELSEWHERE),
        ("203.0.113.9", Place.ELSEWHERE),
        ("0.0.0.0", Place.ELSEWHERE),
        ("::", Place.ELSEWHERE),
        ("::127.0.0.1", Place.ELSEWHERE),
        ("64:ff9b::7f00:1", Place.ELSEWHERE),
        ("2002:7f00:1::", Place.ELSEWHERE),
        ("localhost", Place.ELSEWHERE),
        ("127.1", Place.ELSEWHERE),
        ("2130706433", Place.ELSEWHERE),
        ("", Place.ELSEWHERE),
    ],
)
def test_a_place_is_told_by_the_address_of_the_connection(address: str, place: Place) -> None:
    with override_settings(**POLICY):
        policy = Policy.from_settings()
    assert policy.place(address, forwarded=False) is place
    assert policy.place(address, forwarded=True) is not Place.MACHINE


def test_lan_stands_for_the_networks_that_stay_inside() -> None:
    with override_settings(NODE_CLASSROOM=["lan", "203.0.113.0/24"]):
        policy = Policy.from_settings()
    inside = ["10.1.2.3", "172.31.0.1", "192.168.0.1", "169.254.3.4", "100.64.0.1", "fe80::1%eth0"]
    for address in [*inside, "203.0.113.9"]:
        assert policy.place(address, forwarded=False) is Place.CLASSROOM, address
    for address in ("8.8.8.8", "172.32.0.1", "2001:db8::1"):
        assert policy.place(address, forwarded=False) is Place.ELSEWHERE, address


@pytest.mark.parametrize(
    ("setting", "value", "name"),
    [
        ("NODE_CLASSROOM", ["lann"], "CHAINSITE_CLASSROOM"),
        ("NODE_CLASSROOM", ["10.0.0.1/8"], "CHAINSITE_CLASSROOM"),
        ("NODE_TRUSTED_PROXIES", ["nginx"], "CHAINSITE_TRUSTED_PROXIES"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(setting: str, value: object, name: str) -> None:
    with override_settings(**{setting: value}), pytest.raises(ImproperlyConfigured, match=name):
        Policy.from_settings()


def test_each_kind_of_limit_is_a_setting() -> None:
    with override_settings(NODE_READ_RATE=1, NODE_WRITE_RATE=2, NODE_WORK_RATE=3):
        rates = Policy.from_settings().rates
    assert rates == {Rate.READ: 1, Rate.WRITE: 2, Rate.WORK: 3}
