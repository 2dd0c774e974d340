"""What this node takes at its own door, and what it calls irregular in a peer's block.

Policy is stricter than consensus: a transaction that an honest old node may carry is carried when
it comes in a block, but it is not taken here, and not counted in balances (protocol, section 4).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from .dialects import REWARD_AMOUNT, REWARD_SENDER, Network
from .encoding import Json

NAME_CHARACTERS: Final = 256
LARGEST_AMOUNT: Final = 2**63 - 1

# C0 and C1 controls, DEL and lone surrogates: nothing a person types, and traps for logs and pages.
_FORBIDDEN: Final = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def name_fault(value: Json) -> str:
    """Why `value` cannot name a sender or recipient; '' if it can."""
    if type(value) is not str:
        return "must be a string"
    if not value:
        return "must not be empty"
    if len(value) > NAME_CHARACTERS:
        return f"must have at most {NAME_CHARACTERS} characters"
    found = _FORBIDDEN.search(value)
    if found:
        kind = "a lone surrogate" if found[0] >= "\ud800" else "a control character"
        return f"must not contain {kind} (U+{ord(found[0]):04X})"
    return ""


def amount_fault(value: Json, largest: int = LARGEST_AMOUNT) -> str:
    """Why `value` cannot be an amount; '' if it can."""
    if type(value) is not int:
        return "must be an integer"
    if value < 0:
        return "must not be negative"
    if value > largest:
        return f"must be at most {largest}"
    return ""


def submission_faults(transaction: Mapping[str, Json], network: Network) -> list[str]:
    """Every reason for which our own door refuses a transaction that has its three keys."""
    faults = []
    sender = name_fault(transaction["sender"])
    if not sender and transaction["sender"] == REWARD_SENDER:
        sender = f'must not be "{REWARD_SENDER}": that is the reward for mining'
    if sender:
        faults.append(f"sender {sender}")
    if fault := name_fault(transaction["recipient"]):
        faults.append(f"recipient {fault}")
    if fault := amount_fault(transaction["amount"], network.dialect.largest_amount):
        faults.append(f"amount {fault}")
    return faults


def irregularity(transaction: Mapping[str, Json], *, last: bool) -> str:
    """Why a transaction in a block is left out of balances; '' if it is regular.

    `last` tells whether it stands last in its block, where the one reward of 1 belongs.
    """
    for key in ("sender", "recipient"):
        if key not in transaction:
            return f"{key} is missing"
        if fault := name_fault(transaction[key]):
            return f"{key} {fault}"
    if "amount" not in transaction:
        return "amount is missing"
    if fault := amount_fault(transaction["amount"]):
        return f"amount {fault}"
    if transaction["sender"] == REWARD_SENDER:
        if not last:
            return "a reward that does not stand last in its block"
        if transaction["amount"] != REWARD_AMOUNT:
            return f"a reward of {transaction['amount']}, not {REWARD_AMOUNT}"
    return ""
