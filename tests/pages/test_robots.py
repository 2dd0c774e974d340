"""What programs that follow links, and readers that keep them, are told."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.robotparser import RobotFileParser

import pytest
from django.test import Client

from chainsite import build
from ledger.models import Block
from ledger.node import lifecycle
from ledger.node.mempool import Submission

from .asking import get
from .test_frame import head_of

COMMIT = "0123456789abcdef" * 2 + "01234567"


def test_robots_may_read_pages_and_set_nothing_off(node: lifecycle.Node) -> None:
    answer = get("/robots.txt")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    rules = RobotFileParser()
    rules.parse(answer.content.decode().splitlines())
    for path in ("/", "/blocks", "/block/1", "/forks", "/api/docs", "/blocks.atom"):
        assert rules.can_fetch("*", path), path
    for path in ("/mine", "/nodes/resolve", "/admin/", "/search?q=a", "/chain", "/api/v1/blocks"):
        assert not rules.can_fetch("*", path), path


def test_a_block_is_remembered_by_its_hash(node: lifecycle.Node) -> None:
    digest = Block.objects.get(index=1).hash
    for path in ("/block/1", f"/block/{digest}", f"/block/{digest.upper()}"):
        assert head_of(path)["canonical"] == f"http://testserver/block/{digest}"
        assert head_of(path)["og:url"] == f"http://testserver/block/{digest}"
    assert head_of("/block/1?from=0")["canonical"].endswith("/block/1?from=0")
    assert head_of("/block/99")["canonical"].endswith("/block/99")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/blocks",
        "/block/1",
        "/pool",
        "/forks",
        "/peers",
        "/charts",
        "/address/{id}",
        "/tx/{uid}",
    ],
)
def test_a_page_leads_to_its_place_in_the_api(node: lifecycle.Node, path: str) -> None:
    submission = Submission("alice", "bob", 1)
    uid = node.writer.submit_batched(node.door.accept, submission).result().uid
    text = get(path.format(id="alice", uid=uid)).content.decode()
    (link,) = re.findall(r'<a href="([^"]+)">View in API</a>', text)
    assert get(link.replace("&amp;", "&")).status_code == 200


def test_one_without_such_a_place_does_not(node: lifecycle.Node) -> None:
    for path in ("/block/99", "/api/docs"):
        assert "View in API" not in get(path).content.decode()


def test_every_page_leads_to_the_documentation_and_says_the_build(node: lifecycle.Node) -> None:
    text = get("/").content.decode()
    assert '<a href="/api/docs">API</a>' in text
    said = Client().get("/api/v1/node").json()
    build_said = f" ({said['build']})" if said["build"] else ""
    assert f"chainsite {said['version']}{build_said}</span>" in text


@pytest.mark.parametrize("kind", ["loose", "packed", "detached", "worktree"])
def test_the_build_is_the_checkouts_commit(tmp_path: Path, kind: str) -> None:
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text(f"{COMMIT}\n" if kind == "detached" else "ref: refs/heads/main\n")
    if kind == "packed":
        (git / "packed-refs").write_text(f"# pack-refs\n{COMMIT} refs/heads/main\n")
    elif kind != "detached":
        (git / "refs" / "heads" / "main").write_text(f"{COMMIT}\n")
    folder = tmp_path
    if kind == "worktree":
        own = git / "worktrees" / "other"
        own.mkdir(parents=True)
        (own / "HEAD").write_text("ref: refs/heads/main\n")
        (own / "commondir").write_text("../..\n")
        folder = tmp_path / "other"
        folder.mkdir()
        (folder / ".git").write_text(f"gitdir: {own}\n")
    assert build.of(folder) == COMMIT[:12]


def test_without_a_checkout_there_is_none(tmp_path: Path) -> None:
    assert build.of(tmp_path) == ""
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "HEAD").write_text("nonsense")
    assert build.of(tmp_path) == ""
