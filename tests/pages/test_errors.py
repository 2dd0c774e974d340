"""When something goes wrong, people get a page and programs a line."""

from __future__ import annotations

import re

import pytest
from django.core.exceptions import SuspiciousOperation
from django.test import Client, RequestFactory

from ledger.views import errors

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_what_is_not_there_is_a_page_with_a_way_on(node):
    answer = Client(headers=BROWSER).get("/nowhere?at=all")

    text = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert "<title>There is nothing at this address · chainsite</title>" in text
    assert 'href="/nowhere?at=all"' in text, "no way to try again"
    assert 'class="search"' in text, "nothing to search with"


@pytest.mark.parametrize("accept", ["*/*", "", "text/plain"])
def test_a_program_gets_a_line_in_english(node, accept):
    client = Client(headers={"Accept": accept, "Accept-Language": "ko"})
    answer = client.get("/nowhere")

    assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain; charset=utf-8")
    assert answer.content == b"There is nothing at this address\n"


def test_a_program_that_wants_json_gets_json(node):
    answer = Client(headers={"Accept": "application/json"}).get("/nowhere")

    assert (answer.status_code, answer.json()["message"]) == (
        404,
        "There is nothing at this address",
    )


def test_a_form_from_elsewhere_is_refused_with_a_page(node):
    client = Client(enforce_csrf_checks=True, headers=BROWSER)
    answer = client.post("/mining", "a=b", content_type="application/x-www-form-urlencoded")

    assert (answer.status_code, answer["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "Nothing was done." in answer.content.decode()


@pytest.mark.parametrize(
    ("failure", "status", "title"),
    [
        (RuntimeError("the secret path /root/x"), 500, "This node made a mistake"),
        (SuspiciousOperation("odd"), 400, "This request makes no sense here"),
    ],
)
def test_a_failure_is_a_page_that_tells_nothing_of_the_inside(
    node, monkeypatch, failure, status, title
):
    def fail():
        raise failure

    monkeypatch.setattr("ledger.node.overview.overview", fail)
    answer = Client(headers=BROWSER, raise_request_exception=False).get("/")

    text = answer.content.decode()
    assert answer.status_code == status
    assert f"<h1>{title}</h1>" in text
    assert str(failure) not in text


def test_they_work_without_a_node():
    request = RequestFactory(headers=BROWSER).get("/nowhere")
    for handler in (errors.bad_request, errors.forbidden, errors.not_found):
        assert "<h1>" in handler(request, Exception()).content.decode()
    assert errors.failed(request).status_code == 500


def test_the_language_is_chosen_on_an_error_page_too_and_it_stays():
    """Also without a node."""
    client = Client(enforce_csrf_checks=True, headers=BROWSER)
    page = client.get("/nowhere?at=all").content.decode()
    assert 'name="next" value="/nowhere?at=all"' in page
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    answer = client.post(
        "/language",
        f"csrfmiddlewaretoken={token}&next=/nowhere%3Fat%3Dall&language=ko",
        content_type="application/x-www-form-urlencoded",
    )
    assert (answer.status_code, answer["Location"]) == (303, "/nowhere?at=all")
    korean = client.get(answer["Location"])

    assert korean.status_code == 404
    assert '<html lang="ko">' in korean.content.decode()
    assert ">English</button>" in korean.content.decode()


def test_a_failing_page_of_failure_is_a_line(monkeypatch):
    def fail(*_arguments):
        raise RuntimeError

    monkeypatch.setattr(errors, "answer", fail)
    answer = errors.failed(RequestFactory().get("/"))

    assert (answer.status_code, answer["Content-Type"]) == (500, "text/plain; charset=utf-8")
