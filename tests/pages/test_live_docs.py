"""The pages about the WebSocket, and the document they are made from."""

from __future__ import annotations

import html

import pytest

from ledger.live.document import document


@pytest.fixture
def made():
    return document("testserver")


def test_the_page_names_all_there_is(browser, node, made):
    page = browser.get("/api/docs/live")
    text = html.unescape(page.text)

    assert page.status_code == 200
    for name in (*made["x-topics"], *made["x-errors"], *made["x-close-codes"]):
        assert f"<code>{name}</code>" in text
    for name in made["components"]["messages"]:
        if name != "request":
            assert f'id="frame-{name}"' in text
    for limit in made["x-limits"].values():
        assert limit["description"] in text
    assert "ws://testserver/ws/?topics=" in text
    assert "<script>" not in text


def test_it_speaks_korean(browser, node, made):
    page = browser.ask("get", "/api/docs/live", headers={"accept-language": "ko"}).text

    assert "실시간 API" in page
    english = [*made["x-topics"].values(), *made["x-close-codes"].values()]
    english += [one["description"] for one in made["x-limits"].values()]
    assert [text for text in english if html.escape(text) in page] == []


def test_the_document_is_served_to_pages_of_any_site(browser, node, made):
    response = browser.ask("get", "/api/v1/asyncapi.json")

    assert response.json() == made
    assert response["Access-Control-Allow-Origin"] == "*"
    assert browser.ask("head", "/api/v1/asyncapi.json").status_code == 200
    assert browser.ask("post", "/api/v1/asyncapi.json").status_code in (403, 405)


def test_the_page_of_the_api_leads_there_and_from_there_to_where_it_is_tried(browser, node):
    assert 'href="/api/docs/live"' in browser.get("/api/docs").text
    page = browser.get("/api/docs/live").text
    assert 'href="/api/docs/live/try"' in page
    assert 'href="/api/v1/asyncapi.json"' in page
    attempt = browser.get("/api/docs/live/try").text
    assert '<option value="address:NAME">' in attempt
    assert "js/live-try.js" in attempt


def test_both_are_their_own_json(browser, node):
    for path in ("/api/docs/live", "/api/docs/live/try"):
        assert "topics" in browser.ask("get", f"{path}?as=json").json()
