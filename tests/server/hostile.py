"""Clients that mean no good, and what they cost the node."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.processes import NodeProcess

MEGABYTE = 1_000_000
CHAIN_BYTES = 15 * MEGABYTE


def connect(node: NodeProcess, *, buffer: int = 0, source: str = "") -> socket.socket:
    """A connection, with a small buffer of its own for one who does not read."""
    client = socket.socket()
    if buffer:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    if source:
        client.bind((source, 0))
    client.settimeout(10)
    client.connect(("127.0.0.1", node.port))
    return client


@contextmanager
def many(node: NodeProcess, count: int, **options: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        yield [stack.enter_context(connect(node, **options)) for _ in range(count)]


def connections_of(node: NodeProcess) -> int:
    """How many connections that process holds, by what the system says."""
    port, listening, count = f":{node.port:04X}", "0A", 0
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        _, local, _, state, *_, inode = row.split()[:10]
        count += local.endswith(port) and state != listening and inode != "0"
    return count


def until(condition: Callable[[], object], seconds: float = 10.0) -> float:
    """Wait for it; answer how long that took."""
    begun = time.monotonic()
    while not condition():
        assert time.monotonic() - begun < seconds, "it did not happen in time"
        time.sleep(0.02)
    return time.monotonic() - begun


def read_to_end(client: socket.socket) -> tuple[bytes, int, bool]:
    """The first bytes of what there is to read, how many there are, and whether it was cut off."""
    first, count = b"", 0
    try:
        while piece := client.recv(1 << 20):
            first = first or piece[:4096]
            count += len(piece)
    except ConnectionResetError:
        return first, count, True
    return first, count, False
