"""Exports: all of it, as CSV, JSON or NDJSON, streamed as fast as the client takes it."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from functools import partial
from typing import Annotated, Any, Final, Literal

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext_noop as _
from ninja import Query, Router

from ledger import spreadsheet
from ledger.node import chain_text, lifecycle
from ledger.node.reading import Reader
from ledger.queries import addresses, exports
from ledger.queries.exports import Row, Table

from .addresses import Name
from .described import saying
from .refusals import NotFound

router = Router(tags=["exports"])

Format = Literal["csv", "json", "ndjson"]
_KINDS: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "ndjson": "application/x-ndjson",
}
_CONTENT: Final = {
    "text/csv": "a line a row, behind a line of names; formulas are made text",
    "application/json": "an array",
    "application/x-ndjson": "a JSON value a line",
}
_LARGE: Final = 256 * 1024
"""Bytes in a piece. The server takes an answer that begins with less for a small one."""
_TEXTS: Final = frozenset(("proof", "amount", "change", "balance"))  # integers of any size

As = Annotated[
    Format, Query(alias="format", description=_("csv, json or ndjson."), examples=["csv"])
]
First = Annotated[
    int, Query(alias="from", ge=1, le=10**18 - 1, description=_("No block below this index."))
]
Last = Annotated[
    int | None, Query(alias="to", ge=0, le=10**18 - 1, description=_("No block above this index."))
]


@router.get(
    "/exports/chain",
    url_name="export-chain",
    summary=_("The chain as a file"),
    description=_(
        "As JSON and NDJSON the exact texts that were hashed, and as CSV a row a block. All of it"
        " as of one moment."
    ),
    openapi_extra=saying(content=_CONTENT),
)
async def chain(
    request: HttpRequest, as_: As, first: First = 1, last: Last = None
) -> StreamingHttpResponse:
    reader = lifecycle.current().reader
    if as_ == "csv":
        return _answer(_written(reader, exports.blocks(first, last), as_), "chain", as_)
    return _answer(_texts(reader, first, last, as_), "chain", as_)


@router.get(
    "/exports/transactions",
    url_name="export-transactions",
    summary=_("The chain's transactions as a file"),
    description=_("Those in blocks of the active chain, in its order, regular or not."),
    openapi_extra=saying(content=_CONTENT),
)
async def transactions(
    request: HttpRequest, as_: As, first: First = 1, last: Last = None
) -> StreamingHttpResponse:
    table = exports.transactions(first, last)
    return _answer(_written(lifecycle.current().reader, table, as_), "transactions", as_)


@router.get(
    "/exports/history",
    url_name="export-history",
    summary=_("An address's history as a file"),
    description=_("Oldest first, with the balance after each entry."),
    openapi_extra=saying(404, content=_CONTENT),
)
async def history(request: HttpRequest, name: Name, as_: As) -> StreamingHttpResponse:
    reader = lifecycle.current().reader
    row = await reader.read(addresses.find, name.replace("\0", ""))
    if row is None:
        raise NotFound("no block has this address, as far as this node knows")
    return _answer(_written(reader, exports.history(row.pk), as_), "history", as_)


def _answer(pieces: AsyncIterator[bytes], name: str, as_: Format) -> StreamingHttpResponse:
    response = StreamingHttpResponse(_in_large(pieces), content_type=_KINDS[as_])
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.{as_}"'
    response.headers["Cache-Control"] = "no-cache"
    return response


async def _in_large(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """No piece small but the last."""
    held = bytearray()
    async for piece in pieces:
        held += piece
        if len(held) >= _LARGE:
            yield bytes(held)
            held.clear()
    yield bytes(held)


async def _texts(reader: Reader, first: int, last: int | None, as_: Format) -> AsyncIterator[bytes]:
    """The blocks' canonical texts, a line each or as an array."""
    start, between, end = (b"", b"\n", b"\n") if as_ == "ndjson" else (b"[", b", ", b"]")
    empty = b"" if as_ == "ndjson" else b"[]"
    async with reader.snapshot() as view:
        index, until = first - 1, await view.read(chain_text.length)
        until = until if last is None else min(until, last)
        read = partial(chain_text.piece_after, separator=between)
        began = False
        while index < until and (
            piece := await view.read(partial(read, index, most=until - index))
        ):
            yield (between if began else start) + piece.text
            index, began = piece.last, True
        yield end if began else empty


async def _written(reader: Reader, table: Table, as_: Format) -> AsyncIterator[bytes]:
    """A table's rows, a portion at a time."""
    writer = _WRITERS[as_](table.columns)
    async with reader.snapshot() as view:
        following: exports.Key | None = None
        while True:
            found = await view.read(partial(table.portion, following))
            yield await reader.read(writer.rows, found.rows)
            following = found.following
            if following is None:
                break
        yield writer.end()


class _Csv:
    def __init__(self, columns: Sequence[str]) -> None:
        self._head: Sequence[str] | None = columns

    def rows(self, rows: Iterable[Row]) -> bytes:
        head, self._head = self._head, None
        return spreadsheet.text(head, rows).encode()

    def end(self) -> bytes:
        return b""


class _Lines:
    """NDJSON."""

    between, first, last = "\n", "", "\n"

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._began = False

    def rows(self, rows: Iterable[Row]) -> bytes:
        text = self.between.join(json.dumps(self._told(row)) for row in rows)
        if not text:
            return b""
        began, self._began = self._began, True
        return ((self.between if began else self.first) + text).encode()

    def end(self) -> bytes:
        return (self.last if self._began else (self.first + self.last).strip("\n")).encode()

    def _told(self, row: Row) -> dict[str, Any]:
        return {
            name: str(value) if name in _TEXTS and value is not None else value
            for name, value in zip(self._columns, row, strict=True)
        }


class _Array(_Lines):
    between, first, last = ",\n", "[", "]\n"


_WRITERS: Final[dict[str, Callable[[Sequence[str]], _Csv | _Lines]]] = {
    "csv": _Csv,
    "json": _Array,
    "ndjson": _Lines,
}
