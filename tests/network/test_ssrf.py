"""Whatever a peer's address is made to be, this node connects where its policy lets it, and nowhere
else. There is a listener behind every address, and what must not reach it never does."""

from __future__ import annotations

import itertools
import json
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ledger.node.network import addresses, client
from ledger.node.network.addresses import AddressRefused

from .hostile import RawPeer, sends, whole
from .names import resolve_as
from .test_addresses import ALLOWED, KINDS

MORE = {
    "never": [
        *["0.0.0.1", "0.1.2.3", "169.254.0.0", "169.254.255.255", "192.0.0.170", "192.88.99.2"],
        *["198.18.0.0", "233.252.0.1", "240.0.0.0", "255.255.255.254", "100.100.100.200"],
        *["::2", "::7f00:1", "::a9fe:a9fe", "::10.0.0.1", "::ffff:0.0.0.0", "::ffff:7f00:1"],
        *["::ffff:a9fe:a9fe", "::ffff:192.168.0.1", "::ffff:0:a9fe:a9fe", "64:ff9b::10.0.0.1"],
        *["64:ff9b::8.8.8.8", "64:ff9b:1::a9fe:a9fe", "2002:c0a8:101::", "2002:a00:1::1"],
        *["2001:0:4136:e378:8000:63bf:3fff:fdd2", "2001:10::1", "2001:20::1", "5f00::1"],
        *["fe80::5efe:127.0.0.1", "fe80::a9fe:a9fe", "fe80::1%lo", "fec0::127.0.0.1", "ff05::1:3"],
    ],
    "private": ["10.0.0.0", "172.20.10.2", "192.168.255.255", "fdff::1"],
    "loopback": ["127.1.2.3", "127.0.0.53"],
}
TARGETS = [(kind, text) for table in (KINDS, MORE) for kind in table for text in table[kind]]
FORBIDDEN_SPELLINGS = [
    # each leads to 127.0.0.1 or 169.254.169.254 with one resolver, library or browser or another
    *["2130706433", "0x7f000001", "0x7f.1", "0x7f.0.0.1", "0177.0.0.1", "017700000001", "127.1"],
    *["127.0.1", "127.0.0.01", "127.0.0.1.", "0", "0x0", "00", "2852039166", "0xa9fea9fe"],
    *["0251.0376.0251.0376", "169.254.43518", "169.16689662", "0xa9.0xfe.0xa9.0xfe"],
    *["169.254.169.254.", "1.1.1.1@169.254.169.254", "1.1.1.1#@169.254.169.254", "①②⑦.0.0.1"],
    *[
        "169。254。169。254",
        "169%2e254%2e169%2e254",
        "169.254.169.254%00",
        "[::ffff:169.254.169.254]",
    ],
    *["[::ffff:a9fe:a9fe]", "[0:0:0:0:0:ffff:a9fe:a9fe]", "[::169.254.169.254]", "[fe80::1%25lo]"],
    *["[::ffff:0x7f.1]", "[::ffff:127.1]", "[::]", "[0::0]", "[64:ff9b::169.254.169.254]"],
]
IS_LOOPBACK = {"127.0.0.1."}  # a trailing dot names the same host


@pytest.fixture
def trap() -> Iterator[RawPeer]:
    with RawPeer(sends(whole(b"{}"))) as listening:
        yield listening


