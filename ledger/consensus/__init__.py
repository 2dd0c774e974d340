"""The rules of the chain: pure functions over values. No Django, no clock, no input or output.

Start with `dialects.Network`, the one value through which everything a network may decide is
reached; `README.md` beside this file is the tour.
"""

from .chain_body import ChainBody
from .chain_reader import is_large, read_chain, read_text
from .dialects import DIALECTS, DVF, JS, SEED, Dialect, Network
from .encoding import Json, hash_of
from .errors import Reason, Refused
from .primitives import DEFAULT_CAPS, Block, Caps, Place
from .validation import check_genesis, check_successor, judge, read_block

__all__ = [
    "DEFAULT_CAPS",
    "DIALECTS",
    "DVF",
    "JS",
    "SEED",
    "Block",
    "Caps",
    "ChainBody",
    "Dialect",
    "Json",
    "Network",
    "Place",
    "Reason",
    "Refused",
    "check_genesis",
    "check_successor",
    "hash_of",
    "is_large",
    "judge",
    "read_block",
    "read_chain",
    "read_text",
]
