"""One block, taken apart."""

from __future__ import annotations

import hashlib
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from ledger.consensus import DIALECTS, read_chain
from ledger.models import Block
from ledger.node import branch, lifecycle, operator
from ledger.node.conf import NodeConf
from tests.conftest import VECTOR_TIPS, VECTORS
from tests.node import chains

from .asking import NAMES, marked_up, queries_of
from .forked import get, outgrow, read, seal, submit

SHA256 = Path("static/js/sha256.js")


@pytest.fixture
def conf(conf: NodeConf, request: pytest.FixtureRequest) -> NodeConf:
    spec = getattr(request.node, "callspec", None)
    if spec and "dialect" in spec.params:  # at the difficulty the chains were recorded with
        return replace(conf, dialect=spec.params["dialect"], difficulty=4)
    return replace(conf, difficulty=1)


def adopt_recorded(node: lifecycle.Node, dialect: str) -> None:
    body = (VECTORS / f"{dialect}-a.json").read_bytes()
    spooled = branch.spool(read_chain([body], node.identity.network))
    assert branch.adopt(spooled, node.identity.network, node.writer, Block.Origin.PEER, "peer:1")
    spooled.close()


def bytes_shown(page: str) -> str:
    found = re.search(r'<p class="bytes"[^>]*>(.*?)</p>', page, re.S)
    assert found
    return html.unescape(re.sub(r"</?(i|mark)>", "", found[1]))


def test_the_genesis_says_what_it_is(node: lifecycle.Node) -> None:
    text = read(get("/block/1"))
    assert "Block 1" in text and "1 confirmation" in text
    assert "A genesis is made, not mined" in text
    assert "Its proof is 100 by convention" in text
    assert "No block names this hash yet: it is the tip" in text


def test_it_is_found_by_index_and_by_hash_however_it_is_written(node: lifecycle.Node) -> None:
    seal(node)
    digest = Block.objects.get(index=2).hash
    pages = [
        get(f"/block/{name}") for name in ("2", digest, digest.upper(), f"%20{digest}%20", "002")
    ]
    assert [page.status_code for page in pages] == [200] * 5
    assert all(digest in page.content.decode() for page in pages)


def test_an_index_above_the_tip_says_where_the_tip_is(node: lifecycle.Node) -> None:
    seal(node, 2)
    for name in ("4000", "9" * 30):
        response = get(f"/block/{name}")
        assert response.status_code == 404
        assert "is not there yet" in read(response)
        assert "The chain ends with block 3" in read(response)
    assert "Block 4,000" in read(get("/block/4000"))


@pytest.mark.parametrize("name", ["0", "-1", "zz", "f" * 64, "%00", "1.5", "<b>", "%ff", "٣"])
def test_what_names_no_block_is_said_in_the_sites_look(node: lifecycle.Node, name: str) -> None:
    response = get(f"/block/{name}")
    assert response.status_code == 404
    assert "All blocks" in read(response)
    assert get(f"/block/{name}/raw").status_code == 404


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_bytes_are_exactly_those_that_were_hashed(node: lifecycle.Node, dialect: str) -> None:
    adopt_recorded(node, dialect)
    for block in Block.objects.filter(active__isnull=False):
        page = get(f"/block/{block.index}")
        assert page.status_code == 200
        shown = bytes_shown(page.content.decode())
        assert shown == block.canonical
        assert hashlib.sha256(shown.encode()).hexdigest() == block.hash
        raw = get(f"/block/{block.hash}/raw")
        assert raw.content == block.canonical.encode()
        assert "immutable" in raw.headers["Cache-Control"]
    assert block.hash == VECTOR_TIPS[dialect]


def test_raw_by_index_leads_to_the_hash(node: lifecycle.Node) -> None:
    block = Block.objects.get(index=1)
    response = get("/block/1/raw")
    assert (response.status_code, response["Location"]) == (302, f"/block/{block.hash}/raw")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_proof_is_shown_as_the_dialect_checks_it(node: lifecycle.Node, dialect: str) -> None:
    adopt_recorded(node, dialect)
    for index in range(2, 10):
        check = get(f"/block/{index}?as=json").json()["check"]
        proof = check["proof"]
        message = proof["before"] + proof["digits"] + proof["after"]
        assert hashlib.sha256(message.encode()).hexdigest() == proof["digest"]
        assert (proof["zeros"], proof["holds"]) == ("0000", True)
        assert bool(proof["after"]) == (dialect != "seed")
        assert check["hash"]["holds"] and check["reward"]["amount"] == "1"


def test_irregular_transactions_are_marked_with_their_reason(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[*chains.IRREGULAR, chains.reward("me")]])
    response = get("/block/2")
    text = read(response)
    assert text.count("It was hashed with the block, and moves nothing") == len(chains.IRREGULAR)
    for said in ("-5", "1.5", "NaN", str(2**63), '"7"', "true", '["i"]', r"\ud800"):
        assert said in text
    data = get("/block/2?as=json").json()
    assert (data["this"]["irregular"], data["this"]["moved"]) == (13, "1")
    for at in range(len(chains.IRREGULAR) + 1):
        entry = get(f"/tx/{data['this']['hash']}/{at}")
        assert entry.status_code == 200
        assert ("irregular" in read(entry)) == (at < len(chains.IRREGULAR))


