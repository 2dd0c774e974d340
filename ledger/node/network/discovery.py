"""Finding nodes of our network on the local one, by multicast DNS; off unless it is asked for.

What is announced there anybody on the local network can announce: an address found is one to look
at (`Keeper.meet`), under the guard, like any other that a stranger names.
"""

from __future__ import annotations

import ipaddress
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final

from ..conf import NodeConf
from ..errors import NodeError
from ..identity import Identity
from . import addresses
from .addresses import AddressRefused, IPAddress

if TYPE_CHECKING:
    from zeroconf import ServiceStateChange, Zeroconf

logger = logging.getLogger(__name__)

SERVICE: Final = "_chainsite._tcp.local."

_ANSWER: Final = 1000  # milliseconds, for the rest of what a service says of itself
_BEGUN: Final = 2.0  # seconds: three questions whether the name is free, and the announcement
_SEEN: Final = 256  # services that are looked at; a flood of them is not


def record(own: Identity) -> dict[str, str]:
    """What is said of this node beside its address and port (the TXT record)."""
    network = own.network
    names = {"dialect": network.dialect.name, "difficulty": str(network.difficulty)}
    return {"id": own.identifier, **names}


def address_in(
    said: Mapping[bytes, bytes | None],
    places: Iterable[IPAddress],
    port: int | None,
    own: Identity,
    conf: NodeConf,
) -> str | None:
    """The address of the node that such a record announces, the first this node may connect to.

    None for ourselves, for another network, for what is no record of ours, and where it leads to
    none but forbidden places. This machine's own services are none of the network's business: a
    loopback address counts only if that is where we listen, too.
    """
    ours = {name.encode(): value.encode() for name, value in record(own).items()}
    identifier = said.get(b"id")
    if not identifier or identifier == ours.pop(b"id"):
        return None
    if any(said.get(name) != value for name, value in ours.items()):
        return None
    here = _is_loopback(conf.host)
    for place in places:
        host = f"[{place}]" if place.version == 6 else str(place)
        try:
            address = addresses.parse(f"{host}:{port}")
            addresses.check_literal(address, conf.peer_policy)
        except AddressRefused:
            continue
        if here or not place.is_loopback:
            return address
    return None


class Discovery:
    """Announces this node and hands each other one to `found`, as `host:port`, in a thread of its
    own. Does nothing before `start`, nor where the settings do not ask for it."""

    def __init__(self, own: Identity, conf: NodeConf, found: Callable[[str], None]) -> None:
        self._own = own
        self._conf = conf
        self._found = found
        self._seen: set[str] = set()
        self._closing = False
        self._zeroconf: Zeroconf | None = None
        self._thread = threading.Thread(target=self._work, name="ledger-discovery", daemon=True)

    def start(self) -> None:
        """Begin, without waiting. Raises `NodeError` where the package is missing."""
        if not self._conf.discovers:
            return
        try:
            import zeroconf  # noqa: F401
        except ImportError:
            raise NodeError(
                "CHAINSITE_DISCOVERY=mdns needs the package zeroconf. Start with"
                " `python3 dev.py run --lan`, or install requirements/lan.txt."
            ) from None
        self._thread.start()

    def close(self) -> None:
        """Say goodbye to the others. Idempotent."""
        self._closing = True
        if self._thread.ident is not None:
            self._thread.join(_BEGUN)  # what closes in the middle of it waits much longer
        opened, self._zeroconf = self._zeroconf, None
        if opened is not None:
            opened.close()

    def _work(self) -> None:
        from zeroconf import Error, ServiceBrowser, ServiceInfo, Zeroconf

        try:
            places = [str(place) for place in _own_places(self._conf.host)]
            if not places:
                raise OSError("this machine has no address there")
            self._zeroconf = opened = Zeroconf(interfaces=places)
            ServiceBrowser(opened, SERVICE, handlers=[self._changed])
            name = self._own.identifier
            service = ServiceInfo(
                SERVICE,
                f"{name}.{SERVICE}",
                port=self._conf.port,
                properties=record(self._own),
                server=f"{name}.local.",
                parsed_addresses=places,
            )
            opened.register_service(service, allow_name_change=True)
        except (Error, OSError) as error:
            if not self._closing:
                logger.warning("this node is not announced on the local network: %s", error)

    def _changed(
        self, zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        """In the browser's thread, one service after the other."""
        from zeroconf import IPVersion, ServiceStateChange

        if state_change is ServiceStateChange.Removed:
            self._seen.discard(name)
            return
        if self._closing or (name not in self._seen and len(self._seen) >= _SEEN):
            return
        self._seen.add(name)
        service = zeroconf.get_service_info(service_type, name, _ANSWER)
        if service is None:
            return
        places: Any = service.ip_addresses_by_version(IPVersion.All)  # IPv4 first
        address = address_in(service.properties, places, service.port, self._own, self._conf)
        if address is not None:
            logger.info("found on the local network: %s", address)
            self._found(address)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _own_places(host: str) -> list[IPAddress]:
    """Where this node, listening on `host`, can be reached from the local network: its addresses
    on all networks where that is every address, else the one."""
    if host not in ("", "0.0.0.0", "::"):
        info = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0]
        return [ipaddress.ip_address(info[4][0])]
    from ifaddr import get_adapters

    texts = [
        ip.ip if isinstance(ip.ip, str) else ip.ip[0]
        for adapter in get_adapters()
        for ip in adapter.ips
    ]
    found = [ipaddress.ip_address(text) for text in dict.fromkeys(texts)]
    reachable = [one for one in found if addresses.kind(one) in ("private", "public")]
    return [one for one in reachable if one.version == 4 or host == "::"]
