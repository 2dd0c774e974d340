"""What pages of other sites make Chromium send to a node does nothing, and its own pages work.

Sites: another site, another port of the same host, and another site that calls the node by a name
on plain HTTP, where browsers do not say which page a request is for.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Browser, BrowserContext

from tests.processes import NodeProcess

from .conftest import SECONDS
from .hostile_site import VECTORS, Seen, Witness, hostile_site, running
from .reading import press, tip, wait_for_tip, wait_until_live

NAME = "lan.test"  # of the node, on its network
KINDS = {  # the site's host, and the node's as the site calls it
    "another site": ("evil.test", "127.0.0.1"),
    "another port of the same host": ("127.0.0.1", "127.0.0.1"),
    "another site, and a name of ours": ("evil.test", NAME),
    "another port of that name": (NAME, NAME),
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    folder = Path(tmp_path_factory.mktemp("guarded"))
    node = NodeProcess(folder, difficulty=1, environment={"CHAINSITE_ALLOWED_HOSTS": NAME})
    yield node
    node.kill()


@pytest.fixture(scope="module")
def witness(guarded: NodeProcess) -> Iterator[Witness]:
    with running(Witness(guarded.port)) as server:
        yield server


@pytest.fixture(scope="module")
def site() -> Iterator[int]:
    with running(hostile_site()) as server:
        yield server.server_address[1]


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    context = chromium.new_context()
    context.set_default_timeout(SECONDS * 1000)
    yield context
    context.close()


def state(node: NodeProcess) -> tuple[int, int, int]:
    """Blocks, transactions that waited, and peers, once all that came before is done.

    Requests are served in their order, so one of our own that is mined comes after them.
    """
    block = node.get("/mine").json()
    peers = node.get("/peers?as=json").json()["rows"]
    return block["index"], len(block["transactions"]), len(peers)


def until(context: BrowserContext, condition: Callable[[], bool]) -> bool:
    """Wait for what other threads see; the browser's events go on meanwhile."""
    deadline = time.monotonic() + SECONDS
    while not condition() and time.monotonic() < deadline:
        context.pages[0].wait_for_timeout(20)
    return condition()


@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_page_has_no_effect_however_it_asks(
    guarded: NodeProcess, witness: Witness, site: int, context: BrowserContext, kind: str
) -> None:
    its_host, our_host = KINDS[kind]
    length, *rest = state(guarded)
    before = len(witness.seen())

    page = context.new_page()
    page.goto(f"http://{its_host}:{site}/attack?target=http://{our_host}:{witness.port}")

    def came() -> dict[str, Seen]:
        return {seen.vector: seen for seen in witness.seen()[before:] if seen.vector}

    assert until(context, lambda: came().keys() >= VECTORS), VECTORS - came().keys()
    assert len(VECTORS) >= 9
    assert state(guarded) == (length + 1, *rest), "but for the block of our own"
    say_nothing = [name for name, seen in came().items() if "sec-fetch-site" not in seen.headers]
    assert bool(say_nothing) == (our_host == NAME), "browsers say less under a name"
    bare = {"origin", "referer"}.isdisjoint(came()["silent-image"].headers)
    assert bare, "an image can be asked for without a word about the page"


def test_the_same_browser_works_on_the_nodes_own_pages(
    guarded: NodeProcess, witness: Witness, context: BrowserContext
) -> None:
    page = context.new_page()
    for host in ("127.0.0.1", NAME):
        page.goto(f"http://{host}:{witness.port}/")
        wait_until_live(page)
        index = tip(page) + 1
        press(page, "Mine")
        wait_for_tip(page, index)
        page.fill("[name=sender]", "alice")
        page.fill("[name=recipient]", "bob")
        page.fill("[name=amount]", "5")
        press(page, "Add to the pool")
        page.get_by_text("Accepted.").wait_for()
        page.goto(f"http://{host}:{witness.port}/peers")
        press(page, "Resolve now")
        page.get_by_text("There is no peer to ask").wait_for()


