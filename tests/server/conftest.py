"""One node with a long chain and little patience, for all that is done to it here."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ledger.consensus import SEED, Network
from tests.consensus.chains import body_of, make_chain
from tests.network.old_node import RecordedNode
from tests.processes import NodeProcess

from .hostile import CHAIN_BYTES

CONNECTIONS = 320
DEADLINE = 1.0
WRITE_DEADLINE = 2.0
PROXY = "127.0.0.9"
BLOCK_BYTES = 100_000


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.long)


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NodeProcess]:
    process = NodeProcess(
        tmp_path_factory.mktemp("target") / "node",
        dialect="seed",
        difficulty=1,
        environment={
            "CHAINSITE_CONNECTIONS": str(CONNECTIONS),
            "CHAINSITE_HEAD_DEADLINE": str(DEADLINE),
            "CHAINSITE_BODY_DEADLINE": str(DEADLINE),
            "CHAINSITE_IDLE_DEADLINE": str(DEADLINE),
            "CHAINSITE_WRITE_DEADLINE": str(WRITE_DEADLINE),
            "CHAINSITE_TRUSTED_PROXIES": PROXY,
        },
    )
    large = [[{"x": "y" * BLOCK_BYTES}]] * (CHAIN_BYTES // BLOCK_BYTES)
    chain = make_chain(Network(SEED, 1), 1 + len(large), [[], *large])
    with RecordedNode(body_of(chain)) as peer:
        process.post("/nodes/register", {"nodes": [peer.address]})
        assert process.get("/nodes/resolve").json()["message"] == "Our chain was replaced"
    yield process
    process.kill()
