"""One box finds everything: index, hash or its beginning, transaction, address, date."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

from django.db import connection

from ledger.models import ActiveBlock, Address, Block, Transaction

from . import blocks

GROUP: Final = 5  # suggestions of one kind
_HASH_BEGINNING: Final = re.compile(r"[0-9a-f]{4,64}")
_DIGITS: Final = re.compile(r"[0-9]{1,18}")
_UNIX_TIME: Final = re.compile(r"[0-9]{9,11}(\.[0-9]{1,9})?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2})?)?Z?")
_INDEX: Final = re.compile(r"#[0-9]+|#?[0-9]{1,3}(,[0-9]{3})+")
_KINDS: Final = ("block", "tx", "address")
_LONGEST: Final = 2000

# By their bytes, in an index, whatever language a server's database sorts by.
_BEGINNING: Final = {
    "sqlite": """
        SELECT name FROM ledger_address WHERE name > %s AND name < %s ORDER BY name LIMIT %s
    """,
    "postgresql": """
        SELECT name FROM ledger_address WHERE name ~>~ %s AND name ~<~ %s
        ORDER BY name USING ~<~ LIMIT %s
    """,
}


@dataclass(frozen=True, slots=True)
class Hit:
    """Something found. `kind` is block, transaction, address or date; `reference` what names it in
    a URL (a hash or index, a local id, a name); `exact` whether the query names just this."""

    kind: str
    reference: str
    label: str
    exact: bool
    stale: bool = False


@dataclass(frozen=True, slots=True)
class Found:
    """What a query finds. `above_tip` is the tip's index where the query is an index above it."""

    query: str
    hits: list[Hit]
    above_tip: int | None = None

    @property
    def only(self) -> Hit | None:
        """The hit to go to at once: the only exact one."""
        exact = [hit for hit in self.hits if hit.exact]
        return exact[0] if len(exact) == 1 else None


def find(query: str) -> Found:
    """Look a query up. White space around it, upper case in a hash and a whole URL are fine."""
    text = _plain(query)
    if not text:
        return Found("", [])
    above = None
    hits: list[Hit] = []
    if _DIGITS.fullmatch(text):
        rows = ActiveBlock.objects.select_related("block").defer("block__canonical")
        found = rows.filter(pk=int(text)).first()
        if found:
            hits.append(_block(found.block, exact=True, stale=False))
        elif not _UNIX_TIME.fullmatch(text):
            above = blocks.tip_index() if int(text) > 0 else None
    hits += _by_hash(text.lower())
    hits += _transactions(text)
    hits += _addresses(text)
    hits += _by_time(text)
    return Found(text, hits, above)


def _plain(query: str) -> str:
    """The query itself, out of what was typed (`#1,284`) or pasted (a URL of a page)."""
    text = query.strip()[:_LONGEST].replace("\0", "")
    if text.startswith(("http://", "https://")):
        return _named_by(text)
    if _INDEX.fullmatch(text):
        return text.removeprefix("#").replace(",", "")
    return text


def _named_by(url: str) -> str:
    """What the URL of a page is about: the step behind the kind of thing, else the last one."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    if name := parse_qs(parts.query).get("name"):
        return name[0]
    steps = [unquote(step) for step in parts.path.split("/") if step]
    for kind, named in pairwise(steps):
        if kind in _KINDS:
            return named
    return steps[-1] if steps else ""


def _by_hash(beginning: str) -> list[Hit]:
    if not _HASH_BEGINNING.fullmatch(beginning):
        return []
    # A range of the index on hashes: everything from the beginning to just behind it.
    rows = Block.objects.filter(hash__gte=beginning, hash__lt=beginning + "g")
    found = list(rows.select_related("active").defer("canonical").order_by("hash")[:GROUP])
    exact = len(beginning) == 64
    return [_block(block, exact=exact, stale=not hasattr(block, "active")) for block in found]


def _block(block: Block, *, exact: bool, stale: bool) -> Hit:
    reference = block.hash if stale else str(block.index)
    return Hit("block", reference, f"{block.index} · {block.hash}", exact, stale)


def _transactions(text: str) -> list[Hit]:
    try:
        uid = uuid.UUID(text)
    except ValueError:
        return []
    row = Transaction.objects.filter(uid=uid).first()
    if row is None:
        return []
    return [Hit("transaction", str(uid), f"{row.sender} → {row.recipient}: {row.amount}", True)]


def _addresses(text: str) -> list[Hit]:
    exact = Address.objects.filter(name=text).first()
    hits = [Hit("address", exact.name, exact.name, True)] if exact else []
    with connection.cursor() as cursor:
        cursor.execute(_BEGINNING[connection.vendor], [text, text + "\U0010ffff", GROUP])
        return hits + [Hit("address", name, name, False) for (name,) in cursor.fetchall()]


def _by_time(text: str) -> list[Hit]:
    moment: float | None = None
    if _UNIX_TIME.fullmatch(text):
        moment = float(text)
    elif _DATE.fullmatch(text):
        try:
            date = datetime.fromisoformat(text.removesuffix("Z"))
        except ValueError:
            return []
        moment = date.replace(tzinfo=UTC).timestamp()
    if moment is None:
        return []
    block = blocks.at_time(moment)
    if block is None:
        return []
    when = datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    return [Hit("date", str(block.index), f"{when} · {block.index}", True)]
