"""The page of forks: tree, list and journal."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial

import pytest

from ledger.models import Peer, Reorganisation
from ledger.node import chainstate, lifecycle
from ledger.node.conf import NodeConf
from ledger.views import forks, forktree
from tests.node import chains

from .forked import HOSTILE, get, outgrow, queries, read, seal


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def active(text: str) -> list[int]:
    """The indexes in the picture that are on the active chain."""
    return [int(n) for n in re.findall(r"<title>Block (\d+), active", text)]


def stale(text: str) -> list[int]:
    return [int(n) for n in re.findall(r"<title>Block (\d+), stale", text)]


def test_without_a_fork_the_page_says_what_one_is_and_how_to_make_one(node: lifecycle.Node) -> None:
    text = read(get("/forks"))
    assert "every node follows that one, and the other side is stale" in text
    assert "None yet" in text
    assert text.count("curl ") == 4, "two nodes, five lines"
    data = get("/forks?as=json").json()
    assert (data["journal"], data["older"], data["tree"]["branches"]) == ([], None, [])


def test_a_branch_that_was_left_is_drawn_listed_and_in_the_journal(node: lifecycle.Node) -> None:
    seal(node, 3)
    outgrow(node, 2, [[], [], []])
    page = get("/forks")
    shown = page.content.decode()
    assert active(shown) == [1, 2, 3, 4, 5]
    assert stale(shown) == [3, 4]
    text = read(page)
    assert "2 blocks that left the chain after block 2" in text
    assert "2 blocks left the chain, 3 blocks came in from block 3 on." in text
    assert "From peer:1" in text
    (row,) = get("/forks?as=json").json()["journal"]
    assert (row["fork_index"], row["disconnected"], row["connected"]) == (2, 2, 3)


def test_joining_a_network_is_not_called_a_reorganisation(node: lifecycle.Node) -> None:
    outgrow(node, 0, [[], []])
    text = read(get("/forks"))
    assert "This node joined a network" in text
    assert "Its own first block gave way to a chain of 3 blocks." in text
    assert "depth" not in text


def test_a_repair_is_called_a_repair(node: lifecycle.Node) -> None:
    seal(node, 3)

    def cut() -> None:
        tip = chainstate.tip_for_update()
        block = chains.Block.objects.get(active__index=2)
        chainstate.force_tip(block, tip, "repairchain")

    node.writer.run(cut)
    text = read(get("/forks"))
    assert "A repair shortened the chain" in text
    assert "2 blocks from block 3 on could not be kept." in text


def test_who_comes_back_to_a_branch_sees_the_other_one_stale(node: lifecycle.Node) -> None:
    seal(node, 1)
    ours = chains.active_texts()
    outgrow(node, 1, [[], []])
    outgrow(node, 2, [[], []], texts=ours)
    assert chains.active_texts()[:2] == ours, "A, then B, then A again"
    shown = get("/forks").content.decode()
    assert active(shown) == [1, 2, 3, 4]
    assert stale(shown) == [2, 3], "B alone"
    outgrow(node, 1, [[], [], [], []])
    branches = get("/forks?as=json").json()["tree"]["branches"]
    assert [(b["tip"]["index"], b["fork_index"]) for b in branches] == [(4, 1), (3, 1)]
    assert len(get("/forks?as=json").json()["journal"]) == 3


def test_a_branch_inside_a_longer_one_is_drawn_once(node: lifecycle.Node) -> None:
    seal(node, 1)
    ours = chains.active_texts()
    outgrow(node, 1, [[], []])
    longer = outgrow(node, 2, [[], []], texts=ours)
    outgrow(node, 1, [[], [], [], []])
    branches = get("/forks?as=json").json()["tree"]["branches"]
    tips = [branch["tip"]["index"] for branch in branches]
    assert tips == [len(longer), 3], "the tip at 2 lies on the branch up to 4"


def test_peers_tips_are_marked_where_they_are(node: lifecycle.Node) -> None:
    seal(node, 4)
    hashes = {b.index: b.hash for b in chains.Block.objects.all()}

    def know() -> None:
        for address, length, tip, shared in (
            ("same:1", 5, hashes[5], 5),
            ("late:1", 3, hashes[3], 3),
            ("other:1", 4, "ab" * 32, 2),
        ):
            peer = Peer(address=address, length=length, tip_hash=tip, shared=shared)
            peer.registered_at = peer.last_success_at = chainstate.timezone.now()
            peer.save()

    node.writer.run(know)
    shown = get("/forks").content.decode()
    assert re.search(rf"<title>Block 5, active, {hashes[5]}; same:1</title>", shown)
    assert re.search(rf"<title>Block 3, active, {hashes[3]}; late:1</title>", shown)
    assert re.search(rf"<title>Block 4 of a peer, {'ab' * 32}; other:1</title>", shown)
    text = read(get("/forks"))
    assert "forked other:1 ends at 4" in text
    assert "shared up to block 2" in text


def test_a_hostile_name_is_text(node: lifecycle.Node) -> None:
    seal(node, 1)
    outgrow(node, 1, [[], []])

    def name() -> None:
        tip = chains.Block.objects.get(active__index=3)
        now = chainstate.timezone.now()
        row = {"old_tip": tip, "new_tip": tip, "fork_index": 1, "disconnected": 2, "connected": 2}
        Reorganisation.objects.create(**row, source=HOSTILE, at=now)
        Peer.objects.create(
            address=HOSTILE, length=3, tip_hash=tip.hash, registered_at=now, last_success_at=now
        )

    node.writer.run(name)
    page = get("/forks")
    assert HOSTILE not in page.content.decode()
    assert read(page).count(HOSTILE) == 3, "as a source, in the list and in the picture"


def test_the_journal_goes_on_behind_a_row(node: lifecycle.Node) -> None:
    seal(node, 1)
    tip, genesis = chains.Block.objects.get(index=2), chains.Block.objects.get(index=1)

    def many() -> None:
        now = chainstate.timezone.now()
        row = {"old_tip": tip, "new_tip": genesis, "fork_index": 1, "connected": 0, "at": now}
        Reorganisation.objects.bulk_create(
            [Reorganisation(**row, disconnected=n, source="p:1") for n in range(1, 61)]
        )

    node.writer.run(many)
    seen, path = [], "/forks?as=json"
    while path:
        data = get(path).json()
        seen += [row["disconnected"] for row in data["journal"]]
        path = f"/forks?as=json&before={data['older']}" if data["older"] else ""
    assert seen == list(range(60, 0, -1))
    assert "Newest" in read(get("/forks?before=30"))
    assert get("/forks?before=x").status_code == get("/forks?before=-1").status_code == 200
    assert "There are none before that." in read(get("/forks?before=1"))


def test_its_questions_do_not_grow_with_the_chain_or_its_forks(node: lifecycle.Node) -> None:
    build = partial(forks._forks, None)
    seal(node, 2)
    outgrow(node, 2, [[], []])
    few = queries(build)
    for keep in (3, 3, 5, 2):
        outgrow(node, keep, [[]] * (len(chains.active_texts()) - keep + 1))
    seal(node, 10)
    assert queries(build) == few == 8


def test_a_fork_far_back_and_the_tip_fit_in_one_picture() -> None:
    branch = {
        "fork_index": 10,
        "length": 300,
        "blocks": [{"index": n, "hash": f"{n:064x}"} for n in range(291, 311)],
    }
    chosen = forktree.columns(100_000, [branch] * 12, [])
    assert len(chosen) <= forktree.COLUMNS
    assert {10, 309, 310, 100_000} <= set(chosen)
    active = [{"index": n, "hash": f"a{n:063x}"} for n in chosen]
    tree = {"tip": 100_000, "active": active, "branches": [branch], "peers": [], "beyond": []}
    drawing = forktree.draw(tree)
    assert sum("skipped" in line["kind"] for line in drawing.lines) >= 2
    assert drawing.width < 2400
    assert len({(node.x, node.y) for node in drawing.nodes}) == len(drawing.nodes)
