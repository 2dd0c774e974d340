"""What the two POST endpoints refuse, each with its status and reason, and without any effect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ledger.node import lifecycle
from tests.processes import NodeProcess

from .conftest import JSON, Caller, Unchanged

TRANSACTION = "/transactions/new"
REGISTER = "/nodes/register"
BOTH = (TRANSACTION, REGISTER)
VALUE = {"sender": "alice", "recipient": "bob", "amount": 5}


@pytest.fixture(autouse=True)
def node(lasting_node: lifecycle.Node) -> lifecycle.Node:
    return lasting_node


def transaction(**changes: str) -> str:
    """A transaction's JSON, some of its values given as JSON text."""
    texts = {key: json.dumps(value) for key, value in VALUE.items()} | changes
    return "{" + ", ".join(f'"{key}": {text}' for key, text in texts.items()) + "}"


NOT_JSON: dict[str, tuple[str | bytes, str]] = {
    "spaces": ("  ", "not JSON"),
    "words": ("sender=alice", "not JSON"),
    "an end missing": (transaction()[:-1], "not JSON"),
    "more behind": (transaction() + "x", "not JSON"),
    "two values": (transaction() * 2, "not JSON"),
    "a comma too many": ('{"sender": "a",}', "not JSON"),
    "single quotes": ("{'sender': 'a'}", "not JSON"),
    "a mark before": ("\ufeff" + transaction(), "not JSON"),
    "a raw newline": (transaction(sender='"a\nb"'), "not JSON"),
    "a raw NUL": (transaction(sender='"a\0b"'), "not JSON"),
    "a bad escape": (transaction(sender='"\\x41"'), "not JSON"),
    "NaN": (transaction(amount="NaN"), "NaN is not JSON"),
    "Infinity": (transaction(amount="Infinity"), "Infinity is not JSON"),
    "-Infinity": (transaction(amount="-Infinity"), "-Infinity is not JSON"),
    "NaN where nobody looks": (transaction(note="[NaN]"), "NaN is not JSON"),
    "NaN alone": ("NaN", "NaN is not JSON"),
    "not UTF-8": (b'{"sender": "\xff"}', "not UTF-8"),
    "UTF-16": (transaction().encode("utf-16"), "not UTF-8"),
    "Latin-1": ('{"sender": "é"}'.encode("latin-1"), "not UTF-8"),
    "an encoded surrogate": (b'{"sender": "\xed\xa0\x80"}', "not UTF-8"),
    "depth 33": ("[" * 33 + "]" * 33, "nests deeper than 32"),
    "depth 10,000": ("[" * 10_000 + "]" * 10_000, "nests deeper than 32"),
    "depth 10,000 of objects": ('{"a":' * 10_000 + "1" + "}" * 10_000, "nests deeper than 32"),
    "depth without an end": ("[" * 60_000, "nests deeper than 32"),
    "depth beside the point": (
        transaction(note="[" * 33 + "]" * 33),
        "nests deeper than 32",
    ),
    "401 digits": (transaction(amount="1" * 401), "over 400 digits"),
    "5,000 digits": (transaction(amount="1" * 5000), "over 400 digits"),
    "-5,000 digits": (transaction(amount="-" + "1" * 5000), "over 400 digits"),
    "5,000 digits beside the point": (transaction(note="9" * 5000), "over 400 digits"),
    "a key twice": ('{"sender": "a", "sender": "b"}', "same key twice"),
    "a key twice, escaped": ('{"sender": "a", "s\\u0065nder": "b"}', "same key twice"),
    "a key twice, deep down": (transaction(note='[{"a": 1, "a": 1}]'), "same key twice"),
}


@pytest.mark.parametrize("what", NOT_JSON)
async def test_what_is_not_strict_json_is_400(
    caller: Caller, unchanged: Unchanged, what: str
) -> None:
    body, reason = NOT_JSON[what]
    async with unchanged():
        for path in BOTH:
            assert (await caller.post(path, body)).refuses(400, reason)


CONTENT_TYPES = [
    *("", "text/plain", "text/plain;charset=UTF-8", "application/x-www-form-urlencoded"),
    *("multipart/form-data; boundary=x", "text/json", "application/json5", "json", "*/*"),
    *("application/problem+json", "application/json, text/plain", "text/plain; application/json"),
]


@pytest.mark.parametrize("path", BOTH)
async def test_another_content_type_is_415(caller: Caller, unchanged: Unchanged, path: str) -> None:
    body = {**VALUE, "nodes": ["10.0.0.1:5000"]}
    async with unchanged():
        for content_type in CONTENT_TYPES:
            answer = await caller.post(path, body, content_type=content_type)
            assert answer.refuses(415, "application/json")


