"""`python -m demo OPTIONS`: the options are JSON, as dev.py has read them."""

from __future__ import annotations

import json
import signal
import sys
import threading
from pathlib import Path
from typing import Any

from .network import Network, say
from .nodes import Node, started

_LOOK_EVERY = 1.0  # seconds


def main(options: dict[str, Any]) -> int:
    """Run the network until told to stop; answer the exit code."""
    stopping = threading.Event()
    signals = [signal.SIGINT, signal.SIGTERM]
    if sys.platform != "win32":
        signals.append(signal.SIGHUP)  # the terminal was closed
    for number in signals:
        signal.signal(number, lambda *_: stopping.set())
    settings = {
        f"CHAINSITE_{name.upper()}": str(options[name]) for name in ("dialect", "difficulty")
    }
    folder = Path(options["data"]) if options["data"] else None
    network = None
    with started(options["count"], folder, settings) as nodes:
        if not _wait_until_ready(nodes, stopping):
            return 0 if stopping.is_set() else 1
        _greet(nodes, folder)
        mine_every, partition = options["mine_every"], options["partition"]
        network = Network(list(nodes), mine_every=mine_every, partition=partition)
        while network.nodes and not stopping.wait(_LOOK_EVERY):
            network.step()
        if stopping.is_set():
            say("stopping")
            if folder:  # the next start begins with one network
                network.heal()
    network.close()
    return 0 if stopping.is_set() else 1


def _wait_until_ready(nodes: list[Node], stopping: threading.Event) -> bool:
    say(f"starting {len(nodes)} nodes …")
    waiting = list(nodes)
    while waiting and not stopping.is_set():
        for node in waiting:
            if node.exit_code is not None:
                say(f"{node.name} did not start:\n{node.last_words()}")
                return False
        waiting = [node for node in waiting if not node.is_ready()]
        stopping.wait(0.1)
    return not stopping.is_set()


def _greet(nodes: list[Node], folder: Path | None) -> None:
    for node in nodes:
        print(f"  {node.name}  {node.url}/")
    kept = f"kept in {folder}" if folder else "in a temporary folder, gone at the end"
    print(f"Their data is {kept}. Ctrl-C stops them.", flush=True)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
