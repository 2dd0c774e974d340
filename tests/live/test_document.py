"""The AsyncAPI document is about this very WebSocket: nothing of it missing, nothing made up."""

from __future__ import annotations

import copy
from typing import Any

import jsonschema_rs
import pytest

from chainsite import ws_protocol
from ledger.live import consumers, frames, messages, schemas, topics
from ledger.live import hub as hub_module
from ledger.live.document import document
from ledger.node import events

from . import everything

MADE = document("localhost:8000")


def _strict(schema: Any) -> Any:
    """The same, with no keys but those that are written down."""
    if isinstance(schema, list):
        return [_strict(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: _strict(value) for key, value in schema.items()}
    if schema.get("type") in ("object", ["object", "null"]) and "required" in schema:
        made.setdefault("additionalProperties", False)
    return made


def _validator(kind: str) -> jsonschema_rs.Draft7Validator:
    components = _strict(copy.deepcopy(MADE["components"]))
    schema = {**components["messages"][kind]["payload"], "components": components}
    return jsonschema_rs.Draft7Validator(schema, validate_formats=True)


def test_every_reference_leads_somewhere():
    def refs(value: Any) -> Any:
        if isinstance(value, dict):
            if "$ref" in value:
                yield value["$ref"]
            for inner in value.values():
                yield from refs(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from refs(inner)

    found = set(refs(MADE))
    assert len(found) > 40
    for ref in found:
        place: Any = MADE
        for part in ref.removeprefix("#/").split("/"):
            place = place[part]


@pytest.mark.parametrize("kind", [*schemas.FRAMES, "request"])
def test_every_message_has_a_sample_that_is_valid(kind):
    message = MADE["components"]["messages"][kind]
    assert jsonschema_rs.meta.is_valid(message["payload"])
    for example in message["examples"]:
        _validator(kind).validate(example["payload"])
    if kind != "request":
        assert message["examples"][0]["payload"]["kind"] == kind


def test_a_sample_with_a_key_too_many_or_too_few_is_not_valid():
    sample = copy.deepcopy(MADE["components"]["messages"]["block"]["examples"][0]["payload"])
    del sample["data"]["hash"]
    assert not _validator("block").is_valid(sample)
    sample["data"]["hash"] = "0" * 64
    assert _validator("block").is_valid(sample)
    assert not _validator("block").is_valid({**sample, "more": 1})


async def test_every_frame_that_is_sent_is_valid_and_every_kind_is_sent(client, node, monkeypatch):
    monkeypatch.setattr(hub_module, "BEAT_EVERY", 0.3)
    told_everything, chosen = await client("?after=0"), await client("?topics=")
    first = await (await client()).frame()
    told = await everything.run(node, told_everything, chosen)

    for frame in [first, *told]:
        _validator(frame["kind"]).validate(frame)
    assert {first["kind"], *(frame["kind"] for frame in told)} == set(schemas.FRAMES)


async def test_frames_of_a_topic_are_those_the_document_says(client, node):
    sockets = {name: await client(f"?topics={name}") for name in topics.WIDE}
    uid_socket = await client("?topics=address:bob")
    told_everything = await client("?topics=")
    await everything.run(node, told_everything, uid_socket)
    besides = {"subscribed", "unsubscribed", "upto", "beat", "error", "resumed"}

    for name, socket in sockets.items():
        allowed = {
            kind
            for kind, message in MADE["components"]["messages"].items()
            if name in message.get("x-topics", ())
        }
        while not await socket.is_quiet():
            kind = (await socket.frame())["kind"]
            assert kind in allowed | besides, f"{name} was told of {kind}"


def test_it_names_all_that_the_code_has():
    assert set(schemas.FRAMES) == set(MADE["components"]["messages"]) - {"request"}
    assert set(events.KINDS) <= set(schemas.FRAMES)
    wide = {name for name in MADE["x-topics"] if ":" not in name}
    assert wide == set(topics.WIDE)
    assert {name.partition(":")[0] + ":" for name in set(MADE["x-topics"]) - wide} == set(
        topics.NARROW
    )
    assert set(MADE["x-errors"]) == set(messages.CODES)
    ours = {value for name, value in vars(consumers).items() if name.isupper() and value != ""}
    ours = {value for value in ours if isinstance(value, int)}
    assert set(map(int, MADE["x-close-codes"])) == ours | {1008, 1009}


def test_its_limits_are_those_of_the_code():
    limits = {name: one["value"] for name, one in MADE["x-limits"].items()}
    assert limits["message_bytes"] == ws_protocol.MESSAGE_BYTES == messages.CHARACTERS
    assert limits["frames_at_once"] == ws_protocol.FRAMES
    assert limits["frames_per_second"] == ws_protocol.FRAMES_PER_SECOND
    assert limits["messages_at_once"] <= limits["frames_at_once"], "the softer word comes first"
    assert limits["topics"] == topics.MOST


def test_topics_are_of_the_events_that_the_code_sorts_into_them():
    for kind in events.KINDS:
        sample = MADE["components"]["messages"][kind]
        sorted_into = set(topics.of_event(kind, sample["examples"][0]["payload"]["data"]))
        assert sorted_into <= set(sample["x-topics"])


def test_the_kinds_are_those_of_the_frames_module():
    for kind in schemas.FRAMES:
        assert f'"kind": "{kind}"' in str(frames.__doc__) or kind in events.KINDS
