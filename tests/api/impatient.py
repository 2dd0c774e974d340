"""Settings of a node whose server waits a second for its clients, for tests."""

from chainsite.settings import *  # noqa: F403

NODE_SERVER = "tests.api.impatient_server.ImpatientServer"
