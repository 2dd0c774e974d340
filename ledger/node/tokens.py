"""Tokens: what a program shows to be let do what the operator may.

A token is 256 random bits, and what is kept of it is a SHA-256. A slow hash is for what people
choose: it makes guessing from a dictionary dear. Among 2**256 there is nothing to guess, and a slow
hash would only let strangers spend this node's time. The text is shown once, when it is made.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from datetime import datetime, timedelta
from typing import Final

from django.db.models import Q, QuerySet
from django.utils import timezone

from ledger.models import AccessToken

from .errors import NotAccepted

MARK: Final = "cst_"
"""What each begins with, for people and for programs that look for secrets in the wrong place."""
SHOWN: Final = len(MARK) + 8
"""How much of one is kept to know it by; what stays secret is 208 bits."""

_FORM: Final = re.compile(MARK + r"[A-Za-z0-9_-]{43}")
_NAME: Final = 80
_NEWS: Final = timedelta(hours=1)  # a write an hour, not one a request


def create(name: str, *, expires_at: datetime | None = None) -> tuple[str, AccessToken]:
    """Make a token, in the transaction under way; answer with its text and its row.

    Raises `NotAccepted` for a name that is empty, over 80 characters, unprintable or in use.
    """
    name = name.strip()
    if not name or len(name) > _NAME or not name.isprintable():
        raise NotAccepted(f"a token's name is 1 to {_NAME} printable characters")
    if good().filter(name=name).exists():
        raise NotAccepted(f"there is a token called {name}; revoke it first")
    text = MARK + secrets.token_urlsafe(32)
    row = AccessToken.objects.create(
        name=name,
        prefix=text[:SHOWN],
        digest=_digest(text),
        created_at=timezone.now(),
        expires_at=expires_at,
    )
    return text, row


def revoke(reference: str) -> AccessToken:
    """End a token, by its name or by how it begins, in the transaction under way.

    Raises `NotAccepted` if no good token is meant.
    """
    row = good().filter(Q(name=reference) | Q(prefix=reference[:SHOWN])).first()
    if row is None:
        raise NotAccepted(f"no token is called {reference} or begins so")
    row.revoked_at = timezone.now()
    row.save(update_fields=["revoked_at"])
    return row


def is_one(text: str) -> bool:
    """Whether it has the form of a token; what has not need not be looked for."""
    return _FORM.fullmatch(text) is not None


def find(text: str) -> AccessToken | None:
    """The good token with this text."""
    return good().filter(digest=_digest(text)).first()


def good() -> QuerySet[AccessToken]:
    """Those neither revoked nor expired."""
    not_yet = Q(expires_at=None) | Q(expires_at__gt=timezone.now())
    return AccessToken.objects.filter(not_yet, revoked_at=None)


def is_news(token: AccessToken, now: datetime) -> bool:
    """Whether its use is worth noting."""
    return token.last_used_at is None or now - token.last_used_at > _NEWS


def note_use(pk: int) -> None:
    """Note, to the hour, that it is in use; in the transaction under way."""
    AccessToken.objects.filter(pk=pk).update(last_used_at=timezone.now())


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
