"""News for those who are told everything."""

from __future__ import annotations

from . import frames
from .bundle import Bundle
from .outbox import Outbox


class Telling:
    """News on their way to many outboxes, as the same bundles to all who lack all of them."""

    def __init__(self, news: frames.News) -> None:
        self._events = news.events
        self._first, self._last = (news.events[0][0], news.events[-1][0]) if news.events else (0, 0)
        self._told = Bundle(*(frame for _, frame in news.events))
        self._now = Bundle(news.now)
        self._both = Bundle(*self._told.texts, news.now)

    def put(self, outbox: Outbox) -> None:
        if outbox.seq < self._first:
            if outbox.sends(self._both):
                outbox.seq = self._last
                return
            outbox.put(self._told, self._last)
        elif outbox.seq < self._last:
            unknown = (frame for seq, frame in self._events if seq > outbox.seq)
            outbox.put(Bundle(*unknown), self._last)
        outbox.put_newest("now", self._now)
