"""The search for proofs: floor 0, knowing nothing of blocks or of Django.

`Searcher` looks for a proof in a child process. See the README beside this file.
"""

from ledger.mining.search import (
    Found,
    Progress,
    SearchBusy,
    SearchCancelled,
    Searcher,
    SearchFailed,
)

__all__ = [
    "Found",
    "Progress",
    "SearchBusy",
    "SearchCancelled",
    "SearchFailed",
    "Searcher",
]
