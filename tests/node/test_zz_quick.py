import os
import time

import pytest
from hypothesis import Phase

from tests.node.machine_runs import run_machine

pytestmark = pytest.mark.usefixtures("unblocked")


def test_q(migrated, fast_folder):
    t = time.time()
    try:
        run_machine(
            migrated,
            fast_folder,
            examples=int(os.environ.get("EX", "70")),
            steps=int(os.environ.get("ST", "25")),
            phases=(Phase.generate,),
            database=None,
            derandomize=bool(os.environ.get("DR")),
        )
    finally:
        print("took", time.time() - t)