def test_a_stale_block_says_so_and_keeps_its_url(node: lifecycle.Node) -> None:
    seal(node, 2)
    old = Block.objects.get(index=3)
    outgrow(node, 2, [[], []])
    active = Block.objects.get(active__index=3)
    page = get(f"/block/{old.hash}")
    text = read(page)
    assert "stale" in text and "not on the active chain" in text
    assert f'href="/block/{active.hash}"' in page.content.decode()
    assert f'rel="prev" href="/block/{old.parent_id}"' in page.content.decode()
    assert 'rel="next" href="/block/4"' not in marked_up(page)
    assert get("/block/3?as=json").json()["this"]["hash"] == active.hash


def test_a_block_that_is_marked_invalid_says_so_with_all_above_it(node: lifecycle.Node) -> None:
    seal(node, 3)
    digests = [Block.objects.get(index=index).hash for index in (3, 4)]
    operator.invalidate_block(digests[0], "<b>a try")
    text = read(get(f"/block/{digests[0]}"))
    assert "The operator of this node marked this block invalid. “<b>a try”" in text
    assert "a longer branch" not in text
    assert "This block stands on block 3, which the operator" in read(get(f"/block/{digests[1]}"))
    operator.reconsider_block(digests[0])
    assert "marked" not in read(get(f"/block/{digests[0]}"))


def test_neighbours_are_one_key_away(node: lifecycle.Node) -> None:
    seal(node, 2)
    page = get("/block/2").content.decode()
    assert 'rel="prev" href="/block/1"' in page
    assert 'rel="next" href="/block/3"' in page


def test_many_transactions_come_in_pages_by_position(node: lifecycle.Node) -> None:
    entry = {"sender": "a", "recipient": "b", "amount": 2**63 - 1}
    outgrow(node, 1, [[entry] * 250 + [chains.reward("me")]])
    positions, path = [], "/block/2?as=json"
    while path:
        data = get(path).json()
        positions += [row["position"] for row in data["transactions"]]
        path = data["more_from"] and f"/block/2?as=json&from={data['more_from']}"
    assert positions == list(range(251))
    assert data["this"]["moved"] == str(250 * (2**63 - 1) + 1)
    assert "There are none from this position on" in read(get("/block/2?from=999"))
    assert get(f"/block/2?from={10**17}").status_code == 200
    assert data["whole"] is False
    page = get("/block/2").content.decode()
    text = Block.objects.get(index=2).canonical
    assert bytes_shown(page) == text[: 16 * 1024]
    assert "This is the beginning of" in read(get("/block/2"))


def test_names_are_text_whatever_they_are(node: lifecycle.Node) -> None:
    for name in NAMES:
        submit(node, name, name, 2**63 - 1)
    seal(node)
    page = get("/block/2")
    shown = [html.unescape(name) for name in re.findall(r"<bdi>(.*?)</bdi>", marked_up(page), re.S)]
    assert all(shown.count(name) == 2 for name in NAMES)
    assert "<h1>owned" not in marked_up(page) and "<img src=x" not in marked_up(page)


def test_a_page_costs_the_same_on_a_longer_chain(node: lifecycle.Node) -> None:
    outgrow(node, 1, [[chains.reward("me")]] * 3)
    few = queries_of("/block/2")
    outgrow(node, 4, [[chains.reward("me")]] * 40)
    assert queries_of("/block/2") == few <= 16
    assert queries_of("/block/30") == few


def test_the_json_keeps_large_numbers_as_text(node: lifecycle.Node) -> None:
    submit(node, "a", "b", 2**63 - 1)
    seal(node)
    data = json.loads(get("/block/2?as=json").content)
    assert data["transactions"][0]["amount"] == str(2**63 - 1)
    assert data["this"]["moved"] == str(2**63)
    assert isinstance(data["this"]["proof"], str)


def test_the_browsers_hash_is_sha256(tmp_path: Path) -> None:
    program = shutil.which("node")
    if program is None:
        pytest.skip("there is no Node.js to run static/js/sha256.js with")
    shutil.copy(SHA256, tmp_path / "sha256.mjs")
    texts = ["", "abc", "앨리스 🚀", *("x" * n for n in range(54, 130)), "y" * 100_000]
    script = 'import { sha256 } from "./sha256.mjs";' + (
        f"console.log(JSON.stringify({json.dumps(texts)}.map((text) => sha256(text))));"
    )
    (tmp_path / "run.mjs").write_text(script)
    done = subprocess.run(
        [program, tmp_path / "run.mjs"], capture_output=True, text=True, check=True
    )
    assert json.loads(done.stdout) == [hashlib.sha256(text.encode()).hexdigest() for text in texts]
