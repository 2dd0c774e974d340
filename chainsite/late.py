"""URLs whose modules are imported when somebody first goes there, or a while after the start.

The versioned API costs a process half as much as the whole rest of its start. Commands, and nodes
that only other nodes ask, never need it.
"""

from __future__ import annotations

import importlib
import threading
from typing import Any, Final

from django.urls import URLResolver
from django.urls.resolvers import RoutePattern

API: Final = "ledger.api.v1.urls"
_AFTER: Final = 10.0  # seconds


class _Folder(RoutePattern):
    """A route with a slash at its end, which may be missing where nothing follows."""

    def match(self, path: str) -> Any:
        return super().match(f"{path}/" if f"{path}/" == str(self) else path)


class LateResolver(URLResolver):
    """`include` of a module of URLs with a namespace, by the module's name."""

    def __init__(self, route: str, module: str, namespace: str) -> None:
        pattern = _Folder(route)
        super().__init__(pattern, module, app_name=namespace, namespace=namespace)

    def _populate(self) -> None:
        # Whoever looks for any name asks this first. Those behind a namespace are not found by it:
        # `reverse` then takes `url_patterns`, and these import.
        if "urlconf_module" in self.__dict__:
            super()._populate()


def load_soon() -> None:
    """Import the API beside the node's work, for a server that lives: whoever came first would hold
    up everybody in the event loop meanwhile."""
    timer = threading.Timer(_AFTER, importlib.import_module, [API])
    timer.daemon = True
    timer.start()
