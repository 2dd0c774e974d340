"""The node's limits and places, from Django's settings, by name and type."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from django.conf import settings

from ledger.consensus import Caps


@dataclass(frozen=True, slots=True)
class NodeConf:
    """`dialect` and `difficulty` matter when the node is created; afterwards its identity rules."""

    data: Path
    role: str
    redis_url: str
    dialect: str
    difficulty: int | None
    pool_transactions: int
    pool_bytes: int
    peers: int
    peer_deadline: float
    peer_policy: str
    public_address: str
    bootstrap: tuple[str, ...]
    is_automatic: bool
    poll_every: float
    discovers: bool
    host: str
    port: int
    version: str
    build: str
    mine_queue: int
    mining_cores: int
    caps: Caps

    @classmethod
    def from_settings(cls) -> NodeConf:
        return cls(
            data=settings.NODE_DATA,
            role=settings.NODE_ROLE,
            redis_url=settings.REDIS_URL,
            dialect=settings.NODE_DIALECT,
            difficulty=settings.NODE_DIFFICULTY,
            pool_transactions=settings.NODE_POOL_TRANSACTIONS,
            pool_bytes=settings.NODE_POOL_BYTES,
            peers=settings.NODE_PEERS,
            peer_deadline=settings.NODE_PEER_DEADLINE,
            peer_policy=settings.NODE_PEER_POLICY,
            public_address=settings.NODE_PUBLIC_ADDRESS,
            bootstrap=tuple(settings.NODE_BOOTSTRAP),
            is_automatic=settings.NODE_NETWORKING == "automatic",
            poll_every=settings.NODE_POLL_EVERY,
            discovers=settings.NODE_DISCOVERY == "mdns",
            host=settings.NODE_HOST,
            port=settings.NODE_PORT,
            version=settings.NODE_VERSION,
            build=settings.NODE_BUILD,
            mine_queue=settings.NODE_MINE_QUEUE,
            mining_cores=settings.NODE_MINING_CORES,
            caps=Caps(
                chain_bytes=settings.NODE_CHAIN_BYTES, chain_blocks=settings.NODE_CHAIN_BLOCKS
            ),
        )
