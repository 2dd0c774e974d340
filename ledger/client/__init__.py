"""A node's `/api/v1`, for programs in Python. Needs `requests` and nothing else of this project.

    from ledger.client import Client

    node = Client("http://127.0.0.1:8000")
    node.submit("alice", "bob", 5)

Amounts, sums and proofs are Python's integers, however the wire writes them. Whatever is refused
or not answered is a `Problem`.
"""

from .client import Client
from .problems import OtherHistory, Problem, Unreachable

__all__ = ["Client", "OtherHistory", "Problem", "Unreachable"]
