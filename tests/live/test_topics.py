"""A client that chose topics is told of those alone, and knows up to where it was told all."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any
from urllib.parse import quote

import pytest

from ledger.live import hub as hub_module
from ledger.live import looking, messages, states, topics
from ledger.live.followers import Followers
from ledger.live.hub import hub
from ledger.node import operator
from tests.pages.forked import outgrow, seal, submit

from .conftest import Client


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """However long a test takes here, only what it lets happen is told."""
    monkeypatch.setattr(hub_module, "UPTO_EVERY", 600.0)
    monkeypatch.setattr(hub_module, "BEAT_EVERY", 600.0)


async def _until_upto(socket: Client, seq: int) -> list[dict[str, Any]]:
    """The frames up to the word that all up to that event was told."""
    frames = []
    while True:
        frames.append(await socket.frame())
        if frames[-1]["kind"] == "upto" and frames[-1]["seq"] >= seq:
            return frames


def _kinds(frames: list[dict[str, Any]]) -> list[str]:
    return [frame["kind"] for frame in frames]


async def _say(socket: Client, **message: Any) -> None:
    await socket.say(json.dumps(message))


async def test_it_begins_with_the_state_of_its_topics(client, node):
    uid = await asyncio.to_thread(submit, node, "alice", "bob", 5)
    names = [*topics.WIDE, "address:bob", f"transaction:{uid}"]
    first = await (await client(f"?topics={','.join(names)}")).frame()

    assert (first["kind"], first["seq"]) == ("subscribed", 1)
    assert first["node"]["identifier"] == node.identity.identifier
    assert set(first["states"]) == set(names)
    assert first["states"]["blocks"]["tip"]["index"] == 1
    assert first["states"]["transactions"]["pool"]["count"] == 1
    assert first["states"]["mining"]["searching"] is None
    assert first["states"]["peers"]["peers"]["agrees"] == 0
    assert first["states"]["reorganisations"] == {"reorganisations": []}
    assert first["states"]["address:bob"]["balance"] == "0"
    assert first["states"]["address:bob"]["pending"][0]["amount"] == "5"
    assert first["states"][f"transaction:{uid}"]["state"] == "pending"


async def test_an_address_hears_of_what_touches_it_and_of_nothing_else(client, node, happen):
    socket = await client("?topics=address:bob")
    await socket.frame()
    await asyncio.to_thread(submit, node, "alice", "bob", 5)
    await asyncio.to_thread(submit, node, "carol", "dave", 7)
    await happen(3)
    await asyncio.to_thread(submit, node, "bob", "erin", 1)
    await asyncio.to_thread(seal, node)
    await asyncio.to_thread(seal, node)  # pays nobody but this node

    told = await _until_upto(socket, 7)
    events = [frame for frame in told if "at" in frame]
    assert [event["seq"] for event in events] == [1, 6, 7]
    assert _kinds(events) == ["transaction", "transaction", "block"]
    (now,) = [frame for frame in told if frame["kind"] == "state"]
    assert now["topic"] == "address:bob"
    assert now["seq"] in (7, 8), "the next block may have come before it was told"
    assert (now["data"]["balance"], now["data"]["entries"]) == ("4", 2)
    assert await socket.is_quiet()


async def test_a_transaction_is_followed_through_its_life(client, node):
    uid = await asyncio.to_thread(submit, node, "alice", "bob", 5)
    topic = f"transaction:{uid}"
    socket = await client(f"?topics={topic.upper().replace('TRANSACTION', 'transaction')}")
    assert (await socket.frame())["states"][topic]["block"] is None

    await asyncio.to_thread(seal, node)
    confirmed = await socket.first("state")
    await asyncio.to_thread(seal, node)
    deeper = await socket.first("state")
    await asyncio.to_thread(outgrow, node, 1, [[]] * 4)
    gone = await socket.first("reorganisation")
    returned = await socket.first("state")

    assert (confirmed["data"]["state"], confirmed["data"]["confirmations"]) == ("confirmed", 1)
    assert (deeper["data"]["block"], deeper["data"]["confirmations"]) == (2, 2)
    assert gone["data"]["returned"] == [str(uid)]
    assert (returned["data"]["state"], returned["data"]["confirmations"]) == ("returned", 0)


async def test_an_address_hears_of_a_reorganisation_that_takes_its_block(client, node):
    await asyncio.to_thread(submit, node, "alice", "bob", 5)
    await asyncio.to_thread(seal, node)
    touched, other = await client("?topics=address:bob"), await client("?topics=address:erin")
    assert (await touched.frame())["states"]["address:bob"]["balance"] == "5"
    await other.frame()
    await asyncio.to_thread(outgrow, node, 1, [[]] * 4)

    assert (await touched.first("reorganisation"))["data"]["disconnected"] == 1
    assert (await touched.first("state"))["data"]["balance"] == "0"
    assert await other.is_quiet()


async def test_a_stretch_too_long_to_look_through_is_told_to_every_address(
    client, node, monkeypatch
):
    monkeypatch.setattr("ledger.live.touching.STRETCH", 1)
    await asyncio.to_thread(seal, node)
    socket = await client("?topics=address:nobody")
    await socket.frame()
    await asyncio.to_thread(outgrow, node, 1, [[]] * 4)

    await socket.first("reorganisation")
    assert (await socket.first("state"))["data"]["balance"] == "0"


async def test_a_dropped_transaction_is_told_to_its_addresses(client, node):
    uid = await asyncio.to_thread(submit, node, "alice", "bob", 5)
    names = f"transactions,address:alice,address:carol,transaction:{uid}"
    socket = await client(f"?topics={names}")
    await socket.frame()
    await asyncio.to_thread(operator.drop_transaction, str(uid), "a try")

    told = await _until_upto(socket, 2)
    assert _kinds(told) == ["operator", "state", "now", "upto"]
    assert told[1]["data"]["state"] == "refused"
    assert told[1]["data"]["reason"] == "a try"


@pytest.mark.parametrize(
    ("topic", "kinds"),
    [
        ("blocks", ["block", "block", "reorganisation"]),
        ("transactions", ["transaction"]),
        ("peers", ["refusal"]),
        ("reorganisations", ["reorganisation"]),
        ("mining", []),
    ],
)
async def test_each_topic_has_its_kinds_of_events(client, node, happen, topic, kinds):
    await asyncio.to_thread(submit, node, "alice", "bob", 5)
    await happen()
    await asyncio.to_thread(seal, node, 2)
    await asyncio.to_thread(outgrow, node, 1, [[]] * 4)
    socket = await client(f"?topics={topic}&after=0")

    told = await _until_upto(socket, 5)
    assert [frame["kind"] for frame in told if "at" in frame] == kinds
    assert told[0] == {"kind": "resumed", "seq": 0}


async def test_it_hears_of_the_search_only_if_it_follows_it(client, node):
    following, other = await client("?topics=mining"), await client("?topics=reorganisations")
    await following.frame()
    await other.frame()
    await asyncio.wrap_future(node.work.mine().block)

    assert "tries" in (await following.first("mining"))["data"]
    assert await other.is_quiet()


async def test_topics_come_and_go_by_messages(client, node, happen):
    socket = await client("?topics=")
    assert (await socket.frame())["states"] == {}
    await happen()
    await _say(socket, subscribe=["peers", 'address:밥, "x"'])
    told = await socket.first("subscribed")
    assert (told["seq"], set(told["states"])) == (1, {"peers", 'address:밥, "x"'})

    await happen()
    assert (await socket.first("refusal"))["seq"] == 2
    await _say(socket, unsubscribe=["peers"])
    assert (await socket.first("unsubscribed"))["topics"] == ['address:밥, "x"']
    await happen()
    await asyncio.to_thread(submit, node, "a", '밥, "x"', 1)
    assert (await socket.first("refusal", "transaction"))["seq"] == 4


async def test_who_was_told_everything_is_told_of_topics_once_it_chose_some(client, happen):
    socket = await client()
    await socket.first("mining")
    await _say(socket, subscribe=["blocks"])
    await socket.first("subscribed")
    await happen()
    told = []
    while not await socket.is_quiet():
        told.append(await socket.frame())

    assert set(_kinds(told)) <= {"network"}, "that was under way"
    assert hub().sockets == 1


async def test_who_comes_back_gets_what_it_missed_of_its_topics(client, node, happen):
    await asyncio.to_thread(submit, node, "alice", "bob", 1)
    await happen(5)
    await asyncio.to_thread(submit, node, "alice", "bob", 2)
    await asyncio.to_thread(submit, node, "carol", "dave", 3)
    identifier = node.identity.identifier
    socket = await client(f"?topics=address:bob&after=1&node={identifier}")

    told = await _until_upto(socket, 8)
    assert _kinds(told) == ["resumed", "transaction", "state", "upto"]
    assert told[1]["data"]["amount"] == "2"
    assert told[-1]["seq"] == 8


@pytest.mark.parametrize("query", ["after=0&node=another", "after=999", "after=0", "after=x"])
async def test_who_is_too_far_off_gets_a_snapshot_of_its_topics(client, happen, query):
    await happen(looking.REPLAY + 1)
    first = await (await client(f"?topics=peers&{query}")).frame()

    assert (first["kind"], first["seq"]) == ("subscribed", looking.REPLAY + 1)


async def test_a_quiet_topic_says_now_and_then_up_to_where_all_was_told(
    client, happen, monkeypatch
):
    monkeypatch.setattr(hub_module, "UPTO_EVERY", 0.3)
    socket = await client("?topics=blocks")
    await socket.frame()
    await happen(7)

    assert await socket.frame() == {"kind": "upto", "seq": 7}
    assert await socket.is_quiet(), "it has said so already"
    monkeypatch.setattr(hub_module, "BEAT_EVERY", 0.3)
    assert await socket.frame() == {"kind": "beat", "seq": 7}


async def test_nothing_falls_between_a_snapshot_and_what_follows(client, node):
    """While transactions come, a client subscribes again and again: each time, the events go on
    right after the snapshot."""
    socket = await client("?topics=")
    await socket.frame()
    writing = asyncio.create_task(asyncio.to_thread(_write, node, 150))
    rounds = 0
    while not writing.done():
        await _say(socket, subscribe=["transactions"])
        seq = (await socket.first("subscribed"))["seq"]
        if seq >= 149:
            break
        assert (await socket.first("transaction"))["seq"] == seq + 1
        await _say(socket, unsubscribe=["transactions"])
        await socket.first("unsubscribed")
        rounds += 1
        await asyncio.sleep(0.2)
    await writing

    assert rounds > 1


def _write(node, count):
    for number in range(count):
        submit(node, "alice", "bob", number)
        time.sleep(0.01)


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ("hello", "not-json"),
        ("[" * 3000, "not-json"),
        ("[]", "not-a-request"),
        ("{}", "not-a-request"),
        ('{"subscribe": "blocks"}', "not-a-request"),
        ('{"subscribe": [], "more": 1}', "not-a-request"),
        ('{"subscribe": ["weather"]}', "no-such-topic"),
        ('{"subscribe": [7]}', "no-such-topic"),
        ('{"subscribe": ["address:"]}', "no-such-topic"),
        ('{"subscribe": ["transaction:7"]}', "no-such-topic"),
        ('{"subscribe": ["address:\\ud800"]}', "no-such-topic"),
        ('{"unsubscribe": ["weather"]}', "no-such-topic"),
        ('{"subscribe": ["' + "x" * messages.CHARACTERS + '"]}', "too-long"),
    ],
)
async def test_a_bad_message_is_answered_with_the_reason(client, message, code):
    socket = await client("?topics=blocks")
    await socket.frame()
    await socket.say(message)

    told = await socket.first("error")
    assert told["code"] == code
    assert len(told["reason"]) > 10
    await _say(socket, subscribe=["peers"])
    assert set((await socket.first("subscribed"))["states"]) == {"peers"}


async def test_a_bad_topic_of_the_query_is_told_and_the_others_are_followed(client):
    socket = await client(f"?topics=blocks,{quote('wëather')},transaction:7")

    reasons = [(await socket.first("error"))["reason"] for _ in range(2)]
    assert "there is no such topic" in reasons[0]
    assert "UUID" in reasons[1]
    assert set((await socket.first("subscribed"))["states"]) == {"blocks"}


async def test_a_socket_follows_so_many_topics_and_no_more(client):
    socket = await client("?topics=blocks")
    await socket.frame()
    await _say(socket, subscribe=[f"address:{number}" for number in range(topics.MOST)])

    assert (await socket.first("error"))["code"] == "too-many-topics"
    states_told = (await socket.first("subscribed"))["states"]
    assert len(states_told) == topics.MOST - 1
    await _say(socket, subscribe=["peers"], unsubscribe=["blocks"])
    assert set((await socket.first("subscribed"))["states"]) == {"peers"}


async def test_topics_of_the_query_have_the_same_limit(client):
    names = ",".join(f"address:{number}" for number in range(topics.MOST + 6))
    socket = await client(f"?topics={names}")

    assert "6 were left" in (await socket.first("error"))["reason"]
    assert len((await socket.first("subscribed"))["states"]) == topics.MOST


async def test_who_comes_back_is_told_what_is_no_event_as_it_stands(client, node):
    socket = await client("?topics=blocks,mining,peers&after=0")

    told = await _until_upto(socket, 0)
    assert _kinds(told) == ["resumed", "now", "mining", "network", "upto"]


async def test_who_says_too_much_is_told_so_and_closed(client):
    socket = await client("?topics=")
    for _ in range(messages.MESSAGES + 2):
        await _say(socket, subscribe=["blocks"])

    while (frame := await socket.frame())["kind"] != "error":
        pass
    assert frame["code"] == "too-many-messages"
    assert await socket.closed_with() == 4029
    assert hub().sockets == 0


async def test_topics_that_cannot_be_read_disturb_nobody_else(client, happen, monkeypatch):
    def broken(names: Any) -> Any:
        raise RuntimeError("the disk is gone")

    everything = await client()
    await everything.first("mining")
    monkeypatch.setattr(states, "at_first", broken)
    socket = await client("?topics=blocks")
    await happen()

    assert await socket.closed_with() == 4011
    assert (await everything.first("refusal"))["seq"] == 1


async def test_events_that_cannot_be_sorted_are_told_to_everybody(client, happen, monkeypatch):
    def broken(*_: Any) -> Any:
        raise RuntimeError("no")

    socket = await client("?topics=blocks")
    await socket.frame()
    monkeypatch.setattr("ledger.live.touching.touched", broken)
    await happen()

    assert (await socket.first("refusal"))["seq"] == 1


async def test_who_leaves_leaves_nothing_behind(client, node):
    sockets = [await client("?topics=blocks,address:a") for _ in range(3)]
    for socket in sockets:
        await socket.frame()
    its_hub = hub()
    assert its_hub.sockets == 3
    for socket in sockets:
        await socket.close()

    assert its_hub.sockets == 0
    assert not its_hub.is_working
    assert its_hub._followers.wanted.topics == set()


async def test_what_happens_costs_only_those_whom_it_concerns(client, node, monkeypatch):
    """Many follow addresses; one of them is touched."""
    its_hub, told = hub(), []
    for number in range(200):
        await its_hub.follow([f"address:{number}"])
    socket = await client("?topics=address:7")
    await socket.first("subscribed")
    tellings = Followers.tellings

    def counted(followers: Followers, look: looking.Look) -> Any:
        told.append(tellings(followers, look))
        return told[-1]

    monkeypatch.setattr(Followers, "tellings", counted)
    await asyncio.to_thread(submit, node, "alice", "7", 1)

    assert (await socket.first("transaction"))["data"]["recipient"] == "7"
    assert [len(those) for those in told] == [2]
    assert told[0][0][1] is told[0][1][1], "the same is put into words once"
    its_hub.close()
