"""Redis stops, hangs and comes back: nobody waits for it, and pages are right all the same."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable

import pytest
import requests

from deploy.local import Part, Topology

from .clients import Listener, Site
from .conftest import Begin
from .watching import newest, token, wait_until, webs

REQUESTS = 100
ROUNDS = 3
RISE = 0.05  # seconds, of the slowest in a hundred
BY_THE_CLOCK = 2.0
RIGHT_AGAIN = 5.0


def answers(redis: Part, topology: Topology) -> bool:
    """Whether Redis itself answers, within a moment."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(0.3)
        try:
            one.connect(f"{topology.folder}/redis.sock")
            one.sendall(b"PING\r\n")
            return one.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


def number(part: Part, name: str, key: str) -> float:
    """One of the process's own metrics."""
    headers = {"Authorization": f"Bearer {key}"}
    text = requests.get(f"{part.url}/metrics", headers=headers, timeout=10).text
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


class Latency:
    """Requests through nginx, and how long the slowest in a hundred took in the best of rounds:
    what hangs is slow each time, a busy machine now and then."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sent = 0

    def p99(self) -> float:
        rounds = []
        for _ in range(ROUNDS):
            self._site.seconds.clear()
            for _ in range(REQUESTS // 2):
                self._sent += 1
                value = {"sender": "a", "recipient": f"{self._sent}", "amount": 1}
                assert self._site.ask("/transactions/new", value)[0] == 201
                assert self._site.ask("/?as=json")[0] == 200
            rounds.append(sorted(self._site.seconds)[-2])
        return min(rounds)


def hang(redis: Part) -> None:
    redis.signal(signal.SIGSTOP)


@pytest.mark.parametrize("stop", [hang, Part.kill], ids=["hangs", "is killed"])
def test_no_request_fails_or_waits_and_sockets_hear_of_all(
    begin: Begin, stop: Callable[[Part], None]
) -> None:
    topology = begin(database="sqlite", workers=1)
    redis, key = topology.parts["redis"], token(topology)
    site = Site(topology.url, key)
    latency = Latency(site)
    listeners = [Listener(part.url) for part in webs(topology)]
    web = webs(topology)[0]
    wait_until(lambda: number(web, "chainsite_wakeups_connected", key) == 1)
    before = latency.p99()

    assert answers(redis, topology)
    stop(redis)
    assert not answers(redis, topology), "it did stop"
    during = latency.p99()
    assert site.ask("/mine")[0] == 200
    for listener in listeners:
        listener.wait_for(newest(topology), BY_THE_CLOCK)
    wait_until(lambda: number(web, "chainsite_wakeup_failures_total", key) > 0)
    assert not answers(redis, topology), "it was stopped all the time"

    if redis.runs:
        redis.signal(signal.SIGCONT)
    else:
        redis.start()
    redis.wait_until_ready()
    assert site.ask("/mine")[0] == 200
    for listener in listeners:
        listener.wait_for(newest(topology), RIGHT_AGAIN)
    wait_until(lambda: number(web, "chainsite_wakeups_connected", key) == 1)
    for listener in listeners:
        listener.stop()
        assert listener.joined == 1
        assert listener.seen == list(range(listener.seen[0], listener.last + 1))
    print(f"p99 {before * 1000:.1f} ms, without Redis {during * 1000:.1f} ms")
    assert set(site.statuses) <= {200, 201}
    assert during - before <= RISE
