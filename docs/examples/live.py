"""Follow a chainsite node: a client that comes back after a break and misses nothing.

    pip install websockets
    python live.py http://127.0.0.1:8000 blocks address:alice

Prints each frame as a line of JSON. Copy `follow`: it needs nothing else of this file. The frames
are described at http://127.0.0.1:8000/api/docs/live
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

SILENT_AFTER = 40  # seconds; the node says something every 15
LONGEST_WAIT = 10  # seconds

Frame = dict[str, Any]


class Place:
    """Up to where a client was told everything of its topics, and of which node."""

    def __init__(self) -> None:
        self.seq: int | None = None
        self.node = ""
        self.last = 0  # the last event that was handed on

    def query(self, topics: list[str]) -> str:
        values = {"topics": ",".join(topics)}
        if self.seq is not None:
            values |= {"after": str(self.seq), "node": self.node}
        return urlencode(values)

    def is_new(self, frame: Frame) -> bool:
        """Take note of a frame. After a break in the midst of several events, some come again."""
        if frame["kind"] == "subscribed":
            if frame["node"]["identifier"] != self.node:
                self.node, self.last = frame["node"]["identifier"], 0
            self.seq = frame["seq"]
        elif frame["kind"] in ("upto", "beat"):
            self.seq = frame["seq"]
        elif "at" in frame:  # an event
            if frame["seq"] <= self.last:
                return False
            self.last = frame["seq"]
        return True


def follow(url: str, topics: list[str]) -> Iterator[Frame]:
    """The frames of these topics, without end: each event once, and in order.

    `url` is the node's, such as http://127.0.0.1:8000; a topic here has no comma in it.
    """
    place, failures = Place(), 0
    address = url.rstrip("/").replace("http", "ws", 1) + "/ws/?"
    while True:
        try:
            with connect(address + place.query(topics), max_size=None) as socket:
                while True:
                    frame = json.loads(socket.recv(timeout=SILENT_AFTER))
                    failures = 0
                    if place.is_new(frame):
                        yield frame
        except (OSError, TimeoutError, ConnectionClosed, InvalidHandshake) as error:
            # Half of the wait is chance: not all clients come back in the same moment.
            failures += 1
            wait = min(LONGEST_WAIT, 0.5 * 2**failures) * random.uniform(0.5, 1)  # noqa: S311
            print(f"{error!r}; again in {wait:.1f} s", file=sys.stderr)
            time.sleep(wait)


def main() -> None:
    url, *topics = sys.argv[1:] or ["http://127.0.0.1:8000", "blocks"]
    for frame in follow(url, topics):
        print(json.dumps(frame, ensure_ascii=False), flush=True)


if __name__ == "__main__":
    main()