@pytest.mark.parametrize(
    "body",
    [
        {},
        *({key: VALUE[key] for key in VALUE if key != missing} for missing in VALUE),
        {"Sender": "a", "recipient": "b", "amount": 1},
        {"sender ": "a", "recipient": "b", "amount": 1},
        {"nodes": []},
    ],
    ids=repr,
)
async def test_a_missing_key_is_answered_with_missing_values(
    caller: Caller, unchanged: Unchanged, body: Any
) -> None:
    async with unchanged():
        answer = await caller.post(TRANSACTION, body)
        assert answer.refuses(400)
        assert answer.text == "Missing values"


async def test_a_transaction_that_is_no_object_is_400(caller: Caller, unchanged: Unchanged) -> None:
    async with unchanged():
        for body in ("null", "[]", "1", '"x"', "true", json.dumps([VALUE])):
            assert (await caller.post(TRANSACTION, body)).refuses(400, "must be a JSON object")


BAD_NAMES = {
    "null": "must be a string",
    "true": "must be a string",
    "7": "must be a string",
    "1.5": "must be a string",
    "[]": "must be a string",
    '["alice"]': "must be a string",
    '{"name": "alice"}': "must be a string",
    '""': "must not be empty",
    f'"{"x" * 257}"': "at most 256 characters",
    f'"{"밥" * 257}"': "at most 256 characters",
    f'"{"x" * 60_000}"': "at most 256 characters",
    '"a\\u0000b"': "a control character (U+0000)",
    '"a\\nb"': "a control character (U+000A)",
    '"\\u001b[31m"': "a control character (U+001B)",
    '"a\\u007f"': "a control character (U+007F)",
    '"a\\u0085"': "a control character (U+0085)",
    '"\\u009f"': "a control character (U+009F)",
    '"\\ud800"': "a lone surrogate (U+D800)",
    '"a\\udfffb"': "a lone surrogate (U+DFFF)",
    '"\\ude80\\ud83d"': "a lone surrogate (U+DE80)",
}


@pytest.mark.parametrize("key", ["sender", "recipient"])
@pytest.mark.parametrize("text", BAD_NAMES, ids=lambda text: ascii(text)[:30])
async def test_a_bad_name_is_400(caller: Caller, unchanged: Unchanged, key: str, text: str) -> None:
    async with unchanged():
        answer = await caller.post(TRANSACTION, transaction(**{key: text}))
        assert answer.refuses(400, f"{key} must")
        assert BAD_NAMES[text] in answer.text
        assert len(answer.body) < 200, "what was sent is not sent back"


async def test_the_sender_of_rewards_is_not_taken_from_anyone(
    caller: Caller, unchanged: Unchanged
) -> None:
    async with unchanged():
        answer = await caller.post(TRANSACTION, transaction(sender='"0"'))
        assert answer.refuses(400, 'sender must not be "0"')
        assert (await caller.post(TRANSACTION, transaction(sender='"\\u0030"'))).refuses(400)


BAD_AMOUNTS = {
    "null": "must be an integer",
    "true": "must be an integer",
    "false": "must be an integer",
    '"5"': "must be an integer",
    '""': "must be an integer",
    "5.0": "must be an integer",
    "0.1": "must be an integer",
    "1e0": "must be an integer",
    "1e999": "must be an integer",
    "-1e999": "must be an integer",
    "1e-999": "must be an integer",
    "-0.0": "must be an integer",
    "[5]": "must be an integer",
    '{"value": 5}': "must be an integer",
    "-1": "must not be negative",
    "-9223372036854775808": "must not be negative",
    "-" + "9" * 400: "must not be negative",
    "9223372036854775808": "must be at most 9223372036854775807",
    "18446744073709551617": "must be at most 9223372036854775807",
    "9" * 400: "must be at most 9223372036854775807",
}


@pytest.mark.parametrize("text", BAD_AMOUNTS, ids=lambda text: text[:24])
async def test_a_bad_amount_is_400(caller: Caller, unchanged: Unchanged, text: str) -> None:
    async with unchanged():
        answer = await caller.post(TRANSACTION, transaction(amount=text))
        assert answer.refuses(400, f"amount {BAD_AMOUNTS[text]}")


async def test_all_faults_of_a_transaction_are_named_at_once(
    caller: Caller, unchanged: Unchanged
) -> None:
    async with unchanged():
        body = {"sender": "0", "recipient": "", "amount": -1}
        answer = await caller.post(TRANSACTION, body)
        assert answer.refuses(400, "sender must not")
        assert "recipient must not be empty" in answer.text
        assert "amount must not be negative" in answer.text


NO_LISTS = [
    *("null", "[]", "1", '"localhost:5000"', '["localhost:5000"]', "{}", '{"nodes": null}'),
    *('{"nodes": []}', '{"nodes": "host:1"}', '{"nodes": {"0": "host:1"}}', '{"nodes": 1}'),
    *('{"Nodes": ["host:1"]}', '{"nodes": true}', transaction()),
]


