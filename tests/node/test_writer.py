"""The writer: groups, each with its own answer; and no answer before COMMIT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ledger.models import ActiveBlock
from ledger.node.errors import NotAccepted, StorageFailed
from ledger.node.events import Listeners
from ledger.node.writer import Writer
from tests import databases

from .scenarios import the_disk_is_full, together
from .writes import refuse, register, registered, registering

# --- groups ---------------------------------------------------------------------------------------


def test_what_waits_together_is_committed_together_in_order(writer: Writer) -> None:
    seen = list[str]()
    writer.run(lambda: connection.execute_wrappers.append(_note_begins(seen)))
    futures = together(writer, lambda: [writer.submit(registering(n)) for n in range(100)])
    assert [future.result() for future in futures] == [f"peer {n}" for n in range(100)]
    assert registered() == [f"peer {n}" for n in range(100)]
    assert len(seen) == 2, "the one that held the writer up, and one for all that came meanwhile"


def _note_begins(seen: list[str]) -> Callable[..., Any]:
    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("BEGIN", "SELECT pg_advisory_xact_lock")):  # taking one's turn
            seen.append(sql)
        return execute(sql, params, many, context)

    return note


def test_one_that_fails_undoes_itself_and_nothing_else(writer: Writer) -> None:
    first, failed, last = together(
        writer,
        lambda: [
            writer.submit(lambda: register("first")),
            writer.submit(lambda: refuse("failed")),
            writer.submit(lambda: register("last")),
        ],
    )
    assert (first.result(), last.result()) == ("first", "last")
    with pytest.raises(NotAccepted, match="was to fail"):
        failed.result()
    assert registered() == ["first", "last"]


def test_one_that_fails_alone_undoes_itself(writer: Writer) -> None:
    with pytest.raises(NotAccepted):
        writer.run(lambda: refuse("alone"))
    assert registered() == []


def test_those_of_a_kind_are_handed_over_in_one_call(writer: Writer) -> None:
    calls = list[list[int]]()

    def doubled(numbers: Sequence[int]) -> list[int | Exception]:
        calls.append(list(numbers))
        return [NotAccepted("odd") if number % 2 else number * 2 for number in numbers]

    futures = together(writer, lambda: [writer.submit_batched(doubled, n) for n in range(4)])
    assert calls == [[0, 1, 2, 3]]
    assert [future.exception() or future.result() for future in futures][::2] == [0, 4]
    assert all(isinstance(future.exception(), NotAccepted) for future in futures[1::2])


def test_kinds_take_turns_in_the_order_of_arrival_and_fail_apart(writer: Writer) -> None:
    def refuse_all(addresses: Sequence[str]) -> list[str]:
        register(addresses[0])
        raise NotAccepted("none of these")

    def register_all(addresses: Sequence[str]) -> list[str]:
        return [register(address) for address in addresses]

    futures = together(
        writer,
        lambda: [
            writer.submit_batched(register_all, "a"),
            writer.submit_batched(refuse_all, "b"),
            writer.submit_batched(refuse_all, "c"),
            writer.submit(lambda: register("d")),
            writer.submit_batched(register_all, "e"),
        ],
    )
    outcomes = [future.exception() or future.result() for future in futures]
    assert [type(outcome) for outcome in outcomes] == [str, NotAccepted, NotAccepted, str, str]
    assert registered() == ["a", "d", "e"]


def test_too_few_answers_undo_the_group_and_the_writer_lives_on(writer: Writer) -> None:
    def forgetful(addresses: Sequence[str]) -> list[str]:
        return [register(address) for address in addresses][1:]

    futures = together(writer, lambda: [writer.submit_batched(forgetful, name) for name in "ab"])
    assert all(isinstance(future.exception(), ValueError) for future in futures)
    assert registered() == []
    assert writer.run(lambda: register("later")) == "later"


async def test_awaiting_answers_like_waiting(writer: Writer) -> None:
    assert await writer.perform(lambda: register("awaited")) == "awaited"
    with pytest.raises(NotAccepted):
        await writer.perform(lambda: refuse("failed"))


# --- when nothing can be stored -------------------------------------------------------------------


def test_nobody_is_told_it_is_done_when_the_commit_fails(writer: Writer) -> None:
    futures = together(
        writer,
        lambda: [
            writer.submit(lambda: register("beside")),
            writer.submit(
                lambda: ActiveBlock.objects.create(index=1, block_id=77)
            ),  # no such block
        ],
    )
    for future in futures:
        with pytest.raises(StorageFailed, match=r"(?i)foreign key"):
            future.result()
    assert registered() == []
    assert writer.run(lambda: register("later")) == "later"


@pytest.mark.sqlite("how large a server's database may grow is not told by a session")
def test_a_full_disk_refuses_and_space_lets_in_again(writer: Writer) -> None:
    writer.run(lambda: limit_pages(+4))
    accepted = list[str]()
    with pytest.raises(StorageFailed, match="full"):  # until there is no space
        for number in range(1000):
            address = f"{number} {'x' * 250}"
            accepted.append(writer.run(lambda address=address: register(address)))
    assert registered() == accepted, "what was acknowledged is there, what was refused is not"
    assert accepted, "nothing fitted from the start"
    writer.run(lambda: limit_pages(+1000))
    assert writer.run(lambda: register("later")) == "later"


def limit_pages(more: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA page_count")
        cursor.execute(f"PRAGMA max_page_count = {cursor.fetchone()[0] + more}")


@pytest.mark.sqlite("PostgreSQL gives up a savepoint, and no more than that")
def test_where_the_database_gives_up_the_transaction_nobody_is_told_it_is_done(
    ledger_db: Path,
) -> None:
    the_disk_is_full(ledger_db)


def test_a_database_locked_for_too_long_refuses_and_is_tried_again(
    ledger_db: Path, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> None:
    databases.wait_no_longer_than(0.2, monkeypatch)
    writer = Writer(listeners)
    with databases.locked(ledger_db), pytest.raises(StorageFailed, match=r"locked|lock timeout"):
        writer.run(lambda: register("too early"))
    assert writer.run(lambda: register("later")) == "later"
    assert registered() == ["later"]
    writer.close()
