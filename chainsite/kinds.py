"""The kinds of settings: what each takes from the environment, and what it refuses."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Generic, TypeVar
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")
D = TypeVar("D", bound=int | None)

_ON: Final = ("on", "true", "yes", "1")
_OFF: Final = ("off", "false", "no", "0")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting. `kind` says in words what `parse` takes; `parse` raises ValueError for the rest.

    `stands_for` says what a default means that is no value of its own. `option` is where the
    command line may say otherwise. What `is_secret` is quoted nowhere.
    """

    name: str
    default: T
    meaning: str
    kind: str
    parse: Callable[[str], T]
    stands_for: str = ""
    option: str = ""
    is_secret: bool = False

    def is_given(self) -> bool:
        """Whether the environment has a value for it."""
        return bool(os.environ.get(self.name, "").strip())

    def value(self) -> T:
        """The value in force. Raises `ImproperlyConfigured` for one that cannot be."""
        if not self.is_given():
            return self.default
        text = os.environ[self.name].strip()
        try:
            return self.parse(text)
        except ValueError:
            found = "" if self.is_secret else f", and it is {text!a}"
            raise ImproperlyConfigured(f"{self.name} must be {self.kind}{found}.") from None


def whole(
    name: str,
    default: D,
    meaning: str,
    *,
    at_least: int = 1,
    at_most: int | None = None,
    stands_for: str = "",
    option: str = "",
) -> Setting[int | D]:
    """A whole number within bounds."""
    bounds = f"{at_least} or more" if at_most is None else f"{at_least} to {at_most}"

    def parse(text: str) -> int:
        value = int(text)
        if value < at_least or (at_most is not None and value > at_most):
            raise ValueError
        return value

    kind = f"a whole number, {bounds}"
    return Setting(name, default, meaning, kind, parse, stands_for, option)


def seconds(name: str, default: float, meaning: str) -> Setting[float]:
    """A duration; fractions are fine."""

    def parse(text: str) -> float:
        value = float(text)
        if not (math.isfinite(value) and value > 0):
            raise ValueError
        return value

    return Setting(name, default, meaning, "a number of seconds above 0", parse)


def switch(name: str, default: bool, meaning: str) -> Setting[bool]:
    """On or off, and nothing that could be mistaken for either."""

    def parse(text: str) -> bool:
        if text.lower() not in _ON + _OFF:
            raise ValueError
        return text.lower() in _ON

    return Setting(name, default, meaning, "on or off", parse)


def choice(
    name: str,
    default: str,
    meaning: str,
    *,
    of: tuple[str, ...],
    stands_for: str = "",
    option: str = "",
) -> Setting[str]:
    """One of a few words."""

    def parse(text: str) -> str:
        if text not in of:
            raise ValueError
        return text

    return Setting(name, default, meaning, f"one of {', '.join(of)}", parse, stands_for, option)


def text(name: str, default: str, meaning: str, *, option: str = "") -> Setting[str]:
    """Any text."""
    return Setting(name, default, meaning, "a text", str, option=option)


class Address(str):
    """The address of a service; as text to be shown it is without its password."""

    def __str__(self) -> str:
        parts = urlsplit(self)
        return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def redis_url(name: str, meaning: str) -> Setting[Address]:
    """Where a Redis is; none by default."""

    def parse(text: str) -> Address:
        parts = urlsplit(text)
        if parts.scheme not in ("redis", "rediss", "unix") or not (parts.netloc or parts.path):
            raise ValueError
        return Address(text)

    kind = "the address of a Redis, redis://USER:PASSWORD@HOST:PORT/NUMBER"
    return Setting(name, Address(), meaning, kind, parse, is_secret=True)


def names(name: str, meaning: str, *, option: str = "") -> Setting[list[str]]:
    """Names with commas between; none by default."""

    def parse(text: str) -> list[str]:
        return [part.strip() for part in text.split(",") if part.strip()]

    return Setting(name, [], meaning, "names with commas between", parse, option=option)


def folder(name: str, default: Path, meaning: str, *, option: str = "") -> Setting[Path]:
    """A folder, made absolute."""

    def parse(text: str) -> Path:
        return Path(text).resolve()

    return Setting(name, default, meaning, "a folder", parse, option=option)
