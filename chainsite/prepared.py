"""Headers of answers: those that every answer gets, put into their form once, and all as they are
sent."""

from __future__ import annotations

from collections.abc import Mapping

from django.http.response import HttpResponseBase, ResponseHeaders


class PreparedHeaders:
    """Django encodes and checks each header of each answer anew. These are copied into its store
    (of the pinned version, tested) as it would put them there."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._prepared = dict(ResponseHeaders(headers)._store)

    def add_to(self, response: HttpResponseBase) -> None:
        """Set those that the answer does not have."""
        store: dict[str, tuple[str, str]] = response.headers._store
        response.headers._store = self._prepared | store


def as_sent(response: HttpResponseBase) -> list[tuple[bytes, bytes]]:
    """The headers, without the cookies, as a server takes them."""
    store: dict[str, tuple[str, str]] = response.headers._store
    return [(name.encode("ascii"), value.encode("latin-1")) for name, value in store.values()]
