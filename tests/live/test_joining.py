"""What a client is told when it comes, and when it comes back."""

from __future__ import annotations

import pytest

from ledger.live import looking
from ledger.models import Event
from ledger.node import overview


async def test_a_new_client_gets_a_snapshot_first_and_then_what_happens(client, happen, node):
    await happen(3)
    newest = await node.reader.read(overview.last_seq)
    socket = await client()

    first = await socket.frame()
    await happen()
    event = await socket.first("refusal")

    assert (first["kind"], first["seq"]) == ("snapshot", newest)
    assert first["data"]["tip"]["index"] == 1
    assert first["data"]["node"]["identifier"] == node.identity.identifier
    assert event["seq"] == newest + 1
    assert event["data"] == {"peer": "p:1", "reason": "no"}


async def test_a_client_that_comes_back_gets_exactly_what_it_missed(client, happen, node):
    socket = await client()
    assert (await socket.frame())["kind"] == "snapshot"
    await happen(2)
    seen = (await socket.until(2))[-1]["seq"]
    await socket.close()
    await happen(5)

    again = await client(f"?after={seen}&node={node.identity.identifier}")

    assert await again.frame() == {"kind": "resumed", "seq": seen}
    missed = await again.until(seen + 5)
    assert [frame["seq"] for frame in missed] == list(range(seen + 1, seen + 6))


async def test_a_client_that_missed_nothing_is_told_how_things_stand_all_the_same(client, happen):
    await happen()
    socket = await client("?after=1")

    assert (await socket.frame())["kind"] == "resumed"
    told = [await socket.frame() for _ in range(3)]
    assert [frame["kind"] for frame in told] == ["now", "mining", "network"]
    assert told[0]["data"]["pool"] == {"count": 0, "size": 0}
    assert told[1]["data"]["searching"] is None
    assert told[2]["data"]["catching_up"] == []
    assert await socket.is_quiet()


async def test_a_client_too_far_behind_gets_a_snapshot(client, happen):
    await happen(looking.REPLAY + 1)

    assert (await (await client("?after=1")).frame())["kind"] == "resumed"
    assert (await (await client("?after=0")).frame())["kind"] == "snapshot"


@pytest.mark.parametrize(
    "query",
    [
        "?after=999",  # the database was replaced by a younger one
        "?after=1&node=0123456789abcdef0123456789abcdef",  # or by another node's
        "?after=",
        "?after=-1",
        "?after=one",
        "?after=1.0",
        "?after=%F0%9F%98%80",
        "?after=²",
        "?after=99999999999999999999999999",
        "?" + "&" * 3000,
    ],
)
async def test_a_number_that_means_nothing_here_gets_a_snapshot(client, happen, query):
    await happen()

    assert (await (await client(query)).frame())["kind"] == "snapshot"


async def test_events_that_another_process_wrote_are_seen(client, node, ledger_db):
    """The writer's word that something was committed does not reach here: the clock does."""
    socket = await client()
    await socket.first("mining")
    node.committed._listeners = []

    await node.reader.read(
        lambda: Event.objects.create(kind="peer", payload='{"address":"p:1"}', at="2026-01-01T00Z")
    )

    assert (await socket.first("peer"))["data"] == {"address": "p:1"}
