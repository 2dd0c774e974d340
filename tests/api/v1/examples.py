"""The examples of the page at /api/docs, as a reader would copy them."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import NamedTuple

from tests.processes import NodeProcess

# Shown as a request alone: it takes a search to have something to submit.
NO_PROOF = ("post-mining-blocks", "curl")

_OPERATION = re.compile(r'<details class="panel operation" id="([a-z-]+)">(.*?)</details>', re.S)
_TAB = re.compile(r'aria-label="(curl|Python|JavaScript)"><code>(.*?)</code>', re.S)


class Example(NamedTuple):
    operation: str
    language: str
    text: str


def of(page: str) -> Iterator[Example]:
    """All examples of the page, in its order."""
    for operation, body in _OPERATION.findall(page):
        for language, text in _TAB.findall(body):
            yield Example(operation, language, html.unescape(text))


def operations_of(page: str) -> list[str]:
    return [operation for operation, _ in _OPERATION.findall(page)]


def live_through(node: NodeProcess) -> str:
    """Give the node something to show; the page, then."""
    for amount in range(2):
        node.post("/transactions/new", {"sender": "alice", "recipient": "bob", "amount": amount})
        node.get("/mine")
    return node.get("/api/docs").text


def settle(node: NodeProcess) -> None:
    """Return when no search that an example began is under way: it would move the tip under
    another example that searches, too, and that one's answer would be 409."""
    node.get("/mine")
