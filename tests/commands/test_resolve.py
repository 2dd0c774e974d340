from __future__ import annotations

from collections.abc import Callable

from ledger.node import lifecycle
from ledger.node.network import peers
from tests.processes import NodeProcess

Manage = Callable[..., str]


def test_each_peer_is_named_with_how_it_went(
    manage: Manage, node_process: Callable[..., NodeProcess]
) -> None:
    other = node_process(difficulty=2)
    other.get("/mine")
    dead = "127.0.0.1:64999"  # nothing listens there
    address = other.url.removeprefix("http://")
    with lifecycle.running() as node:
        node.writer.run(lambda: peers.register([address, dead], 64))
    printed = manage("resolve")
    assert f"{address}: 2 blocks, valid" in printed
    assert f"{dead}: nothing listens there" in printed
    assert "Our chain was replaced: 1 blocks went, 2 came above 0" in printed
    assert "Our chain is authoritative" in manage("resolve")
