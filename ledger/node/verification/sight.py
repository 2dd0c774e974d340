"""Blocks seen at a glance to be what their rows say: a short cut to the verdict of `blocks`.

Of a regular block everything is known from its columns and its inclusions, so its text need not be
parsed: it is put together from them, most of it by the database, and has to be the very text that
is stored. Whatever is not so is no fault yet: that block is looked at closely.

The database hands out a stretch of blocks in one row, each column strung together: a row a block
takes it longer, and Python holds the other threads up at each.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from itertools import compress
from itertools import count as count_from
from typing import Final, NamedTuple

from django.db import DatabaseError, connection

from ledger.consensus import DEFAULT_CAPS, Place
from ledger.consensus.dialects import REWARD_AMOUNT, REWARD_SENDER
from ledger.consensus.policy import NAME_CHARACTERS
from ledger.consensus.shape import Shape, is_plain_number, is_plain_time

from ..identity import Identity
from .rows import rows, text_of_any_bytes

_COLUMNS: Final = """
    SELECT group_concat(text, char(10)), group_concat(columns) FROM (
        SELECT b.canonical AS text,
               b.hash || ',' || COALESCE(b.parent_hash, '') || ',' || b.proof || ','
               || b.transaction_count || ',' || (b.origin = 'mined') || ',' || (
                   b."index" = a."index" AND b.irregular_count = 0
                   AND b.size = length(CAST(b.canonical AS BLOB))
                   AND typeof(b.canonical) = 'text' AND typeof(b.hash) = 'text'
                   AND typeof(b.parent_hash) = 'text' AND typeof(b.proof) = 'text'
               ) AS columns
        FROM ledger_activeblock a JOIN ledger_block b ON b.id = a.block_id
        WHERE a."index" >= %s AND a."index" <= %s ORDER BY a."index"
    )
"""
# What a row of another kind puts into the text, so that it is no block's text.
_POISON: Final = "char(1)"
# In the order of the index that the inclusions are found by. Were it another, nothing would match.
_ENTRIES: Final = f"""
    SELECT group_concat(entries, char(10)), group_concat(positions, char(10)) FROM (
        SELECT group_concat(
            COALESCE(
                %s || i.amount || %s || r.name || %s || s.name || CASE
                    WHEN i."index" = a."index" AND i.irregular = ''
                        AND typeof(i.amount) = 'integer' AND i.amount >= 0
                        AND (s.name <> '{REWARD_SENDER}' OR i.amount = {REWARD_AMOUNT})
                    THEN %s ELSE {_POISON} END,
                {_POISON}
            ), %s) AS entries,
            COALESCE(group_concat(i.position), '') AS positions
        FROM ledger_activeblock a
        LEFT JOIN ledger_inclusion i ON i.block_id = a.block_id
        LEFT JOIN ledger_address r ON r.id = i.recipient_id
        LEFT JOIN ledger_address s ON s.id = i.sender_id
        WHERE a."index" >= %s AND a."index" <= %s
        GROUP BY a."index" ORDER BY a."index"
    )
"""  # noqa: S608 - put together from constants
_PARTS: Final = 6  # of `columns`
_ODD_NAMES: Final = """
    SELECT 1 FROM ledger_address
    WHERE typeof(name) <> 'text' OR length(name) NOT BETWEEN 1 AND %s LIMIT 1
