"""Transactions in blocks, as pages and programs are told of them."""

from __future__ import annotations

from typing import Any, Final

from ledger.consensus import Json, Network
from ledger.consensus.dialects import REWARD_SENDER

from .blocks import Entry

_SAID: Final = 80  # characters of what stands where a name or an amount should be
_NOTHING: Final = object()


def describe(entry: Entry, network: Network) -> dict[str, Any]:
    """A row of a block's table. Where a value is irregular, `…_said` quotes what stands there."""
    inclusion, value = entry.inclusion, entry.value
    sender = inclusion.sender.name if inclusion.sender else None
    return {
        "position": entry.position,
        "id": str(entry.own.uid) if entry.own else None,
        "sender": sender,
        "recipient": inclusion.recipient.name if inclusion.recipient else None,
        "amount": None if inclusion.amount is None else str(inclusion.amount),
        "reward": sender == REWARD_SENDER and not inclusion.irregular,
        "irregular": inclusion.irregular,
        **{
            f"{key}_said": _quoted(value.get(key, _NOTHING), network)
            for key in ("sender", "recipient", "amount")
        },
    }


def _quoted(value: Json, network: Network) -> str:
    """A JSON value of any kind as its text, cut short: it may be long, and is not ours."""
    if value is _NOTHING:
        return ""
    text = network.canonical(value)
    return text if len(text) <= _SAID else text[: _SAID - 1] + "…"
