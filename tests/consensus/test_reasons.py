"""Every reason for a refusal: one body that is refused with it, and a line in the README."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import ledger.consensus
from ledger.consensus import DEFAULT_CAPS, Reason

from .chains import EASY, body_of, make_block, make_chain, read, refusal

SEED = EASY["seed"]
README = (Path(ledger.consensus.__file__).parent / "README.md").read_text()

RAISED_ON_OTHER_FLOORS = {Reason.NOT_CANONICAL}
"""They concern what is stored, and have their tests there."""


def genesis(**changes: Any) -> bytes:
    return body_of([make_block(SEED, genesis=True, **changes)])


def second(**changes: Any) -> bytes:
    first, following = make_chain(SEED, 2)
    return body_of([first, following | changes])


REFUSED: dict[Reason, tuple[bytes, dict[str, int]]] = {
    Reason.NOT_JSON: (b"<html>It works</html>", {}),
    Reason.NOT_A_CHAIN: (b'{"blocks": []}', {}),
    Reason.EMPTY_CHAIN: (b'{"chain": [], "length": 0}', {}),
    Reason.TRUNCATED: (genesis()[:-9], {}),
    Reason.DUPLICATE_KEY: (genesis().replace(b'"proof"', b'"proof":100,"proof"'), {}),
    Reason.TOO_DEEP: (genesis(extra=[[[[]]]]), {"depth": 4}),
    Reason.TOO_MANY_DIGITS: (genesis(extra=10**400), {}),
    Reason.BLOCK_TOO_LARGE: (genesis(extra="x" * 200), {"block_bytes": 200}),
    Reason.CHAIN_TOO_LARGE: (genesis(), {"chain_bytes": 100}),
    Reason.TOO_MANY_BLOCKS: (second(), {"chain_blocks": 1}),
    Reason.NOT_AN_OBJECT: (body_of([1]), {}),
    Reason.MISSING_KEY: (body_of([{}]), {}),
    Reason.BAD_INDEX: (genesis(index="1"), {}),
    Reason.BAD_TIMESTAMP: (genesis(timestamp="now"), {}),
    Reason.BAD_TRANSACTIONS: (genesis(transactions={}), {}),
    Reason.BAD_PROOF: (genesis(proof=-100), {}),
    Reason.BAD_GENESIS: (genesis(proof=99), {}),
    Reason.WRONG_INDEX: (second(index=3), {}),
    Reason.WRONG_PREVIOUS_HASH: (second(previous_hash="0" * 64), {}),
    Reason.INSUFFICIENT_PROOF: (second(), {}),
}


@pytest.mark.parametrize("reason", REFUSED)
def test_a_body_is_refused_for_the_reason(reason: Reason) -> None:
    body, caps = REFUSED[reason]
    network = replace(SEED, difficulty=9) if reason == Reason.INSUFFICIENT_PROOF else SEED
    refused = refusal(body, network, replace(DEFAULT_CAPS, **caps))
    assert refused.reason == reason
    assert refused.detail


def test_every_reason_has_its_body() -> None:
    assert set(Reason) == set(REFUSED) | RAISED_ON_OTHER_FLOORS


def test_the_bodies_are_refused_for_nothing_but_their_fault() -> None:
    assert len(read(genesis(), SEED)) == 1
    assert len(read(second(), SEED)) == 2


def test_the_readme_lists_every_reason_and_no_other() -> None:
    table = README[README.index("| reason |") :]
    assert re.findall(r"^\| `([a-z-]+)` \|", table, re.MULTILINE) == [str(each) for each in Reason]


def test_the_readme_gives_the_caps_as_they_are() -> None:
    caps = dict(re.findall(r"^\| `Caps\.(\w+)` \| ([\d,]+) ", README, re.MULTILINE))
    assert {name: int(value.replace(",", "")) for name, value in caps.items()} == {
        name: getattr(DEFAULT_CAPS, name) for name in DEFAULT_CAPS.__dataclass_fields__
    }


def test_the_readme_has_a_paragraph_on_every_module() -> None:
    modules = Path(ledger.consensus.__file__).parent.glob("*.py")
    names = {path.stem for path in modules if path.stem != "__init__"}
    assert set(re.findall(r"^\*\*`(\w+)`\*\*", README, re.MULTILINE)) == names


def test_the_readme_has_every_dialect_in_its_table() -> None:
    heads = [line for line in README.splitlines() if "`seed` |" in line]
    assert re.findall(r"`(\w+)`", heads[0]) == list(ledger.consensus.DIALECTS)
