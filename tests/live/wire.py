"""WebSockets by hand: a handshake with any headers, a client that does not read."""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import time
from datetime import UTC, datetime
from pathlib import Path

from tests import databases
from tests.processes import NodeProcess


def write_refusals(node: NodeProcess, *groups: list[str]) -> None:
    """Write events from this process, which is not the node's; a transaction for each group."""
    at = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    insert = "INSERT INTO ledger_event (kind, payload, at) VALUES ('refusal', ?, ?)"
    for reasons in groups:
        rows = [(json.dumps({"peer": "p:1", "reason": reason}), at) for reason in reasons]
        databases.write(node.data / "chain.sqlite3", insert, rows)
        time.sleep(0.02)


def handshake(
    node: NodeProcess, *, host: str | None, origin: str | None, path: str = "/ws/", buffer: int = 0
) -> tuple[int, socket.socket]:
    """Ask for a WebSocket; answer with the status and the connection, open still."""
    connection = socket.socket()
    if buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    connection.settimeout(10)
    connection.connect(("127.0.0.1", node.port))
    lines = [
        f"GET {path} HTTP/1.1",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    if host is not None:
        lines.append(f"Host: {host}")
    if origin is not None:
        lines.append(f"Origin: {origin}")
    connection.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
    answer = b""
    while b"\r\n" not in answer and (piece := connection.recv(1)):
        answer += piece
    return int(answer.split()[1]) if answer else 0, connection


def resident_bytes(node: NodeProcess) -> int:
    status = Path(f"/proc/{node.process.pid}/status").read_text()
    return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.MULTILINE)[1]) * 1024
