"""All that is wrong with a block, where the rules stop at the first thing.

For people who make blocks and want to know. The verdict is that of `validation`: nothing is found
here that is not refused there, and what is refused there has at least one fault here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .dialects import Network
from .encoding import Json
from .errors import Reason, Refused
from .primitives import DEFAULT_CAPS, Block, Caps, Place
from .validation import (
    check_keys_once,
    check_nesting_and_digits,
    check_size,
    genesis_faults,
    read_block,
    shape_faults,
    successor_faults,
)


@dataclass(frozen=True, slots=True)
class Examined:
    """`block` is None where the text is no block at all: then its place cannot be judged."""

    block: Block | None
    faults: tuple[Refused, ...]


def examine(text: bytes, network: Network, caps: Caps = DEFAULT_CAPS) -> Examined:
    """What is wrong with a block by itself. The caller bounds the length of `text`."""
    try:
        wire = text.decode()
        value = network.dialect.decoder.decode(wire)
    except Refused as refused:
        return Examined(None, (refused,))
    except RecursionError:
        return Examined(None, (Refused(Reason.TOO_DEEP, "objects and lists nest too deep"),))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        what = error.msg if isinstance(error, json.JSONDecodeError) else "it is not UTF-8"
        return Examined(None, (Refused(Reason.NOT_JSON, f"this is not JSON: {what}"),))
    faults = tuple(_faults(value, wire, network, caps))
    return Examined(None if faults else read_block(value, network, caps=caps), faults)


def place_faults(block: Block, parent: Place | None, network: Network) -> tuple[Refused, ...]:
    """What is wrong with it behind `parent`, or as a genesis where that is None."""
    if parent is None:
        return tuple(genesis_faults(block, network))
    return tuple(successor_faults(parent, block, network))


def _faults(value: Json, wire: str, network: Network, caps: Caps) -> Iterator[Refused]:
    yield from shape_faults(value)
    if not isinstance(value, dict | list):
        return
    deep = list(_raised(lambda: check_nesting_and_digits(value, caps)))
    yield from deep
    if not deep:  # else the text could not be made, or not in any time
        canonical = network.canonical(value)
        yield from _raised(lambda: check_size(canonical, caps))
        yield from _raised(lambda: check_keys_once(wire, canonical))


def _raised(check: Callable[[], None]) -> Iterator[Refused]:
    try:
        check()
    except Refused as refused:
        yield refused
