"""Charts: series, tables and files."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from django.conf import settings

from ledger.node import lifecycle
from ledger.node.conf import NodeConf
from ledger.queries import forks as fork_queries
from ledger.queries import statistics as queries_of
from ledger.views import sparkline, spreadsheet, statistics
from tests.node import chains

from .forked import get, outgrow, queries, read, seal, submit


@pytest.fixture
def conf(conf: NodeConf) -> NodeConf:
    return replace(conf, difficulty=1)


def rows(series: str, count: int = 50) -> list[list[str]]:
    answer = get(f"/charts.csv?series={series}&range={count}")
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer.headers["Content-Disposition"]
    return list(csv.reader(io.StringIO(answer.content.decode())))


def test_with_only_a_genesis_it_says_what_to_do(node: lifecycle.Node) -> None:
    page = get("/charts")
    assert "One block makes no line yet" in read(page)
    assert "<polyline" not in page.content.decode()


def test_blocks_are_counted_with_their_transactions_and_the_supply(node: lifecycle.Node) -> None:
    submit(node, "a", "b", 1)
    seal(node, 2)
    outgrow(node, 3, [[], []])  # no rewards in these
    data = get("/charts?as=json").json()
    assert [block["index"] for block in data["blocks"]] == [1, 2, 3, 4, 5]
    assert [block["transactions"] for block in data["blocks"]] == [0, 2, 1, 0, 0]
    assert [block["supply"] for block in data["blocks"]] == ["0", "1", "2", "2", "2"]
    assert data["blocks"][0]["interval"] is None


def test_only_the_active_chain_counts(node: lifecycle.Node) -> None:
    seal(node, 2)
    outgrow(node, 1, [[], [chains.NETWORK.reward("m")], []])
    supply = [block["supply"] for block in get("/charts?as=json").json()["blocks"]]
    assert supply == ["0", "0", "1", "1"]


def test_the_pool_fills_empties_and_fills_again_by_a_reorganisation(node: lifecycle.Node) -> None:
    submit(node, "a", "b", 1)
    submit(node, "a", "b", 2)
    seal(node, 1)
    outgrow(node, 1, [[], []])
    assert [int(size) for _, size in rows("pool")[1:]] == [1, 2, 0, 2]


def test_a_range_is_in_the_address_and_nothing_else_is_taken(node: lifecycle.Node) -> None:
    seal(node, 60)
    assert len(get("/charts?as=json&range=50").json()["blocks"]) == 50
    for other in ("", "51", "-1", "9" * 40):
        assert get(f"/charts?as=json&range={other}").json()["range"] == 200
    page = get("/charts?range=50").content.decode()
    assert '<a href="?range=50" aria-current="true">' in page
    assert page.count("<polyline") == 3, "without scripts too; the pool never changed"


def test_a_file_has_the_whole_range_and_plain_numbers(node: lifecycle.Node) -> None:
    seal(node, 3)
    head, *lines = rows("supply")
    assert head == ["block", "time", "supply"]
    assert [(line[0], line[2]) for line in lines] == [
        ("1", "0"),
        ("2", "1"),
        ("3", "2"),
        ("4", "3"),
    ]
    assert float(rows("interval")[-1][2]) < 60
    assert get("/charts.csv?series=no").status_code == 400


def test_a_spreadsheet_runs_nothing_and_numbers_stay_numbers() -> None:
    cells = [
        "=1+1",
        "+1",
        "-1",
        "@x",
        "\tx",
        "\rx",
        " =1",
        "a,b",
        'say "x"',
        "plain",
        -5,
        1.5,
        None,
    ]
    (line,) = csv.reader(io.StringIO(spreadsheet.text((), [cells]).split("\r\n", 1)[1]))
    assert [cell[:1] for cell in line[:7]] == ["'"] * 7
    assert line[7:] == ["a,b", 'say "x"', "plain", "-5", "1.5", ""]


@pytest.mark.parametrize("values", [[], [1.0], [None, None], [None, 3.0, None]])
def test_there_is_no_line_through_less_than_two_values(values: list[float | None]) -> None:
    assert sparkline.draw(values) is None


def test_a_line_is_broken_where_a_value_lacks() -> None:
    line = sparkline.draw([1.0, 2.0, None, 2.0, 2.0])
    assert line is not None
    assert line.strokes == ["2.0,30.0 31.0,2.0", "89.0,2.0 118.0,2.0"]


def test_the_cards_of_the_dashboard(node: lifecycle.Node) -> None:
    assert queries_of.interval_card() == {"intervals": [], "median": None}
    assert fork_queries.card() == {"count": 0, "last": None}
    seal(node, 2)
    outgrow(node, 2, [[], []])
    assert len(queries_of.interval_card()["intervals"]) == 3
    card = fork_queries.card()
    assert (card["count"], card["last"]["disconnected"]) == (1, 1)


def test_its_questions_do_not_grow(node: lifecycle.Node) -> None:
    build = partial(statistics._charts, 50)
    seal(node, 1)
    few = queries(build)
    seal(node, 20)
    assert queries(build) == few == 6
    assert queries(queries_of.interval_card) == 1
    assert queries(fork_queries.card) == 2


def test_the_vendored_files_are_those_the_readme_names() -> None:
    folder = Path(settings.BASE_DIR) / "static" / "vendor" / "uplot"
    named = dict(
        re.findall(r"\| `(.+?)` \| `([0-9a-f]{64})` \|", (folder / "README.md").read_text())
    )
    present = {path.name for path in folder.iterdir()} - {"README.md"}
    assert named == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in present
    }
