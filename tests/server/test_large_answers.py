"""Clients that ask for the whole chain and do not read it."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.live.wire import resident_bytes
from tests.processes import NodeProcess

from .conftest import WRITE_DEADLINE
from .hostile import CHAIN_BYTES, MEGABYTE, connect, connections_of, many, read_to_end, until

READERS = 30
ASK = b"GET /chain HTTP/1.1\r\nHost: localhost\r\n\r\n"
SMALL = 4096

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="measures by /proc")


def test_30_clients_that_never_read_cost_little_and_keep_nobody_waiting(
    target: NodeProcess,
) -> None:
    assert len(target.get("/chain").content) > CHAIN_BYTES
    before = most = resident_bytes(target)
    with many(target, READERS, buffer=SMALL) as clients:
        for client in clients:
            client.sendall(ASK)
        for path in ("/chain", "/", "/chain"):
            begun = time.monotonic()
            answer = target.get(path)
            assert answer.status_code == 200, answer.text
            assert time.monotonic() - begun < 5
            assert path != "/chain" or len(answer.content) > CHAIN_BYTES
            most = max(most, resident_bytes(target))
        time.sleep(WRITE_DEADLINE)
        most = max(most, resident_bytes(target))
        ends = [read_to_end(client) for client in clients]
    assert most - before < 100 * MEGABYTE, f"{(most - before) / MEGABYTE:.1f} MB more"
    whole = [count for _, count, _ in ends if count > CHAIN_BYTES]
    refused = [first for first, _, _ in ends if first.startswith(b"HTTP/1.1 503 ")]
    cut_off = [first for first, _, was_cut in ends if was_cut]
    assert len(cut_off) >= 4, "some were sent a part, and lost their turn"
    assert refused
    assert all(b"Retry-After: 5\r\n" in first for first in refused)
    assert len(whole) < READERS / 3, "nearly all gave up in vain"


def test_those_that_read_a_byte_now_and_then_are_cut_off(target: NodeProcess) -> None:
    with many(target, 4, buffer=SMALL) as clients:
        for client in clients:
            client.sendall(ASK)
        begun, taken = time.monotonic(), 0
        while time.monotonic() - begun < WRITE_DEADLINE * 2:
            for client in clients:
                taken += len(client.recv(1))
            time.sleep(0.1)
        assert taken > 4 * 20
        for client in clients:
            _, count, cut_off = read_to_end(client)
            assert cut_off
            assert count < CHAIN_BYTES


def test_those_that_read_are_all_served_whoever_they_are(target: NodeProcess) -> None:
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: target.get("/chain"), range(24)))
    assert {answer.status_code for answer in answers} == {200}
    assert {len(answer.content) for answer in answers} == {len(answers[0].content)}


def test_one_that_hangs_up_while_it_waits_leaves_no_turn_taken(target: NodeProcess) -> None:
    with many(target, 4, buffer=SMALL) as clients:
        for client in clients:
            client.sendall(ASK)
        for _ in range(8):
            with connect(target, buffer=SMALL) as hasty:
                hasty.sendall(ASK)
                time.sleep(0.02)
    until(lambda: target.get("/chain").status_code == 200, 5)


def test_a_client_that_goes_on_asking_and_takes_no_answer_is_dropped(target: NodeProcess) -> None:
    """Neither its requests nor their answers, each of them small, pile up until then."""
    assert target.get("/block/2").status_code == 200  # the first time costs more, whoever asks
    until(lambda: connections_of(target) == 0)
    before = resident_bytes(target)
    with connect(target, buffer=SMALL) as client:
        requests, sent = b"GET /block/2 HTTP/1.1\r\nHost: localhost\r\n\r\n" * 1000, 0
        client.settimeout(1)
        try:
            while sent < 50 * MEGABYTE:
                sent += client.send(requests)
        except (TimeoutError, ConnectionError):
            pass  # it takes no more
        assert MEGABYTE / 10 < sent < 50 * MEGABYTE
        until(lambda: connections_of(target) == 0, 15)
    assert resident_bytes(target) - before < 10 * MEGABYTE


def test_what_it_says_while_it_takes_nothing_is_not_kept(target: NodeProcess) -> None:
    until(lambda: connections_of(target) == 0)
    before = most = resident_bytes(target)
    with connect(target, buffer=SMALL) as client:
        client.sendall(ASK)
        client.settimeout(0.2)
        time.sleep(WRITE_DEADLINE / 4)  # the answer fills the socket before more is said
        sent, begun = 0, time.monotonic()
        while time.monotonic() - begun < WRITE_DEADLINE / 2:
            try:
                sent += client.send(bytes(MEGABYTE))
            except TimeoutError:
                continue
            assert sent < 100 * MEGABYTE
        most = resident_bytes(target)
        assert connections_of(target) == 1, "it was cut off already"
    assert most - before < 10 * MEGABYTE
