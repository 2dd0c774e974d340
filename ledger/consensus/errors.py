"""Why something was refused, in names that logs, pages and tests can rely on."""

from __future__ import annotations

from enum import StrEnum


class Reason(StrEnum):
    """The named reasons for which a block or a chain is refused."""

    NOT_JSON = "not-json"
    NOT_A_CHAIN = "not-a-chain"
    EMPTY_CHAIN = "empty-chain"
    TRUNCATED = "truncated"
    DUPLICATE_KEY = "duplicate-key"
    TOO_DEEP = "too-deep"
    TOO_MANY_DIGITS = "too-many-digits"
    BLOCK_TOO_LARGE = "block-too-large"
    CHAIN_TOO_LARGE = "chain-too-large"
    TOO_MANY_BLOCKS = "too-many-blocks"
    NOT_AN_OBJECT = "not-an-object"
    MISSING_KEY = "missing-key"
    BAD_INDEX = "bad-index"
    BAD_TIMESTAMP = "bad-timestamp"
    BAD_TRANSACTIONS = "bad-transactions"
    BAD_PROOF = "bad-proof"
    BAD_GENESIS = "bad-genesis"
    WRONG_INDEX = "wrong-index"
    WRONG_PREVIOUS_HASH = "wrong-previous-hash"
    INSUFFICIENT_PROOF = "insufficient-proof"
    NOT_CANONICAL = "not-canonical"


LONGEST_DETAIL = 200
"""Characters of a refusal's detail: it goes to logs and pages, and may quote what a peer sent."""


class Refused(ValueError):
    """A block or a chain breaks a rule of the network.

    `reason` is the name of the rule, `index` the position in the chain (from 1) where it was
    broken, or None where the chain as a whole is at fault. `network` says in words which network
    the chain seems to belong to, where that could be recognised and is another one.
    """

    def __init__(
        self, reason: Reason, detail: str, *, index: int | None = None, network: str = ""
    ) -> None:
        if len(detail) > LONGEST_DETAIL:
            detail = detail[: LONGEST_DETAIL - 1] + "…"
        self.reason = reason
        self.detail = detail
        self.index = index
        self.network = network
        # Only what the signature takes by position, so that it can be copied and pickled.
        super().__init__(reason, detail)

    def __str__(self) -> str:
        where = f"block {self.index}: " if self.index is not None else ""
        tail = f" ({self.network})" if self.network else ""
        return f"{where}{self.detail}{tail}"
