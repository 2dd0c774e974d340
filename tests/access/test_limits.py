"""How often: what a bucket lets through, whom it counts as one, and what it costs."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator

import pytest
from django.test import override_settings

from chainsite.rate_limit import Limiter
from ledger.access.policy import Policy, Rate, counted_as

from .conftest import NEIGHBOUR, STRANGER, TRANSACTION, From


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_quarter_of_a_minutes_requests_come_at_once_and_the_rest_evenly(clock: Clock) -> None:
    limiter = Limiter(60, clock=clock)
    assert [limiter.take("a") for _ in range(15)] == [0] * 15
    assert limiter.take("a") == pytest.approx(1)
    clock.now += 0.5
    assert limiter.take("a") == pytest.approx(0.5)
    clock.now += 0.5
    assert limiter.take("a") == 0
    assert limiter.take("a") > 0


def test_whoever_waits_as_long_as_told_is_let_through(clock: Clock) -> None:
    dice = random.Random(7)
    limiter = Limiter(7, clock=clock)
    for _ in range(500):
        clock.now += dice.random() * 20
        if wait := limiter.take("a"):
            clock.now += math.ceil(wait)
            assert limiter.take("a") == 0


def test_over_an_hour_nobody_gets_more_than_the_rate_and_the_burst(clock: Clock) -> None:
    limiter = Limiter(20, clock=clock)
    let = 0
    for _ in range(36_000):
        let += limiter.take("a") == 0
        clock.now += 0.1
    assert 1200 <= let <= 1205


def test_one_client_costs_another_nothing(clock: Clock) -> None:
    limiter = Limiter(60, clock=clock)
    while not limiter.take("a"):
        pass
    assert limiter.take("b") == 0


def test_a_clock_that_stands_still_or_a_limit_of_one_are_no_trouble(clock: Clock) -> None:
    limiter = Limiter(1, clock=clock)
    assert limiter.take("a") == 0
    assert limiter.take("a") == pytest.approx(60)


def test_without_a_limit_nothing_is_kept() -> None:
    limiter = Limiter(0)
    assert not any(limiter.take(n) for n in range(1000))
    assert not limiter._buckets


def test_memory_is_bounded_however_many_come() -> None:
    limiter = Limiter(60, clients=100)
    for n in range(5000):
        limiter.take(n)
    assert list(limiter._buckets) == list(range(4900, 5000)), "who was here last is kept"


def test_an_address_is_one_client_and_so_is_a_whole_ipv6_host() -> None:
    assert counted_as("192.168.0.1") != counted_as("192.168.0.2")
    assert counted_as("192.168.0.1") == counted_as("::ffff:192.168.0.1")
    assert counted_as("2001:db8:0:1::1") == counted_as("2001:db8:0:1:ffff::9")
    assert counted_as("2001:db8:0:1::1") != counted_as("2001:db8:0:2::1")
    assert counted_as("0.0.0.1") != counted_as("::1:0:0:0:0")


def test_it_costs_microseconds() -> None:
    limiter, address = Limiter(10**9), "192.168.0.1"
    best = math.inf
    for _ in range(20):
        begun = time.perf_counter()
        for _ in range(100):
            limiter.take(counted_as(address))
        best = min(best, (time.perf_counter() - begun) / 100)
    assert best < 20e-6


def _lesson(pupil: int, dice: random.Random) -> Iterator[tuple[float, Rate]]:
    """When one of the class does what: restless, and all together when the hour begins."""
    for rate, often, at_once in ((Rate.READ, 10, 30), (Rate.WRITE, 20, 5), (Rate.WORK, 30, 2)):
        moment = dice.random() * 5
        for _ in range(at_once):  # “now everybody open the page and send something”
            yield moment, rate
        while (moment := moment + dice.expovariate(1 / often)) < 3600:
            yield moment, rate


def test_an_hours_classroom_of_forty_waits_for_nobody(clock: Clock) -> None:
    dice, limiters = random.Random(40), {}
    for rate, value in Policy.from_settings().rates.items():
        limiters[rate] = Limiter(value, clock=clock)
    events = sorted(
        (moment, pupil, rate.value) for pupil in range(40) for moment, rate in _lesson(pupil, dice)
    )
    refused = 0
    for moment, pupil, rate in events:
        clock.now = 1000 + moment
        refused += limiters[Rate(rate)].take(counted_as(f"192.168.7.{pupil}")) > 0
    assert len(events) > 20_000
    assert refused == 0


@override_settings(NODE_WRITE_RATE=8, NODE_READ_RATE=12, NODE_WORK_RATE=4, NODE_CLASSROOM=["lan"])
async def test_beyond_the_limit_it_is_429_with_when_to_come_back(node: object) -> None:
    client = From(STRANGER)
    for _ in range(2):
        assert await client.status("POST", "/transactions/new", TRANSACTION) == 201
    answer = await client.ask("POST", "/transactions/new", TRANSACTION)
    assert answer.status_code == 429
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert 1 <= int(answer["Retry-After"]) <= 8
    assert f"in {answer['Retry-After']} s" in answer.content.decode()
    assert await client.status("POST", "/nodes/register", "{}") == 429, "the same kind"
    assert await client.status("GET", "/chain") == 200, "reading is another kind"
    other = From(NEIGHBOUR)
    other.handler = client.handler  # the same middleware, another address
    assert await other.status("POST", "/transactions/new", TRANSACTION) == 201
    assert [await other.status("GET", "/mine") for _ in range(2)] == [200, 429]
    assert await other.status("GET", "/nodes/resolve") == 429


@override_settings(NODE_READ_RATE=12)
async def test_a_page_beyond_the_limit_is_a_sentence_and_no_page(node: object) -> None:
    client = From(STRANGER)
    html = {"Accept": "text/html"}
    assert [await client.status("GET", "/kiosk", **html) for _ in range(3)] == [200] * 3
    answer = await client.ask("GET", "/kiosk", **html)
    assert (answer.status_code, answer["Content-Type"]) == (429, "text/plain; charset=utf-8")
    script = await client.ask("GET", "/kiosk", Accept="application/json")
    assert "Too many requests" in script.json()["message"]
    shared = await client.ask("GET", "/chain", Origin="https://elsewhere.example")
    assert shared.status_code == 429
    assert shared["Access-Control-Allow-Origin"] == "*", "a page there may read when to come back"


@override_settings(NODE_READ_RATE=4, NODE_WRITE_RATE=4, NODE_WORK_RATE=4)
async def test_this_machine_is_not_counted(node: object) -> None:
    client = From()
    for _ in range(5):
        assert await client.status("GET", "/chain") == 200
        assert await client.status("POST", "/transactions/new", TRANSACTION) == 201
        assert await client.status("GET", "/mine") == 200
