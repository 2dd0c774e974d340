"""What a node's ledger should be, in lists and dicts: the model the state machine compares with.

It shares no rule with the code under test. Chains are walked from their genesis, totals are added
up from the texts, and a reorganisation is nothing but: another list of blocks, then look which of
our transactions stand on it.
"""

from __future__ import annotations

import json
import unicodedata
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from .audit import Content


@dataclass
class Mine:
    """A transaction we acknowledged, or one that was relayed to us."""

    uid: str
    content: Content
    key: str | None
    promised: int
    entered: int
    floor: int
    relayed: bool = False
    state: str = "pending"

    @property
    def waits(self) -> bool:
        return self.state in ("pending", "returned")


@dataclass(frozen=True)
class Told:
    """What a peer tells of a transaction."""

    uid: str
    content: tuple[Any, ...]
    floor: int
    state: str


@dataclass
class Changed:
    """What adopting a chain should report."""

    fork_index: int
    disconnected: int
    connected: int
    returned: int
    released: int
    confirmed: int


@dataclass
class LedgerModel:
    """`places` says which of ours an entry of a block, active or stale, stands for."""

    texts: dict[str, str] = field(default_factory=dict)  # by hash
    active: list[str] = field(default_factory=list)
    mine: list[Mine] = field(default_factory=list)  # by arrival
    places: dict[tuple[str, int], Mine] = field(default_factory=dict)
    version: int = 1
    reorganisations: int = 0
    marks: dict[str, str | None] = field(default_factory=dict)  # and the tip left for each
    entries: int = 0  # how often one entered the pool or was released
    heard: Counter[str] = field(default_factory=Counter)  # by uid, events that it waits

    # --- reading ------------------------------------------------------------------------------

    def block(self, digest: str) -> dict[str, Any]:
        return _parsed(self.texts[digest])

    def path(self, digest: str) -> list[str]:
        """The blocks from a genesis to this one."""
        path = [digest]
        while self.block(path[-1])["index"] > 1:
            path.append(self.block(path[-1])["previous_hash"])
        return path[::-1]

    def leaves(self) -> list[str]:
        """Stale blocks that nothing follows, oldest first."""
        parents = {self.block(digest)["previous_hash"] for digest in self.texts}
        return [d for d in self.texts if d not in parents and d != self.active[-1]]

    def longest(self) -> list[str]:
        """The highest blocks with no mark on their way, first seen first."""
        free = [d for d in self.texts if not self.is_barred(d)]
        height = max(self.block(digest)["index"] for digest in free)
        return [digest for digest in free if self.block(digest)["index"] == height]

    def is_barred(self, digest: str) -> bool:
        return any(block in self.marks for block in self.path(digest))

    def pool(self) -> list[Mine]:
        return [one for one in self.mine if one.waits]

    def confirmed(self) -> list[Mine]:
        return [one for one in self.mine if one.state == "confirmed"]

    def totals(self) -> dict[str, tuple[int, int, int]]:
        """Received, sent and number of entries of every name on the active chain."""
        received, sent, entries = (defaultdict[str, int](int) for _ in range(3))
        for digest in self.active:
            transactions = self.block(digest)["transactions"]
            for position, value in enumerate(transactions):
                names = [value.get("sender"), value.get("recipient")]
                for name in {name for name in names if is_name(name)}:
                    entries[name] += 1
                if is_regular(value, last=position == len(transactions) - 1):
                    sent[names[0]] += value["amount"]
                    received[names[1]] += value["amount"]
        return {name: (received[name], sent[name], count) for name, count in entries.items()}

    # --- changes ------------------------------------------------------------------------------

    def accept(self, uid: str, content: Content, key: str | None, promised: int) -> None:
        self.mine.append(Mine(uid, content, key, promised, self._number(), len(self.active)))
        self.heard[uid] += 1

    def by_key(self, key: str) -> Mine | None:
        return next((one for one in self.mine if one.key == key), None)

    def take(self, told: list[Told], tip: str) -> None:
        """A peer whose chain ends in the stored block `tip` tells what it knows."""
        path, index = self.path(tip), len(self.active) + 1
        fork_index = _shared(self.active, path)
        new: list[Mine] = []
        for one in told:
            known = self.by_uid(one.uid)
            if known is not None:
                if one.state == "waiting" and known.state in ("released", "confirmed"):
                    self._wake(known.content)
            elif _is_taken(one.content):
                content: Content = (one.content[0], one.content[1], one.content[2])
                taken = Mine(one.uid, content, None, index, 0, min(one.floor, fork_index), True)
                place = self._free_place(taken)
                if place is not None:
                    self.places[place], taken.state = taken, "confirmed"
                elif one.state == "released" and not self._has_own(content):
                    taken.state = "released"
                new.append(taken)
        for one_taken in new:
            one_taken.entered = self._number()
            self.heard[one_taken.uid] += one_taken.waits
        self.mine += new

    def by_uid(self, uid: str) -> Mine | None:
        return next((one for one in self.mine if one.uid == uid), None)

    def _wake(self, content: Content) -> None:
        asleep = [one for one in self.mine if (one.state, one.content) == ("released", content)]
        for one in sorted(asleep, key=lambda one: one.entered):
            one.state, one.entered = "pending", self._number()
            self.heard[one.uid] += 1

    def _has_own(self, content: Content) -> bool:
        return any(
            one.content == content and not one.relayed and one.state != "refused"
            for one in self.mine
        )

    def _free_place(self, one: Mine) -> tuple[str, int] | None:
        """The lowest entry that can be it."""
        for digest in self.active[one.floor :]:
            for position, value in enumerate(self.block(digest)["transactions"]):
                if (digest, position) not in self.places and _is_exactly(value, one.content):
                    return digest, position
        return None

    def _number(self) -> int:
        self.entries += 1
        return self.entries

    def refuse(self, one: Mine) -> None:
        one.state = "refused"

    def keep(self, digest: str, text: str) -> None:
        """A valid block is stored; it is not active yet."""
        self.texts.setdefault(digest, text)

    def seal(self, digest: str, text: str, chosen: list[Mine]) -> None:
        self.keep(digest, text)
        for position, one in enumerate(chosen):
            self.places[digest, position] = one
            one.state = "confirmed"
        self.active.append(digest)
        self.version += 1

    def adopt(self, tip: str) -> Changed:
        """The chain that ends in the stored block `tip` becomes the active one."""
        old, new = self.active, self.path(tip)
        fork_index = _shared(old, new)
        if len(old) > fork_index:
            left = {one.uid for (block, _), one in self.places.items() if block in old[fork_index:]}
            for one in self.mine:
                if one.waits or one.state == "released" or one.uid in left:
                    one.floor = min(one.floor, fork_index)
        self.active = new
        self._find_mine_in(new[fork_index:])
        standing = self._standing()
        undone = []
        for one in self.mine:
            if one.uid in standing:
                one.state = "confirmed"
            elif one.state == "confirmed":
                undone.append(one)
        released = [one for one in undone if one.relayed and not self._has_own(one.content)]
        returned = [one for one in undone if one not in released]
        for state, some in (("returned", returned), ("released", released)):
            for one in some:
                one.state, one.entered = state, self._number()
        self.version += 1
        self.reorganisations += len(old) > fork_index
        came = {one.uid for (block, _), one in self.places.items() if block in new[fork_index:]}
        return Changed(
            fork_index,
            len(old) - fork_index,
            len(new) - fork_index,
            len(returned),
            len(released),
            len(came),
        )

    def invalidate(self, digest: str) -> Changed | None:
        is_active = digest in self.active
        self.marks[digest] = self.active[-1] if is_active else None
        return self.adopt(self.longest()[0]) if is_active else None

    def reconsider(self, digest: str) -> Changed | None:
        lifted = [m for m in self.marks if m in self.path(digest) or digest in self.path(m)]
        left = [self.marks.pop(mark) for mark in lifted]
        longest = self.longest()
        back = [digest for digest in left if digest in longest]
        if back:
            best = back[0]
        elif self.block(longest[0])["index"] > len(self.active):
            best = longest[0]
        else:
            best = self.active[-1]
        return self.adopt(best) if best != self.active[-1] else None

    def _standing(self) -> set[str]:
        """Those of ours that stand in an active block."""
        active = set(self.active)
        return {one.uid for (block, _), one in self.places.items() if block in active}

    def _find_mine_in(self, blocks: list[str]) -> None:
        """Let entries that stand for nothing yet stand for ours that wait, the oldest first, and
        then for those that were released."""
        standing = self._standing()
        candidates = sorted(self.mine, key=lambda one: one.state == "released")
        for digest in blocks:
            transactions = self.block(digest)["transactions"]
            for position, value in enumerate(transactions):
                last = position == len(transactions) - 1
                if (digest, position) in self.places or not is_regular(value, last=last):
                    continue
                for one in candidates:
                    if one.uid in standing or one.state == "refused":
                        continue
                    if _is_exactly(value, one.content) and not self._stands_after(one, digest):
                        self.places[digest, position] = one
                        standing.add(one.uid)
                        break

    def _stands_after(self, one: Mine, digest: str) -> bool:
        """Whether a block that descends from this one has it: then this is somebody else's."""
        return any(
            digest in self.path(block) for (block, _), other in self.places.items() if other is one
        )


def _shared(left: list[str], right: list[str]) -> int:
    return sum(1 for ours, theirs in zip(left, right, strict=False) if ours == theirs)


def _is_taken(content: tuple[Any, ...]) -> bool:
    """Whether a node of ours acknowledges such a transaction."""
    *names, amount = content
    return (
        all(is_name(name) for name in names)
        and names[0] != "0"
        and type(amount) is int
        and 0 <= amount < 2**63
    )


@cache
def _parsed(text: str) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(text)
    return value


def is_name(value: Any) -> bool:
    return (
        isinstance(value, str)
        and 1 <= len(value) <= 256
        and not any(unicodedata.category(character) in ("Cc", "Cs") for character in value)
    )


def is_regular(value: dict[str, Any], *, last: bool) -> bool:
    """Whether an entry counts in balances."""
    if not is_name(value.get("sender")) or not is_name(value.get("recipient")):
        return False
    amount = value.get("amount")
    if not isinstance(amount, int) or isinstance(amount, bool) or not 0 <= amount < 2**63:
        return False
    return value["sender"] != "0" or (last and amount == 1)


def _is_exactly(value: dict[str, Any], content: Content) -> bool:
    return value == dict(zip(("sender", "recipient", "amount"), content, strict=True))
