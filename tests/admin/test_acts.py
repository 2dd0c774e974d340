"""Acts of the operator: each is confirmed, done once, told in words, and kept in the history."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from asgiref.sync import ThreadSensitiveContext
from django.contrib.admin.models import LogEntry
from django.db import DatabaseError
from django.urls import reverse

from ledger.admin import acts, operations, running
from ledger.models import Block, Peer, Tip, Transaction
from ledger.node import lifecycle
from ledger.node import operator as node_operator
from ledger.node.conf import NodeConf
from tests.pages import forked
from tests.pages.conftest import Browser, words

from .conftest import account, history, messages, signed_in


def url(name: str, row: Any = None) -> str:
    return reverse("admin:act", args=[name] if row is None else [name, row.pk])


def do(browser: Browser, name: str, row: Any = None, **fields: str) -> list[str]:
    """Confirm an act and answer with what the page says that comes then."""
    page = browser.get(url(name, row))
    assert page.status_code == 200
    sent = browser.post(url(name, row), fields)
    assert sent.status_code == 302, words(sent)
    return messages(browser.get(sent["Location"]))


def tip() -> Block:
    return Tip.objects.select_related("block").get(pk=1).block


def test_what_will_happen_is_said_first_and_nothing_is_done(
    lived: lifecycle.Node, operator: Browser
) -> None:
    block = Block.objects.get(active__index=2)
    page = operator.get(url("invalidate", block))
    assert f"{tip().index - 1} blocks, this one and those above it, leave" in words(page)
    assert tip().index == 5
    assert history() == []


def test_mining_is_told_and_kept_in_the_history(node: lifecycle.Node, operator: Browser) -> None:
    (said,) = do(operator, "mine", count="2")
    assert said.startswith("2 blocks were mined")
    assert tip().index == 3
    assert history() == [("Mine blocks", f"Done: {said}")]
    line = LogEntry.objects.get()
    assert line.user.username == "operator"
    assert line.action_time is not None


def test_a_block_is_invalidated_and_reconsidered(lived: lifecycle.Node, operator: Browser) -> None:
    before = tip()
    block = Block.objects.get(active__index=5)
    (said,) = do(operator, "invalidate", block, reason="a test")
    assert "is marked invalid" in said
    assert tip() != before
    (said,) = do(operator, "invalidate", block)
    assert "already" in said
    (said,) = do(operator, "reconsider", block)
    assert "lifted" in said
    assert tip() == before
    assert [outcome.split(":")[0] for _, outcome in history()] == ["Done", "Failed", "Done"]
    page = operator.get(reverse("admin:ledger_block_history", args=[block.pk]))
    assert words(page).count("Failed:") == 1


def test_a_side_branch_as_long_is_made_active(lived: lifecycle.Node, operator: Browser) -> None:
    stale = Block.objects.get(active=None, index=3)
    do(operator, "prefer", stale)
    assert tip().index == 5, "a shorter one stays where it is"
    assert history()[-1][1].startswith("Failed: ")
    do(operator, "invalidate", Block.objects.get(active__index=4))
    assert tip().index == 3
    do(operator, "prefer", stale)
    assert tip() == stale


def test_a_waiting_transaction_is_dropped_with_a_reason(
    lived: lifecycle.Node, operator: Browser
) -> None:
    uid = forked.submit(lived, "dave", "erin", 7)
    row = Transaction.objects.get(uid=uid)
    page = operator.get(reverse("admin:ledger_transaction_change", args=[row.pk]))
    assert url("drop", row) in page.text
    operator.get(url("drop", row))
    assert operator.post(url("drop", row), {"reason": ""}).status_code == 422
    assert Transaction.objects.get(pk=row.pk).state != "refused"
    do(operator, "drop", row, reason="a \u202e test")
    dropped = Transaction.objects.get(pk=row.pk)
    assert dropped.state == "refused"
    assert "⟨U+202E⟩" in history()[-1][1]
    page = operator.get(reverse("admin:ledger_transaction_change", args=[row.pk]))
    assert url("drop", row) not in page.text


def test_peers_are_added_edited_paused_banned_and_removed(
    node: lifecycle.Node, operator: Browser
) -> None:
    do(operator, "add-peer", address="127.0.0.1:5991", note="one")
    row = Peer.objects.get()
    for name, fields, standing in (
        ("edit-peer", {"address": "127.0.0.1:5992", "note": "two"}, "active"),
        ("pause-peer", {}, "paused"),
        ("resume-peer", {}, "active"),
        ("ban-peer", {"reason": "why", "until": "2031-01-01T10:00"}, "banned"),
        ("unban-peer", {}, "active"),
    ):
        page = operator.get(reverse("admin:ledger_peer_change", args=[row.pk]))
        assert url(name, row) in page.text
        assert do(operator, name, row, **fields)
        assert Peer.objects.get().standing == standing
    assert Peer.objects.get().address == "127.0.0.1:5992"
    (said,) = do(operator, "remove-peer", row)
    assert said == "127.0.0.1:5992 was removed."
    assert not Peer.objects.exists()
    assert all(outcome.startswith("Done: ") for _, outcome in history())
    (said,) = do(operator, "add-peer", address="not an address")
    assert history()[-1][1].casefold() == f"failed: {said}".casefold()


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Mining that lasts until it is let go, and counts how often it was begun."""
    let_go = threading.Event()
    begun: list[int] = []

    def mine(count: int, progress: Callable[[int], None]) -> str:
        begun.append(count)
        progress(1)
        assert let_go.wait(20)
        return "mined"

    monkeypatch.setattr(node_operator, "mine", mine)
    monkeypatch.setattr(operations, "_PATIENCE", 0.05)
    let_go.begun = begun  # type: ignore[attr-defined]
    return let_go


