"""Django's connection to PostgreSQL, made anew by itself when the server ended it.

Django gives a broken connection up at the end of a request. Threads that live as long as the node
have no such end: after the server was away, each would fail ever after.
"""

from __future__ import annotations

from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    def ensure_connection(self) -> None:
        """Connect if there is no connection, or none that lives. Never inside a transaction: what
        was done or read in it went with the connection."""
        if self._is_dead() and self.autocommit:
            self.close()
        super().ensure_connection()

    def close_if_unusable_or_obsolete(self) -> None:
        """Django's, which asks a dead connection how it is: that would make a new one, or raise."""
        if self._is_dead():
            self.close()
        super().close_if_unusable_or_obsolete()

    def _is_dead(self) -> bool:
        """Whether the server ended the connection, as far as is known, outside a transaction."""
        if self.connection is None or self.in_atomic_block:
            return False
        return bool(self.connection.closed)
