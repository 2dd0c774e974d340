"""A server that cuts clients off after a second without a byte taken."""

from __future__ import annotations

from typing import Any

from chainsite.server import GuardedServer

WRITE_DEADLINE = 1.0


class ImpatientServer(GuardedServer):
    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, write_deadline=WRITE_DEADLINE, **options)
