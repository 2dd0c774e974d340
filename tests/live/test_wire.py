"""The live updates over TCP, on a node as it is run."""

from __future__ import annotations

import contextlib
import json
import threading
import time

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from ledger.live.messages import FAULTS

from .wire import handshake, resident_bytes, write_refusals

WRITE_DEADLINE = 1.5
STUCK = 8
GROUPS, EACH, SIZE = 60, 50, 4000  # 12 MB: more than all the buffers of a connection
GROWTH = 24 * 1024 * 1024  # far less than 12 MB for each that is stuck


def _open(node, query=""):
    url = f"{node.url.replace('http', 'ws')}/ws/{query}"
    return connect(url, origin=node.url, max_size=None)


def _first(client, kind):
    while True:
        frame = json.loads(client.recv(10))
        if frame["kind"] == kind:
            return frame


def test_a_block_and_a_transaction_of_others_arrive(served):
    with _open(served) as client:
        seq = json.loads(client.recv(10))["seq"]
        served.post(
            "/transactions/new", {"sender": "alice", "recipient": "밥", "amount": 2**63 - 1}
        )
        mined = served.get("/mine").json()

        transaction = _first(client, "transaction")
        block = _first(client, "block")

    assert (transaction["seq"], block["seq"]) == (seq + 1, seq + 2)
    assert transaction["data"]["recipient"] == "밥"
    assert transaction["data"]["amount"] == str(2**63 - 1)
    assert block["data"]["index"] == mined["index"]
    assert block["data"]["confirmed"] == [transaction["data"]["id"]]


def test_a_snapshot_may_be_larger_than_what_a_client_may_send(served):
    """The library knows one limit for both ways: it must not be put on ours."""
    for number in range(12):
        name = "😀" * 256
        values = {"sender": name, "recipient": name, "amount": number}
        assert served.post("/transactions/new", values).status_code == 201
    with _open(served) as client:
        snapshot = client.recv(10)

    assert len(snapshot.encode()) > 12 * 2048
    assert len(json.loads(snapshot)["data"]["transactions"]) == 12


def test_what_a_command_beside_the_node_mined_arrives(served):
    with _open(served) as client:
        client.recv(10)
        done = served.manage("mine")
        block = _first(client, "block")

    assert f"block {block['data']['index']}:" in done.stdout


def test_a_client_that_goes_on_saying_what_nobody_understands_is_told_why_and_closed(served):
    reasons = []
    with _open(served) as client:
        for _ in range(FAULTS):
            client.send("hello")
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                frame = json.loads(client.recv(10))
                if frame["kind"] == "error":
                    reasons.append(frame["reason"])

    assert reasons == ["this is not JSON"] * FAULTS
    assert closed.value.rcvd.code == 4003


def test_a_large_message_is_refused_before_it_is_read(served):
    before = resident_bytes(served)
    with _open(served) as client:
        with contextlib.suppress(ConnectionClosed):
            client.send("x" * 20_000_000)
        with pytest.raises(ConnectionClosed) as closed:
            while True:
                client.recv(10)

    assert closed.value.rcvd is None or closed.value.rcvd.code == 1009
    assert resident_bytes(served) - before < 8_000_000
    assert served.get("/chain").ok


@pytest.fixture
def impatient(node_process):
    return node_process(difficulty=2, environment={"CHAINSITE_WRITE_DEADLINE": str(WRITE_DEADLINE)})


def _read_all(client, total, seen):
    while len(seen) < total:
        frame = json.loads(client.recv(20))
        if frame["kind"] == "refusal":
            seen.append(frame["seq"])


def _bytes_until_end(connection):
    """How much there still was to read before the connection ended; it must have ended."""
    connection.settimeout(5)
    count = 0
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(1 << 20):
            count += len(piece)
    return count


@pytest.mark.long
def test_clients_that_do_not_read_are_cut_off_and_cost_little(impatient):
    """The others go on receiving, every event once."""
    seen: list[int] = []
    with _open(impatient) as client:
        client.recv(10)
        stuck = [
            handshake(impatient, host=f"127.0.0.1:{impatient.port}", origin=None, buffer=4096)
            for _ in range(STUCK)
        ]
        assert [status for status, _ in stuck] == [101] * STUCK
        time.sleep(0.3)
        before = resident_bytes(impatient)
        reader = threading.Thread(target=_read_all, args=(client, GROUPS * EACH, seen))
        reader.start()

        write_refusals(impatient, *[["x" * SIZE] * EACH] * GROUPS)
        most = resident_bytes(impatient)
        reader.join(30)
        time.sleep(2 * WRITE_DEADLINE)

    read = [_bytes_until_end(connection) for _, connection in stuck]
    assert max(read) < GROUPS * EACH * SIZE, "it was not cut off"
    assert seen == list(range(seen[0], seen[0] + GROUPS * EACH))
    assert most - before < GROWTH
    assert "Traceback" not in impatient.text
    for _, connection in stuck:
        connection.close()
