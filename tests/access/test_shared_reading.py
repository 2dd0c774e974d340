"""Pages of other sites may read the chain, without anybody's credentials, and nothing else."""

from __future__ import annotations

import pytest

from .conftest import NEIGHBOUR, From

ORIGIN = "https://elsewhere.example"


@pytest.mark.parametrize("address", ["127.0.0.1", NEIGHBOUR])
async def test_the_chain_may_be_read_by_any_page(node: object, address: str) -> None:
    answer = await From(address).ask(
        "GET", "/chain", Origin=ORIGIN, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="cors"
    )
    assert (answer.status_code, answer["Access-Control-Allow-Origin"]) == (200, "*")
    assert "Access-Control-Allow-Credentials" not in answer
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin", "nobody embeds it"


async def test_a_preflight_for_reading_is_granted_and_one_for_writing_is_not(node: object) -> None:
    asked = {
        "Origin": ORIGIN,
        "Access_Control_Request_Method": "GET",
        "Access_Control_Request_Headers": "content-type",
    }
    answer = await From().ask("OPTIONS", "/chain", **asked)
    assert (answer.status_code, answer["Allow"]) == (204, "GET, HEAD, OPTIONS")
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert answer["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"
    assert answer["Access-Control-Allow-Headers"] == "Content-Type, If-None-Match"
    plain = await From().ask("OPTIONS", "/chain", Origin=ORIGIN)
    assert "Access-Control-Allow-Methods" not in plain
    for path in ("/transactions/new", "/nodes/register", "/mine", "/nodes/resolve", "/mining"):
        refused = await From().ask("OPTIONS", path, **asked)
        assert "Access-Control-Allow-Origin" not in refused, path


@pytest.mark.parametrize(
    "path", ["/", "/pool?as=json", "/blocks", "/mine", "/nodes/resolve", "/charts.csv", "/nowhere"]
)
async def test_nothing_else_may_be_read(node: object, path: str) -> None:
    answer = await From().ask("GET", path, Origin="http://testserver")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]
