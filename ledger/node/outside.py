"""Blocks for others to mine: what they search a proof for, and what they found.

A template is frozen as the node's own search freezes it (`sealing`), and kept nowhere: its name
says what it was made from, so that any process of this node, also one started meanwhile, can make
it again. If what comes out is another one, the chain or the pool has moved on.
"""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from typing import Any, Final

from django.core import signing

from ledger.consensus.policy import name_fault
from ledger.models import Tip

from . import lifecycle, sealing
from .errors import NotAccepted, TipMoved
from .sealing import Template

_SALT: Final = "ledger.template"
_LONGEST_NAME: Final = 4000


@dataclass(frozen=True, slots=True)
class Offer:
    """A block without its proof, and the name it is called back by."""

    name: str
    template: Template


def offer(recipient: str | None = None) -> Offer:
    """The next block as of now; `recipient` gets its reward, else this node. Reads only.

    Raises `NotAccepted` for a recipient that cannot be one.
    """
    if recipient is None:
        recipient = lifecycle.current().identity.identifier
    if fault := name_fault(recipient):
        raise NotAccepted(f"recipient {fault}")
    seconds = time.time()
    template = _frozen(recipient, seconds)
    made = {
        "version": template.tip_version,
        "seconds": seconds,
        "upto": template.transactions[-1] if template.transactions else 0,
        "recipient": recipient,
        "digest": _digest(template),
    }
    return Offer(signing.dumps(made, salt=_SALT, compress=True), template)


def recalled(name: str) -> Template:
    """The template of that name. Reads only.

    Raises `NotAccepted` for a name that this node gave to none, and `TipMoved` where the chain or
    the pool has moved on since.
    """
    made = _named(name)
    if Tip.objects.values_list("version", flat=True).get(pk=1) != made["version"]:
        raise TipMoved("the tip moved since this template was made")
    template = _frozen(made["recipient"], made["seconds"], made["upto"])
    if _digest(template) != made["digest"]:
        raise TipMoved("a transaction of this template left the pool")
    return template


def _frozen(recipient: str, seconds: float, upto: int | None = None) -> Template:
    network = lifecycle.current().identity.network
    return sealing.freeze(network, recipient, lambda: seconds, upto=upto)


def _named(name: str) -> dict[str, Any]:
    try:
        if len(name) > _LONGEST_NAME:
            raise signing.BadSignature
        made: dict[str, Any] = signing.loads(name, salt=_SALT)
    except signing.BadSignature:
        raise NotAccepted("template is the name of none that this node made") from None
    return made


def _digest(template: Template) -> str:
    text = f"{template.transactions} {template.network.canonical(template.value)}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
