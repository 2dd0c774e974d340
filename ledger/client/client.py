"""The client: a method for each thing that a program wants of a node."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from typing import Any, Final, Self
from urllib.parse import quote

from .asking import Asking, backoff, is_passing
from .problems import OtherHistory, Problem

Object = dict[str, Any]

_PAGE: Final = 200  # rows, the most a node gives
_UNSEEN: Final = 0.2  # seconds without a question, in which a node could be replaced


class Client:
    """One node, by its address and, for what only its operator may do, a token.

    `timeout` is how many seconds the node may be silent before it counts as gone; `patience`, for
    how many seconds a lost connection, a 429 or a 503 is answered by asking again. Objects are as
    `/api/docs` explains them. Every method raises `Problem`. For one thread.
    """

    def __init__(
        self, url: str, token: str | None = None, *, timeout: float = 10.0, patience: float = 30.0
    ) -> None:
        self._asking = Asking(url, token, timeout, patience)

    def close(self) -> None:
        self._asking.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *failure: object) -> None:
        self.close()

    def node(self) -> Object:
        """Who this node is: version, identifier, network, tip."""
        return self._get("/node", needed=("identifier",))

    def block(self, which: int | str = "tip") -> Object:
        """A block by its index, its hash, or `tip`."""
        return self._get(f"/blocks/{_part(which)}")

    def block_bytes(self, which: int | str = "tip") -> bytes:
        """Its canonical bytes: SHA-256 of them is its hash."""
        return self._asking.ask("GET", f"/blocks/{_part(which)}/raw").body

    def blocks(
        self, first: int | None = None, last: int | None = None, *, oldest_first: bool = False
    ) -> Iterator[Object]:
        """The headers of the active chain's blocks between two indices, these included."""
        order = "oldest" if oldest_first else "newest"
        return self._rows("/blocks", "blocks", {"from": first, "to": last, "order": order})

    def block_transactions(self, which: int | str) -> Iterator[Object]:
        """What a block holds, in its order."""
        return self._rows(f"/blocks/{_part(which)}/transactions", "transactions")

    def submit(
        self, sender: str, recipient: str, amount: int, *, idempotency_key: str | None = None
    ) -> Object:
        """Have a transaction acknowledged: its `id`, and the block it should be in.

        It is repeated under one key until there is an answer, and added once. Who wants to repeat
        it beyond `patience`, or after a crash, chooses the key and keeps it.
        """
        values = {"sender": sender, "recipient": recipient, "amount": amount}
        headers = {"Idempotency-Key": idempotency_key or str(uuid.uuid4())}
        return self._asking.ask("POST", "/transactions", json=values, headers=headers).json()

    def check_transaction(self, sender: str, recipient: str, amount: int) -> Object:
        """Whether it would be taken, with every reason why not; nothing is stored."""
        values = {"sender": sender, "recipient": recipient, "amount": amount}
        return self._asking.ask("POST", "/transactions/check", json=values).json()

    def transaction(self, id: str) -> Object:
        """A transaction's life: its state, its place, what happened to it."""
        return self._get(f"/transactions/{_part(id)}")

    def transactions(self) -> Iterator[Object]:
        """Those that were acknowledged, the newest first."""
        return self._rows("/transactions", "transactions")

    def pool(self, limit: int = 50) -> Object:
        """How many transactions wait, how large they are, and the first of them, 200 at most."""
        return self._get("/pool", limit=limit)

    def address(self, name: str) -> Object:
        """Balance and pending transactions of a name."""
        return self._get("/address", name=name)

    def history(self, name: str) -> Iterator[Object]:
        """The entries from or to a name, the newest first, with the balance after each."""
        return self._rows("/address/history", "history", {"name": name})

    def peers(self) -> Object:
        """The peers, how each stands to this node, and how many do in which way."""
        return self._get("/peers")

    def search(self, query: str) -> Object:
        """What an index, a hash, an id, a name or a date finds."""
        return self._get("/search", q=query)

    def mining(self, wait: float = 0.0) -> Object:
        """How the search goes; with `wait`, when one begins or ends, or after so many seconds."""
        return self._get("/mining", wait=wait)

    def mine(self) -> Object:
        """Start a search: the `index` it is for, and the event `after` which its block comes.

        Asked again where nothing was done, not after a lost connection: it might be mined twice.
        """
        return self._asking.ask("POST", "/mining", repeatable=False).json()

    def cancel_mining(self) -> bool:
        """Give up all searches; whether there were any."""
        return bool(self._asking.ask("DELETE", "/mining").json().get("cancelled"))

    def template(
        self, recipient: str | None = None, *, tip: str | None = None, wait: float = 0.0
    ) -> Object:
        """A block to search a proof for; with `wait`, when the tip is not `tip` any more."""
        return self._get("/mining/template", wait=wait, recipient=recipient, tip=tip)

    def submit_block(self, template: str, proof: int) -> Object:
        """Put the template's block on the chain. A `Problem` named `stale` means: take a new one.

        Asked again only where nothing was done. After a lost connection the tip says what became
        of it.
        """
        values = {"template": template, "proof": proof}
        return self._asking.ask("POST", "/mining/blocks", json=values, repeatable=False).json()

    def news(self, after: int | None = None, *, wait: float = 0.0) -> Object:
        """One look at the `events` behind a number, with the number to ask `after` next; without
        one, only that number. With `wait`, as soon as there is something, or after so many seconds.
        """
        needed = ("events", "after", "newest")
        return self._get("/events", needed=needed, wait=wait, after=after, limit=_PAGE)

    def events(self, after: int | None = None, *, wait: float = 25.0) -> Iterator[Object]:
        """Events without end, each once and in order, from behind a number; without one, from now.

        Breaks are waited out, whatever they take, and nothing is missed. Raises `OtherHistory` if
        what comes back is not the node that went.
        """
        identifier, failures, held = self._identifier(), 0, time.monotonic()
        while True:
            # While it was asked, a break tells that it may be another node by now.
            breaks, alone = self._asking.breaks, time.monotonic() - held > _UNSEEN
            try:
                found = self.news(after, wait=wait)
                may_differ = failures or alone or self._asking.breaks > breaks
                if may_differ and self._identifier() != identifier:
                    raise OtherHistory(f"it is not {identifier} any more")
            except Problem as problem:
                if not is_passing(problem):
                    raise
                time.sleep(backoff(failures, problem))
                failures += 1
                continue
            failures, held = 0, time.monotonic()
            if after is not None and found["newest"] < after:
                raise OtherHistory(f"its events end at {found['newest']}, before {after}")
            yield from found["events"]
            after = found["after"]

    def _identifier(self) -> str:
        return str(self.node()["identifier"])

    def _get(
        self, path: str, *, needed: tuple[str, ...] = (), wait: float = 0.0, **query: Any
    ) -> Object:
        asked = {name: value for name, value in query.items() if value is not None}
        if wait:
            asked["wait"] = wait
        return self._asking.ask("GET", path, wait=wait, params=asked).json(*needed)

    def _rows(self, path: str, of: str, query: Object | None = None) -> Iterator[Object]:
        """The rows of all pages of a list, each page fetched when it is needed."""
        cursor = None
        while True:
            page = self._get(path, needed=(of, "next"), limit=_PAGE, cursor=cursor, **(query or {}))
            yield from page[of]
            cursor = page["next"]
            if cursor is None:
                return


def _part(value: int | str) -> str:
    """A value as one part of a path."""
    return quote(str(value), safe="")
