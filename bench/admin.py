"""Do the admin's lists cost more on more rows? `python3 dev.py bench admin`

As `bench.pages`, but signed in, and each transaction in a block is also one that the node
acknowledged: 1,000 and 600,000 of them.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import requests

from bench import chains
from bench.pages import PROJECT, RESULTS, machine, measure, node, show

# What a node holds that was told of each of them before it was mined.
_OWN = """
INSERT INTO ledger_transaction (id, uid, sender, recipient, amount, size, state, reason,
    promised_index, idempotency_key, submitted_at)
SELECT i.id, lower(hex(randomblob(16))), a.name, b.name, i.amount, 60, 'confirmed', '',
    i."index", NULL, datetime(1767225600 + i.id * 40, 'unixepoch')
FROM ledger_inclusion i JOIN ledger_address a ON a.id = i.sender_id
JOIN ledger_address b ON b.id = i.recipient_id WHERE a.name <> '0';
UPDATE ledger_inclusion SET transaction_id = id
    WHERE id IN (SELECT id FROM ledger_transaction);
"""


def own_all(folder: Path) -> None:
    database = sqlite3.connect(folder / "chain.sqlite3")
    database.executescript(_OWN)
    database.close()


def lists(blocks: int) -> dict[str, str]:
    """What is measured, on a chain of so many blocks."""
    row = blocks * 3
    return {
        "transactions": "/admin/ledger/transaction/",
        "transactions, a deep page": f"/admin/ledger/transaction/?p=below-{row}",
        "transactions of a month": (
            "/admin/ledger/transaction/?submitted_at__year=2026&submitted_at__month=1"
        ),
        "transactions, a filter that finds nothing": "/admin/ledger/transaction/?state=refused",
        "transactions of a sender that sent none": "/admin/ledger/transaction/?q=nobody",
        "inclusions": "/admin/ledger/inclusion/",
        "inclusions of an address": f"/admin/ledger/inclusion/?q={chains.HUB}",
        "blocks": "/admin/ledger/block/",
        "blocks, the beginning of a hash": "/admin/ledger/block/?q=abcde",
        "a block": f"/admin/ledger/block/{blocks // 2}/change/",
        "active chain": "/admin/ledger/activeblock/",
        "addresses": "/admin/ledger/address/",
        "events": "/admin/ledger/event/",
        "operations": "/admin/node/",
    }


def sign_in(session: requests.Session, url: str, folder: Path) -> None:
    """Cookies know no ports: the two nodes are asked under different names of this machine."""
    done = subprocess.run(
        [sys.executable, "manage.py", "adminpassword"],
        cwd=PROJECT,
        env={**os.environ, "CHAINSITE_DATA": str(folder)},
        check=True,
        capture_output=True,
        text=True,
    )
    page = session.get(f"{url}/admin/login/", timeout=20).text
    token = re.search(r'csrfmiddlewaretoken" value="(\w+)"', page)
    assert token
    password = done.stdout.split()[-1]
    fields = {"username": "admin", "password": password, "csrfmiddlewaretoken": token[1]}
    session.post(f"{url}/admin/login/", fields, timeout=20).raise_for_status()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", type=int, default=167, help="blocks of the short chain")
    parser.add_argument("--long", type=int, default=100_000, help="blocks of the long chain")
    parser.add_argument("--rounds", type=int, default=15)
    options = parser.parse_args(arguments)
    counts = (options.short, options.long)
    with (
        tempfile.TemporaryDirectory() as folder,
        node(Path(folder) / "short", options.short, 7, own_all) as short,
        node(Path(folder) / "long", options.long, 7, own_all) as long,
    ):
        session = requests.Session()
        long = long.replace("127.0.0.1", "localhost")
        sign_in(session, short, Path(folder) / "short")
        sign_in(session, long, Path(folder) / "long")
        rows = measure(short, long, counts, options.rounds, lists, session.get)
    transactions = tuple((count - 1) * 6 for count in counts)
    result = {
        "transactions": transactions,
        "blocks": counts,
        "rounds": options.rounds,
        "machine": machine(),
        "pages": rows,
    }
    (RESULTS / "admin.json").write_text(json.dumps(result, indent=1) + "\n")
    show(rows, (transactions[0], transactions[1]), machine())
    return 0


if __name__ == "__main__":
    sys.exit(main())
