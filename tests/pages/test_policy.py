"""The content security policy: strict, whole, on every answer, and without a thread for it."""

from __future__ import annotations

import threading

import pytest
from csp.middleware import CSPMiddleware
from django.test import AsyncClient

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

    assert threads == [threading.get_ident()] * 2
