"""Where paths lead, and what only programs ask for."""

from __future__ import annotations

from functools import lru_cache

from django.http import HttpRequest
from django.urls import Resolver404, ResolverMatch, get_resolver


@lru_cache(maxsize=256)
def resolve(path: str) -> ResolverMatch:
    """Where a path leads; most requests are for the same few. Raises `Resolver404`."""
    return get_resolver().resolve(path)


def is_plain(request: HttpRequest) -> bool:
    """Whether nobody will ask who visits, or what language they speak: a request for the protocol
    or an instrument, which are plain text and JSON, without a cookie that could say so."""
    sent = request.META
    if "HTTP_COOKIE" in sent or "HTTP_ACCEPT_LANGUAGE" in sent:
        return False
    return _is_for_programs(request.path_info)


@lru_cache(maxsize=256)
def _is_for_programs(path: str) -> bool:
    try:
        return not resolve(path).namespaces
    except Resolver404:
        return False
