"""What the operator does is heard at once, on every open page."""

from __future__ import annotations

import asyncio

from ledger.models import Block
from ledger.node import lifecycle, operator
from tests.pages.forked import seal


async def test_an_invalidation_is_told_with_the_tip_there_is_then(client, node):
    await asyncio.to_thread(seal, node, 3)
    digests = await lifecycle.current().reader.read(
        lambda: list(Block.objects.order_by("index").values_list("hash", flat=True))
    )
    listening = await client()
    await listening.first("snapshot")
    await asyncio.to_thread(operator.invalidate_block, digests[2], "a try")

    told = await listening.first("operator")
    assert told["data"] == {
        "act": "invalidate-block",
        "subject": digests[2],
        "index": 3,
        "reason": "a try",
    }
    told = await listening.first("reorganisation")
    assert (told["data"]["disconnected"], told["data"]["connected"]) == (2, 0)
    assert [block["hash"] for block in told["data"]["blocks"]] == [digests[1]]
    assert (await listening.first("now"))["data"]["height"] == 2
