"""The server as it is, but not patient for as long as a test would be."""

from functools import partial

from chainsite.server import GuardedServer

WRITE_DEADLINE = 1.5

ImpatientServer = partial(GuardedServer, write_deadline=WRITE_DEADLINE)
