"""Reasons in the visitor's language.

`ledger.consensus`, `ledger.node` and the endpoints say in English why they refuse: that is part of
the protocol, of logs, and of events. A page shows the same reason in its own words; rows that
arrive later are said by `static/js/reasons.js`, which follows `said` line by line. What is not
known here stays as it was said. A test walks every reason that the code can give.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

# In a reason, `{n}` and what ends with it is a number; a slot of these names is a reason, or a
# part of one, in its turn. Anything else is whatever stands there.
_SAID_TOO: Final = {"fault", "what", "kind", "either", "theirs", "ours"}
_NUMBERS: Final = {"n", "expected", "zeros"}

_OWN: Final = (
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
    _("no worker is at work on this node"),
    _("no worker is at work on this node: the last one was heard of {n} seconds ago"),
    _("too many requests are waiting to be written"),
    _("the database could not store this: {what}"),
    _("{n} requests for a block are waiting"),
    _("{n} clients are waiting for news"),
    _("this node keeps at most {n} peers"),
    _("the pool is full ({n} transactions)"),
    _("an address is a string"),
    _("not host:port or http://host:port: {shown}"),
    _("the port is from 1 to 65535: {shown}"),
    _("the port belongs to another service: {shown}"),
    _("not an IPv4 address: {shown}"),
    _("not an IPv6 address: {shown}"),
    _("not a host name: {shown}"),
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
# Why a peer could not be asked, or its chain was refused. Where several fit, the first counts.
_OF_PEERS: Final = (
    _("block {n}: {fault}"),
    _("{fault} (speaks {theirs}; this node speaks {ours}: chains cannot merge)"),
    _("speaks {theirs}; this node speaks {ours}: chains cannot merge"),
    _("{address} leads where this node does not connect"),
    _("{address} does not resolve"),
    _("{address} does not resolve in time"),
    _("the same node as {address}"),
    _("it was just asked, as {address}"),
    _("no whole answer within {seconds} s"),
    _("it answered {n} to {request}"),
    _("it compresses its answer, unasked"),
    _("it does not answer"),
    _("nothing listens there"),
    _("it hung up without an answer"),
    _("it broke the connection off"),
    _("it stopped answering"),
    _("its answer ends in the middle"),
    _("its answer takes over {n} bytes"),
    _("a line of its answer takes over {n} bytes"),
    _("its answer is not a stream of blocks"),
    _("it names a fork point it was not asked about"),
    _("it sent no blocks, though it has more"),
    _("the text is not the one that was hashed"),
    _("it is banned for an hour"),
    _("it misbehaved again and again, last: {fault}"),
    _("its answer is not JSON"),
    _("its answer is not an object"),
    _("it does not say on which tip it stands"),
    _("it numbers its transactions out of order"),
    _("it acknowledged a transaction above its own tip"),
    _("it sends over {n} transactions at once"),
    _("it names two transactions alike"),
    _("it sends what is no transaction"),
    _("it counts with what is no number"),
    _("it does not speak HTTP"),
    _("the connection failed ({name})"),
    _("asking it failed ({name})"),
    _("the answer is not the JSON of a chain: {what}"),
    _("this is not JSON: {what}"),
    _("an object's key is a string"),
    _("something follows the answer's end"),
    _("{due} was due, {found} came"),
    _("it is not UTF-8"),
    _("Extra data"),
    _("Unterminated string starting at"),
    _("Expecting value"),
    _("Expecting property name enclosed in double quotes"),
    _("Expecting {due} delimiter"),
    _("Invalid control character at"),
    _("Invalid {escape} escape"),
    _("Invalid \\escape"),
    _("Illegal trailing comma before end of {container}"),
    _("the answer ends in the middle"),
    _("the answer has 'chain' twice"),
    _("the answer has no 'chain'"),
    _("'chain' is not a list"),
    _("a chain has at least its genesis"),
    _("over {n} blocks were sent"),
    _("over {n} bytes were sent"),
    _("a value is larger than any in a chain's answer"),
    _("objects and lists nest too deep"),
    _("objects and lists nest deeper than {n}"),
    _("an integer has too many digits"),
    _("an integer has over {n} digits"),
    _("an object has the same key twice"),
    _("{name} is not JSON"),
    _("a block is an object, not {kind}"),
    _("the key {key} is missing"),
    _("index is an integer, not {kind}"),
    _("timestamp is a number, not {kind}"),
    _("proof is an integer, not {kind}"),
    _("proof is 0 or more"),
    _("transactions is a list, not {kind}"),
    _("transaction {n} is an object, not {kind}"),
    _("the block takes over {n} bytes"),
    _("the chain starts at index {found}, not 1"),
    _("a genesis has proof {n}, not {found}"),
    _("a genesis of {dialect} has previous_hash {either}, not {found}"),
    _("index {found} stands where {expected} is due"),
    _("previous_hash {found} is not its parent's {hash}"),
    _("the proof's hash starts with {zeros} zeros, not {n}"),
    _("its text is not canonical"),
    _("an object"),
    _("a list"),
    _("a string"),
    _("a boolean"),
    _("an integer"),
    _("a number with a fraction"),
    _("{either}, difficulty {n}"),
    _("{first} or {either}"),
)


def _pattern(text: str) -> re.Pattern[str]:
    def slot(found: re.Match[str]) -> str:
        return f"(?P<{found[1]}>{'-?[0-9]+' if found[1] in _NUMBERS else '.+'})"

    return re.compile(re.sub(r"\\\{(\w+)\\\}", slot, re.escape(text)), re.DOTALL)


@cache
def _known() -> list[tuple[re.Pattern[str], str]]:
    """Made when a fault is first shown: a start, or a command, would wait for it longer than for
    the database."""
    return [(_pattern(text), text) for text in (*_OWN, *_OF_PEERS)]


_FIELD: Final = re.compile(r"(sender|recipient|amount) (.+)", re.DOTALL)
_FIELDS: Final = {"sender": _("From"), "recipient": _("To"), "amount": _("Amount")}


def said(fault: str) -> str:
    """The fault in the language of now; as it is, if it is none of the known ones."""
    for pattern, text in _known():
        if found := pattern.fullmatch(fault):
            return gettext(text).format(**_values(found.groupdict()))
    if found := _FIELD.fullmatch(fault):
        field, reason = found.groups()
        known = said(reason)
        if known != reason:
            return f"{gettext(_FIELDS[field])}: {known}"
    return fault


def of_peers() -> list[tuple[str, str]]:
    """What a page's scripts need to say why a peer was refused: each known reason, as it comes and
    as it is said. None, where they are the same."""
    pairs = [(text, gettext(text)) for text in _OF_PEERS]
    return pairs if any(text != translated for text, translated in pairs) else []


def _values(found: dict[str, str]) -> dict[str, str]:
    return {name: said(value) if name in _SAID_TOO else value for name, value in found.items()}
