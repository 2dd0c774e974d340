"""Whether Redis answers, and what the processes' own numbers say of it."""

from __future__ import annotations

import signal
import socket

import requests

from deploy.local import Part, Topology

FAILURES = "chainsite_wakeup_failures_total"


def answers(redis: Part, topology: Topology) -> bool:
    """Whether Redis itself answers, within a moment."""
    with socket.socket(socket.AF_UNIX) as one:
        one.settimeout(0.3)
        try:
            one.connect(f"{topology.folder}/redis.sock")
            one.sendall(b"PING\r\n")
            return one.recv(7) == b"+PONG\r\n"
        except OSError:
            return False


def number(part: Part, name: str, key: str) -> float:
    """One of the process's own metrics."""
    headers = {"Authorization": f"Bearer {key}"}
    text = requests.get(f"{part.url}/metrics", headers=headers, timeout=10).text
    (line,) = (line for line in text.splitlines() if line.startswith(f"{name} "))
    return float(line.split()[1])


def hang(redis: Part) -> None:
    redis.signal(signal.SIGSTOP)


def bring_back(redis: Part) -> None:
    if redis.runs:
        redis.signal(signal.SIGCONT)
    else:
        redis.start()
    redis.wait_until_ready()
