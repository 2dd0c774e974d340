"""One address."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from urllib.parse import quote

import pytest

from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.views import balance_chart, places
from tests.node import chains

from .asking import NAMES, get, marked_up, queries_of
from .forked import outgrow, read, seal, submit

HUGE = 2**63 - 1


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def paid(sender: str, recipient: str, amount: int) -> dict[str, object]:
    return {"sender": sender, "recipient": recipient, "amount": amount}


def test_it_says_what_it_has_and_how_it_came_to_that(node: lifecycle.Node) -> None:
    entries = [paid("alice", "bob", 5), paid("bob", "carol", 2), paid("bob", "bob", 9)]
    outgrow(node, 1, [entries[:1], entries[1:], []])
    data = get("/address/bob?as=json").json()
    assert data["address"] == {
        "name": "bob",
        "balance": "3",
        "received": "14",
        "sent": "11",
        "entries": 3,
    }
    rows = [(row["index"], row["change"], row["balance"]) for row in data["history"]]
    assert rows == [(3, "0", "3"), (3, "-2", "3"), (2, "+5", "5")]
    assert [step["balance"] for step in data["balances"]["steps"]] == ["5", "3", "3"]
    assert "from alice" in read(get("/address/bob")) and "itself" in read(get("/address/bob"))


@pytest.mark.parametrize("name", NAMES)
def test_any_name_has_a_page_and_a_code(node: lifecycle.Node, name: str) -> None:
    submit(node, name, "bob", 1)
    path = places.address(name)
    response = get(path)
    assert response.status_code == 200
    assert get(path + ("&" if "?" in path else "?") + "as=json").json()["address"]["name"] == name
    assert f"<bdi>{html.escape(name)}</bdi>" in marked_up(response)
    assert "<h1>owned" not in marked_up(response) and "<img src=x" not in marked_up(response)
    drawing = get(places.code(name))
    assert drawing.headers["Content-Type"] == "image/svg+xml"
    assert drawing.content.startswith(b"<svg")


def test_links_to_a_name_lead_to_it(node: lifecycle.Node) -> None:
    for name in NAMES:
        submit(node, "payer", name, 1)
    links = re.findall(r'<a href="([^"]+)" title="([^"]*)"><bdi>', get("/pool").content.decode())
    linked = {html.unescape(title): html.unescape(path) for path, title in links}
    for name in NAMES:
        path = linked[name]
        assert (
            get(path + ("&" if "?" in path else "?") + "as=json").json()["address"]["name"] == name
        )


def test_sums_beyond_64_bits_are_exact(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[paid("a", "rich", HUGE)] * 3, []])
    data = get("/address/rich?as=json").json()
    assert data["address"]["balance"] == str(3 * HUGE)
    assert data["balances"]["highest"] == str(3 * HUGE)
    assert "27,670,116,110,564,327,421" in read(get("/address/rich"))


def test_irregular_entries_are_there_and_move_nothing(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[*chains.IRREGULAR, chains.reward("me")]])
    data = get("/address/odd?as=json").json()
    assert data["address"]["balance"] == "0"
    assert all(row["irregular"] and row["change"] == "" for row in data["history"])
    assert "irregular" in read(get("/address/odd"))


def test_what_waits_is_shown_before_any_block_mentions_the_name(node: lifecycle.Node) -> None:
    submit(node, "newcomer", "bob", 4)
    text = read(get("/address/newcomer"))
    assert "Waiting in the pool" in text and "No block mentions this address yet" in text
    seal(node)
    assert "Waiting in the pool" not in read(get("/address/newcomer"))


def test_a_name_nobody_has_says_what_to_do(node: lifecycle.Node) -> None:
    response = get("/address/nobody")
    assert response.status_code == 404
    assert "Nobody is called that yet" in read(response) and "Send something" in read(response)
    assert "must not contain a control character" in read(get("/address/a%07b"))
    assert get("/address").status_code == 404
    assert get("/address/" + "x" * 257).status_code == 404
    assert get("/qr/" + "x" * 257).status_code == 404


def test_the_history_visits_every_entry_once_with_its_balance(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[paid("a", "bob", n), paid("bob", "c", 1)] for n in range(1, 24)] + [[]])
    rows, path = [], "/address/bob?as=json&limit=7"
    while path:
        data = get(path).json()
        rows += data["history"]
        older = data["older"]
        path = older and f"/address/bob?as=json&limit=7&behind={quote(older, safe='')}"
    assert len({(row["index"], row["position"]) for row in rows}) == len(rows) == 46
    balance = int(get("/address/bob?as=json").json()["address"]["balance"])
    for row in rows:
        assert int(row["balance"]) == balance
        balance -= int(row["change"])
    assert balance == 0


def test_a_place_in_the_history_cannot_be_made_up(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[paid("a", "bob", 1)], []])
    data = get("/address/bob?as=json&behind=2.0.999999.bob:x").json()
    assert data["newest"] and data["address"]["balance"] == "1"


def test_its_page_costs_the_same_with_a_longer_history(node: lifecycle.Node) -> None:
    counts = []
    for length in (12, 90):
        outgrow(node, 1, [[paid("a", "bob", 1)] * 2] * length)
        counts.append(queries_of("/address/bob?limit=10"))
    assert counts[0] == counts[1] <= 18


def test_the_chart_fits_its_box() -> None:
    drawn = balance_chart.chart([5, -5, HUGE * HUGE, 0])
    heights = [float(n) for n in re.findall(r"[MV](?:[\d.]+,)?([\d.]+)", drawn["line"])]
    assert (min(heights), max(heights)) == (0, balance_chart.HEIGHT)
    assert drawn["highest"] == str(HUGE * HUGE) and drawn["lowest"] == "-5"
