"""What sockets with topics must be told, read in the same moment as the events.

A new subscription is answered from the very moment up to which everybody was told: nothing falls
between its snapshot and the events that follow, and nothing comes twice.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ledger.models import Event

from . import frames, states, topics, touching
from .outbox import Outbox

logger = logging.getLogger(__name__)

REPLAY: Final = 400  # events a returning client may lack; beyond, a snapshot is less


_NO_EVENTS: Final[dict[Callable[[], str], frozenset[str]]] = {
    frames.now: frozenset((topics.BLOCKS, topics.TRANSACTIONS)),
    frames.mining: frozenset((topics.MINING,)),
    frames.network: frozenset((topics.PEERS,)),
}
"""What is no event, and may be another after a break, by the topics it is told in."""


@dataclass(frozen=True, slots=True, eq=False)
class Wish:
    """To follow topics. `after`: from where the client left off, if it says so."""

    outbox: Outbox
    topics: tuple[str, ...]
    after: int | None = None


class Look(NamedTuple):
    """`touched` are the numbers of the news' events by topic, `states` the frames that tell what
    became of narrow topics, `answers` those to wishes, in their order; `seq` is the newest event of
    all. Wishes have none while there is more news than was read, and None if they failed."""

    news: frames.News | None
    touched: touching.Touched
    states: dict[str, str]
    answers: list[tuple[Wish, list[str] | None]]
    seq: int


def look(seq: int, wanted: touching.Wanted, wishes: Sequence[Wish]) -> Look | None:
    """News after event `seq`, and what they are to those who follow one of the topics wanted.

    Reads only, in a reading thread and of one moment. None if there is nothing to tell: this is
    asked several times a second.
    """
    news = frames.news_if_any(seq)
    if news is None and not wishes:
        return None
    newest = news.events[-1][0] if news else seq
    touched, told = _concerned(news.rows, wanted, newest) if news and wanted.topics else ({}, {})
    answers = [] if news and not news.is_all else _Answers(newest).to(wishes)
    return Look(news, touched, told, answers, newest)


def _concerned(
    rows: Sequence[Event], wanted: touching.Wanted, seq: int
) -> tuple[touching.Touched, dict[str, str]]:
    try:
        touched = touching.touched(rows, wanted)
        return touched, _states(rows, touched, wanted, seq)
    except Exception:
        # Those who are told everything must not wait for this. Too much is no harm.
        logger.exception("whom events concern could not be found out: everybody is told")
        return {topic: [row.pk for row in rows] for topic in wanted.topics}, {}


def _states(
    rows: Sequence[Event], touched: touching.Touched, wanted: touching.Wanted, seq: int
) -> dict[str, str]:
    moved = touching.moved(rows, touched)
    if touching.is_of_the_chain(rows):
        # Of those in a block, the confirmations are others.
        moved |= {topics.TRANSACTION + name for name in wanted.transactions}
    return {topic: frames.state(topic, seq, state) for topic, state in states.narrow(moved).items()}


@dataclass
class _Answers:
    """To several wishes of one moment: what two of them ask for is read once."""

    seq: int
    _known: dict[str, states.State] = field(default_factory=dict)

    def to(self, wishes: Sequence[Wish]) -> list[tuple[Wish, list[str] | None]]:
        return [(wish, self._or_failure(wish)) for wish in wishes]

    def _or_failure(self, wish: Wish) -> list[str] | None:
        try:
            return self._to(wish)
        except Exception:
            logger.exception("a client's topics could not be read")
            return None

    def _to(self, wish: Wish) -> list[str]:
        if wish.after is not None and 0 <= self.seq - wish.after <= REPLAY:
            return self._missed(wish.after, wish.topics)
        unknown = [topic for topic in wish.topics if topic not in self._known]
        self._known |= states.at_first(unknown)
        its = {topic: self._known[topic] for topic in wish.topics}
        return [frames.subscribed(self.seq, states.node(), its)]

    def _missed(self, after: int, wanted: Sequence[str]) -> list[str]:
        rows = list(Event.objects.filter(pk__gt=after, pk__lte=self.seq).order_by("pk"))
        its_touched = touching.touched(rows, touching.Wanted(wanted))
        numbers = {pk for its in its_touched.values() for pk in its}
        missed = [frames.event(row) for row in rows if row.pk in numbers]
        now = states.narrow(topic for topic in wanted if topic not in topics.WIDE)
        told = [frames.state(topic, self.seq, state) for topic, state in now.items()]
        told += [frame() for frame, its in _NO_EVENTS.items() if not its.isdisjoint(wanted)]
        return [frames.control("resumed", after), *missed, *told, frames.upto(self.seq)]
