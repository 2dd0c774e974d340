"""What a browser sends for a page of another site does nothing; what people and programs send does.

The headers are those that browsers were seen to send.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import override_settings

from .conftest import FORM, NEIGHBOUR, REGISTRATION, TRANSACTION, From

CHROME = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/149.0.0.0 Safari/537.36"
ACTING = [
    ("GET", "/mine", ""),
    ("GET", "/mine/", ""),
    ("GET", "/nodes/resolve", ""),
    ("POST", "/transactions/new", TRANSACTION),
    ("POST", "/nodes/register", REGISTRATION),
]
FORMS = ["/mining", "/mining/cancel", "/transactions", "/peers/register", "/peers/resolve"]


def fetched(site: str, mode: str = "no-cors", dest: str = "empty", **more: str) -> dict[str, str]:
    named = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": dest}
    return {"User_Agent": CHROME, **named, **more}


FOREIGN = {
    "an image": fetched("cross-site", dest="image"),
    "an iframe": fetched("cross-site", "navigate", "iframe"),
    "a script": fetched("cross-site", dest="script"),
    "a style sheet": fetched("cross-site", dest="style"),
    "a link that was followed": fetched("cross-site", "navigate", "document", Sec_Fetch_User="?1"),
    "fetch": fetched("cross-site", "cors", Origin="http://evil.example"),
    "fetch without CORS": fetched("cross-site", Origin="http://evil.example"),
    "a prefetch": fetched("cross-site", dest="empty", Sec_Purpose="prefetch"),
    "another port of the same host": fetched("same-site", dest="image"),
    "another port, a form": fetched(
        "same-site", "navigate", "document", Origin="http://testserver:81"
    ),
    "a prefetch of our own page": fetched("same-origin", dest="empty", Sec_Purpose="prefetch"),
    "a prerender": fetched("none", "navigate", "document", Sec_Purpose="prefetch;prerender"),
    "a prerender, with a word to come": fetched("none", "navigate", "document", Sec_Purpose="x"),
    "an old prefetch": {
        "User_Agent": CHROME,
        "Purpose": "prefetch",
        "Referer": "http://testserver/",
    },
    "typed into a frame": fetched("none", "navigate", "iframe"),
    "a favicon of a typed page": fetched("none", "no-cors", "image"),
    "a word to come": fetched("sibling-site", "navigate", "document"),
    "no word": fetched("", "navigate", "document"),
    "two words": fetched("same-origin, cross-site"),
    "plain HTTP under a name, an image": {"User_Agent": CHROME},
    "plain HTTP, a sandboxed form": {"User_Agent": CHROME, "Origin": "null"},
    "plain HTTP, a beacon": {"User_Agent": CHROME, "Origin": "http://evil.example"},
    "plain HTTP, a link": {"User_Agent": CHROME, "Referer": "http://evil.example/"},
    "plain HTTP, another port": {"User_Agent": CHROME, "Referer": "http://testserver:81/"},
    "plain HTTP, another scheme": {"User_Agent": CHROME, "Origin": "https://testserver"},
    "a name within a name": {"User_Agent": CHROME, "Origin": "http://testserver.evil.example"},
    "ours before an at sign": {"User_Agent": CHROME, "Referer": "http://testserver@evil.example/"},
    "one of ours, one of theirs": {
        "Origin": "http://testserver",
        "Referer": "http://evil.example/",
    },
    "no browser's name, but an origin": {"User_Agent": "x", "Origin": "http://evil.example"},
    "no address": {"Origin": "http://[", "User_Agent": CHROME},
}

OURS = {
    "our own script": fetched("same-origin", "cors", Origin="http://testserver"),
    "our own link": fetched("same-origin", "navigate", "document"),
    "typed": fetched("none", "navigate", "document", Sec_Fetch_User="?1"),
    "plain HTTP, our own script": {"User_Agent": CHROME, "Origin": "http://testserver"},
    "plain HTTP, our own link": {"User_Agent": CHROME, "Referer": "http://testserver/blocks?x=1"},
    "curl": {"User_Agent": "curl/8.14.1", "Accept": "*/*"},
    "requests": {"User_Agent": "python-requests/2.32.5", "Accept": "*/*"},
    "Postman": {"User_Agent": "PostmanRuntime/7.43.0", "Cache_Control": "no-cache"},
    "an old node of Node.js": {"User_Agent": "node", "Sec_Fetch_Mode": "cors"},
    "Go": {"User_Agent": "Go-http-client/1.1"},
    "no name at all": {},
}


@pytest.mark.parametrize("headers", FOREIGN.values(), ids=FOREIGN)
async def test_for_another_page_nothing_is_done(
    node: object, effects: Callable[[], Any], headers: dict[str, str]
) -> None:
    before, client = await effects(), From()
    for method, path, body in ACTING:
        answer = await client.ask(method, path, body, **headers)
        assert answer.status_code == 403, path
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        assert b"nothing was done" in answer.content
    for path in FORMS:
        assert await client.status("POST", path, "x=y", kind=FORM, **headers) == 403, path
    assert await effects() == before


@pytest.mark.parametrize("headers", OURS.values(), ids=OURS)
async def test_people_and_programs_are_served(node: object, headers: dict[str, str]) -> None:
    client = From()
    answers = [await client.status(*acting, **headers) for acting in ACTING]
    assert answers == [200, 200, 200, 201, 201]


@pytest.mark.parametrize("kind", ["an image", "a prerender", "plain HTTP, a link"])
async def test_what_only_reads_is_not_asked_who_it_is_for(
    node: object, effects: Callable[[], Any], kind: str
) -> None:
    before, client, headers = await effects(), From(), FOREIGN[kind]
    for path in ("/mine", "/nodes/resolve"):
        assert await client.status("HEAD", path, **headers) == 200
        assert await client.status("OPTIONS", path, **headers) == 204
    assert await client.status("GET", "/favicon.svg", **headers) == 200
    assert await effects() == before


@pytest.mark.parametrize("kind", ["text/plain", FORM, "multipart/form-data; boundary=x", ""])
async def test_what_a_form_can_send_is_no_json(
    node: object, effects: Callable[[], Any], kind: str
) -> None:
    before = await effects()
    for path in ("/transactions/new", "/nodes/register"):
        assert await From().status("POST", path, TRANSACTION, kind=kind) == 415
    assert await effects() == before


@override_settings(NODE_CLASSROOM=["lan"])
async def test_a_neighbours_browser_is_held_to_the_same_rule(
    node: object, effects: Callable[[], Any]
) -> None:
    before, client = await effects(), From(NEIGHBOUR)
    assert await client.status("GET", "/mine", User_Agent=CHROME) == 403
    assert await effects() == before
    advice = (await client.ask("GET", "/mine", User_Agent=CHROME)).content.decode()
    assert "localhost" in advice
    assert "HTTPS" in advice
    assert "buttons" in advice
    own = {"User_Agent": CHROME, "Referer": "http://testserver/"}
    assert await client.status("GET", "/mine", **own) == 200


async def test_behind_tls_our_own_pages_are_https(node: object) -> None:
    client, headers = From(), {"User_Agent": CHROME, "Origin": "https://testserver"}
    assert await client.status("GET", "/mine", **headers) == 403
    secure = await client.get("/mine", secure=True, headers={"Origin": "https://testserver"})
    assert secure.status_code == 200


async def test_a_form_from_elsewhere_is_answered_with_a_page_in_words(node: object) -> None:
    headers = fetched("cross-site", "navigate", "document", Accept="text/html")
    page = await From().ask("POST", "/mining", "x=y", kind=FORM, **headers)
    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert "This came from somewhere else" in page.content.decode()
    told = await From().ask(
        "POST", "/mining", "x=y", kind=FORM, **{**headers, "Accept": "application/json"}
    )
    assert "nothing was done" in told.json()["message"]
