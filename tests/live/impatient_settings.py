"""The project's settings, with a server that gives up on a client soon. For tests."""

from chainsite.settings import *  # noqa: F403

NODE_SERVER = "tests.live.impatient_server.ImpatientServer"
