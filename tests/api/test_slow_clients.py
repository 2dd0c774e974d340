"""Clients that read slowly are waited for; those that stop reading are not, and cost little."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

import pytest

from ledger.consensus import SEED, Network
from tests.consensus.chains import body_of, make_chain
from tests.network.old_node import RecordedNode
from tests.processes import NodeProcess

from .test_body_limits import resident

WRITE_DEADLINE = 1.0
MEGABYTE = 1_000_000
CHAIN_MEGABYTES = 10


@pytest.fixture
def process(node_process: Callable[..., NodeProcess]) -> NodeProcess:
    """A node with a chain too long for any buffer, whose server has little patience."""
    process = node_process(
        dialect="seed",
        difficulty=1,
        environment={"CHAINSITE_WRITE_DEADLINE": str(WRITE_DEADLINE)},
    )
    large = [[{"x": "y" * MEGABYTE}] for _ in range(CHAIN_MEGABYTES)]
    chain = make_chain(Network(SEED, 1), 1 + CHAIN_MEGABYTES, [[], *large])
    with RecordedNode(body_of(chain)) as peer:
        process.post("/nodes/register", {"nodes": [peer.address]})
        assert process.get("/nodes/resolve").json()["message"] == "Our chain was replaced"
    return process


def reading_little(process: NodeProcess) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
    client.settimeout(10)
    client.connect(("127.0.0.1", process.port))
    client.sendall(b"GET /chain HTTP/1.0\r\n\r\n")
    return client


@pytest.mark.slow
def test_they_are_told_apart(process: NodeProcess) -> None:
    before = resident(process)
    stuck = [reading_little(process) for _ in range(10)]
    # Four are sent something at a time, by default.
    time.sleep(3 * WRITE_DEADLINE + 0.8)
    assert resident(process) - before < 40 * MEGABYTE, "ten times the chain is 100 MB"
    for client in stuck:
        with client, pytest.raises(ConnectionResetError):
            while client.recv(MEGABYTE):
                pass

    begun, taken = time.monotonic(), 0
    with reading_little(process) as slow:
        while piece := slow.recv(16 * 1024):
            taken += len(piece)
            # Half a megabyte a second: a page of the chain takes longer than the node's patience.
            time.sleep(max(0.0, begun + taken / (MEGABYTE / 2) - time.monotonic()))
    assert taken > CHAIN_MEGABYTES * MEGABYTE
