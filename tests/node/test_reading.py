"""Reading: what is read together is of one moment, whatever is written meanwhile."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from ledger.node import chain_text, identity
from ledger.node.events import Listeners
from ledger.node.reading import Reader, one_moment
from ledger.node.writer import Writer
from tests import databases

from . import chains


@pytest.fixture
def writer(ledger_db: Path) -> Iterator[Writer]:
    """A node's writer, on a chain of five blocks."""
    with transaction.atomic():
        identity.create(chains.NETWORK)
    writer = Writer(Listeners())
    chains.adopt(chains.grow(chains.active_texts(), [[]] * 4, 1.0), writer)
    yield writer
    writer.close()


@pytest.fixture
def reader() -> Iterator[Reader]:
    reader = Reader()
    yield reader
    reader.close()


def seal_and_reorganise(writer: Writer) -> None:
    """The chain changes twice: a block more, then another branch."""
    own = identity.load()
    assert own is not None
    chains.seal(own.identifier, writer)
    chains.adopt(chains.grow(chains.active_texts()[:2], [[]] * 6, 2.0), writer)


def in_another_thread(work: threading.Thread) -> None:
    work.start()
    work.join(30)
    assert not work.is_alive()


def test_the_whole_body_of_the_chain_is_of_one_moment(
    writer: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chain_text, "_ROWS", 1)  # a block a piece, with changes between
    before = chains.active_texts()
    pieces = list[bytes]()
    with one_moment(connection):
        for piece in chain_text.body():
            pieces.append(piece)
            in_another_thread(threading.Thread(target=seal_and_reorganise, args=(writer,)))
    assert json.loads(b"".join(pieces)) == json.loads(chains.body(before))
    assert len(chains.active_texts()) > len(before), "nothing changed meanwhile"


async def test_a_snapshot_sees_the_moment_of_its_first_read(writer: Writer, reader: Reader) -> None:
    before = await reader.read(chains.active_texts)
    async with reader.snapshot() as view:
        assert await view.read(chain_text.length) == 5
        await reader.read(seal_and_reorganise, writer)
        assert await reader.read(chain_text.length) > 5
        assert await view.read(chain_text.length) == 5
        piece = await view.read(lambda own: chain_text.piece_after(0, own))
        assert piece is not None
        assert (piece.last, piece.text.decode()) == (5, ", ".join(before))
    async with reader.snapshot() as view:
        assert await view.read(chain_text.length) > 5


async def test_snapshots_of_different_moments_stand_side_by_side(
    writer: Writer, reader: Reader
) -> None:
    async with reader.snapshot() as first:
        early = await first.read(chain_text.length)
        await reader.read(seal_and_reorganise, writer)
        async with reader.snapshot() as second:
            late = await second.read(chain_text.length)
            assert (await first.read(chain_text.length), late) == (early, late)
            assert early < late


async def test_what_is_read_at_once_is_of_one_moment(writer: Writer, reader: Reader) -> None:
    def twice() -> tuple[int, int]:
        first = chain_text.length()
        in_another_thread(threading.Thread(target=seal_and_reorganise, args=(writer,)))
        return first, chain_text.length()

    assert await reader.read_at_once(twice) == (5, 5)
    assert await reader.read(chain_text.length) > 5


async def test_a_client_that_hangs_up_in_mid_read_leaves_nothing_open(
    writer: Writer, reader: Reader
) -> None:
    """Its read goes on in a thread; the connection is closed behind it, not under it."""
    entered, leave = threading.Event(), threading.Event()
    outcome = list[int]()
    connections = list[BaseDatabaseWrapper]()

    def slowly(own: BaseDatabaseWrapper) -> None:
        connections.append(own)
        entered.set()
        leave.wait(30)
        outcome.append(chain_text.length(own))

    async def client() -> None:
        async with reader.snapshot() as view:
            await view.read(slowly)

    task = asyncio.create_task(client())
    await reader.read(entered.wait, 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert connections[0].connection is not None, "it was closed under the read"
    leave.set()
    reader.close()
    assert outcome == [5]


async def test_readers_wait_for_no_writer(writer: Writer, reader: Reader, ledger_db: Path) -> None:
    with databases.locked(ledger_db):
        assert await asyncio.wait_for(reader.read(chain_text.length), 5) == 5
        async with reader.snapshot() as view:
            assert await asyncio.wait_for(view.read(chain_text.length), 5) == 5


async def test_a_read_that_fails_fails_alone(writer: Writer, reader: Reader) -> None:
    def broken() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM nowhere")

    with pytest.raises(Exception, match="nowhere"):
        await reader.read_at_once(broken)
    assert await reader.read_at_once(chain_text.length) == 5