@pytest.fixture
def reached(trap: RawPeer, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where connections went. Wherever it is, the trap is there."""
    places: list[str] = []
    where = ("127.0.0.1", addresses.split(trap.address)[1])

    class Everywhere(socket.socket):
        def __init__(self, family: int = -1, *args: Any, **options: Any) -> None:
            super().__init__(socket.AF_INET if family != -1 else -1, *args, **options)

        def connect(self, address: Any) -> None:
            self.meant = address
            places.append(address[0])
            super().connect(where)

        def getpeername(self) -> Any:
            return self.meant

    monkeypatch.setattr(socket, "socket", Everywhere)
    return places


def asks(text: str, policy: str) -> bool:
    """Whether a peer of that address would be asked; nothing else may become of it."""
    try:
        with client.ask(addresses.parse(text), policy=policy, deadline=10.0) as answer:
            assert b"".join(answer.pieces) == b"{}"
    except AddressRefused:
        return False
    return True


def test_there_are_enough_of_them() -> None:
    forbidden = {text for kind, text in TARGETS if kind == "never"}
    assert len(forbidden) >= 70
    assert len(TARGETS) >= 100
    assert len(set(FORBIDDEN_SPELLINGS)) >= 35


def spelled(text: str) -> str:
    return f"[{text}]:5000" if ":" in text else f"{text}:5000"


@pytest.mark.parametrize("policy", ALLOWED)
class TestEveryAddress:
    def test_written_as_it_is(self, policy: str, reached: list[str]) -> None:
        for kind, text in TARGETS:
            reached.clear()
            allowed = kind in ALLOWED[policy]
            assert asks(spelled(text), policy) == allowed, text
            assert reached == [text] * allowed, text

    def test_written_in_disguise(self, policy: str, reached: list[str]) -> None:
        for text in FORBIDDEN_SPELLINGS:
            for whole_text in (f"{text}:5000", f"http://{text}:5000/", text):
                reached.clear()
                assert asks(whole_text, policy) == (text in IS_LOOPBACK), whole_text
                assert reached == ["127.0.0.1"] * (text in IS_LOOPBACK), whole_text

    def test_behind_a_name(
        self, policy: str, reached: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for kind, text in TARGETS:
            reached.clear()
            resolve_as(monkeypatch, {"node.example": [text]})
            allowed = kind in ALLOWED[policy]
            assert asks("node.example:5000", policy) == allowed, text
            assert reached == [text] * allowed, text

    def test_behind_a_name_that_leads_to_a_good_one_too(
        self, policy: str, reached: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for kind, text in TARGETS:
            for answers in (["127.0.0.9", text], [text, "127.0.0.9"]):
                reached.clear()
                resolve_as(monkeypatch, {"node.example": answers})
                allowed = kind in ALLOWED[policy]
                assert asks("node.example:5000", policy) == allowed, text
                assert reached == answers[:1] * allowed, text

    @pytest.mark.long
    def test_behind_a_name_that_changes_after_it_was_checked(
        self, policy: str, reached: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever asks twice, to check and to connect, is answered twice."""
        for kind, text in TARGETS:
            reached.clear()
            answers = itertools.chain([["127.0.0.9"]], itertools.repeat([text]))
            asked = resolve_as(monkeypatch, {}, otherwise=answers.__next__)
            assert asks("node.example:5000", policy), text
            assert (reached, asked) == (["127.0.0.9"], ["node.example"]), text
            reached.clear()
            allowed = kind in ALLOWED[policy]
            assert asks("node.example:5000", policy) == allowed, text
            assert asks("127.0.0.9:5000", policy), "no resolver has a say in what a literal is"
            assert reached == [*[text] * allowed, "127.0.0.9"], text


@pytest.mark.parametrize(
    "text", ["0.0.0.0", "0", "0x7f000001", "2130706433", "127.1", "::ffff:127.0.0.1"]
)
def test_what_leads_home_by_the_back_door_does_not(text: str, trap: RawPeer) -> None:
    """With the sockets and the resolver as they are."""
    port = addresses.split(trap.address)[1]
    assert asks(f"127.0.0.1:{port}", "loopback")
    assert trap.asked == 1
    try:
        socket.create_connection((text, port), timeout=5).close()
    except OSError:
        pytest.skip("it leads nowhere on this machine")
    trap.wait_until_asked(2)
    assert not asks(f"[{text}]:{port}" if ":" in text else f"{text}:{port}", "any")
    assert trap.asked == 2, "the front door was used, and then the test's own back door"


def test_a_connection_that_comes_out_elsewhere_is_not_used(
    trap: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = addresses.split(trap.address)[1]

    class Diverted(socket.socket):
        def connect(self, address: Any) -> None:
            super().connect(("127.0.0.1", port))

    monkeypatch.setattr(socket, "socket", Diverted)
    with (
        pytest.raises(AddressRefused, match=r"^127\.0\.0\.9:5000 leads where"),
        client.ask("127.0.0.9:5000", policy="loopback", deadline=5.0),
    ):
        pass
    trap.wait_until_asked(1)
    assert trap.heads == [], "nothing was said to it"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("payload", [None, {"a": 1}], ids=["GET", "POST"])
def test_nobody_is_redirected(status: int, payload: Any, trap: RawPeer) -> None:
    """Not even where every status is taken for an answer."""
    to = f"Location: http://{trap.address}/chain".encode()
    again = f"Refresh: 0; url=http://{trap.address}/".encode()
    first = b"%d Elsewhere" % status
    with RawPeer(sends(whole(b"{}", to, again, status=first))) as peer:
        with client.ask(
            peer.address, policy="any", deadline=5.0, accept=range(100, 600), json=payload
        ) as answer:
            assert answer.status == status
            assert b"".join(answer.pieces) == b"{}"
        with (
            pytest.raises(client.PeerFailed, match=f"it answered {status} to"),
            client.ask(peer.address, policy="any", deadline=5.0, json=payload),
        ):
            pass
    assert (peer.asked, trap.asked) == (2, 0)


def test_what_the_environment_says_does_not_count(
    trap: RawPeer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://{trap.address}")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with RawPeer(sends(whole(b"{}", b"Set-Cookie: a=b; Path=/"))) as peer:
        for _ in range(2):
            assert asks(peer.address, "any")
    assert (peer.asked, trap.asked) == (2, 0)
    for head in peer.heads:
        assert b"cookie" not in head.lower()
        assert b"authorization" not in head.lower()


def test_nothing_of_the_answer_is_in_the_reason(trap: RawPeer) -> None:
    """Whoever registered the peer reads why it failed; what is said behind it is not theirs."""
    secret = b"hunter2"

    def reason(ask: Callable[[client.Answer], object], *lines: bytes, body: bytes = secret) -> str:
        with (
            RawPeer(sends(whole(body, *lines))) as peer,
            pytest.raises(client.PeerFailed) as failed,
            client.ask(peer.address, policy="any", deadline=5.0) as answer,
        ):
            ask(answer)
        return str(failed.value)

    reasons = [
        reason(client.read_json),
        reason(lambda answer: list(client.lines(answer))),
        reason(lambda answer: list(client.lines(answer, longest=3))),
        reason(client.read_json, body=json.dumps(["hunter2"]).encode()),
        reason(client.read_json, body=b'{"hunter2": 1, "hunter2": 2}'),
        reason(client.read_json, b"Content-Encoding: hunter2"),
    ]
    assert len(set(reasons)) == 6
    assert not [text for text in reasons if "hunter2" in text]
