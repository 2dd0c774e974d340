"""One node as two web processes, two workers and what they need, all real."""

from __future__ import annotations

import time

import pytest

from deploy.local import Topology

from .clients import Clients, Listener, Miner, Site, Writer
from .conftest import Begin
from .watching import (
    assert_once_each,
    crash,
    events,
    holder,
    newest,
    token,
    wait_until,
    webs,
)

NEWS_WITHIN = 2.0
WITHIN = 10.0  # seconds, for a socket to be told of all there was
TAKEOVER = 10.0
DATABASES = [pytest.param("sqlite", marks=pytest.mark.slow), "postgresql"]


@pytest.fixture(params=DATABASES)
def topology(request: pytest.FixtureRequest, begin: Begin) -> Topology:
    return begin(database=request.param)


def test_killed_processes_lose_and_double_nothing_and_others_take_over(
    topology: Topology,
) -> None:
    clients = Clients()
    key = token(topology)
    site = Site(topology.url, key)
    writer, miner = Writer(site, clients), Miner(site)
    listeners = [Listener(part.url) for part in webs(topology)] + [Listener(topology.url)]
    clients.run(32, writer.send, pause=0.8)
    clients.run(4, miner.mine, pause=0.05)
    wait_until(lambda: len(miner.mined) > 5)

    one, other = webs(topology)
    assert miner.mine(site=Site(one.url, key))
    seconds = listeners[1].wait_for(newest(topology), NEWS_WITHIN)
    print(f"a block mined through {one.name} was told by {other.name} within {seconds:.2f} s")

    killed = holder(topology)
    killed.kill()
    begun, before = time.monotonic(), len(miner.mined)
    wait_until(lambda: holder(topology) is not killed, TAKEOVER)
    print(f"the duties were taken over within {time.monotonic() - begun:.1f} s")
    wait_until(lambda: len(miner.mined) > before + 2)

    web = topology.parts["web-1"]
    web.kill()
    wait_until(lambda: miner.unanswered or writer.retried or not web.runs)
    web.start()
    web.wait_until_ready()
    if "postgresql" in topology.parts:
        crash(topology.parts["postgresql"])
    before = len(miner.mined)
    wait_until(lambda: len(miner.mined) > before + 3)
    clients.stop()

    assert_once_each(topology, writer, miner)
    numbers = events(topology)
    for listener in listeners:
        listener.wait_for(numbers[-1], WITHIN)
        listener.stop()
        since = numbers.index(listener.seen[0])
        assert listener.seen == numbers[since:], "once each, in order"
    assert listeners[0].joined > 1, "its process was killed"
