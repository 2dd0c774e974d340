"""`/metrics`: what Prometheus asks for.

Only requests and commits are counted as they happen, which costs microseconds. Everything else is
read when somebody asks: from the database as of one moment, and from the parts of the node.
"""

from __future__ import annotations

import functools
import logging
import platform
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

import prometheus_client
from django.db import DatabaseError, connection
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric
from prometheus_client.registry import Collector

from chainsite import __version__
from ledger.live.hub import running_hub
from ledger.models import Event, Reorganisation, Tip
from ledger.node import lifecycle, mempool
from ledger.node.errors import NodeError
from ledger.node.reading import one_moment
from ledger.node.writer import observe_commits
from ledger.queries import peers

from . import disk

logger = logging.getLogger(__name__)

prometheus_client.disable_created_metrics()  # a second series for each, which nobody looks at
registry = CollectorRegistry()

_REQUESTS: Final = Counter(
    "chainsite_http_requests",
    "Requests answered, by route, method and status.",
    ("route", "method", "status"),
    registry=registry,
)
_LATENCY: Final = Histogram(
    "chainsite_http_request_seconds",
    "Time until an answer begins, by route.",
    ("route",),
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60),
    registry=registry,
)
_COMMITS: Final = Histogram(
    "chainsite_commit_seconds",
    "Time from the beginning of a transaction of the writer to its COMMIT.",
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30),
    registry=registry,
)
_GROUPS: Final = Histogram(
    "chainsite_commit_group_size",
    "Requests that shared one commit.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=registry,
)
_FAILED: Final = Counter(
    "chainsite_commit_failures",
    "Transactions of the writer that were rolled back.",
    registry=registry,
)
ProcessCollector(registry=registry)


def count_request(route: str, method: str, status: int, seconds: float) -> None:
    """Note an answer. `route` and `method` must be of a bounded number."""
    requests, latency = _series(route, method, status)
    requests.inc()
    latency.observe(seconds)


@functools.cache
def _series(route: str, method: str, status: int) -> tuple[Counter, Histogram]:
    return _REQUESTS.labels(route, method, str(status)), _LATENCY.labels(route)


def count_commit(requests: int, seconds: float, stored: bool) -> None:
    """Note what the writer did, from its thread."""
    if stored:
        _COMMITS.observe(seconds)
        _GROUPS.observe(requests)
    else:
        _FAILED.inc()


observe_commits(count_commit)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"chainsite_{name}", meaning, value)


def _counter(name: str, meaning: str, value: float) -> Metric:
    return CounterMetricFamily(f"chainsite_{name}", meaning, value)


