"""The content security policy: strict, whole, on every answer, and without a thread for it."""

from __future__ import annotations

import threading

import pytest
from csp.constants import NONCE
from csp.decorators import csp, csp_exempt, csp_replace, csp_update
from csp.middleware import CSPMiddleware
from django.http import HttpResponse
from django.test import AsyncClient, RequestFactory, override_settings

from chainsite.policy import ContentSecurityPolicy

POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


async def policy_of(path: str) -> set[str]:
    response = await AsyncClient().get(path, headers={"accept": "text/html"})
    return set(response["Content-Security-Policy"].split("; "))


@pytest.mark.parametrize(
    "path", ["/", "/block/1", "/nowhere", "/admin/login/", "/chain", "/favicon.svg", "/qr/alice"]
)
async def test_every_answer_has_the_whole_policy(node, path):
    assert await policy_of(path) == POLICY


async def test_it_takes_no_thread(node, monkeypatch):
    threads = []
    for half in ("process_request", "process_response"):
        there = getattr(CSPMiddleware, half)

        def noted(self, *arguments, there=there):
            threads.append(threading.get_ident())
            return there(self, *arguments)

        monkeypatch.setattr(CSPMiddleware, half, noted)
    await policy_of("/")

    assert set(threads) == {threading.get_ident()}


@pytest.mark.parametrize(
    ("decorator", "policy"),
    [
        (csp_exempt(), set()),
        (
            csp_update({"img-src": ["https://example.org"]}),
            {"img-src 'self' data: https://example.org"},
        ),
        (csp_replace({"img-src": ["'none'"]}), {"img-src 'none'"}),
        (csp({"img-src": ["'none'"]}), {"img-src 'none'"}),
    ],
    ids=["exempt", "update", "replace", "csp"],
)
async def test_a_view_may_still_have_another_one(decorator, policy):
    view = decorator(lambda request: HttpResponse())

    async def answer(request):
        return view(request)

    request = RequestFactory().get("/")
    response = await ContentSecurityPolicy(answer)(request)
    parts = set(filter(None, response.headers.get("Content-Security-Policy", "").split("; ")))
    assert {part for part in parts if part.startswith("img-src")} == policy


async def test_a_nonce_that_is_used_is_in_the_policy():
    async def answer(request):
        return HttpResponse(str(request.csp_nonce))

    with override_settings(CONTENT_SECURITY_POLICY={"DIRECTIVES": {"script-src": [NONCE]}}):
        response = await ContentSecurityPolicy(answer)(RequestFactory().get("/"))
    nonce = response.content.decode()
    assert nonce
    assert f"script-src 'nonce-{nonce}'" in response.headers["Content-Security-Policy"]
