"""The dashboard as the server renders it."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from django.db import connection
from django.db.backends.utils import CursorWrapper

from ledger import triggers
from ledger.models import Block, Transaction
from ledger.node import events, mempool

from .conftest import Browser, words

QUERIES = 18  # beside what begins and ends the moment, as the database has it


def submit(node, *amounts, sender="alice"):
    for amount in amounts:
        submission = mempool.Submission(sender, "bob", amount)
        node.writer.submit_batched(node.door.accept, submission).result()


def test_a_new_node_shows_its_genesis_and_what_to_do_next(browser):
    response = browser.get()
    text = words(response)

    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert "<title>#1 · chainsite</title>" in response.text
    assert "genesis" in text
    assert "Mine block 2" in text
    assert "None yet." in text
    assert "one try in 256" in text
    assert "seed, difficulty 2" in text
    assert "0 peers" in text


def test_it_shows_blocks_transactions_and_what_happened(browser, node, mine):
    submit(node, 5, 1_234_567)
    mine()
    submit(node, 2**63 - 1, sender="앨리스")
    response = browser.get()
    text = words(response)
    tip = Block.objects.get(index=2)

    assert "<title>#2 · chainsite</title>" in response.text
    assert f"{tip.hash[:4]}…{tip.hash[-4:]}" in text
    assert f'title="{tip.hash}"' in response.text
    assert "앨리스 bob 9,223,372,036,854,775,807 pending" in text
    assert "alice bob 1,234,567 in block 2" in text
    assert "Mined block 2 with 3 transactions" in text
    assert "1 pending" in text
    assert "Mine block 3" in text


def test_it_shows_only_the_latest_of_each(browser, node, mine):
    for _ in range(14):
        submit(node, 1)
        mine()
    text = (browser.get()).text

    assert re.findall(r'class="block" data-index="(\d+)"', text) == [str(i) for i in range(6, 16)]
    assert len(re.findall(r'data-id="[0-9a-f-]{36}"', text)) == 12
    assert len(re.findall(r'<li data-seq="\d+"', text)) == 14


def test_transactions_are_shown_where_a_reorganisation_left_them(browser, node):
    submit(node, 5)
    Transaction.objects.update(state=Transaction.State.RETURNED)

    assert "alice bob 5 returned by a reorganisation" in words(browser.get())


@pytest.mark.parametrize(
    ("timestamp", "said"),
    [
        (None, "no readable time"),
        (1e308, "no readable time"),
        (-1e300, "no readable time"),
        (253402300800.0, "no readable time"),  # the year 10000
        pytest.param(datetime.now(UTC).timestamp() + 1e6, "its clock is ahead", id="tomorrow"),
        (0.0, "years ago"),
        (-1e9, "years ago"),
    ],
)
def test_a_peers_block_may_carry_any_time(browser, node, mine, timestamp, said):
    mine()
    triggers.remove(connection)
    Block.objects.filter(index=2).update(timestamp=timestamp)

    assert said in words(browser.get())


def test_every_kind_of_news_is_told_in_words(browser, node):
    block = {"index": 7, "transactions": 1, "origin": "peer", "source": "10.0.0.7:5000"}
    node.writer.run(lambda: _news(block))
    text = words(browser.get())

    for said in (
        "Received block 7 with 1 transaction from 10.0.0.7:5000",
        "Received 1,200 blocks at once, up to block 7, from a file",
        "Reorganised 1 block left the chain, 2 blocks came in from block 6 on; 1 transaction"
        " back in the pool. Source: unknown",
        "Refused the chain of 10.0.0.8:5000 &lt;b&gt;it lies&lt;/b&gt;",
        "Registered the peer 10.0.0.9:5000",
        "Started this node",
    ):
        assert said in text


def _news(block):
    events.record(events.BLOCK, **block, confirmed=[])
    events.record(events.CHAIN_EXTENDED, connected=1200, blocks=[block], confirmed=[], source="")
    events.record(
        events.REORGANISED,
        id=1,
        fork_index=5,
        disconnected=1,
        connected=2,
        old_tip=block,
        blocks=[block],
        returned=["x"],
        confirmed=[],
        source="",
    )
    events.record(events.REFUSAL, peer="10.0.0.8:5000", reason="<b>it lies</b>")
    events.record(events.PEER, address="10.0.0.9:5000")
    events.record(events.NODE, identifier="x")


def test_it_takes_the_same_few_queries_however_much_there_is(browser, node, mine, monkeypatch):
    counted: list[str] = []
    execute = CursorWrapper.execute

    def counting(self, sql, params=None):
        if "SELECT" in sql:
            counted.append(sql)
        return execute(self, sql, params)

    def queries() -> int:
        counted.clear()
        browser.get()
        return len(counted)

    monkeypatch.setattr(CursorWrapper, "execute", counting)
    few = queries()
    submit(node, *range(60))
    for _ in range(12):
        mine()
        submit(node, 1)

    assert few <= queries() == QUERIES


def test_it_asks_for_nothing_but_its_own_files(browser):
    text = (browser.get()).text
    addresses = re.findall(r'(?:src|href|action)="([^"]*)"', text)

    own = ("/", "#", "?", "http://127.0.0.1", "http://testserver", "http://localhost")
    assert [address for address in addresses if not address.startswith(own)] == []
    assert not re.search(r"<script(?![^>]*(src=|application/json))", text)
    assert not re.search(r'\s(style|on\w+)="', text)


def test_it_begins_the_live_updates_where_it_was_made(browser, node):
    submit(node, 1, 2, 3)
    text = (browser.get()).text

    assert 'data-seq="3"' in text
    assert f'data-node="{node.identity.identifier}"' in text


@pytest.mark.parametrize("method", ["post", "put", "delete", "patch"])
def test_it_can_only_be_read(node, method):
    response = Browser().ask(method, "/")

    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD"


def test_it_answers_head(node):
    response = Browser().ask("head", "/")

    assert response.status_code == 200
    assert response["Content-Type"] == "text/html; charset=utf-8"


def test_a_reorganisation_says_how_many_it_returned_also_beyond_those_it_names(browser, node):
    data = {
        "disconnected": 1,
        "connected": 2,
        "fork_index": 1,
        "returned": ["a"] * 500,
        "returned_count": 1200,
        "source": "p:1",
    }
    node.writer.run(lambda: events.record(events.REORGANISED, **data))

    assert "1,200 transactions back in the pool" in words(browser.get())
