"""The rules' reasons in the visitor's language.

`ledger.consensus` and the endpoints say in English why they refuse: that is part of the protocol.
A page shows the same reason in its own words. What is not known here stays as it was said.
"""

from __future__ import annotations

import re
from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

_KNOWN: Final = tuple(
    (re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(text))), text)
    for text in (
        _("must be a string"),
        _("must not be empty"),
        _("must have at most {n} characters"),
        _("must not contain a lone surrogate ({code})"),
        _("must not contain a control character ({code})"),
        _('must not be "0": that is the reward for mining'),
        _("must be an integer"),
        _("must not be negative"),
        _("must be at most {n}"),
        _("is missing"),
        _("a reward that does not stand last in its block"),
        _("a reward of {n}, not {expected}"),
        _("this node is shutting down"),
        _("too many requests are waiting to be written"),
        _("{n} requests for a block are waiting"),
        _("this node keeps at most {n} peers"),
        _("the pool is full"),
        _("the genesis of this node cannot be invalidated"),
        _("block {n} is marked invalid already"),
        _("block {n} is marked invalid on this node"),
        _("neither block {n} nor its branch is marked invalid"),
        _("there is no block with the hash {hash}"),
        _("the branch that ends in this block has {n} blocks, the active chain has {expected}"),
        _("there is no transaction with the id {id}"),
        _("the transaction does not wait in the pool, it is confirmed"),
        _("the transaction does not wait in the pool, it is refused: {reason}"),
        _("a reason is needed: it is what the transaction's page will say"),
        _("{n} characters are enough: these are {count}"),
        _("there is no peer {address}"),
        _("{address} is banned on this node"),
        _("{address} is known already"),
        _("{address} is not active"),
        _("{address} is not paused"),
        _("{address} is not banned"),
        _("{address} is banned: unban it first, if it shall be forgotten"),
        _("there is nothing to change"),
        _("the time at which the ban ends is over"),
    )
)
_FIELD: Final = re.compile(r"(sender|recipient|amount) (.+)", re.DOTALL)
_FIELDS: Final = {"sender": _("From"), "recipient": _("To"), "amount": _("Amount")}


def said(fault: str) -> str:
    """The fault in the language of now; as it is, if it is none of the known ones."""
    for pattern, text in _KNOWN:
        if found := pattern.fullmatch(fault):
            return gettext(text).format(**found.groupdict())
    if found := _FIELD.fullmatch(fault):
        field, reason = found.groups()
        known = said(reason)
        if known != reason:
            return f"{gettext(_FIELDS[field])}: {known}"
    return fault
