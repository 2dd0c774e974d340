"""The page at /api/docs: whole, and each of its examples runs as it is pasted."""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator

import pytest
from django.utils import translation

from ledger.api.v1 import site
from ledger.api.v1.document import TAGS, operations
from ledger.node import lifecycle
from ledger.views import reference
from tests.catalogue import read_po
from tests.processes import NodeProcess

from . import examples
from .conftest import Api

DOCUMENT = site.document()
IDS = [operation["operationId"] for _, _, operation in operations(DOCUMENT)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    process = NodeProcess(tmp_path_factory.mktemp("shown") / "node", dialect="seed", difficulty=1)
    yield process
    process.kill()


@pytest.fixture(scope="module")
def page(shown: NodeProcess) -> str:
    return examples.live_through(shown)


def test_every_operation_is_on_the_page_once_with_three_examples(page: str) -> None:
    assert sorted(examples.operations_of(page)) == sorted(IDS)
    told = [(one.operation, one.language) for one in examples.of(page)]
    assert len(told) == len(set(told)) == 3 * len(IDS)


def test_every_parameter_and_every_status_is_said(page: str) -> None:
    bodies = dict(examples._OPERATION.findall(page))
    for _, _, operation in operations(DOCUMENT):
        body = bodies[operation["operationId"]]
        for parameter in operation["parameters"]:
            assert f"<dt><code>{parameter['name']}</code></dt>" in body
        for status in operation["responses"]:
            assert re.search(rf"\b{status}\b", body), (operation["operationId"], status)


def test_every_shape_is_said_and_every_link_leads_somewhere(page: str) -> None:
    for name in DOCUMENT["components"]["schemas"]:
        assert f'id="shape-{name}"' in page
    ids = set(re.findall(r'id="([^"]+)"', page))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= ids


def test_all_is_described_in_both_languages() -> None:
    korean = read_po()
    said = [*TAGS.values(), *DOCUMENT["info"]["description"].split("\n\n")]
    for _, _, operation in operations(DOCUMENT):
        said += [operation["summary"], operation.get("description", "")]
        said += [one["description"] for one in operation["parameters"]]
    for schema in DOCUMENT["components"]["schemas"].values():
        said += [one.get("description", "") for one in schema.get("properties", {}).values()]
    said += [one[key] for one in DOCUMENT["x-problems"] for key in ("title", "advice")]
    assert [text for text in said if text and not korean.get(text)] == []


def test_names_of_operations_and_shapes_are_used_once() -> None:
    assert len(set(IDS)) == len(IDS)
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert schema.get("title", name) == name, "two shapes have one name"


def test_every_reference_in_the_document_is_there() -> None:
    text = json.dumps(DOCUMENT)
    for group, name in set(re.findall(r'"#/components/(\w+)/(\w+)"', text)):
        assert name in DOCUMENT["components"][group]


async def test_the_document_is_served_as_it_is_made(api: Api) -> None:
    served = (await api.get("/openapi.json")).json
    assert served["openapi"] == "3.1.0"
    assert served == json.loads(json.dumps(DOCUMENT))


def test_a_node_without_anything_shows_the_page_too(node: lifecycle.Node) -> None:
    for language in ("en", "ko"):
        with translation.override(language):
            matter = reference._matter(DOCUMENT, "http://node")
    assert {one["id"] for group in matter["groups"] for one in group["operations"]} == set(IDS)


def _refused(text: str) -> bool:
    return "/api/problems/" in text


def test_what_is_pasted_into_a_shell_is_answered(page: str, shown: NodeProcess) -> None:
    if shutil.which("curl") is None:
        if os.environ.get("CI"):
            pytest.fail("there is no curl")
        pytest.skip("there is no curl")
    wrong = []
    for one in examples.of(page):
        if one.language != "curl":
            continue
        done = subprocess.run(
            ["bash", "-c", one.text], capture_output=True, text=True, timeout=60, check=False
        )
        expected = (one.operation, one.language) == examples.NO_PROOF
        # A node that never changed over has no reorganisation to show.
        expected |= one.operation == "get-reorganisation"
        if done.returncode or not done.stdout or _refused(done.stdout) != expected:
            wrong.append((one.operation, done.returncode, done.stdout[:300], done.stderr[:300]))
    assert wrong == []


def test_what_is_pasted_into_python_runs(page: str, shown: NodeProcess) -> None:
    wrong = []
    for one in examples.of(page):
        if one.language != "Python":
            continue
        examples.settle(shown)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            exec(compile(one.text, one.operation, "exec"), {})  # noqa: S102 - it is what we show
        expected = one.operation == "get-reorganisation"
        if not said.getvalue().strip() or _refused(said.getvalue()) != expected:
            wrong.append((one.operation, said.getvalue()[:300]))
    assert wrong == []
