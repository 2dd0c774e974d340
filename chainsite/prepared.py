"""Headers that every answer gets, checked and put into their form once."""

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
