"""Every reason the code can give is known to `ledger.faults`, and has its Korean."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest
from django.test import Client
from django.utils import translation

from ledger import faults
from ledger.consensus import SEED, Network, Reason, Refused
from ledger.models import Peer
from ledger.node import events
from ledger.node.network import peers as node_peers

LEDGER = Path(faults.__file__).parent
# Raised with a reason that a page may show. The others' words are for operators, at a prompt or in
# the log (`Damaged`, `NodeError`), or are never shown (`TipMoved`, `SearchCancelled`).
SHOWN = {
    *{"Refused", "PeerFailed", "PlaceTaken", "AddressRefused"},
    *{"Overloaded", "Stopped", "StorageFailed"},
}
NOT_A_REASON = {"Reason"}  # what `Refused` has beside it
NUMBERS = re.compile(
    r"status|(?i:caps)\.|count|limit|longest|MOST|len\(|position|GENESIS_PROOF|zeros|difficulty"
    r"|expected|deepest|depth|_waiting"
)


def sample(node: ast.expr) -> str | None:
    """The text of a literal; what an f-string would say, with something for each of its values."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if not isinstance(node, ast.JoinedStr):
        return None
    parts = []
    for part in node.values:
        if isinstance(part, ast.Constant):
            parts.append(str(part.value))
        else:
            parts.append("7" if NUMBERS.search(ast.unparse(part)) else "VALUE")
    return "".join(parts)


@cache
def calls() -> dict[str, list[tuple[str, ast.Call]]]:
    """The calls in the node and the rules, by what is called."""
    found: dict[str, list[tuple[str, ast.Call]]] = {}
    for folder in ("consensus", "node"):
        for path in sorted((LEDGER / folder).rglob("*.py")):
            for call in ast.walk(ast.parse(path.read_text())):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Name | ast.Attribute):
                    name = getattr(call.func, "id", None) or getattr(call.func, "attr", "")
                    found.setdefault(name, []).append((f"{path.name}:{call.lineno}", call))
    return found


def reasons() -> dict[str, str]:
    """What is said, by where it is said."""
    found = {}
    for name in (*SHOWN, "_fail"):
        for place, call in calls().get(name, ()):
            arguments = [a for a in call.args if ast.unparse(a).split(".")[0] not in NOT_A_REASON]
            if arguments and (text := sample(arguments[0])):
                found[place] = text
    for path, table in (("node/network/client.py", "_WORDS"), ("consensus/validation.py", "names")):
        for node in ast.walk(ast.parse((LEDGER / path).read_text())):
            target = getattr(node, "target", None) or (getattr(node, "targets", None) or [None])[0]
            if isinstance(target, ast.Name) and target.id == table and node.value:
                for text in (sample(n) for n in ast.walk(node.value) if isinstance(n, ast.expr)):
                    if text and text != "null":  # the same in every language
                        found[f"{path} {text}"] = text
    for path, name in (
        ("node/network/client.py", "_words"),
        ("node/network/asking.py", "ask"),
        ("node/network/visit.py", "_visit"),
    ):
        for node in ast.walk(ast.parse((LEDGER / path).read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == name:
                for text in (sample(n) for n in ast.walk(node) if isinstance(n, ast.JoinedStr)):
                    found[f"{path} {text}"] = text or ""
    return found


REASONS = reasons()


def test_the_walk_finds_them():
    """Some of each kind, so that a reason cannot hide from the walk in a form of its own."""
    said = set(REASONS.values())
    assert len(said) > 55
    assert said >= {
        "nothing listens there",
        "the connection failed (VALUE)",
        "asking it failed (VALUE)",
        "an object's key is a string",
        "a number with a fraction",
        "the answer has no 'chain'",
        "the pool is full (7 transactions)",
        "VALUE does not resolve in time",
    }


@pytest.mark.parametrize("place", sorted(REASONS))
def test_every_reason_has_its_korean(place):
    with translation.override("ko"):
        said = faults.said(REASONS[place])
    assert re.search("[가-힣]", said), f"{REASONS[place]!r} is not known to ledger/faults.py"
    assert not re.search(r"(?:[a-z]{2,} ){2,}[a-z]{2,}", said), f"partly English: {said}"
    assert faults.said(REASONS[place]) == REASONS[place]


def test_a_reason_within_a_reason_is_said_too():
    refused = Refused(
        Reason.BAD_INDEX,
        "index is an integer, not a string",
        index=3,
        network=f"speaks seed or dvf, difficulty 2; this node speaks {Network(SEED, 4)}:"
        " chains cannot merge",
    )
    with translation.override("ko"):
        assert faults.said(str(refused)) == (
            "블록 3: index는 정수여야 합니다(받은 값: 문자열)"
            " (상대는 seed 또는 dvf, 난이도 2이고 이 노드는 seed, 난이도 4:"
            " 체인을 합칠 수 없습니다)"
        )


@pytest.mark.parametrize(
    "text", ["", "[1,]", '["\\q"]', '["\\u12g4"]', '["\x01"]', "{1:2}", "[1 2]"]
)
def test_what_python_says_of_json_is_known(text):
    try:
        json.loads(text)
    except json.JSONDecodeError as error:
        with translation.override("ko"):
            assert re.search("[가-힣]", faults.said(error.msg)), error.msg
    else:
        pytest.fail("it is JSON")


def test_on_korean_pages_a_peers_failure_is_korean_and_in_json_as_it_was(node):
    korean = Client(headers={"Accept-Language": "ko", "Accept": "text/html"})
    failure = "block 3: the proof's hash starts with 1 zeros, not 2"

    def fail() -> None:
        node_peers.register(["192.0.2.7:5000"], 9)
        Peer.objects.update(failure=failure, fault=Peer.Fault.INVALID)
        events.record(events.REFUSAL, peer="192.0.2.7:5000", reason=failure)

    node.writer.run(fail)
    said = "블록 3: 작업 증명 해시의 앞자리 0이 2개여야 하는데 1개뿐입니다"

    for page in ("/peers", "/"):
        text = korean.get(page).content.decode()
        assert f"<bdi>{said}</bdi>" in text or f">{said}</bdi>" in text, page
    assert korean.get("/peers?as=json").json()["rows"][0]["failure"] == failure


def test_a_form_of_the_peers_page_says_in_korean_what_is_wrong(node):
    client = Client(headers={"Accept-Language": "ko", "Accept": "application/json"})
    form = {"content_type": "application/x-www-form-urlencoded"}
    refused = client.post("/peers/register", "address=ftp%3A%2F%2Fno", **form).json()
    assert refused["errors"]["address"].startswith(
        "host:port 또는 http://host:port 형식이 아닙니다"
    )

    client.post("/peers/register", "address=127.0.0.1%3A61002", **form)
    answer = client.post("/peers/resolve", "all=1", **form)
    (report,) = answer.json()["reports"]
    assert report["failure"] == "그 주소에서 듣고 있는 노드가 없습니다"
