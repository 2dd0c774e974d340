"""The buttons that start and cancel a search."""

from __future__ import annotations

import logging
import time
from dataclasses import replace

import pytest

from .conftest import words


@pytest.fixture
def conf(conf):
    return replace(conf, difficulty=8, mine_queue=2)  # searches that last until cancelled


def _searching(node):
    for _ in range(500):
        if node.miner.state().searching:
            return
        time.sleep(0.01)
    raise AssertionError("no search began")


def test_a_search_starts_and_the_page_does_not_wait_for_it(browser, node):
    response = browser.post("/mining")
    assert (response.status_code, response["Location"]) == (303, "/")
    _searching(node)
    text = words(browser.get())

    assert "The search for block 2 is asked for." in text
    assert "One try in 4,294,967,296 succeeds" in text
    assert "0 in 100" not in text


def test_a_search_is_cancelled_and_the_page_shows_it(browser, node):
    browser.post("/mining")
    _searching(node)
    assert " data-searching" in (browser.get()).text
    response = browser.post("/mining/cancel")
    page = browser.get()

    assert response.status_code == 303
    assert "The search was cancelled." in words(page)
    assert " data-searching" not in page.text


def test_a_script_is_answered_in_json(script, node):
    started = script.post("/mining")
    _searching(node)
    cancelled = script.post("/mining/cancel")
    nothing = script.post("/mining/cancel")

    assert (started.status_code, started.json()) == (
        202,
        {"message": "The search for block 2 is asked for."},
    )
    assert (cancelled.status_code, cancelled.json()["message"]) == (
        200,
        "The search was cancelled.",
    )
    assert (nothing.status_code, nothing.json()["message"]) == (
        200,
        "There was no search to cancel.",
    )


def test_too_many_searches_are_refused(browser, script, node):
    statuses = []
    for _ in range(4):
        statuses.append((script.post("/mining")).status_code)
        _searching(node)
    told, page = script.post("/mining"), browser.post("/mining")

    assert statuses == [202, 202, 202, 429]
    assert told.status_code == page.status_code == 429
    assert int(told["Retry-After"]) >= 1
    assert told.json()["message"] == "No search was started: 2 requests for a block are waiting."
    assert "No search was started: 2 requests for a block are waiting." in words(page)
    script.post("/mining/cancel")


def test_a_search_that_fails_is_logged_and_one_that_is_cancelled_is_not(
    script, node, caplog, monkeypatch
):
    def fails(*_, **__):
        raise RuntimeError("no such process")

    script.post("/mining")
    _searching(node)
    with caplog.at_level(logging.WARNING):
        script.post("/mining/cancel")
        assert not caplog.records
        monkeypatch.setattr(node.miner._searcher, "find", fails)
        script.post("/mining")
        for _ in range(200):
            if "was started on a page failed" in caplog.text:
                break
            time.sleep(0.01)

    assert "a search that was started on a page failed: no such process" in caplog.text
