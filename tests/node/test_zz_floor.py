import pytest
from django.db import connection
from tests.node.machine_runs import *
from tests.node import chains

pytestmark = pytest.mark.usefixtures("unblocked")


def test_floor(migrated, fast_folder):
    template = fast_folder / "template.sqlite3"
    shutil.copy(migrated, template)
    use_database(template)
    with transaction.atomic():
        identity.create(NETWORK)
    connection.close()
    c = Countdown(raise_crash)
    m = type("L", (LedgerMachine,), {"template": template, "folder": fast_folder, "countdown": c})()
    E = {"sender": "alice", "recipient": "bob", "amount": 5}
    g = chains.active_texts()
    x = chains.grow(g, [[E], []], 5.0)
    m.adopt(x)
    m.submit([("alice", "bob", 5)])
    m.seal()
    sealed = chains.active_texts()
    m.adopt(chains.grow(g, [[]] * 4, 6.0))
    m.everything_is_as_the_model_says()
    m.adopt(chains.grow(x, [[]] * 3, 7.0))
    m.everything_is_as_the_model_says()
    m.adopt(chains.grow(sealed, [[]] * 3, 8.0))
    m.everything_is_as_the_model_says()
