"""A resolver of the test's own: what names lead to, and how that changes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping, Sequence

import pytest

Answers = Sequence[str] | Callable[[], Sequence[str]]


def resolve_as(
    monkeypatch: pytest.MonkeyPatch, names: Mapping[str, Answers], otherwise: Answers = ()
) -> list[str]:
    """From now on the system's resolver knows these names, literals, and no others. Answer with a
    list that fills with what it is asked for."""
    asked: list[str] = []

    def getaddrinfo(host: str, port: int, *_: object, **__: object) -> list[object]:
        asked.append(host)
        found = names.get(host, otherwise)
        texts = found() if callable(found) else found
        if not texts and (":" in host or host[-1].isdigit()):
            texts = [host]
        if not texts:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return [_info(text, port) for text in texts]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def _info(text: str, port: int) -> object:
    is_six = ":" in text
    where = (text, port, 0, 0) if is_six else (text, port)
    return (socket.AF_INET6 if is_six else socket.AF_INET, socket.SOCK_STREAM, 6, "", where)
