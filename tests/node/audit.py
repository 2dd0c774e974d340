"""What must hold of a database file, whatever happened to the process that wrote it.

`find_faults` opens it as the next start would, repairs nothing, and compares it with what was
acknowledged. It trusts `verification`, and beside it looks for itself: in the texts of the blocks,
and in the events, which must tell the history that led here.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from ledger import models
from ledger.node import lifecycle

Content = tuple[str, str, int]


@dataclass
class Promises:
    """What the node said, over all its lives on one database file."""

    identifier: str = ""
    acknowledged: dict[str, Content] = field(default_factory=dict)  # by uid
    keys: dict[str, str] = field(default_factory=dict)  # idempotency key to uid
    tried: Counter[Content] = field(default_factory=Counter)
    retried: dict[str, Content] = field(default_factory=dict)  # keys that got no answer yet
    copied: set[Content] = field(default_factory=set)  # put into peers' blocks by the test
    blocks: set[str] = field(default_factory=set)  # sealed or adopted as the tip

    def to_json(self) -> dict[str, Any]:
        return {
            "identifier": self.identifier,
            "acknowledged": self.acknowledged,
            "keys": self.keys,
            "tried": list(self.tried.items()),
            "copied": list(self.copied),
            "blocks": list(self.blocks),
        }

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Promises:
        return cls(
            identifier=values["identifier"],
            acknowledged={uid: _content(c) for uid, c in values["acknowledged"].items()},
            keys=values["keys"],
            tried=Counter({_content(content): count for content, count in values["tried"]}),
            copied={_content(content) for content in values["copied"]},
            blocks=set(values["blocks"]),
        )

    def unanswered(self) -> list[tuple[str, Content]]:
        """Requests with a key that were sent and not answered: a client sends those again."""
        return [(key, content) for key, content in self.retried.items() if key not in self.keys]

    def take(self, said: list[dict[str, Any]]) -> None:
        """Note what a worker said, up to the moment it was killed."""
        for line in said:
            if "kind" in line:
                words = {name: value for name, value in line.items() if name != "kind"}
                getattr(self, f"_take_{line['kind']}")(**words)

    def _take_tried(self, content: list[Any], key: str | None = None) -> None:
        if key is None or key not in self.retried:  # the same request again is the same request
            self.tried[_content(content)] += 1
        if key is not None:
            self.retried[key] = _content(content)

    def _take_accepted(self, uid: str, content: list[Any], key: str | None = None) -> None:
        if key is not None:
            assert self.keys.setdefault(key, uid) == uid, f"{key} was answered twice, differently"
        self.acknowledged[uid] = _content(content)

    def _take_copied(self, content: list[Any]) -> None:
        self.copied.add(_content(content))

    def _take_block(self, hash: str) -> None:
        self.blocks.add(hash)


def _content(values: list[Any]) -> Content:
    sender, recipient, amount = values
    return (sender, recipient, amount)


def find_faults(promises: Promises) -> list[str]:
    """Every way in which the open database breaks an invariant or a promise; empty if none."""
    return [
        *_file_faults(),
        *(f"verify: {fault}" for fault in lifecycle.verify().faults),
        *event_faults(),
        *_identity_faults(promises),
        *_transaction_faults(promises),
        *_doubled(promises),
        *_block_faults(promises),
    ]


def _file_faults() -> list[str]:
    if connection.vendor != "sqlite":
        return []
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA integrity_check")
        lines = [line for (line,) in cursor.fetchall() if line != "ok"]
        cursor.execute("PRAGMA foreign_key_check")
        return [f"file: {line}" for line in lines + cursor.fetchall()]


def _identity_faults(promises: Promises) -> list[str]:
    found = list(models.NodeIdentity.objects.values_list("identifier", flat=True))
    expected = [promises.identifier] if promises.identifier else found[:1]
    return [] if found == expected else [f"identity: {found}, not {expected}"]


def _transaction_faults(promises: Promises) -> list[str]:
    """Each acknowledged transaction is there, as it was sent, and waits or is confirmed once."""
    faults = []
    rows = {str(row.uid): row for row in models.Transaction.objects.all()}
    on_chain = Counter(
        models.Inclusion.objects.filter(
            transaction__isnull=False, block__active__isnull=False
        ).values_list("transaction_id", flat=True)
    )
    for uid, content in promises.acknowledged.items():
        row = rows.get(uid)
        if row is None:
            faults.append(f"lost: transaction {uid} {content}")
            continue
        if (row.sender, row.recipient, row.amount) != content:
            faults.append(f"changed: transaction {uid}")
        waits, times = row.state in ("pending", "returned"), on_chain[row.pk]
        if (waits, times) not in ((True, 0), (False, 1)) or row.state == "refused":
            faults.append(f"lost: transaction {uid} is {row.state}, on the chain {times} times")
    uids = {row.idempotency_key: uid for uid, row in rows.items()}
    for key, uid in promises.keys.items():
        if uids.get(key) != uid:
            faults.append(f"changed: key {key} names another transaction than {uid}")
    return faults


def _doubled(promises: Promises) -> list[str]:
    """Nothing is there more often than it was sent, nor on the chain more often than confirmed."""
    faults = []
    rows, confirmed = Counter[Content](), Counter[Content]()
    for sender, recipient, amount, state in models.Transaction.objects.values_list(
        "sender", "recipient", "amount", "state"
    ):
        rows[sender, recipient, amount] += 1
        confirmed[sender, recipient, amount] += state == "confirmed"
    on_chain = _regular_entries()
    for content, count in rows.items():
        if count > promises.tried[content]:
            faults.append(f"doubled: {content} is kept {count} times, sent less often")
        there = on_chain[content]
        if there < confirmed[content] or (
            there > confirmed[content] and content not in promises.copied
        ):
            faults.append(
                f"doubled: {content} is {there} times on the chain, {confirmed[content]} due"
            )
    return faults


def _regular_entries() -> Counter[Content]:
    entries = Counter[Content]()
    rows = models.ActiveBlock.objects.values_list("block__canonical", flat=True)
    for text in rows:
        for entry in json.loads(text)["transactions"]:
            if len(entry) == 3 and all(type(entry.get(k)) is str for k in ("sender", "recipient")):
                entries[entry["sender"], entry["recipient"], entry.get("amount")] += 1
    return entries


def _block_faults(promises: Promises) -> list[str]:
    """An acknowledged block is on the chain, or a recorded reorganisation took it away."""
    parents = dict(models.Block.objects.values_list("hash", "parent_id"))
    indexes = dict(models.Block.objects.values_list("hash", "index"))
    active = set(models.ActiveBlock.objects.values_list("block__hash", flat=True))
    gone = set[str]()
    for row in models.Reorganisation.objects.select_related("old_tip"):
        digest = row.old_tip.hash
        while digest is not None and indexes[digest] > row.fork_index:
            gone.add(digest)
            digest = parents[digest]
    faults = [f"lost: block {digest}" for digest in promises.blocks - parents.keys()]
    missing = (promises.blocks & parents.keys()) - active - gone
    return faults + [f"unrecorded: block {digest} left the chain" for digest in missing]


def event_faults() -> list[str]:
    """The events, read in order, tell how the chain and the pool came to be as they are."""
    told = _Told()
    for kind, payload in models.Event.objects.order_by("pk").values_list("kind", "payload"):
        told.hear(kind, json.loads(payload))
    tip = models.Tip.objects.select_related("block").get(pk=1)
    own = models.Transaction.objects.filter(relayed_by="")
    uids = Counter(str(uid) for uid in own.values_list("uid", flat=True))
    if (told.index, told.tip) != (tip.index, tip.block.hash):
        told.faults.append(f"events: they end at block {told.index}, the chain at {tip.index}")
    if +told.transactions != uids:
        told.faults.append("events: they do not name each transaction once")
    if told.reorganisations != list(
        models.Reorganisation.objects.order_by("pk").values_list("pk", flat=True)
    ):
        told.faults.append("events: they do not name each reorganisation once")
    return told.faults


def heard() -> Counter[str]:
    """By uid, how many events say that a transaction came into the pool."""
    rows = models.Event.objects.filter(kind="transaction").values_list("payload", flat=True)
    return Counter(json.loads(payload)["id"] for payload in rows)


class _Told:
    """What a listener who heard every event knows."""

    def __init__(self) -> None:
        genesis = models.Block.objects.filter(origin=models.Block.Origin.GENESIS).get()
        self.index, self.tip = 1, genesis.hash
        self.transactions = Counter[str]()
        self.reorganisations: list[int] = []
        self.faults: list[str] = []

    def hear(self, kind: str, payload: dict[str, Any]) -> None:
        if kind == "transaction":
            self.transactions[payload["id"]] += "relayed" not in payload
        elif kind == "block":
            self._follow([payload], 1)
        elif kind == "chain-extended":
            self._follow(payload["blocks"], payload["connected"])
        elif kind == "reorganisation":
            self.reorganisations.append(payload["id"])
            if payload["old_tip"]["hash"] != self.tip:
                self.faults.append("events: a reorganisation leaves another tip than was told")
            self.index, self.tip = payload["fork_index"], ""
            self._follow(payload["blocks"], payload["connected"])

    def _follow(self, blocks: list[dict[str, Any]], connected: int) -> None:
        told_all = connected == len(blocks)
        if told_all and self.tip and blocks[0]["previous_hash"] != self.tip:
            self.faults.append(f"events: block {blocks[0]['index']} follows another than was told")
        self.index, self.tip = self.index + connected, blocks[-1]["hash"]
        if blocks[-1]["index"] != self.index:
            self.faults.append(f"events: {blocks[-1]['index']} stands where {self.index} is due")