def test_an_address_typed_into_the_browser_mines_as_in_the_article(
    witness: Witness, context: BrowserContext
) -> None:
    page = context.new_page()
    answer = page.goto(f"http://127.0.0.1:{witness.port}/mine")
    assert answer is not None
    assert answer.json()["message"] == "New Block Forged"
    advised = page.goto(f"http://{NAME}:{witness.port}/mine")
    assert advised is not None
    assert advised.status == 403, "nobody can tell this from a page's doing"
    assert "localhost" in advised.text()


def test_curl_and_requests_are_no_browsers(guarded: NodeProcess, witness: Witness) -> None:
    for host in ("127.0.0.1", NAME):
        for agent in ("curl/8.14.1", "python-requests/2.32", "PostmanRuntime/7.43.0"):
            answer = requests.get(
                f"http://127.0.0.1:{witness.port}/mine",
                headers={"Host": f"{host}:{witness.port}", "User-Agent": agent},
                timeout=30,
            )
            assert answer.status_code == 200, (host, agent)


def test_another_sites_page_may_read_the_chain_and_nothing_else(
    witness: Witness, site: int, context: BrowserContext
) -> None:
    page = context.new_page()
    page.goto(f"http://evil.test:{site}/frames")
    read = """(url) => fetch(url).then((answer) => answer.text(), () => null)"""
    ours = f"http://127.0.0.1:{witness.port}"
    assert json.loads(page.evaluate(read, f"{ours}/chain"))["length"] >= 1
    for path in ("/", "/pool?as=json", "/mine", "/nodes/resolve"):
        assert page.evaluate(read, ours + path) is None, path


def test_no_other_origin_gets_a_websocket(
    witness: Witness, site: int, context: BrowserContext
) -> None:
    """Ten of them: other sites, names like ours, other ports, and none at all."""
    target = f"http://127.0.0.1:{witness.port}"
    before = len(witness.seen())
    hosts = ["evil.test", "127.0.0.1", "localhost", NAME, f"evil.{NAME}", f"{NAME}.evil.test"]
    hosts += ["127.0.0.1.evil.test", "localhost.evil.test"]
    urls = [f"http://{host}:{site}/listening?target={target}" for host in hosts]
    page = context.new_page()
    page.goto(f"http://evil.test:{site}/frames")
    page.evaluate(
        """async (urls) => {
          const frame = (made) => document.body.append(Object.assign(
            document.createElement("iframe"), made));
          urls.forEach((src) => frame({ src }));
          const sandboxed = document.createElement("iframe");
          sandboxed.sandbox = "allow-scripts";
          sandboxed.src = urls[0];
          document.body.append(sandboxed);
          const script = (await (await fetch(urls[0].replace(/^http:..[^/]+/, ""))).text())
            .replace("new URLSearchParams(location.search).get(\\"target\\")",
              JSON.stringify(new URL(urls[0]).searchParams.get("target")));
          frame({ src: "data:text/html," + encodeURIComponent(script) });
        }""",
        urls,
    )
    assert until(context, lambda: len(page.evaluate("outcomes")) >= 10), page.evaluate("outcomes")
    assert page.evaluate("outcomes") == ["closed"] * 10
    asked = [seen for seen in witness.seen()[before:] if seen.path == "/ws/"]
    origins = sorted(seen.headers["origin"] for seen in asked)
    assert origins == sorted([*(f"http://{host}:{site}" for host in hosts), "null", "null"])


def test_the_node_by_another_of_its_names_is_another_origin(
    chromium: Browser, witness: Witness
) -> None:
    context = chromium.new_context(bypass_csp=True)  # else the page's own policy would hold it
    page = context.new_page()
    page.goto(f"http://localhost:{witness.port}/")
    ask = """(url) => new Promise((done) => {
      const socket = new WebSocket(url);
      socket.onopen = () => done("open");
      socket.onclose = () => done("closed");
    })"""
    assert page.evaluate(ask, f"ws://localhost:{witness.port}/ws/") == "open"
    assert page.evaluate(ask, f"ws://127.0.0.1:{witness.port}/ws/") == "closed"
    context.close()
