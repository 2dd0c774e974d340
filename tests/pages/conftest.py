"""Pages of the node in this process, asked for as a browser does."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from django.http import HttpResponse
from django.test import AsyncClient

from ledger.node import lifecycle

HTML = "text/html,application/xhtml+xml,*/*;q=0.8"
JSON = "application/json"


class Browser:
    """Keeps cookies, finds the token in the page, sends forms. `accept` is what it prefers."""

    def __init__(self, accept: str = HTML) -> None:
        self.client = AsyncClient(enforce_csrf_checks=True)
        self.accept = accept
        self.fields: dict[str, str] = {}

    def ask(self, method: str, path: str, **options: Any) -> Any:
        return asyncio.run(getattr(self.client, method)(path, **options))

    def get(self, path: str = "/") -> Any:
        response = self.ask("get", path, headers={"accept": HTML})
        for name in ("csrfmiddlewaretoken", "key"):
            found = re.search(rf'name="{name}" value="([^"]+)"', response.text)
            if found:
                self.fields[name] = found[1]
        return response

    def post(self, path: str, fields: dict[str, str] | None = None, **headers: str) -> Any:
        """Send a form of the page that was got last."""
        return asyncio.run(self._post(path, fields or {}, headers))

    def post_twice_at_once(self, path: str, fields: dict[str, str]) -> list[Any]:
        async def both() -> list[Any]:
            return await asyncio.gather(self._post(path, fields, {}), self._post(path, fields, {}))

        return asyncio.run(both())

    async def _post(self, path: str, fields: dict[str, str], headers: dict[str, str]) -> Any:
        return await self.client.post(
            path,
            data=urlencode({**self.fields, **fields}),
            content_type="application/x-www-form-urlencoded",
            headers={"accept": self.accept, **headers},
        )


def words(response: HttpResponse) -> str:
    """What a page says, without its markup."""
    text = re.sub(r"<(template|script)\b.*?</\1>", " ", response.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", text).split())


@pytest.fixture
def browser(node: lifecycle.Node) -> Browser:
    browser = Browser()
    browser.get()
    return browser


@pytest.fixture
def script(node: lifecycle.Node) -> Browser:
    """The page's own script, which wants JSON."""
    browser = Browser(JSON)
    browser.get()
    return browser


@pytest.fixture
def mine(node: lifecycle.Node) -> Callable[[], Any]:
    return lambda: node.miner.mine().result(20)
