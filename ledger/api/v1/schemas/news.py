"""Events, statistics and what a search finds."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_noop as _
from ninja import Field, Schema

from .shared import Index, Integer, Moment


class Event(Schema):
    """Something that happened, as on the WebSocket."""

    seq: int = Field(description=_("Its number: events are numbered in the order of commits."))
    kind: str
    at: Moment
    data: dict[str, Any] = Field(description=_("As the kind has it; amounts are strings."))


class Events(Schema):
    """What happened after a number, in order."""

    events: list[Event]
    after: int = Field(description=_("The number to ask behind next."))
    newest: int = Field(description=_("The number of the newest event there is."))


class BlockPoint(Schema):
    """One block, as a point of the charts."""

    index: Index
    timestamp: float | None
    interval: float | None = Field(
        description=_("Seconds since the block before; null where a clock makes no sense.")
    )
    transactions: int
    supply: Integer = Field(description=_("Regular rewards up to it."))


class PoolPoint(Schema):
    """How many transactions waited at a time."""

    at: float = Field(description=_("Unix time."))
    size: int


class Intervals(Schema):
    """The newest 50 intervals, oldest first, and the middle one."""

    intervals: list[float | None]
    median: float | None


class Statistics(Schema):
    """The series of the page of charts, oldest first."""

    range: int
    blocks: list[BlockPoint]
    pool: list[PoolPoint]
    interval: Intervals


class Hit(Schema):
    """Something found."""

    kind: str = Field(description=_("block, transaction, address or date."))
    reference: str = Field(description=_("What names it: an index or hash, an id, a name."))
    label: str
    exact: bool = Field(description=_("Whether the query names just this."))
    stale: bool
    url: str = Field(description=_("Where it is in this API."))


class Found(Schema):
    """What a query finds."""

    query: str = Field(description=_("As it was understood."))
    hits: list[Hit]
    above_tip: Index | None = Field(
        description=_("The tip's index, where the query is an index above it.")
    )
