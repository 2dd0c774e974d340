"""The first account: made with a password that is shown once and stored nowhere in clear."""

from __future__ import annotations

import secrets
from typing import Final

from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore

from . import turns
from .errors import NotAccepted

ADMIN: Final = "admin"

# Without those that are easily taken for each other: 32 characters, so 100 bits in 20 of them.
_ALPHABET: Final = "abcdefghijkmnpqrstuvwxyz23456789"
_GROUPS: Final = 4
_GROUP: Final = 5

# Many rounds make a guessable password costly to guess; this one has 100 bits of chance, so a first
# start need not pay for them. Django hashes it anew with all rounds at the first sign-in.
_ROUNDS: Final = 1000


def exist() -> bool:
    """Whether this data folder has any account."""
    return User.objects.exists()


def make_first() -> str | None:
    """Make the account `admin` in a data folder without accounts; its password, or None."""
    if exist():
        return None
    with turns.turn():  # of two first starts, one makes it
        if exist():
            return None
        password = _random_password()
        account = User(username=ADMIN, is_staff=True, is_superuser=True)
        account.password = _hashed(password)
        account.save()
        return password


def renew(name: str = ADMIN) -> str:
    """Give an operator's account a new random password, and let it sign in; make it if it is not
    there. Its sessions end.

    Raises `NotAccepted` for an account that is no superuser: this is not a way to become one.
    """
    with turns.turn():
        account = User.objects.filter(username=name).first()
        if account is None:
            account = User(username=name, is_staff=True, is_superuser=True)
        elif not account.is_superuser:
            raise NotAccepted(f"{name} is no superuser; use changepassword for its password")
        password = _random_password()
        account.password = _hashed(password)
        account.is_staff = account.is_active = True
        account.full_clean(exclude=["password"])
        account.save()
        return password


def forget_ended_sessions() -> None:
    """Delete the sessions that are over; nothing else does."""
    SessionStore.clear_expired()


def _random_password() -> str:
    groups = ("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))
    return "-".join(groups)


def _hashed(password: str) -> str:
    hasher = PBKDF2PasswordHasher()
    return hasher.encode(password, hasher.salt(), iterations=_ROUNDS)
