"""`manage.py watch`: one picture, or a live one, of a node that is somewhere else."""

from __future__ import annotations

import io
import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

import pytest
from django.core.management import CommandError, call_command
from django.test import override_settings
from rich.console import Console

from ledger.client import Client
from ledger.management.commands.watch import _own_url
from ledger.management.watching import reading
from ledger.management.watching.drawing import View
from ledger.management.watching.following import Follower, State
from ledger.management.watching.reading import Line, Node, Peer, Peers, Search, Tip
from tests.processes import PROJECT, NodeProcess

PATIENCE = 60
DEAD = "127.0.0.1:59998"
Manage = Callable[..., str]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    """A node with a peer that is not there, two blocks, and a transaction that waits."""
    node = NodeProcess(tmp_path_factory.mktemp("watched"), difficulty=2)
    assert node.post("/nodes/register", {"nodes": [f"http://{DEAD}"]}).status_code == 201
    node.get("/nodes/resolve")
    node.get("/mine")
    values = {"sender": "ann", "recipient": "b\u202een", "amount": 2**60}
    assert node.post("/transactions/new", values).status_code == 201
    yield node
    node.kill()


def drawn(view: View, width: int = 80, height: int = 24, **options: object) -> str:
    out = io.StringIO()
    options = {"force_terminal": True, "color_system": None, **options}
    Console(file=out, width=width, height=height, **options).print(view)
    return out.getvalue()


def test_one_picture_shows_tip_mining_events_and_peers(
    running: NodeProcess, manage: Manage
) -> None:
    picture = manage("watch", running.url, "--once")
    tip = running.get("/api/v1/blocks/tip").json()
    assert f"#{tip['index']}  {tip['hash'][:16]}" in picture
    assert "seed, difficulty 2" in picture
    for words in ("mined here", "idle", "1 pending", "Registered", DEAD, "unreachable"):
        assert words in picture
    assert "1,152,921,504,606,846,976 from ann to b⟨U+202E⟩en" in picture
    assert "\x1b" not in picture
    assert all(len(line) <= 80 for line in picture.splitlines())


def test_without_a_terminal_it_is_one_picture_too(running: NodeProcess, manage: Manage) -> None:
    assert "Tip" in manage("watch", running.url.removeprefix("http://"))


def test_an_encoding_that_lacks_the_signs_is_enough(running: NodeProcess) -> None:
    out = io.TextIOWrapper(io.BytesIO(), "ascii", write_through=True)
    call_command("watch", running.url, stdout=out)
    out.seek(0)
    picture = out.read()
    assert "+- Tip -" in picture
    assert "from ann to b?U+202E?en" in picture


def test_who_is_not_there_or_no_node_is_said_in_a_sentence(
    running: NodeProcess, manage: Manage
) -> None:
    with pytest.raises(CommandError, match=f"{DEAD}: it refused the connection"):
        manage("watch", DEAD, "--once")
    with pytest.raises(CommandError, match="/static: "):
        manage("watch", f"{running.url}/static", "--once")
    with pytest.raises(CommandError, match="no address of a node"):
        manage("watch", "ftp://x")


@pytest.mark.long
def test_blocks_appear_and_a_node_that_goes_is_seen_to_come_back(running: NodeProcess) -> None:
    follower = Follower(Client(running.url, patience=0), running.url)
    view = View(lambda: follower.state)
    assert "Connecting" in drawn(view)
    following = threading.Thread(target=follower.run, daemon=True)
    following.start()

    def until(*words: str) -> None:
        end = time.monotonic() + PATIENCE
        while not all(word in (picture := drawn(view)) for word in words):
            assert time.monotonic() < end, picture
            time.sleep(0.05)

    until("Live", "#2 ")
    running.get("/mine")
    until("#3 ", "block 3 with 2 transactions", "0 pending")
    running.kill()
    until("Reconnecting in", "#3 ")
    running.start()
    running.get("/mine")
    until("Live", "#4 ", "Started")
    follower.stop()
    following.join(PATIENCE)
    numbers = [line.what for line in follower.state.feed if line.did == "Mined"]
    assert numbers[:3] == [
        "block 4 with 1 transaction",
        "block 3 with 2 transactions",
        "block 2 with 1 transaction",
    ]


