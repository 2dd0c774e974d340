"""The chain's text in pieces: the same, however large its blocks are thought to be."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection, transaction

from ledger.node import chain_text, identity
from ledger.node.events import Listeners
from ledger.node.writer import Writer

from . import chains

SIZES = [1, 5000, 20, 20, 20, 90_000, 1, 1, 1, 1, 3000]


@pytest.fixture
def texts(ledger_db: Path) -> list[str]:
    """The texts of a chain of light and heavy blocks."""
    with transaction.atomic():
        identity.create(chains.NETWORK)
    writer = Writer(Listeners())
    contents = [[{"x": "밥" * size}] for size in SIZES]
    chains.adopt(chains.grow(chains.active_texts(), contents, 1.0), writer)
    writer.close()
    return chains.active_texts()


@pytest.mark.parametrize("likely", [0, 1, 3, 50])
@pytest.mark.parametrize("size", [100, 4000, 10**6])
def test_the_pieces_are_the_chain_whatever_is_thought_of_it(
    texts: list[str], likely: int, size: int
) -> None:
    index, found = 0, b""
    while piece := chain_text.piece_after(
        index, size=size, likely=likely, separator=b";", before=b"#"
    ):
        expected = ";".join(texts[index : piece.last])
        assert piece.text.decode() == f"#{expected}"
        assert len(piece.text) <= 4 * size + max(map(len, texts))
        index, found = piece.last, found + piece.text
    assert index == len(texts)


@pytest.mark.sqlite("a server goes by the sizes anyway")
def test_what_weighs_more_than_was_thought_is_not_strung_together(texts: list[str]) -> None:
    light = chain_text.piece_after(3, size=3000, likely=3)
    assert light is not None
    assert light.last == 6
    heavy = chain_text.piece_after(3, size=3000, likely=8)
    assert heavy is not None
    assert heavy.last == 7, "it ends with the first heavy one"


@pytest.mark.sqlite("about what an older SQLite knows")
def test_an_older_sqlite_goes_by_the_sizes_that_are_stored(
    texts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection.Database, "sqlite_version_info", (3, 40, 1))
    test_what_weighs_more_than_was_thought_is_not_strung_together(texts)
    body = b"".join(chain_text.body()).decode()
    assert body == '{"chain": [' + ", ".join(texts) + f'], "length": {len(texts)}}}'
