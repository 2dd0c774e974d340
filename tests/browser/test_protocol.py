"""What the page makes of frames, whatever a server sends: the server is played by the test."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import expect

from .reading import news, news_numbers, wait_until_live

TOO_SLOW = 4008


class Server:
    """Takes the page's sockets, one after the other."""

    def __init__(self):
        self.sockets = []

    def install(self, page):
        page.route_web_socket("**/ws/**", lambda socket: self.sockets.append(socket))

    def asked(self):
        """Of each socket, the event it said it knows."""
        queries = [parse_qs(urlsplit(socket.url).query) for socket in self.sockets]
        return [int(query["after"][0]) for query in queries]

    def send(self, kind, seq=None, **data):
        frame = {"kind": kind, "data": data, "at": "2026-11-22T12:00:00+00:00"}
        if seq is not None:
            frame["seq"] = seq
        self.sockets[-1].send(json.dumps(frame))


@pytest.fixture
def server():
    return Server()


@pytest.fixture
def page(visit, shared_node, server):
    page = visit(shared_node, server.install).page
    expect(page.locator("#connection")).to_have_attribute("data-state", "connecting")
    return page


def test_an_event_that_comes_twice_or_late_is_shown_once_and_in_order(page, server):
    (seq,) = server.asked()
    server.send("resumed", seq)
    wait_until_live(page)
    for number in (1, 2, 2, 1, 4, 3, 4, 5, 0):
        server.send("peer", seq + number, address=f"p{number}:1")
    expect(page.locator("#news .who").first).to_have_text("p5:1")

    assert news_numbers(page)[:4] == [seq + number for number in (5, 4, 2, 1)]
    assert news(page)[:2] == ["Registered the peer p5:1", "Registered the peer p4:1"]


def test_who_was_too_slow_comes_back_at_once_with_its_number(page, server):
    (seq,) = server.asked()
    server.send("resumed", seq)
    server.send("peer", seq + 7, address="p:1")
    expect(page.locator("#news .who").first).to_have_text("p:1")
    server.sockets[-1].close(code=TOO_SLOW)
    page.wait_for_timeout(400)  # less than the shortest wait

    assert server.asked() == [seq, seq + 7]


def test_a_server_that_always_finds_it_too_slow_is_not_besieged(page, server):
    server.sockets[-1].close(code=TOO_SLOW)
    page.wait_for_timeout(400)
    assert len(server.sockets) == 2
    server.send("resumed", server.asked()[-1])
    wait_until_live(page)
    server.sockets[-1].close(code=TOO_SLOW)
    page.wait_for_timeout(400)

    assert len(server.sockets) == 2
    expect(page.locator("#connection")).to_have_attribute("data-state", "waiting")


def test_a_kind_that_a_later_server_may_send_does_no_harm(page, server):
    (seq,) = server.asked()
    server.send("resumed", seq)
    server.send("something-new", seq + 1, x=1)
    server.send("peer", seq + 2, address="p:1")

    expect(page.locator("#news .who").first).to_have_text("p:1")
    server.send("beat", seq + 2)
    wait_until_live(page)
