"""One run in which every kind of frame is sent."""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ledger.live import topics
from ledger.node import events, lifecycle, operator
from tests.pages.forked import outgrow, seal, submit

from .conftest import Client

Frame = dict[str, Any]


async def run(node: lifecycle.Node, everything: Client, chosen: Client) -> list[Frame]:
    """The frames of a client that is told everything, and of one that chose topics."""
    uid = await asyncio.to_thread(submit, node, "alice", "bob", 5)
    names = [*topics.WIDE, "address:bob", f"transaction:{uid}"]
    await chosen.say(json.dumps({"subscribe": names}))
    await asyncio.to_thread(_much_happens, node, str(uid))
    await chosen.say(json.dumps({"subscribe": ["weather"], "unsubscribe": ["mining"]}))
    await asyncio.sleep(0.5)
    told = []
    for client in (everything, chosen):
        while not await client.is_quiet():
            told.append(await client.frame())
    return told


def _much_happens(node: lifecycle.Node, uid: str) -> None:
    seal(node, 2)
    outgrow(node, 1, [[]] * 4)
    outgrow(node, 5, [[]] * 12)
    dropped = submit(node, "carol", "bob", 2**60)
    operator.drop_transaction(str(dropped), "a try")
    node.work.mine().block.result()
    node.writer.run(lambda: events.record(events.REFUSAL, peer="p:1", reason="no"))
    node.writer.run(lambda: events.record(events.PEER, address="p:1", source="operator"))
    node.writer.run(lambda: events.record(events.NODE, identifier=node.identity.identifier))
