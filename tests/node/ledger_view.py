"""The database as the model sees the world, and the comparison of the two."""

from __future__ import annotations

from typing import Any

from ledger import models
from ledger.node import lifecycle, mempool

from . import audit
from .ledger_model import LedgerModel


class Broken(AssertionError):
    """Something does not hold; `check` names what noticed it."""

    def __init__(self, check: str, detail: str) -> None:
        super().__init__(f"{check}: {detail}")
        self.check = check


def compare(model: LedgerModel, identifier: str) -> None:
    """Raise `Broken` unless the open database is sound and is what the model says."""
    for fault in lifecycle.verify().faults:
        raise Broken(f"verify {fault.invariant}", str(fault))
    for fault in audit.event_faults():
        raise Broken("events", fault)
    found, expected = _found(), _expected(model) | {"identity": [identifier]}
    for name, value in expected.items():
        if found[name] != value:
            raise Broken(f"model {name}", f"{found[name]} is there, not {value}")


_CONTENT = ("sender", "recipient", "amount")
_COLUMNS = ("uid", *_CONTENT, "idempotency_key", "promised_index", "entered", "floor", "state")


def _found() -> dict[str, Any]:
    tip = models.Tip.objects.get(pk=1)
    transactions = models.Transaction.objects.order_by("pk")
    named = models.Inclusion.objects.filter(transaction__isnull=False)
    addresses = models.Address.objects.values_list("name", "received", "sent", "entries")
    return {
        "chain": list(
            models.ActiveBlock.objects.order_by("index").values_list("block__hash", flat=True)
        ),
        "blocks": dict(models.Block.objects.values_list("hash", "canonical")),
        "tip": (tip.index, tip.version),
        "transactions": [
            (str(uid), content, key, promised, entered, floor, bool(peer), state)
            for peer, uid, *content, key, promised, entered, floor, state in (
                transactions.values_list("relayed_by", *_COLUMNS)
            )
        ],
        "heard": audit.heard(),
        "pool": [str(row.uid) for row in mempool.pool()],
        "places": {
            (digest, position): str(uid)
            for digest, position, uid in named.values_list(
                "block__hash", "position", "transaction__uid"
            )
        },
        "totals": {name: tuple(sums) for name, *sums in addresses if any(sums)},
        "reorganisations": models.Reorganisation.objects.count(),
        "marks": dict(models.InvalidBlock.objects.values_list("block__hash", "left__hash")),
        "identity": list(models.NodeIdentity.objects.values_list("identifier", flat=True)),
    }


def _expected(model: LedgerModel) -> dict[str, Any]:
    return {
        "chain": model.active,
        "blocks": model.texts,
        "tip": (len(model.active), model.version),
        "transactions": [
            (
                *(one.uid, list(one.content), one.key, one.promised),
                *(one.entered, one.floor, one.relayed, one.state),
            )
            for one in model.mine
        ],
        "heard": +model.heard,
        "pool": [one.uid for one in model.pool()],
        "places": {place: one.uid for place, one in model.places.items()},
        "totals": model.totals(),
        "reorganisations": model.reorganisations,
        "marks": model.marks,
    }
