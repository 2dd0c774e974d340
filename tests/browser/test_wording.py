"""The scripts say what the server says: `format.js` follows `ledger.wording`, value by value."""

from __future__ import annotations

import random
import re

import pytest
from django.utils import translation

from ledger import faults, wording
from ledger.models import Peer
from ledger.queries.peers import RELATIONS

SEED = 20261122
DICE = random.Random(SEED)
COUNTS = [0, 1, 2, 12, 999, 1000, 1001, 123_456_789, 2**53 - 1]
SPANS = [0, 0.9, 1, 1.9, 59.9, 60, 3599, 3600, 86399, 86400, 172800, 3e7, 4e7, 1e9]
AHEAD = [-1e9, -5.1, -5, -1]
INTEGERS = [*COUNTS, "9223372036854775807", "-1234567", "7" * 400]
TEXTS = ["ab" * 32, "ab" * 16, "ab" * 15, "AB" * 16, "밥", ""]
KEYS = ("block", "transaction", "try")
TRIES = [(DICE.randrange(10**7), 16 ** DICE.randrange(7)) for _ in range(50)]
RATES = [0, 0.5, 1, 999.9, 1000, 1999.99, 999_999, 1e6, 2.1e6, 1.25e9]
MOMENTS = [0, 1, -1, 1795345759.284, 253402300799, 253402300800, -62135596800, -62135596801, 1e308]
DATA = {
    "block": {"index": 1284, "transactions": 1, "origin": "mined", "source": ""},
    "chain-extended": {"connected": 1200, "blocks": [{"index": 1500}], "source": "10.0.0.7:5000"},
    "reorganisation": {
        "disconnected": 1,
        "connected": 2,
        "fork_index": 0,
        "returned": ["a", "b"],
        "returned_count": 1200,
        "source": "",
    },
    "refusal": {"peer": "p:1", "reason": "$& {n}"},
    "peer": {"address": "p:1"},
    "node": {"identifier": "x"},
    "operator": {
        "act": "invalidate-block",
        "subject": "ab" * 32,
        "index": 1284,
        "reason": "$& {n}",
    },
}
OLD_REORGANISATION = {k: v for k, v in DATA["reorganisation"].items() if k != "returned_count"}
SOURCES = [*Peer.Source.values, "constructor", ""]
STANDS = [{name: DICE.choice((0, 0, 1, 1200)) for name in RELATIONS} for _ in range(60)] + [
    dict.fromkeys(RELATIONS, 0) | {name: 1} for name in RELATIONS
]
PACES = [0, 0.9, 1, 8200.7]
ACTS = [key.removeprefix("operator-") for key in wording.WORDS if key.startswith("operator-")]
CASES = [
    ("grouped", wording.grouped, [[number] for number in INTEGERS]),
    ("counted", wording.counted, [[count, key] for count in COUNTS for key in KEYS]),
    ("shortened", wording.shortened, [[text] for text in TEXTS]),
    ("sized", wording.sized, [[size] for size in COUNTS]),
    ("paced", wording.paced, [[rate] for rate in RATES]),
    ("lasting", wording.lasting, [[span] for span in SPANS]),
    ("overBy", wording.over_by, [[*pair] for pair in TRIES]),
    ("state", wording.state, [["pending", None], ["confirmed", None], ["confirmed", 1284]]),
    ("told", wording.told, [["peer", DATA["peer"] | {"source": source}] for source in SOURCES]),
    ("synced", wording.synced, [[counts, most] for counts in STANDS for most in (2, 5)]),
    (
        "caughtUp",
        wording.caught_up,
        [[n, m, r] for n in COUNTS for m in (0, 1, 10**5) for r in PACES],
    ),
    ("coming", wording.coming, [[span] for span in [*AHEAD, *SPANS, 59.1, 3541, 82801]]),
    ("state", wording.state, [["returned", None], ["refused", None]]),
    ("told", wording.told, [[kind, data] for kind, data in DATA.items()]),
    ("told", wording.told, [["block", DATA["block"] | {"origin": "peer", "source": "p:1"}]]),
    ("told", wording.told, [["block", DATA["block"] | {"origin": "import"}]]),
    ("told", wording.told, [["reorganisation", OLD_REORGANISATION]]),
    ("told", wording.told, [["operator", DATA["operator"] | {"act": act}] for act in ACTS]),
    ("ago", wording.ago, [[span] for span in [*AHEAD, *SPANS]]),
]


@pytest.fixture(scope="module")
def page(chromium, shared_node):
    context = chromium.new_context()
    page = context.new_page()
    page.goto(shared_node.url)
    yield page
    context.close()


@pytest.mark.parametrize(("name", "function", "arguments"), CASES, ids=[case[0] for case in CASES])
def test_the_same_values_are_said_in_the_same_words(page, name, function, arguments):
    said = page.evaluate(
        "async ([name, all]) => { const format = await import('/static/js/format.js');"
        " return all.map((one) => format[name](...one)); }",
        [name, arguments],
    )

    assert said == [function(*one) for one in arguments]


def test_the_same_reasons_are_said_in_the_same_korean(chromium, shared_node):
    with translation.override("ko"):
        forms = [text for text, _ in faults.of_peers()]
    texts = [
        *(re.sub(r"{(n|zeros|expected)}", "7", text) for text in forms),
        "block 3: index is an integer, not a string (speaks seed or dvf or js, difficulty 2;"
        " this node speaks seed, difficulty 4: chains cannot merge)",
        "block 12: a genesis of js has previous_hash '1' or 1, not {n} $& $1 \\",
        "10.0.0.1:80 does not resolve in time",
        "block x: something else",
        "$& {n} <b>",
        "two\nlines (speaks {ours}; this node speaks {theirs}: chains cannot merge)",
    ]
    context = chromium.new_context(locale="ko-KR")
    page = context.new_page()
    page.goto(shared_node.url)
    said = page.evaluate(
        "async (all) => { const { said } = await import('/static/js/reasons.js');"
        " return all.map(said); }",
        texts,
    )
    context.close()

    with translation.override("ko"):
        assert said == [faults.said(text) for text in texts]
    assert sum(one != text for one, text in zip(said, texts, strict=True)) > len(texts) - 4


def test_the_same_moments_are_readable(page):
    said = page.evaluate(
        "async (all) => { const { moment, absolute } = await import('/static/js/format.js');"
        " return all.map((one) => { const date = moment(one); return date && absolute(date); }); }",
        [*MOMENTS, None],
    )
    times = [wording.moment(value) for value in [*MOMENTS, None]]

    assert said == [time and wording.absolute(time) for time in times]
    assert said[0] == "1970-01-01 00:00:00 UTC"
    assert said[-1] is None


def test_every_word_a_script_asks_for_comes_with_the_page(page):
    """By the scripts' text: `say("…")` with a key as it is."""
    missing = page.evaluate(
        """async () => {
          const words = JSON.parse(document.getElementById("words").textContent);
          const names = ["chain", "connection", "dashboard", "form", "format", "mining", "news",
                         "pill", "pool", "rows", "times", "words"];
          const texts = await Promise.all(names.map(
            async (name) => (await fetch(`/static/js/${name}.js`)).text()));
          const keys = texts.flatMap((text) => [...text.matchAll(/say\\("([^"]+)"/g)]);
          return [keys.length, keys.map((match) => match[1]).filter((key) => !(key in words))];
        }"""
    )

    assert missing[0] > 20
    assert missing[1] == []
