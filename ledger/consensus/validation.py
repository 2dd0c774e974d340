"""What makes a block, a block in its place, and a chain valid.

The question is always: *could an unmodified old node have mined this?* (protocol, section 4). So
contents that honest old nodes carry are carried: odd amounts, forged rewards, timestamps out of
order. What this node would take at its own door is another question: see `policy`.

The three functions answer, in turn: is it a block at all (`read_block`), may it start a chain
(`check_genesis`), may it follow that one (`check_successor`). `judge` strings them together over a
stream; it remembers one block, whatever the length of the chain.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Final

from .dialects import GENESIS_INDEX, GENESIS_PROOF, Network
from .encoding import Json, hash_of
from .errors import Reason, Refused
from .primitives import DEFAULT_CAPS, Block, Caps, Place
from .proof import leading_zeros

KEYS: Final = ("index", "timestamp", "transactions", "proof", "previous_hash")
_ESCAPED_QUOTE: Final = "\\u0022"


def read_block(
    value: Json, network: Network, *, wire: str | None = None, caps: Caps = DEFAULT_CAPS
) -> Block:
    """The block a decoded JSON `value` stands for, hashed.

    `wire` is the text it was read from, where there was one: it lets a repeated key be noticed,
    which the decoded value no longer shows.

    Raises `Refused` when it is no block, or past the caps on depth, digits and bytes.
    """
    at = check_shape(value)
    check_nesting_and_digits(value, caps, at)
    canonical = network.canonical(value)
    check_size(canonical, caps, at)
    if wire is not None:
        check_keys_once(wire, canonical, at)
    return Block(
        index=value["index"],
        timestamp=value["timestamp"],
        transactions=value["transactions"],
        proof=value["proof"],
        previous_hash=value["previous_hash"],
        canonical=canonical,
        hash=hash_of(canonical),
    )


def check_genesis(block: Block, network: Network) -> None:
    """A chain starts at index 1 with proof 100 and the dialect's literal as previous hash.

    The old validators never look at the first block; every honest node makes it so all the same.
    """
    for fault in genesis_faults(block, network):
        raise fault


def genesis_faults(block: Block, network: Network) -> Iterator[Refused]:
    """Every rule of a genesis that the block breaks."""
    if block.index != GENESIS_INDEX:
        yield Refused(
            Reason.WRONG_INDEX, f"the chain starts at index {_short(block.index)}, not 1", index=1
        )
    if block.proof != GENESIS_PROOF:
        yield Refused(
            Reason.BAD_GENESIS,
            f"a genesis has proof {GENESIS_PROOF}, not {_short(block.proof)}",
            index=1,
        )
    if not network.dialect.accepts_genesis_literal(block.previous_hash):
        wanted = " or ".join(map(repr, network.dialect.accepted_genesis))
        yield Refused(
            Reason.BAD_GENESIS,
            f"a genesis of {network.dialect.name} has previous_hash {wanted},"
            f" not {_short(block.previous_hash)}",
            index=1,
        )


def check_successor(parent: Place, block: Block, network: Network) -> None:
    """A block follows its parent by index, by the parent's hash, and by a proof of work."""
    for fault in successor_faults(parent, block, network):
        raise fault


def successor_faults(parent: Place, block: Block, network: Network) -> Iterator[Refused]:
    """Every rule that the block breaks as the one behind `parent`."""
    expected = parent.index + 1
    if block.index != expected:
        yield Refused(
            Reason.WRONG_INDEX,
            f"index {_short(block.index)} stands where {expected} is due",
            index=expected,
        )
    if block.previous_hash != parent.hash:
        yield Refused(
            Reason.WRONG_PREVIOUS_HASH,
            f"previous_hash {_short(block.previous_hash)} is not its parent's {parent.hash}",
            index=expected,
        )
    message = network.proof_message(parent.proof, block.proof, parent.hash)
    zeros = leading_zeros(message)
    if zeros < network.difficulty:
        yield Refused(
            Reason.INSUFFICIENT_PROOF,
            f"the proof's hash starts with {zeros} zeros, not {network.difficulty}",
            index=expected,
        )


def judge(
    blocks: Iterable[Block], network: Network, *, parent: Place | None = None
) -> Iterator[Block]:
    """Pass valid blocks through, one by one; raise `Refused` at the first that breaks a rule.

    The stream starts with a genesis, or with the successor of `parent` where one is given.
    """
    for block in blocks:
        if parent is None:
            check_genesis(block, network)
        else:
            check_successor(parent, block, network)
        parent = Place.of(block)
        yield block
        del block  # not while the next one comes: it may be large


def check_shape(value: Json) -> int | None:
    """Refuse what is not an object with the five keys and their types. Answer with the index it
    claims, as far as that is good for words."""
    for fault in shape_faults(value):
        raise fault
    return _claimed_index(value)


