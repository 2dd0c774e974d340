"""Bugs, planted on purpose: each has to be noticed, or the tests that should notice are blind."""

from __future__ import annotations

from typing import Any

from django.db import connection, transaction

from ledger import models, triggers
from ledger.consensus import fork_choice
from ledger.node import (
    blockstore,
    chainstate,
    events,
    invalidation,
    marks,
    matching,
    mempool,
    relayed,
    sealing,
    totals,
    writer,
)

from .planting import Function, Mutation, edit, instead


def _commit_half(right: Function) -> Function:
    def move_tip(*arguments: Any) -> Any:
        connection.connection.commit()
        connection.connection.execute("BEGIN IMMEDIATE")
        return right(*arguments)

    return move_tip


def _merge_identical(right: Function) -> Function:
    def match(index: int, undone: set[int]) -> set[int]:
        found: set[int] = right(index, undone)
        for row in models.Transaction.objects.filter(pk__in=found):
            alike = mempool.pool().filter(
                sender=row.sender, recipient=row.recipient, amount=row.amount
            )
            found |= set(alike.values_list("pk", flat=True))
        mempool.set_state(found, "confirmed")
        return found

    return match


def _only_add(right: Function) -> Function:
    return lambda changes, sign: right(changes, sign) if sign > 0 else None


def _prune_stale(right: Function) -> Function:
    def force_tip(*arguments: Any) -> Any:
        switch = right(*arguments)
        with triggers.lifted(connection):
            models.Block.objects.filter(active=None).update(canonical="")
        return switch

    return force_tip


def _write_later(right: Function) -> Function:
    def record_all(kind: str, payloads: Any) -> None:
        kept = list(payloads)
        transaction.on_commit(lambda: right(kind, kept))

    return record_all


def _count_forged(right: Function) -> Function:
    def content(value: dict[str, Any], *, last: bool) -> Any:
        if value.get("sender") == "0" and type(value.get("amount")) is int:
            return (value["sender"], value["recipient"], value["amount"], "")
        return right(value, last=last)

    return content


