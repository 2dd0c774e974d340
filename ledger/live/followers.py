"""The sockets that chose topics, found by topic: what happens costs those whom it concerns.

Used from the event loop's thread only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from . import frames, topics
from .bundle import Bundle
from .looking import Look, Wish
from .outbox import Outbox
from .touching import Wanted

AT_ONCE: Final = 200  # wishes that are answered from one moment
_OF_COUNTS: Final = frozenset((topics.BLOCKS, topics.TRANSACTIONS))  # these are told `now`, too


class Followers:
    """Who follows what. A socket that follows nothing yet is one of them, too."""

    def __init__(self) -> None:
        self._topics: dict[Outbox, set[str]] = {}
        self._by_topic: dict[str, set[Outbox]] = {}
        self._wishes: list[Wish] = []
        self._wanted: Wanted | None = None

    def __len__(self) -> int:
        return len(self._topics)

    def __iter__(self) -> Iterator[Outbox]:
        return iter(self._topics)

    @property
    def wanted(self) -> Wanted:
        """The topics that somebody follows. The same object until they are others."""
        if self._wanted is None:
            self._wanted = Wanted(self._by_topic)
        return self._wanted

    @property
    def wishes(self) -> Sequence[Wish]:
        """Those to be answered next."""
        return tuple(self._wishes[:AT_ONCE])

    def of(self, topic: str) -> Iterable[Outbox]:
        """Who follows it."""
        return self._by_topic.get(topic, ())

    def wish(self, wish: Wish) -> None:
        """It will follow these topics once the wish is answered."""
        self._topics.setdefault(wish.outbox, set())
        self._wishes.append(wish)

    def drop(self, outbox: Outbox, names: Iterable[str]) -> None:
        """It follows these no more, nor wishes to."""
        gone = set(names)
        self._wishes = [
            replace(wish, topics=tuple(name for name in wish.topics if name not in gone))
            if wish.outbox is outbox
            else wish
            for wish in self._wishes
        ]
        its = self._topics.get(outbox, set())
        for name in its & gone:
            self._forget(name, outbox)
        its -= gone

    def leave(self, outbox: Outbox) -> None:
        """Idempotent."""
        self._wishes = [wish for wish in self._wishes if wish.outbox is not outbox]
        for name in self._topics.pop(outbox, ()):
            self._forget(name, outbox)

    def clear(self) -> None:
        self._topics.clear()
        self._by_topic.clear()
        self._wishes.clear()
        self._wanted = None

    def tellings(self, look: Look) -> list[tuple[Outbox, Bundle]]:
        """What each must be told whom it concerns; the same bundle for all of whom the same is."""
        its: defaultdict[Outbox, list[str]] = defaultdict(list)
        for topic in sorted(look.touched.keys() | look.states.keys()):
            for outbox in self.of(topic):
                its[outbox].append(topic)
        known: dict[tuple[str, ...], Bundle] = {}
        tellings = []
        for outbox, names in its.items():
            key = tuple(names)
            if key not in known:
                known[key] = _bundle(key, look)
            tellings.append((outbox, known[key]))
        return tellings

    def answer(self, look: Look) -> list[Outbox]:
        """Give who wished what it begins with; from here on it is told. Answers with those."""
        waiting = {id(wish) for wish in self._wishes}
        done = set()
        outboxes = []
        for wish, its_frames in look.answers:
            if id(wish) not in waiting:
                continue  # it left, or wishes for something else by now
            done.add(id(wish))
            outboxes.append(wish.outbox)
            if its_frames is None:
                wish.outbox.fail()  # it comes back with its number
                continue
            for name in wish.topics:
                self._by_topic.setdefault(name, set()).add(wish.outbox)
            self._wanted = None
            self._topics[wish.outbox].update(wish.topics)
            wish.outbox.put(Bundle(*its_frames), look.seq)
        self._wishes = [wish for wish in self._wishes if id(wish) not in done]
        return outboxes

    def _forget(self, name: str, outbox: Outbox) -> None:
        its = self._by_topic[name]
        its.discard(outbox)
        if not its:
            del self._by_topic[name]
            self._wanted = None


def _bundle(names: Sequence[str], look: Look) -> Bundle:
    numbers = {seq for name in names for seq in look.touched.get(name, ())}
    events = look.news.events if look.news else []
    told = [frame for seq, frame in events if seq in numbers]
    told += [look.states[name] for name in names if name in look.states]
    if look.news and not _OF_COUNTS.isdisjoint(names):
        told.append(look.news.now)
    return Bundle(*told, frames.upto(look.seq))
