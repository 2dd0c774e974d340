"""The application: HTTP by Django, WebSockets by Channels.

`runnode` and `runserver` start the node before they import this module. Under another ASGI server
the import itself does, and fails if the stored chain is broken: such a chain is not served. That
server's lifespan ends the node (docs/servers.md). A worker has nothing but its instruments to show.
"""

import gc
import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "chainsite.settings")

import django

django.setup(set_prefix=False)

from channels.routing import ProtocolTypeRouter, URLRouter
from django.db import connection

from chainsite import late
from chainsite.access import CountedSockets
from chainsite.handler import Handler
from chainsite.origin import SameOriginOnly
from chainsite.proxies import BehindProxies
from ledger.access.policy import Policy
from ledger.live.routing import websocket_urlpatterns
from ledger.node import lifecycle
from ledger.node.node import WORKER


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    """Stop the node with the server, where it is not `runnode` that does."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            lifecycle.stop()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


def open_node() -> None:
    try:
        lifecycle.open_for_serving()
    finally:
        connection.close()


if not lifecycle.is_running():
    # In a thread: some servers import this while their event loop runs.
    with ThreadPoolExecutor(1, "ledger-opening") as opening:
        opening.submit(open_node).result()


async def no_sockets(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "websocket.close"})


policy = Policy.from_settings()
sockets: Any = SameOriginOnly(CountedSockets(URLRouter(websocket_urlpatterns), policy))
if lifecycle.current().role == WORKER:
    sockets = no_sockets
application = BehindProxies(
    ProtocolTypeRouter({"http": Handler(), "websocket": sockets, "lifespan": lifespan}), policy
)

# What is there by now stays. To look through it again and again, as Python's collector does, holds
# everybody up for a tenth of a second each time.
gc.collect()
gc.freeze()

if lifecycle.current().role != WORKER:  # which has no such pages
    late.load_soon()
