"""Which network a chain seems to belong to, by its first blocks.

Only words for people come from here ("speaks dvf, difficulty 4; this node speaks seed …"); no
chain is accepted on the strength of a guess.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .dialects import DIALECTS, Dialect, Network
from .primitives import DEFAULT_CAPS, Caps, Place
from .proof import leading_zeros
from .validation import check_genesis, check_successor, read_block


@dataclass(frozen=True, slots=True)
class Guess:
    """A dialect that fits, and the difficulty (1 or more) that every proof seen reaches; None where
    no proof was seen."""

    dialect: Dialect
    difficulty: int | None


def recognise(texts: Sequence[str], caps: Caps = DEFAULT_CAPS) -> list[Guess]:
    """The dialects the first blocks of a chain fit best, given as the texts on the wire.

    A genesis alone can fit two dialects; from the second block on, hashes and proofs tell.
    """
    guesses = [guess for dialect in DIALECTS.values() if (guess := _fit(texts, dialect, caps))]
    best = max((guess.difficulty or 0 for guess in guesses), default=0)
    # A wrong proof rule meets a leading zero by luck (1 in 16): the rule that always does better
    # is the one that was used.
    return [guess for guess in guesses if (guess.difficulty or 0) == best]


def describe_network(texts: Sequence[str], network: Network, caps: Caps = DEFAULT_CAPS) -> str:
    """What a peer's chain speaks and what this node speaks, in words; '' if it may be the same."""
    guesses = recognise(texts, caps)
    if not guesses:
        return ""
    for guess in guesses:
        enough = guess.difficulty is None or guess.difficulty >= network.difficulty
        if guess.dialect == network.dialect and enough:
            return ""
    speaks = " or ".join(guess.dialect.name for guess in guesses)
    difficulty = guesses[0].difficulty
    if difficulty is not None:
        speaks += f", difficulty {difficulty}"
    return f"speaks {speaks}; this node speaks {network}: chains cannot merge"


def _fit(texts: Sequence[str], dialect: Dialect, caps: Caps) -> Guess | None:
    network = Network(dialect, 0)
    parent: Place | None = None
    own_literal = False
    zeros = []
    try:
        for text in texts:
            value = dialect.decoder.decode(text)
            block = read_block(value, network, wire=text, caps=caps)
            if parent is None:
                check_genesis(block, network)
                own_literal = block.previous_hash == dialect.genesis_previous_hash
            else:
                check_successor(parent, block, network)
                message = network.proof_message(parent.proof, block.proof, parent.hash)
                zeros.append(leading_zeros(message))
            parent = Place.of(block)
    except (ValueError, RecursionError):  # Refused is a ValueError, as is what is not JSON
        return None
    if not zeros:
        # A genesis that is accepted, but not what the dialect's own nodes write, says nothing.
        return Guess(dialect, None) if own_literal else None
    # No leading zero somewhere is a broken chain, or another rule's; it is no network's own.
    return Guess(dialect, min(zeros)) if min(zeros) > 0 else None
