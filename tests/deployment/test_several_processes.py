"""One node as two web processes, two workers and what they need, all real."""

from __future__ import annotations

import time
from collections import Counter

import pytest

from deploy.local import Topology

from .clients import Clients, Listener, Site, Writer
from .conftest import Begin
from .watching import (
    assert_sound,
    chain,
    crash,
    events,
    holder,
    newest,
    pool,
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
    writer, mined, unanswered = Writer(site, clients), Counter[int](), Counter[int]()
    listeners = [Listener(part.url) for part in webs(topology)] + [Listener(topology.url)]

    def mine(_number: int) -> None:
        status, answer = site.ask("/mine")
        if status == 200:
            mined[answer["index"]] += 1
        else:
            unanswered[status] += 1

    clients.run(32, writer.send, pause=0.8)
    clients.run(4, mine, pause=0.05)
    wait_until(lambda: len(mined) > 5)

    one, other = webs(topology)
    assert Site(one.url, key).ask("/mine")[0] == 200
    seconds = listeners[1].wait_for(newest(topology), NEWS_WITHIN)
    print(f"a block mined through {one.name} was told by {other.name} within {seconds:.2f} s")

    killed = holder(topology)
    killed.kill()
    begun, before = time.monotonic(), len(mined)
    wait_until(lambda: holder(topology) is not killed, TAKEOVER)
    print(f"the duties were taken over within {time.monotonic() - begun:.1f} s")
    wait_until(lambda: len(mined) > before + 2)

    web = topology.parts["web-1"]
    web.kill()
    wait_until(lambda: unanswered or writer.retried or not web.runs)
    web.start()
    web.wait_until_ready()
    if "postgresql" in topology.parts:
        crash(topology.parts["postgresql"])
    before = len(mined)
    wait_until(lambda: len(mined) > before + 3)
    clients.stop()

    assert max(mined.values()) == 1, "two were told of the same block"
    wait_until(lambda: site.ask("/mine")[0] == 200)
    found = chain(topology)
    confirmed = Counter(
        entry["recipient"]
        for block in found
        for entry in block["transactions"]
        if entry["sender"] != "0"
    )
    pending = pool(topology)
    assert not pending, "the last block has all"
    assert set(confirmed) == set(writer.acknowledged)
    assert set(confirmed.values()) == {1}
    assert set(mined) < {block["index"] for block in found}
    # A request that was cut off may have got its block, and nobody to tell; no other has.
    told = len(mined) + 2  # and through one process, and the last
    assert len(found) - 1 - told <= sum(unanswered.values())
    assert_sound(topology)
    numbers = events(topology)
    for listener in listeners:
        listener.wait_for(numbers[-1], WITHIN)
        listener.stop()
        since = numbers.index(listener.seen[0])
        assert listener.seen == numbers[since:], "once each, in order"
    assert listeners[0].joined > 1, "its process was killed"
    print(f"{len(confirmed)} transactions, {len(mined)} blocks, unanswered {dict(unanswered)}")
