"""The form for a transaction: with and without scripts, right and wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ledger.models import Transaction
from ledger.node import lifecycle

from .conftest import Browser, words

GOOD = {"sender": "alice", "recipient": "밥", "amount": "5"}
LARGEST = str(2**63 - 1)


def test_a_page_answers_with_the_way_back_and_then_with_word_of_it(browser):
    response = browser.post("/transactions", GOOD)
    assert (response.status_code, response["Location"]) == (303, "/")
    assert Transaction.objects.count() == 1

    assert "Accepted. It waits in the pool, and should be in block 2." in words(browser.get())
    assert "Accepted" not in words(browser.get()), "it was said already"


def test_a_script_is_answered_in_json(script):
    response = script.post("/transactions", GOOD)

    assert response.status_code == 201
    assert response.json() == {
        "message": "Accepted. It waits in the pool, and should be in block 2.",
        "id": str(Transaction.objects.get().uid),
    }


@pytest.mark.parametrize(
    ("fields", "errors"),
    [
        ({"sender": ""}, {"sender": "must not be empty"}),
        ({"sender": "0"}, {"sender": 'must not be "0": that is the reward for mining'}),
        ({"sender": "a\tb"}, {"sender": "must not contain a control character (U+0009)"}),
        ({"recipient": "x" * 257}, {"recipient": "must have at most 256 characters"}),
        ({"amount": ""}, {"amount": "must be an integer"}),
        ({"amount": "1.0"}, {"amount": "must be an integer"}),
        ({"amount": "1_000"}, {"amount": "must be an integer"}),
        ({"amount": "1,000"}, {"amount": "must be an integer"}),
        ({"amount": "٣"}, {"amount": "must be an integer"}),
        ({"amount": "1e3"}, {"amount": "must be an integer"}),
        ({"amount": "9" * 5000}, {"amount": "must be an integer"}),
        ({"amount": "-1"}, {"amount": "must not be negative"}),
        ({"amount": str(2**63)}, {"amount": f"must be at most {LARGEST}"}),
        (
            {"sender": "", "recipient": "", "amount": "x"},
            {
                "sender": "must not be empty",
                "recipient": "must not be empty",
                "amount": "must be an integer",
            },
        ),
    ],
)
def test_each_fault_is_told_beside_its_field(browser, script, fields, errors):
    told = script.post("/transactions", GOOD | fields)
    page = browser.post("/transactions", GOOD | fields)

    assert told.status_code == page.status_code == 422
    assert told.json()["errors"] == errors
    for name in GOOD:
        expected = errors.get(name, "").replace('"', "&quot;")
        assert f'id="{name}-error">{expected}</p>' in page.text
        assert (f'aria-describedby="{name}-error" aria-invalid' in page.text) is (name in errors)
    assert not Transaction.objects.exists()


def test_what_was_typed_stays_and_is_text(browser):
    typed = {"sender": '"><script>alert(1)</script>', "recipient": "밥 & <b>", "amount": "many"}
    page = browser.post("/transactions", typed)

    assert 'value="&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;"' in page.text
    assert 'value="밥 &amp; &lt;b&gt;"' in page.text
    assert 'value="many"' in page.text
    assert "<script>alert" not in page.text


@pytest.mark.parametrize("amount", ["0", "007", " 5 ", LARGEST])
def test_integers_are_taken_as_people_write_them(script, amount):
    assert (script.post("/transactions", GOOD | {"amount": amount})).status_code == 201
    assert Transaction.objects.get().amount == int(amount)


def test_a_form_sent_twice_is_added_once(browser, script):
    for accepted in (browser, script):
        first, second = accepted.post_twice_at_once("/transactions", GOOD)
        assert first.status_code == second.status_code in (201, 303)

    assert Transaction.objects.count() == 2, "one for each page"


def test_a_form_sent_again_with_other_values_is_not_mistaken_for_the_first(browser):
    browser.post("/transactions", GOOD)
    old_key = browser.fields["key"]
    page = browser.post("/transactions", GOOD | {"amount": "6"})

    assert page.status_code == 409
    assert "sent before, with other values" in words(page)
    assert f'value="{old_key}"' not in page.text
    assert 'value="6"' in page.text
    assert Transaction.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x", "A" * 32, "0" * 31, "0" * 32 + "\n", "0" * 300])
def test_a_key_that_is_not_ours_is_not_used(script, key):
    for _ in range(2):
        assert (script.post("/transactions", GOOD | {"key": key})).status_code == 201

    assert Transaction.objects.count() == 2


def test_a_full_pool_is_told(browser, script, node, monkeypatch):
    monkeypatch.setattr(node.door._count, "_transactions", 0)
    told = script.post("/transactions", GOOD)
    page = browser.post("/transactions", GOOD)

    assert told.status_code == page.status_code == 503
    assert told["Retry-After"] == page["Retry-After"] == "5"
    assert "the pool is full" in told.json()["message"]
    assert "the pool is full" in words(page)
    assert 'value="alice"' in page.text


@pytest.fixture
def js_conf(conf):
    return replace(conf, dialect="js")


def test_the_largest_amount_is_the_networks(ledger_db, js_conf):
    lifecycle.start(js_conf)
    try:
        script = Browser("application/json")
        script.get()
        told = script.post("/transactions", GOOD | {"amount": str(2**53)})
    finally:
        lifecycle.stop()

    assert told.json()["errors"] == {"amount": f"must be at most {2**53 - 1}"}
