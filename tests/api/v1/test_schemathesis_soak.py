"""The same as in `test_schemathesis`, of many more cases.

It takes seconds to find the borders of all values, so nobody reads this file who does not run it
(`conftest`).
"""

from __future__ import annotations

import pytest
import schemathesis
from hypothesis import settings
from schemathesis import Case

from ledger.api.v1 import site
from tests.processes import NodeProcess

from .test_schemathesis import USUAL, fuzzed, judge

__all__ = ["fuzzed"]

whole = schemathesis.openapi.from_dict(site.document())
"""With every border of every value, every method and every missing key as well."""


@pytest.mark.slow
@whole.parametrize()
@settings(USUAL, max_examples=200)
def test_so_is_that_to_many_more(case: Case, fuzzed: NodeProcess) -> None:
    judge(case, fuzzed)
