"""The system's Chromium on pages of nodes that run as processes.

Every page is watched: what it logs, every host it asks, every rule of its policy it breaks, every
dialog and every time it is left. A test fails for any of them it did not expect.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Frame,
    Page,
    Request,
    expect,
    sync_playwright,
)

from tests.processes import NodeProcess

WHOLE = ("chromium", "chromium-browser", "google-chrome")
# The same engine without windows to draw is there sooner, and takes half the processor.
NAMES = ("chromium-headless-shell", *WHOLE)
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Names of other sites, and of this machine on a network, without either.
    "--host-resolver-rules=MAP *.test 127.0.0.1",
]
LAN_NAME = "lan.test"  # what nodes are called in a classroom, say; it resolves nowhere else
SECONDS = 20  # to wait for what a page should show; the machine may be busy
WATCH_POLICY = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI}`));
"""


expect.set_options(timeout=SECONDS * 1000)


# What the dashboard is there for. The tour of everything else takes a browser minutes.
EVERY_TIME = {
    "test_a_sent_transaction_and_a_mined_block_appear_without_a_reload",
    "test_after_a_lost_connection_it_shows_what_it_missed_once_each_and_in_order",
}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.parent == here:
            item.add_marker(pytest.mark.browser)
            if item.name not in EVERY_TIME:
                item.add_marker(pytest.mark.long)


# For this folder alone: while Playwright's own event loop is there, no asyncio test could run.
@pytest.fixture(scope="package")
def launch() -> Iterator[Callable[..., Browser]]:
    """Start the system's Chromium, one of these names."""
    with sync_playwright() as playwright:
        yield lambda names: playwright.chromium.launch(executable_path=_find(names), args=ARGUMENTS)


def _find(names: tuple[str, ...]) -> str:
    path = next(filter(None, map(shutil.which, names)), None)
    if path is None:
        reason = f"there is no browser: none of {', '.join(names)} is installed"
        if os.environ.get("CI"):
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture(scope="package")
def chromium(launch: Callable[..., Browser]) -> Iterator[Browser]:
    browser = launch(NAMES)
    yield browser
    browser.close()


class Contexts:
    """A browser's contexts: emptied and lent again, since a new one fetches every file anew."""

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._free: dict[str, list[BrowserContext]] = {}

    def lend(self, key: str, options: dict[str, Any]) -> BrowserContext:
        """One with these options, which are all that `key` says."""
        if self._free.get(key):
            return self._free[key].pop()
        context = self._browser.new_context(**options)
        context.add_init_script(WATCH_POLICY)
        context.set_default_timeout(SECONDS * 1000)
        return context

    def take_back(self, key: str, context: BrowserContext) -> None:
        """Nothing of its pages is left, but the files their sites let it keep."""
        protocol = context.new_cdp_session(context.pages[0])
        for origin in {"/".join(page.url.split("/")[:3]) for page in context.pages}:
            protocol.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
        for page in context.pages:
            page.close()
        context.clear_cookies()
        self._free.setdefault(key, []).append(context)


@pytest.fixture(scope="package")
def contexts(chromium: Browser) -> Contexts:
    return Contexts(chromium)


class Watched:
    """A page, and what it did that it should not."""

    def __init__(self, page: Page, node: NodeProcess) -> None:
        self.page = page
        self.node = node
        self.loads = 0
        self.faults: list[str] = []
        self.expected: tuple[str, ...] = ()
        page.on("console", self._console)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("dialog", self._dialog)
        page.on("request", self._request)
        page.on("framenavigated", self._navigated)

    def open(self, path: str = "/") -> Page:
        self.page.goto(self.node.url + path)
        return self.page

    def expect(self, *words: str) -> None:
        """Let faults with these words pass: a lost connection is logged by the browser itself."""
        self.expected = words

    def unexpected(self) -> list[str]:
        return [f for f in self.faults if not any(word in f for word in self.expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.faults.append(f"console: {message.text}")

    def _dialog(self, dialog: Any) -> None:
        self.faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.node.url + "/", "data:")):
            self.faults.append(f"request: {request.url}")

    def _navigated(self, frame: Frame) -> None:
        self.loads += frame == self.page.main_frame


@pytest.fixture
def visit(
    contexts: Contexts, node_process: Callable[..., NodeProcess]
) -> Iterator[Callable[..., Watched]]:
    """Open a node's page, with options of Playwright's contexts; `prepare` sees it before.

    A page whose clock is set needs a context `of_its_own`: the clock is the context's for good.
    Nodes of the test's own (`node_process`) outlive the pages, which would notice that they ended.
    """
    watched: list[tuple[str, Watched]] = []

    def open_page(
        node: NodeProcess,
        prepare: Callable[[Page], None] = lambda page: None,
        *,
        path: str = "/",
        of_its_own: bool = False,
        **options: Any,
    ) -> Watched:
        key = "" if of_its_own else repr(sorted(options.items()))
        context = contexts.lend(key, options)
        seen = Watched(context.new_page(), node)
        watched.append((key, seen))
        prepare(seen.page)
        seen.open(path)
        return seen

    yield open_page
    for key, seen in watched:
        if key:
            contexts.take_back(key, seen.page.context)
        else:
            seen.page.context.close()
    assert [seen.unexpected() for _, seen in watched] == [[] for _ in watched]


def _node(factory: pytest.TempPathFactory, difficulty: int) -> Iterator[NodeProcess]:
    called = {"CHAINSITE_ALLOWED_HOSTS": LAN_NAME}
    process = NodeProcess(factory.mktemp("browser"), difficulty=difficulty, environment=called)
    yield process
    process.kill()


@pytest.fixture(scope="package")
def shared_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node for tests that only add to its chain and pool."""
    yield from _node(tmp_path_factory, 3)


@pytest.fixture(scope="package")
def hard_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node whose searches last until they are cancelled."""
    yield from _node(tmp_path_factory, 8)


@pytest.fixture(scope="module")
def frail_node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node that may be killed, and is up again at the end of each test."""
    yield from _node(tmp_path_factory, 2)
