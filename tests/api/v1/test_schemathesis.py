"""Whatever the OpenAPI document allows is answered as it says; whatever it does not, is refused.

The same cases each time: a difference is a change of the code. `test_schemathesis_soak` takes
others.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis import Case
from schemathesis.config import SchemathesisConfig
from schemathesis.specs.openapi.checks import positive_data_acceptance

from ledger.api.v1 import site
from tests.processes import NodeProcess

# What a schema cannot say: that a cursor is signed, a template of this moment, a port no other's,
# and that 1.0 is no integer here, nor anything that was sent before with another key.
SAYS_LESS = (
    *("get-address-history", "post-mining-blocks"),
    *("post-network-announcements", "post-transactions"),
)

ONLY_SOME = SchemathesisConfig.from_dict({"phases": {"coverage": {"enabled": False}}})
some = schemathesis.openapi.from_dict(site.document(), config=ONLY_SOME)


def excluded(case: Case) -> list[Any]:
    operation = case.operation.definition.raw["operationId"]
    return [positive_data_acceptance] if operation in SAYS_LESS else []


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    process = NodeProcess(tmp_path_factory.mktemp("fuzzed") / "node", dialect="seed", difficulty=1)
    for amount in range(3):
        process.post("/transactions/new", {"sender": "a", "recipient": "b", "amount": amount})
        process.get("/mine")
    yield process
    process.kill()


USUAL = settings(
    database=None,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.mark.long
@some.parametrize()
@settings(USUAL, max_examples=8, derandomize=True)
def test_every_answer_is_one_that_the_document_declares(case: Case, fuzzed: NodeProcess) -> None:
    judge(case, fuzzed)


def judge(case: Case, fuzzed: NodeProcess) -> None:
    if re.fullmatch(r"[0-9.e+]+", str(case.query.get("wait", ""))):
        case.query["wait"] = 0.05  # too long for a test is not too long for a client
    case.call_and_validate(base_url=fuzzed.url, excluded_checks=excluded(case))
