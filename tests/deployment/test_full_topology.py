"""Everything at once, for a minute and more: four web processes, and no process is spared."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import pytest

from deploy.local import Topology
from tests.node.conftest import seed_of_this_run

from .clients import Clients, Miner, Site, Writer
from .conftest import Begin
from .crowd import Process
from .faults import Faults
from .redis_watching import number
from .watching import assert_once_each, events, token, wait_until, webs

WEBS = 4
SOCKETS = 500
LASTS = 60.0  # seconds at least
TOLD_WITHIN = 120  # seconds, of a machine that may be busy


@pytest.fixture
def topology(begin: Begin) -> Topology:
    # nginx sends all sockets to one, for a moment, when it finds that the others are away.
    return begin(webs=WEBS, environment={"CHAINSITE_CONNECTIONS": str(2 * SOCKETS)})


@pytest.fixture
def crowd(topology: Topology) -> Iterator[Process]:
    process = Process(topology.url, SOCKETS)
    yield process
    process.close()


@pytest.mark.slow
def test_under_load_no_fault_of_any_process_loses_or_doubles_anything(
    topology: Topology, crowd: Process
) -> None:
    clients, key = Clients(), token(topology)
    held = [number(web, "chainsite_sockets", key) for web in webs(topology)]
    assert min(held) >= SOCKETS / WEBS / 2, f"they are spread: {held}"
    site = Site(topology.url, key)
    writer, miner = Writer(site, clients), Miner(site)
    faults = Faults(topology, key, random.Random(seed_of_this_run()))
    begun = time.monotonic()
    clients.run(32, writer.send, pause=1.0)
    clients.run(4, miner.mine, pause=0.5)

    def goes_on(told: int, mined: int) -> bool:
        return len(writer.acknowledged) > told + 32 and len(miner.mined) > mined + 4

    wait_until(lambda: goes_on(0, 0))
    for fault in faults.in_turn():
        at = time.monotonic()
        fault()
        told, mined = len(writer.acknowledged), len(miner.mined)
        print(f"{at - begun:5.1f} s: {fault.__name__}, for {time.monotonic() - at:.1f} s")
        wait_until(lambda told=told, mined=mined: goes_on(told, mined))
    time.sleep(max(0.0, LASTS - (time.monotonic() - begun)))
    clients.stop()
    print(f"load for {time.monotonic() - begun:.0f} s, taken over within {faults.takeovers} s")

    assert len(faults.takeovers) == 2
    assert_once_each(topology, writer, miner)
    numbers = events(topology)
    told = crowd.told(numbers[-1], TOLD_WITHIN)
    print(f"{len(numbers)} events, {sum(told['joined'])} connections, {told['closed']}")
    assert len(told["joined"]) == SOCKETS
    assert min(told["joined"]) > 1, "nginx was killed, so each came back"
    for begun_at, seen, count in told["heard"]:
        assert len(begun_at) == 1, f"{count} lost their place"
        assert seen == [one for one in numbers if one > begun_at[0]], "once each, in order"
