"""Lost connections and full nodes: asked again where that is safe, and not for ever."""

from __future__ import annotations

import socket
import time
from http.server import BaseHTTPRequestHandler

import pytest

from ledger.client import Client, Problem, Unreachable, asking
from ledger.client.problems import seconds

from .conftest import Between, hang_up, reply


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_FIRST_WAIT", 0.02)


def overloaded(to: BaseHTTPRequestHandler) -> None:
    body = b'{"type": "/api/problems/overloaded", "title": "Too much", "status": 503}'
    reply(to, 503, body, Content_Type="application/problem+json", Retry_After="1")


def test_a_transaction_whose_answer_is_lost_is_sent_again_and_added_once(
    client: Client, between: Between
) -> None:
    before = client.pool()["count"]
    between.faults = [hang_up, hang_up]
    taken = Client(between.url).submit("eve", "dan", 5)
    keys = {key for _, _, key in between.seen}
    assert len(between.seen) == 3
    assert len(keys) == 1
    assert keys != {None}
    assert client.pool()["count"] == before + 1
    assert client.transaction(taken["id"])["state"] == "pending"


def test_one_key_is_one_transaction_also_for_another_client(
    client: Client, between: Between
) -> None:
    first = client.submit("eve", "dan", 6, idempotency_key="mine-1")
    assert Client(between.url).submit("eve", "dan", 6, idempotency_key="mine-1") == first
    with pytest.raises(Problem) as refused:
        client.submit("eve", "dan", 7, idempotency_key="mine-1")
    assert refused.value.name == "key-reused"


def test_a_full_node_is_given_the_time_it_asks_for(between: Between) -> None:
    between.faults = [overloaded]
    begun = time.monotonic()
    assert Client(between.url).node()["software"] == "chainsite"
    assert time.monotonic() - begun >= 1
    assert len(between.seen) == 2


def test_patience_ends(between: Between) -> None:
    between.faults = [overloaded] * 9
    with pytest.raises(Problem) as refused:
        Client(between.url, patience=0.5).node()
    assert (refused.value.status, refused.value.retry_after) == (503, 1)
    assert len(between.seen) == 1, "it would have had to wait for longer than it may"
    between.faults, between.seen = [hang_up] * 99, []
    begun = time.monotonic()
    with pytest.raises(Unreachable):
        Client(between.url, patience=0.3).node()
    assert time.monotonic() - begun < 5
    assert len(between.seen) > 1


def test_what_might_be_done_twice_is_not_asked_again(between: Between) -> None:
    between.faults = [hang_up]
    with pytest.raises(Unreachable):
        Client(between.url).submit_block("…", 1)
    assert len(between.seen) == 1
    between.faults, between.seen = [overloaded], []
    Client(between.url).mine()  # here the node said that nothing was done
    assert len(between.seen) == 2


def test_a_redirect_is_not_followed_and_its_body_is_bounded_too(
    between: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = {"Location": f"{between.url}/api/v1/node"}
    between.faults = [lambda to: reply(to, 307, b" " * 100_000, **elsewhere)]
    with pytest.raises(Problem, match="It answered 307"):
        Client(between.url, token="secret").node()
    assert len(between.seen) == 1
    monkeypatch.setattr(asking, "_LARGEST", 1000)
    between.faults = [lambda to: reply(to, 307, b" " * 100_000, **elsewhere)]
    with pytest.raises(Problem, match="more than 1000 bytes"):
        Client(between.url).node()


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b"[" * 100_000])
def test_what_is_no_node_is_a_problem(between: Between, body: bytes) -> None:
    between.faults = [lambda to: reply(to, 200, body)]
    with pytest.raises(Problem, match="no answer of a node"):
        Client(between.url).node()


def test_an_answer_without_end_is_left(between: Between, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "_LARGEST", 1000)
    between.faults = [lambda to: reply(to, 200, b" " * 100_000)]
    with pytest.raises(Problem, match="more than 1000 bytes"):
        Client(between.url).node()


def test_a_silent_node_is_given_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        with pytest.raises(Unreachable, match="in time"):
            Client(f"127.0.0.1:{port}", timeout=0.2, patience=0).node()


def test_a_token_that_no_header_can_have_is_a_problem_and_not_waited_for(between: Between) -> None:
    with pytest.raises(Problem, match="header") as refused:
        Client(between.url, token="a\nb").node()
    assert not isinstance(refused.value, Unreachable)


def test_retry_after_is_seconds_or_a_date() -> None:
    assert (seconds("7"), seconds("9" * 400)) == (7, 3600)
    assert seconds("Wed, 21 Oct 2015 07:28:00 GMT") == 0
    assert seconds("soon") is seconds("") is seconds("Wed, 21 Oct 2015 07:28:00 -0000") is None