MUTATIONS = {
    "returned transactions are not returned": Mutation(
        "a reorganisation forgets what it took out of a block",
        mempool,
        "put_back",
        instead(lambda pks: (set(), set())),
        ("verify I4", "switch"),
    ),
    "flip-flop": Mutation(
        "blocks that come back are not known to have our transactions",
        chainstate,
        "_confirm_above",
        instead(lambda index: set()),
        ("verify I4", "switch"),
    ),
    "half a seal": Mutation(
        "the block is committed before the tip",
        chainstate,
        "_move_tip",
        _commit_half,
        ("verify: I1",),
        by_killing="seal",
    ),
    "identical transactions merged": Mutation(
        "one entry of a block confirms all of ours that look like it",
        matching,
        "match_with_blocks_above",
        _merge_identical,
        ("verify I4", "switch"),
    ),
    "the pool is not asked again": Mutation(
        "a transaction that left the pool during the search is sealed",
        sealing,
        "_still_in_pool",
        instead(lambda pks: list(models.Transaction.objects.filter(pk__in=pks).order_by("pk"))),
        ("late",),
    ),
    "the tip is not asked again": Mutation(
        "a block is sealed on a tip that has moved",
        sealing,
        "seal",
        edit(("if tip.version != template.tip_version or ", "if tip is None and ")),
        ("late",),
    ),
    "contents not frozen": Mutation(
        "what came during the search counts as confirmed by the block",
        sealing,
        "seal",
        edit(("rows = _still_in_pool(template.transactions)", "rows = list(mempool.pool())")),
        ("verify I4", "late"),
    ),
    "totals only grow": Mutation(
        "what left the chain is not taken off the totals",
        totals,
        "apply",
        _only_add,
        ("verify I4",),
    ),
    "side branches thrown away": Mutation(
        "the texts of blocks that left the chain are not kept",
        chainstate,
        "force_tip",
        _prune_stale,
        ("verify I2",),
    ),
    "equal length wins": Mutation(
        "a chain as long as ours replaces it",
        fork_choice,
        "prefers",
        instead(lambda candidate, own: candidate >= own),
        ("length",),
    ),
    "events beside the transaction": Mutation(
        ("events: they do not name each transaction once",),
        events,
        "record_all",
        _write_later,
        "events: they do not name each transaction once",
        by_killing="accept",
    ),
    "acknowledged too soon": Mutation(
        "the answer goes out before COMMIT",
        writer.Writer,
        "_carry_out",
        edit(
            (
                "return list(zip(jobs, outcomes, strict=True))",
                "_hand_out(zip(jobs, outcomes)); return []",
            )
        ),
        ("lost: transaction",),
        by_killing="accept",
    ),
    "idempotency key ignored": Mutation(
        "a request that is repeated is taken for another",
        mempool,
        "_acknowledged",
        instead(lambda keys: {}),
        ("key",),
    ),
    "fork point off by one": Mutation(
        "one block too many is disconnected",
        chainstate,
        "fork_index",
        lambda right: lambda block: max(0, right(block) - 1),
        ("verify I1", "switch"),
    ),
    "forged rewards counted": Mutation(
        "an irregular transaction counts in balances",
        blockstore,
        "_content",
        _count_forged,
        ("model totals",),
        scenario="a reward is forged",
    ),
    "extra keys overlooked": Mutation(
        "an entry that says more than ours is taken for ours",
        matching,
        "_is_plain",
        instead(lambda entry: True),
        ("switch", "model places"),
    ),
    "the youngest first": Mutation(
        "of two identical transactions the younger is confirmed",
        matching,
        "_candidates",
        lambda right: lambda undone: right(undone)[::-1],
        ("model transactions", "model places"),
    ),
    "the reward goes elsewhere": Mutation(
        "a block sealed here pays somebody else",
        sealing,
        "freeze",
        edit(("network.reward(identifier)", 'network.reward("a thief")')),
        ("verify I5",),
    ),
    "confirmed twice": Mutation(
        "an entry under a block that has ours is taken for ours too",
        matching,
        "_floors",
        instead(lambda index, pks: {}),
        ("switch",),
        scenario="a branch that was left comes back",
    ),
    "marks overlooked": Mutation(
        "a longer chain makes up for a block that is marked invalid",
        marks,
        "hashes",
        instead(lambda: set()),
        ("mark", "model blocks"),
        scenario="a chain with a mark grows",
    ),
    "what was left is forgotten": Mutation(
        "a mark that is lifted does not lead back to the tip that was left for it",
        invalidation,
        "_best_after",
        edit(("if mark.left_id in longest", "if False")),
        ("switch",),
        scenario="a mark is lifted",
    ),
    "everybody puts everything back": Mutation(
        "what a peer acknowledged returns to the pool without the peer's word",
        mempool,
        "put_back",
        edit(("if content not in alike", "if False")),
        ("switch",),
        scenario="others tell what they know",
    ),
    "nobody puts back what looks like a peer's": Mutation(
        "of two alike, each node leaves the one that the chain lacks to the other",
        mempool,
        "acknowledged_here",
        instead(lambda contents, undone: set()),
        ("switch", "model transactions"),
        scenario="others tell what they know",
    ),
    "late ones not looked for": Mutation(
        "a transaction that comes after its block waits beside it",
        matching.FreeEntries,
        "take",
        instead(lambda self, content, floor: None),
        ("model transactions",),
        scenario="others tell what they know",
    ),
    "found where it cannot be": Mutation(
        "an entry that is older than a transaction stands for it",
        matching.FreeEntries,
        "take",
        edit(("content[2], floor]", "content[2], 0]")),
        ("model transactions", "model places", "verify I4"),
        scenario="others tell what they know",
    ),
    "released and forgotten": Mutation(
        "a peer's word that it waits wakes nothing",
        relayed._Taking,
        "_wakes",
        instead(lambda self, content: True),
        ("relay", "model transactions"),
        scenario="others tell what they know",
    ),
    "a lost group acknowledged": Mutation(
        "a transaction that the database gave up is taken for committed",
        writer,
        "_attempt",
        edit(("if connection.needs_rollback:", "if False:")),
        ("acknowledged, but not stored",),
        scenario="the disk is full",
    ),
}