class _Node(Collector):
    """What the running node and its database say of themselves at this moment."""

    def describe(self) -> Iterable[Metric]:
        return ()  # the registry would collect it to learn the names, before there is a node

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily(
            "chainsite_build",
            "Versions of the program and of what it runs on.",
            {
                "version": __version__,
                "python": platform.python_version(),
                "sqlite": sqlite3.sqlite_version,
            },
        )
        node = lifecycle.current()
        yield _gauge("started_seconds", "When the node started, since the epoch.", node.started_at)
        yield from self._parts(node)
        yield from self._disk(node)
        try:
            with one_moment(connection):
                stored = [*self._stored()]
        except DatabaseError as error:
            logger.warning("the metrics lack what is in the database: %s", error)
            stored = []
        yield _gauge("database_readable", "Whether the database could be read.", bool(stored))
        yield from stored

    def _parts(self, node: lifecycle.Node) -> Iterator[Metric]:
        yield _gauge("writer_queue", "Requests that wait to be written.", node.writer.waiting)
        mining = node.work.mining()
        searches = mining.searching is not None
        rate = mining.rate if searches else 0
        yield _gauge("mining_rate", "Tries a second of the search under way; 0 if idle.", rate)
        duties = node.own_duties  # asked once: a worker may lose them at any moment
        if duties is not None:
            tries = duties.miner.tries
            yield _counter("mining_tries", "Tries of all searches since the start.", tries)
        yield _gauge(
            "duties",
            "Whether this process is the one that searches for blocks and asks peers.",
            duties is not None,
        )
        yield _gauge("attended", "Whether there is one.", not node.unattended())
        failures = node.wakeups.failures if node.wakeups else 0
        yield _counter("wakeup_failures", "Times that Redis did not answer.", failures)
        connected = node.wakeups is not None and node.wakeups.is_connected
        yield _gauge("wakeups_connected", "Whether Redis passes words to us.", connected)
        yield _gauge("mining_waiting", "Requests for a block that wait.", mining.waiting)
        ways = node.work.network().catching_up
        to_come = sum(max(0, way.expected - way.received) for way in ways)
        yield _gauge(
            "catching_up_blocks", "Blocks still to come from peers caught up with.", to_come
        )
        hub = running_hub()
        sockets = hub.sockets if hub else 0
        yield _gauge("sockets", "WebSockets that are told what happens.", sockets)

    def _disk(self, node: lifecycle.Node) -> Iterator[Metric]:
        yield _gauge("disk_free_bytes", "Room where the data folder is.", disk.free(node.conf.data))
        if connection.vendor != "sqlite":
            return
        database = str(connection.settings_dict["NAME"])
        size = disk.size(database)
        yield _gauge("database_bytes", "Size of the database file.", size)
        log = disk.size(f"{database}-wal")
        yield _gauge("database_log_bytes", "Size of the write-ahead log beside it.", log)

    def _stored(self) -> Iterator[Metric]:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_database_size(current_database())")
                (size,) = cursor.fetchone()
            yield _gauge("database_bytes", "Size of the database on its server.", size)
        tip = Tip.objects.get(pk=1).index
        yield _gauge("tip_index", "Index of the last block of the active chain.", tip)
        count, size = mempool.pool_size()
        yield _gauge("pool_transactions", "Transactions that wait for a block.", count)
        yield _gauge("pool_bytes", "How large they are together.", size)
        past = Reorganisation.objects.aggregate(count=Count("pk"), blocks=Sum("disconnected"))
        last = Reorganisation.objects.order_by("-pk").values_list("disconnected", flat=True).first()
        yield _counter("reorganisations", "Reorganisations of the active chain.", past["count"])
        yield _counter(
            "reorganised_blocks", "Blocks that reorganisations took off it.", past["blocks"] or 0
        )
        yield _gauge("reorganisation_depth", "Blocks that the last one took off.", last or 0)
        yield self._peers(tip)
        worst = peers.worst_score()
        yield _gauge("peer_misbehaviour", "The highest misbehaviour score of a peer.", worst)
        newest = Event.objects.order_by("-pk").values_list("pk", flat=True).first()
        yield _counter("events", "Events written.", newest or 0)
        yield _gauge(
            "event_lag_seconds",
            "How long the oldest event that sockets were not told of has waited; 0 if none has.",
            _event_lag(),
        )

    def _peers(self, tip: int) -> Metric:
        family = GaugeMetricFamily(
            "chainsite_peers", "Peers, by how they did when last asked.", labels=("state",)
        )
        for state, count in peers.summary(tip).items():
            family.add_metric((state,), count)
        return family


def _event_lag() -> float:
    hub = running_hub()
    if hub is None or not hub.is_working:
        return 0.0  # nobody listens
    waiting = Event.objects.filter(pk__gt=hub.seq).order_by("pk")
    since = waiting.values_list("at", flat=True).first()
    return max(0.0, (timezone.now() - since).total_seconds()) if since else 0.0


registry.register(_Node())


async def metrics(request: HttpRequest) -> HttpResponse:
    """Everything, in Prometheus's text format."""
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    try:
        node = lifecycle.current()
        text = await node.reader.read(prometheus_client.generate_latest, registry)
    except NodeError as error:
        return HttpResponse(f"{error}\n", status=503, content_type="text/plain; charset=utf-8")
    return HttpResponse(text, content_type=prometheus_client.CONTENT_TYPE_LATEST)