def shape_faults(value: Json) -> Iterator[Refused]:
    """Every way in which `value` is not an object with the five keys and their types."""
    if not isinstance(value, dict):
        yield Refused(Reason.NOT_AN_OBJECT, f"a block is an object, not {_kind(value)}")
        return
    at = _claimed_index(value)
    for key in KEYS:
        if key not in value:
            yield Refused(Reason.MISSING_KEY, f"the key {key!r} is missing", index=at)
    if "index" in value and type(value["index"]) is not int:
        yield Refused(Reason.BAD_INDEX, f"index is an integer, not {_kind(value['index'])}")
    if "timestamp" in value and type(value["timestamp"]) not in (int, float):
        found = _kind(value["timestamp"])
        yield Refused(Reason.BAD_TIMESTAMP, f"timestamp is a number, not {found}", index=at)
    if "proof" in value:
        yield from _proof_faults(value["proof"], at)
    if "transactions" in value:
        yield from _list_faults(value["transactions"], at)


def _claimed_index(value: dict[str, Json]) -> int | None:
    index = value.get("index")
    return index if type(index) is int and -(10**9) < index < 10**9 else None


def _proof_faults(proof: Json, at: int | None) -> Iterator[Refused]:
    if type(proof) is not int:
        yield Refused(Reason.BAD_PROOF, f"proof is an integer, not {_kind(proof)}", index=at)
    elif proof < 0:
        yield Refused(Reason.BAD_PROOF, "proof is 0 or more", index=at)


def _list_faults(transactions: Json, at: int | None) -> Iterator[Refused]:
    if type(transactions) is not list:
        yield Refused(
            Reason.BAD_TRANSACTIONS, f"transactions is a list, not {_kind(transactions)}", index=at
        )
        return
    for position, transaction in enumerate(transactions):
        if type(transaction) is not dict:
            yield _transaction_fault(position, transaction, at)


def check_transaction(position: int, value: Json, at: int | None = None) -> None:
    """Refuse a transaction that is not an object."""
    if type(value) is not dict:
        raise _transaction_fault(position, value, at)


def _transaction_fault(position: int, value: Json, at: int | None) -> Refused:
    return Refused(
        Reason.BAD_TRANSACTIONS,
        f"transaction {position} is an object, not {_kind(value)}",
        index=at,
    )


def check_size(canonical: str, caps: Caps, at: int | None = None) -> None:
    """Refuse a block whose canonical text takes more bytes than the cap."""
    if len(canonical) > caps.block_bytes or (
        not canonical.isascii() and len(canonical.encode()) > caps.block_bytes
    ):
        raise Refused(
            Reason.BLOCK_TOO_LARGE, f"the block takes over {caps.block_bytes} bytes", index=at
        )


def check_nesting_and_digits(value: Json, caps: Caps, at: int | None = None) -> None:
    """Refuse an object or list that nests too deep or holds an integer that counts too far.

    Level by level, not by recursion: Python's own limit differs by version, and a rule may not.
    """
    bound = 10**caps.digits
    level: list[Json] = [value]
    depth = 1
    while level:
        if depth > caps.depth:
            raise Refused(
                Reason.TOO_DEEP, f"objects and lists nest deeper than {caps.depth}", index=at
            )
        deeper: list[Json] = []
        for container in level:
            for item in container.values() if type(container) is dict else container:
                kind = type(item)
                if kind is int:
                    if not -bound < item < bound:
                        raise Refused(
                            Reason.TOO_MANY_DIGITS,
                            f"an integer has over {caps.digits} digits",
                            index=at,
                        )
                elif kind is dict or kind is list:
                    deeper.append(item)
        level, depth = deeper, depth + 1


def check_keys_once(wire: str, canonical: str, at: int | None = None) -> None:
    """Refuse a repeated key: readers differ on which one counts.

    The cheap test first. A dropped member takes quotes with it, so equal counts of quotes in both
    texts prove that nothing was dropped, unless the wire spells quotes as `\\u0022`.
    """
    if wire.count('"') == canonical.count('"') and _ESCAPED_QUOTE not in wire:
        return
    # The numbers were read once, by the dialect's own rules; here they only have to be passed over.
    json.loads(wire, object_pairs_hook=lambda pairs: _unique(pairs, at), parse_int=len)


def _unique(pairs: list[tuple[str, Json]], at: int | None) -> dict[str, Json]:
    members = dict(pairs)
    if len(members) < len(pairs):
        raise Refused(Reason.DUPLICATE_KEY, "an object has the same key twice", index=at)
    return members


def _kind(value: Json) -> str:
    names = {dict: "an object", list: "a list", str: "a string", bool: "a boolean"}
    names |= {int: "an integer", float: "a number with a fraction", type(None): "null"}
    return names.get(type(value), type(value).__name__)


def _short(value: Json) -> str:
    text = repr(value)
    return text if len(text) <= 70 else text[:60] + "…"