"""


class Seen(NamedTuple):
    """What the rows of a stretch say, in the order of the active chain: its texts, one to a line,
    and a list for each column. `fits` tells of those that are nothing else."""

    text: str
    hashes: list[str]
    parents: list[str]
    proofs: list[str]
    counts: list[int]
    mined: list[str]
    fits: list[str]
    entries: list[str]
    positions: list[str]

    def place(self, first: int, at: int) -> Place | None:
        """Where its columns say that one of them stands, of which the first has index `first`."""
        proof = self.proofs[at]
        return Place(first + at, int(proof), self.hashes[at]) if is_plain_number(proof) else None


def may_look() -> bool:
    """Whether blocks can be told at a glance in this database."""
    return connection.vendor == "sqlite" and not list(rows(_ODD_NAMES, NAME_CHARACTERS))


def read(shape: Shape, first: int, last: int) -> Seen | None:
    """What the rows of the active blocks `first` to `last` say; None where that is not plain."""
    try:
        with text_of_any_bytes():
            ((text, columns),) = rows(_COLUMNS, first, last)
            ((entries, positions),) = rows(_ENTRIES, *shape.entry, shape.between, first, last)
        parts = columns.split(",")
        hashes, parents, proofs, counts, mined, fits = (parts[at::_PARTS] for at in range(_PARTS))
        lines = (entries.split("\n"), positions.split("\n"))
        seen = Seen(text, hashes, parents, proofs, list(map(int, counts)), mined, fits, *lines)
    except (DatabaseError, ValueError, AttributeError):
        return None
    # Each block has a part in each, or with a comma or a line feed in it more: then none is sure.
    count = last - first + 1
    is_sure = all(len(column) == count for column in seen[1:]) and len(parts) == _PARTS * count
    return seen if is_sure else None


class Glance:
    """Looks at the blocks of one node."""

    def __init__(self, identity: Identity, shape: Shape) -> None:
        *_, last, end = shape.entry
        self._network = identity.network
        self._shape = shape
        self._from_network = f"{last}{REWARD_SENDER}{end}"
        self._last_reward = self._from_network + "]}"
        self._own_reward = (
            shape.text_of_entry(REWARD_AMOUNT, identity.identifier, REWARD_SENDER) + "]}"
        )

    def accepted(
        self, parent: Place, first: int, times: Sequence[float], seen: Seen
    ) -> list[int | None]:
        """Of the blocks from index `first` on, the rewards of each that is beyond doubt what it
        should be, 0 or 1; None of the others.

        The first follows `parent`. Each other is beyond doubt only if the one before it is, or
        proves to be just what its columns say.
        """
        text_of, holds = self._shape.text_of, self._network.written_proof_holds
        texts = seen.text.split("\n")
        if len(texts) != len(times):
            return [None] * len(times)
        are_plain = self._shape.is_plain(seen.text.replace("\n", ""), seen.counts)
        last_hash, last_proof = parent.hash, str(parent.proof)
        found: list[int | None] = []
        for index, time, text, digest, last, proof, count, mined, fits, entries, positions in zip(
            count_from(first), times, texts, *seen[1:], strict=False
        ):
            found.append(
                self._rewards(text, mined == "1")
                if fits == "1"
                and last == last_hash
                and text == text_of(index, last, proof, time, entries)
                and positions == _upto(count)
                and (are_plain or self._shape.is_plain(text, (count,)))
                and is_plain_number(proof)
                and is_plain_time(time)
                and len(text) <= DEFAULT_CAPS.block_bytes
                and hashlib.sha256(text.encode()).hexdigest() == digest
                and holds(last_proof, proof, last)
                else None
            )
            last_hash, last_proof = digest, proof
        return found

    def accept_all(
        self, parent: Place, first: int, times: Sequence[float], seen: Seen
    ) -> int | None:
        """How many rewards they have if all of them are; None if one is not, or may not be."""
        count = len(times)
        network, hashes, proofs = self._network, seen.hashes, seen.proofs
        built = self._shape.texts_of(first, seen.parents, proofs, times, seen.entries)
        if not (
            seen.fits.count("1") == count
            and seen.parents == [parent.hash, *hashes[:-1]]
            and seen.text == "\n".join(built)
            and self._shape.is_plain("".join(built), seen.counts)
            and seen.positions == list(map(_upto, seen.counts))
            and all(map(is_plain_number, proofs))
            and all(map(is_plain_time, times))
            and len(max(built, key=len)) <= DEFAULT_CAPS.block_bytes
            and [hashlib.sha256(text.encode()).hexdigest() for text in built] == hashes
            and network.written_proofs_hold([str(parent.proof), *proofs], seen.parents)
        ):
            return None
        if not all(
            text.endswith(self._own_reward) for text in compress(built, map(int, seen.mined))
        ):
            return None
        rewards = sum(text.endswith(self._last_reward) for text in built)
        return rewards if seen.text.count(self._from_network) == rewards else None

    def _rewards(self, text: str, is_ours: bool) -> int | None:
        """How many rewards a plain text has, 0 or 1; None if there is one that is not regular, or
        it is sealed here and does not pay us."""
        paid = text.endswith(self._last_reward)
        if text.count(self._from_network) != paid or (
            is_ours and not text.endswith(self._own_reward)
        ):
            return None
        return int(paid)


@lru_cache(maxsize=256)
def _upto(count: int) -> str:
    return ",".join(map(str, range(count)))