async def test_what_is_no_list_of_nodes_is_400(caller: Caller, unchanged: Unchanged) -> None:
    async with unchanged():
        for body in NO_LISTS:
            answer = await caller.post(REGISTER, body)
            assert answer.refuses(400), body
            assert answer.text == "Error: Please supply a valid list of nodes"


# All that is refused as an address is in tests/network/test_addresses.py; here is one of each kind.
BAD_NODES: dict[str, tuple[Any, str]] = {
    "a number": (5000, "an address is a string"),
    "null": (None, "an address is a string"),
    "a list": (["localhost:5000"], "an address is a string"),
    "nothing": ("", "not host:port"),
    "userinfo": ("http://user@localhost:5000", "not host:port"),
    "a path": ("http://localhost:5000/chain", "not host:port"),
    "a query": ("localhost:5000?x", "not host:port"),
    "a fragment": ("localhost:5000#x", "not host:port"),
    "a backslash": ("localhost\\@10.0.0.1:5000", "not host:port"),
    "percent": ("%6cocalhost:5000", "not host:port"),
    "a control character": ("localhost\r\nX:5000", "not host:port"),
    "a lone surrogate": ("localhost\ud800:5000", "not host:port"),
    "not ASCII": ("bücher.example:5000", "not host:port"),
    "https": ("https://localhost:5000", "not host:port"),
    "file": ("file:///etc/passwd", "not host:port"),
    "decimal": ("2130706433:5000", "not an IPv4 address"),
    "octal": ("0177.0.0.1:5000", "not an IPv4 address"),
    "hex": ("0x7f000001:5000", "not an IPv4 address"),
    "short": ("127.1:5000", "not an IPv4 address"),
    "port 0": ("localhost:0", "the port is from 1 to 65535"),
    "port 65536": ("localhost:65536", "the port is from 1 to 65535"),
    "an empty port": ("localhost:", "not host:port"),
    "another's port": ("localhost:25", "the port belongs to another service"),
    "bare IPv6": ("::1:5000", "not host:port"),
    "a zone": ("[fe80::1%eth0]:5000", "not host:port"),
    "no IPv6": ("[1::2::3]:5000", "not an IPv6 address"),
    "link-local": ("169.254.1.1:5000", "does not connect"),
    "metadata": ("http://169.254.169.254/", "does not connect"),
    "link-local of IPv6": ("[fe80::1]:5000", "does not connect"),
    "metadata of IPv6": ("[fd00:ec2::254]:80", "does not connect"),
    "mapped": ("[::ffff:127.0.0.1]:5000", "does not connect"),
    "compatible": ("[::127.0.0.1]:5000", "does not connect"),
    "NAT64": ("[64:ff9b::7f00:1]:5000", "does not connect"),
    "6to4": ("[2002:7f00:1::]:5000", "does not connect"),
    "anywhere": ("0.0.0.0:5000", "does not connect"),
    "multicast": ("224.0.0.1:5000", "does not connect"),
    "broadcast": ("255.255.255.255:5000", "does not connect"),
}


@pytest.mark.parametrize("what", BAD_NODES)
async def test_what_is_no_address_of_a_peer_is_400(
    caller: Caller, unchanged: Unchanged, what: str
) -> None:
    node, reason = BAD_NODES[what]
    async with unchanged():
        answer = await caller.post(REGISTER, {"nodes": [node]})
        assert answer.refuses(400, reason)
        assert answer.text.isascii()


@pytest.mark.parametrize("path", BOTH)
async def test_a_body_beyond_64_kib_is_413(caller: Caller, unchanged: Unchanged, path: str) -> None:
    async with unchanged():
        assert (await caller.post(path, " " * (64 * 1024 + 1))).refuses(413, "too large")
        assert (await caller.post(path, " " * (64 * 1024))).refuses(400, "not JSON")


async def test_after_all_that_the_node_still_does_what_it_is_for(caller: Caller) -> None:
    assert (await caller.post(TRANSACTION, VALUE)).status == 201
    assert (await caller.get("/mine")).json["transactions"][0] == VALUE


def test_over_the_wire_it_is_the_same(wire: NodeProcess) -> None:
    before = wire.get("/chain").content
    bodies = NOT_JSON | {"nothing": ("", "not JSON")}
    for path in BOTH:
        for what, (body, reason) in bodies.items():
            data = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
            answer = wire.post(path, None, data=data, headers={"Content-Type": JSON})
            assert (answer.status_code, what) == (400, what)
            assert reason in answer.text
        assert wire.post(path, None, data=b"{}").status_code == 415, "no content type at all"
    assert wire.get("/chain").content == before
