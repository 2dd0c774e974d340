"""A peer whose chain holds a block that is marked invalid here."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.models import Block, Event, Tip
from ledger.node import lifecycle, operator
from ledger.node.conf import NodeConf
from ledger.queries import peers as queries
from tests.node import chains
from tests.pages.forked import seal

from .conftest import Asking
from .hostile import RawPeer, sends, whole


@pytest.fixture
def conf(tmp_path: Path) -> NodeConf:
    return replace(
        NodeConf.from_settings(), data=tmp_path, dialect="seed", difficulty=1, peer_deadline=5.0
    )


async def test_is_refused_with_the_reason_until_the_block_is_reconsidered(
    node: lifecycle.Node, asking: Asking
) -> None:
    await asyncio.to_thread(seal, node, 3)
    texts = await asking.read(chains.active_texts)
    digest = await asking.read(lambda: Block.objects.get(active__index=3).hash)
    longer = chains.grow(texts, [[]] * 5, 9.0)
    await asyncio.to_thread(operator.invalidate_block, digest)
    with RawPeer(sends(whole(chains.body(longer)))) as peer:
        await asking.register(peer.address)
        answer = await asking.resolve()
        assert answer["message"] == "Our chain is authoritative"
        assert len(answer["chain"]) == 2
        row = await asking.peer(peer.address)
        assert (row.failure, row.fault) == ("block 3 is marked invalid on this node", "marked")
        (shown,) = await asking.read(lambda: queries.described(2))
        assert shown["relation"] == "marked"
        refusals = await asking.read(lambda: list(Event.objects.filter(kind="refusal")))
        assert [json.loads(event.payload)["reason"] for event in refusals] == [row.failure]

        await asyncio.to_thread(operator.reconsider_block, digest)
        answer = await asking.resolve()
        assert answer["message"] == "Our chain was replaced"
    assert await asking.read(lambda: Tip.objects.get().index) == 9
    assert await asking.is_sound()