def test_a_long_act_goes_on_while_the_browser_looks_on(
    node: lifecycle.Node, operator: Browser, slow: Any
) -> None:
    assert do(operator, "mine", count="9") == []
    page = operator.get(reverse("admin:operations"))
    assert "under way" in words(page)
    assert 'max="9" value="1"' in operator.get(reverse("admin:operations-now")).text
    assert history() == [("Mine blocks", "Begun; how it ended is not known.")]
    slow.set()
    (begun,) = running.latest()
    assert begun.ended.wait(20)
    assert history() == [("Mine blocks", "Done: mined")]
    assert "under way" not in words(operator.get(reverse("admin:operations-now")))


def test_a_double_click_acts_once(node: lifecycle.Node, operator: Browser, slow: Any) -> None:
    operator.get(url("mine"))
    both = operator.post_twice_at_once(url("mine"), {"count": "3"})
    assert [answer.status_code for answer in both] == [302, 302]
    again = operator.post(url("mine"), {"count": "3"})
    assert again.status_code == 302
    assert slow.begun == [3]
    assert len(history()) == 1
    (said,) = do(operator, "mine", count="4")
    assert said == "Mine blocks: this is under way already."
    assert slow.begun == [3]
    slow.set()


def test_the_event_loop_is_free_while_an_act_runs(
    node: lifecycle.Node, operator: Browser, slow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page waits a while for an act: other requests do not wait with it."""
    monkeypatch.setattr(operations, "_PATIENCE", 1.0)
    operator.get(url("mine"))

    async def post() -> Any:
        async with ThreadSensitiveContext():  # as the server has for each request
            return await operator._post(url("mine"), {"count": "1"}, {})

    async def measured() -> float:
        posting = asyncio.ensure_future(post())
        await asyncio.sleep(0.1)
        begun = time.monotonic()
        assert (await operator.client.get("/chain")).status_code == 200
        taken = time.monotonic() - begun
        assert not posting.done(), "the act was answered before anything was measured"
        slow.set()
        await posting
        return taken

    assert asyncio.run(measured()) < 0.7


def test_a_failure_of_ours_is_told_and_kept(
    node: lifecycle.Node, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> None:
        raise RuntimeError("no")

    monkeypatch.setattr(node_operator, "resolve", fail)
    (said,) = do(operator, "resolve")
    assert said == "This node made a mistake; its log says more."
    assert history() == [("Resolve now", f"Failed: {said}")]


def test_without_a_line_in_the_history_nothing_is_done(
    node: lifecycle.Node, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> int:
        raise DatabaseError("database or disk is full")

    monkeypatch.setattr(running, "_write_line", full)
    (said,) = do(operator, "mine", count="1")
    assert "nothing was begun" in said
    assert tip().index == 1


def test_only_active_superusers_act(lived: lifecycle.Node) -> None:
    staff = signed_in(account("staff"))
    staff.get("/admin/password_change/")  # a page with a token that is theirs
    for name in acts.ACTS:
        path = f"/admin/node/{name}/" + ("1/" if acts.ACTS[name].model else "")
        assert staff.get(path).status_code == 403
        refused = staff.post(path, {"key": "0" * 32, "count": "1", "reason": "x"})
        assert refused.status_code == 403
    for path in ("/admin/node/", "/admin/node/now/"):
        assert staff.get(path).status_code == 403
    assert staff.post("/admin/node/export/").status_code == 403
    assert history() == []
    assert tip().index == 5


@pytest.mark.parametrize(
    "path",
    ["/admin/node/nonsense/", "/admin/node/mine/1/", "/admin/node/drop/", "/admin/node/drop/999/"],
)
def test_there_are_no_other_acts(node: lifecycle.Node, operator: Browser, path: str) -> None:
    assert operator.get(path).status_code == 404


def test_getting_a_download_needs_a_form(node: lifecycle.Node, operator: Browser) -> None:
    assert operator.get("/admin/node/export/").status_code == 405
    assert operator.get("/admin/node/backups/x/").status_code == 405


async def _read(browser: Browser, path: str) -> tuple[Any, bytes]:
    response = await browser._post(path, {}, {})
    return response, b"".join([piece async for piece in response.streaming_content])


def _last_outcome(wanted: str) -> None:
    deadline = time.monotonic() + 10
    while history()[-1][1] != wanted:
        assert time.monotonic() < deadline, history()
        time.sleep(0.02)


def test_the_chain_is_downloaded_as_get_chain_serves_it(
    lived: lifecycle.Node, operator: Browser
) -> None:
    operator.get(reverse("admin:operations"))
    response, body = asyncio.run(_read(operator, reverse("admin:export")))
    assert response["Content-Disposition"] == 'attachment; filename="chain.json"'
    assert json.loads(body)["length"] == 5
    assert body == asyncio.run(_chain(operator))
    _last_outcome(f"Done: {len(body)} bytes were sent.")


async def _chain(operator: Browser) -> bytes:
    return await _joined(await operator.client.get("/chain"))


async def _joined(response: Any) -> bytes:
    return b"".join([piece async for piece in response.streaming_content])


def test_a_backup_is_listed_and_downloaded_and_nothing_else_is(
    node: lifecycle.Node, conf: NodeConf, operator: Browser
) -> None:
    folder = conf.data / "backups"
    folder.mkdir()
    (folder / "chain-1.sqlite3").write_bytes(b"SQLite format 3\0")
    (folder / ".unfinished").write_bytes(b"")
    (conf.data / "secret").write_text("secret")
    (folder / "link").symlink_to(conf.data / "secret")
    page = operator.get(reverse("admin:operations"))
    assert "chain-1.sqlite3" in page.text
    assert ".unfinished" not in page.text and "link/" not in page.text
    path = reverse("admin:backup", args=["chain-1.sqlite3"])
    response, body = asyncio.run(_read(operator, path))
    assert body == b"SQLite format 3\0"
    assert response["Content-Length"] == "16"
    _last_outcome("Done: 16 bytes were sent.")
    for name in ("link", ".unfinished", "..", "..%2Fsecret", "secret-key"):
        refused = operator.post(f"/admin/node/backups/{name}/")
        assert refused.status_code == 404, name


def test_backing_up_and_verifying_go_through_the_node(
    node: lifecycle.Node, conf: NodeConf, operator: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(node_operator, "verify", lambda last, progress: asked.append(last) or "ok")
    monkeypatch.setattr(node_operator, "backup", lambda progress: asked.append("backup") or "ok")
    do(operator, "verify")
    do(operator, "verify", last="100")
    do(operator, "backup")
    assert asked == [None, 100, "backup"]
    assert operator.post(url("verify"), {"last": "7"}).status_code == 422