@pytest.mark.long
def test_ctrl_c_ends_it_cleanly_on_a_terminal(running: NodeProcess) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "80", "LINES": "24"}
    process = subprocess.Popen(
        [sys.executable, "manage.py", "watch", running.url],
        **dict.fromkeys(("stdin", "stdout", "stderr"), theirs),
        cwd=PROJECT,
        env=environment,
        # Whoever runs the tests in the background without job control has it ignored.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    os.close(theirs)
    out = b""
    try:
        while b"Live" not in out:
            out += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        while b"\x1b[?1049l" not in out:  # the screen as it was before
            out += os.read(ours, 65536)
        assert process.wait(PATIENCE) == 0
        assert b"Traceback" not in out
    finally:
        process.kill()
        os.close(ours)


HOSTILE = "\x1b[2J\x1b]0;mine\x07\u202eevil\r\n" + "x" * 5000
SAFE = "⟨U+001B⟩[2J"


def test_others_words_cannot_speak_to_the_terminal() -> None:
    now = datetime.now(UTC).isoformat()
    block = {"index": 2, "hash": HOSTILE, "timestamp": 1e300, "transactions": 1}
    data = {"sender": HOSTILE, "recipient": "b", "amount": "5", "address": HOSTILE}
    kinds = ("transaction", "peer", HOSTILE, "block", "node")
    state = State(
        "http://x",
        node=reading.node(
            {"identifier": HOSTILE, "version": HOSTILE}
            | {"network": {"dialect": HOSTILE, "difficulty": 4}}
        ),
        tip=reading.tip({**block, "origin": "peer", "source": HOSTILE}),
        feed=tuple(reading.line({"kind": kind, "at": now, "data": data}) for kind in kinds),
    )
    picture = drawn(View(lambda: state), width=300)
    assert SAFE in picture
    assert not {"\x1b", "\x07", "\r", "\u202e"} & set(picture)
    assert [line.did for line in state.feed[:2]] == ["Sent", "Registered"]
    assert (state.feed[3].did, state.feed[3].what) == ("block", ""), (
        "known, and not as it has to be"
    )


def _full(events: int, peers: int) -> State:
    row = Peer("10.0.0.5:8000", "ahead", "3 ahead", 1234, 0.0123, "x" * 90, datetime.now(UTC))
    return State(
        "http://x",
        Node("a" * 32, "1", "seed, difficulty 4"),
        Tip(1234, "b" * 64, datetime.now(UTC), 2, "mined here"),
        7,
        Search(1235, 120000, 1.2e6, 2),
        Peers((row,) * peers, "0 of 9 agree"),
        (Line("12:00:00", "good", "Mined", "block 1 " + "y" * 300),) * events,
        fault="",
    )


@pytest.mark.parametrize("size", [(80, 24), (60, 18), (200, 60)])
@pytest.mark.parametrize("counts", [(0, 0), (100, 2), (100, 100)])
def test_it_fits_the_terminal(size: tuple[int, int], counts: tuple[int, int]) -> None:
    width, height = size
    state = _full(*counts)
    lines = drawn(View(lambda: state), width, height).splitlines()
    assert len(lines) == height
    assert {len(line) for line in lines} == {width}
    picture = "\n".join(lines)
    if width >= 80:
        for words in ("searching block 1,235", "120,000 tries, 1.2 M tries/s", "2 more searches"):
            assert words in picture
    assert (" more ─" in picture) == (counts[1] > height)


def test_what_went_wrong_counts_down_and_says_why() -> None:
    state = replace(_full(1, 1), fault="it refused the connection", again_at=time.monotonic() + 7)
    picture = drawn(View(lambda: state))
    assert "Reconnecting in 7 s" in picture
    assert "it refused the connection" in picture


def test_colour_is_left_out_where_it_is_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    view = View(lambda: _full(3, 1))
    assert "\x1b[32m" in drawn(view, color_system="standard")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[32m" not in drawn(view, color_system="standard")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:8123"),
        ("0.0.0.0", "http://127.0.0.1:8123"),
        ("::", "http://[::1]:8123"),
        ("box.lan", "http://box.lan:8123"),
    ],
)
def test_without_an_address_it_is_this_installations_node(host: str, url: str) -> None:
    with override_settings(NODE_HOST=host, NODE_PORT=8123):
        assert _own_url() == url
