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
        if (
            self.connection is not None
            and self.connection.closed
            and self.autocommit
            and not self.in_atomic_block
        ):
            self.close()
        super().ensure_connection()
