"""From another machine: what is open, what is the operator's, and how one is known as that."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import override_settings
from django.utils import timezone

from ledger.models import AccessToken
from ledger.node import lifecycle, tokens

from .conftest import FORM, NEIGHBOUR, REGISTRATION, STRANGER, TRANSACTION, From

HTML = {"Accept": "text/html"}
SCRIPT = {"Accept": "application/json"}


@pytest.fixture
async def token(node: lifecycle.Node) -> str:
    text, _ = await node.writer.perform(lambda: tokens.create(f"test {timezone.now()}"))
    return text


@pytest.fixture(autouse=True)
def often() -> Iterator[None]:
    with override_settings(NODE_WORK_RATE=0, NODE_WRITE_RATE=0, NODE_READ_RATE=0):
        yield


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


@pytest.mark.parametrize("address", [NEIGHBOUR, STRANGER, "2001:db8::7", ""])
async def test_reading_sending_and_registering_are_open_and_the_rest_is_not(
    node: object, effects: Callable[[], Any], address: str
) -> None:
    client = From(address)
    for path in ("/", "/chain", "/blocks", "/pool", "/peers", "/admin/login/"):
        assert await client.status("GET", path) == 200, path
    assert await client.status("POST", "/transactions/new", TRANSACTION) == 201
    assert await client.status("POST", "/nodes/register", REGISTRATION) == 201
    before = await effects()
    for path in ("/mine", "/nodes/resolve"):
        answer = await client.ask("GET", path)
        assert answer.status_code == 401
        assert answer["WWW-Authenticate"] == 'Bearer realm="chainsite"'
        assert answer["Content-Type"] == "text/plain; charset=utf-8"
        assert "token create" in answer.content.decode()
        assert await client.status("HEAD", path) == 200
        assert await client.status("OPTIONS", path) == 204
    for path in ("/mining", "/mining/cancel", "/peers/resolve"):
        assert await client.status("POST", path, "x=y") == 403
    assert await client.status("GET", "/admin/") == 302, "the admin asks who it is"
    assert await effects() == before


@override_settings(NODE_CLASSROOM=["lan"])
async def test_in_a_classroom_everybody_on_the_lan_mines_and_resolves(node: object) -> None:
    pupil = From(NEIGHBOUR)
    assert await pupil.status("GET", "/mine") == 200
    assert await pupil.status("GET", "/nodes/resolve") == 200
    assert await pupil.status("POST", "/mining/cancel", "x=y") == 403, "others' searches"
    assert await From(STRANGER).status("GET", "/mine") == 401


async def test_a_token_makes_a_program_the_operator_and_is_noted_once_an_hour(
    node: lifecycle.Node, token: str
) -> None:
    client = From(STRANGER)
    assert await client.status("GET", "/mine", **bearing(token)) == 200
    assert await client.status("GET", "/nodes/resolve", Authorization=f"bearer  {token}") == 200
    await node.writer.perform(lambda: None)  # what was queued before is written
    first = (await node.reader.read(tokens.find, token)).last_used_at
    assert first is not None
    assert await client.status("GET", "/mine", **bearing(token)) == 200
    await node.writer.perform(lambda: None)
    assert (await node.reader.read(tokens.find, token)).last_used_at == first
    earlier = timezone.now() - timedelta(hours=2)
    await node.writer.perform(lambda: AccessToken.objects.update(last_used_at=earlier))
    assert await client.status("GET", "/mine", **bearing(token)) == 200
    await node.writer.perform(lambda: None)
    assert (await node.reader.read(tokens.find, token)).last_used_at > first


async def test_a_token_that_is_revoked_or_expired_is_none_from_then_on(
    node: lifecycle.Node, token: str
) -> None:
    client = From(STRANGER)
    await node.writer.perform(lambda: tokens.revoke(token[: tokens.SHOWN]))
    assert await client.status("GET", "/mine", **bearing(token)) == 401
    until = timezone.now() + timedelta(hours=1)
    brief, row = await node.writer.perform(lambda: tokens.create("brief", expires_at=until))
    assert await client.status("GET", "/mine", **bearing(brief)) == 200
    past = timezone.now() - timedelta(seconds=1)
    await node.writer.perform(lambda: AccessToken.objects.filter(pk=row.pk).update(expires_at=past))
    assert await client.status("GET", "/mine", **bearing(brief)) == 401


@pytest.mark.parametrize(
    "made",
    [
        lambda token: "",
        lambda token: "Bearer",
        lambda token: f"Basic {token}",
        lambda token: f"Token {token}",
        lambda token: token,
        lambda token: f"Bearer {token}x",
        lambda token: f"Bearer {token[:-1]}",
        lambda token: f"Bearer {token[:-1]}{'A' if token[-1] != 'A' else 'B'}",
        lambda token: f"Bearer {token.upper()}",
        lambda token: f"Bearer {token} {token}",
        lambda token: f"Bearer {token[:12]}",
        lambda token: "Bearer " + "x" * 5000,
        lambda token: "Bearer caf\xe9",
        lambda token: "Bearer ' OR 1=1 --",
    ],
)
async def test_what_is_not_the_whole_token_opens_nothing(
    node: object, token: str, made: Callable[[str], str]
) -> None:
    assert await From(STRANGER).status("GET", "/mine", Authorization=made(token)) == 401


async def test_a_token_does_not_excuse_another_sites_page(node: object, token: str) -> None:
    headers = {**bearing(token), "Sec_Fetch_Site": "cross-site"}
    assert await From(STRANGER).status("GET", "/mine", **headers) == 403


async def _signed_in(client: From, name: str, **flags: bool) -> None:
    def make() -> User:
        User.objects.filter(username=name).delete()
        return User.objects.create(username=name, **flags)

    await client.aforce_login(await sync_to_async(make)())


async def test_who_is_signed_in_as_staff_is_the_operator(node: object) -> None:
    client = From(STRANGER)
    await _signed_in(client, "staff", is_staff=True)
    assert await client.status("GET", "/mine") == 200
    page = (await client.ask("GET", "/", **HTML)).content.decode()
    assert 'data-form="mine"' in page
    assert 'data-form="cancel"' in page


@pytest.mark.parametrize("flags", [{}, {"is_staff": True, "is_active": False}])
async def test_an_account_that_is_not_staff_or_not_active_is_a_visitor(
    node: object, flags: dict[str, bool]
) -> None:
    client = From(STRANGER)
    await _signed_in(client, "visitor", **flags)
    assert await client.status("GET", "/mine") == 401


async def test_a_session_cookie_that_is_made_up_opens_nothing(node: object) -> None:
    client = From(STRANGER)
    client.cookies["sessionid"] = "x" * 32
    assert await client.status("GET", "/mine") == 401


async def test_a_stranger_without_credentials_costs_no_question_to_the_database(
    node: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    client = From(STRANGER)
    assert await client.status("GET", "/mine") == 401  # the middleware is made, the caches warm
    monkeypatch.setattr(tokens, "find", lambda text: asked.append(text))
    monkeypatch.setattr("django.db.backends.utils.CursorWrapper.execute", asked.append)
    assert await client.status("GET", "/mine", Authorization="Bearer nonsense") == 401
    assert await client.status("GET", "/mine", Sec_Fetch_Site="cross-site") == 403
    assert asked == []


class TestThePages:
    async def page(self, client: From, path: str) -> str:
        answer = await client.ask("GET", path, **HTML)
        assert answer.status_code == 200
        return answer.content.decode()

    async def test_a_visitor_is_told_why_there_is_no_button_and_where_to_sign_in(
        self, node: object
    ) -> None:
        dashboard = await self.page(From(STRANGER), "/")
        assert 'data-form="mine"' not in dashboard
        assert 'data-form="cancel"' not in dashboard
        assert 'data-form="send"' in dashboard
        assert "only whoever runs this node may mine" in dashboard
        assert 'href="/admin/login/?next=/"' in dashboard
        peers = await self.page(From(STRANGER), "/peers")
        assert 'data-peers="resolve"' not in peers
        assert 'data-peers="register"' in peers
        assert 'href="/admin/login/?next=/peers"' in peers

    async def test_on_this_machine_and_in_a_classroom_there_are_buttons(self, node: object) -> None:
        assert 'data-form="cancel"' in await self.page(From(), "/")
        with override_settings(NODE_CLASSROOM=["lan"]):
            pupil = From(NEIGHBOUR)
            dashboard = await self.page(pupil, "/")
            assert 'data-form="mine"' in dashboard
            assert 'data-form="cancel"' not in dashboard
            assert 'data-peers="resolve"' in await self.page(pupil, "/peers")

    async def test_a_form_that_is_sent_all_the_same_is_answered_in_words(
        self, node: object
    ) -> None:
        client = From(STRANGER)
        page = await client.ask("POST", "/mining", "x=y", kind=FORM, **HTML)
        assert page.status_code == 403
        assert "This needs the operator" in page.content.decode()
        assert 'href="/admin/login/?next=/"' in page.content.decode()
        told = await client.ask("POST", "/mining", "x=y", kind=FORM, **SCRIPT)
        assert "whoever runs the node" in told.json()["message"]

    async def test_a_pupils_form_works(self, node: lifecycle.Node) -> None:
        with override_settings(NODE_CLASSROOM=["lan"]):
            pupil = From(NEIGHBOUR)
            dashboard = await self.page(pupil, "/")
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', dashboard)[1]
            body = f"csrfmiddlewaretoken={token}"
            answer = await pupil.ask("POST", "/mining", body, kind=FORM, **SCRIPT)
        assert answer.status_code == 202
