"""Many stored blocks judged at once, a text a line: a short cut to the verdict of `validation`.

Whoever has a chain stored has the canonical text of each block and its hash. Where all of these are
of the regular shape, links, hashes and proofs are compared as columns, and no block is made.
"""

from __future__ import annotations

import hashlib

from .dialects import Network
from .primitives import DEFAULT_CAPS, Caps, Place


def follow(
    parent: Place, text: bytes, hashes: list[str], network: Network, caps: Caps = DEFAULT_CAPS
) -> Place | None:
    """Where the last of these blocks stands, if each is beyond doubt the valid successor of the one
    before it, the first of `parent`, and its text has the hash in `hashes`.

    None where one is not, or may not be: that is for a closer look to tell. `text` is the texts, a
    line each.
    """
    lines = text.split(b"\n")
    columns = network.dialect.read_lines(text, lines, caps)
    if columns is None:
        return None
    last = parent.index + len(lines)
    links = [parent.hash, *hashes]
    proofs = [network.dialect.number_text(parent.proof), *columns.proofs]
    if (
        [hashlib.sha256(line).hexdigest() for line in lines] == hashes
        and columns.previous_hashes == links[:-1]
        and columns.indexes == list(map(str, range(parent.index + 1, last + 1)))
        and network.written_proofs_hold(proofs, links)
    ):
        return Place(last, int(proofs[-1]), links[-1])
    return None
