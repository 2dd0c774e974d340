"""Redis stops, hangs and comes back: nobody waits for it, and pages are right all the same."""

from __future__ import annotations

from deploy.local import Part

from .clients import Listener, Site
from .conftest import Begin
from .redis_watching import FAILURES, answers, bring_back, hang, number
from .watching import newest, token, wait_until, webs

REQUESTS = 100
ROUNDS = 3
RISE = 0.05  # seconds, of the slowest in a hundred
BY_THE_CLOCK = 2.0
RIGHT_AGAIN = 5.0


class Latency:
    """Requests through nginx, and how long the slowest in a hundred took in the best of rounds:
    what hangs is slow each time, a busy machine now and then."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._sent = 0

    def p99(self) -> float:
        rounds = []
        for _ in range(ROUNDS):
            self._site.seconds.clear()
            for _ in range(REQUESTS // 2):
                self._sent += 1
                value = {"sender": "a", "recipient": f"{self._sent}", "amount": 1}
                assert self._site.ask("/transactions/new", value)[0] == 201
                assert self._site.ask("/api/v1/network/addresses")[0] == 200
            rounds.append(sorted(self._site.seconds)[-2])
        return min(rounds)


def test_no_request_fails_or_waits_and_sockets_hear_of_all(begin: Begin) -> None:
    topology = begin(database="sqlite", workers=1)
    redis, key = topology.parts["redis"], token(topology)
    site = Site(topology.url, key)
    latency = Latency(site)
    listeners = [Listener(part.url) for part in webs(topology)]
    web = webs(topology)[0]
    wait_until(lambda: number(web, "chainsite_wakeups_connected", key) == 1)
    with_redis, without = [latency.p99()], []

    for stop in (hang, Part.kill):
        failures = number(web, FAILURES, key)
        assert answers(redis, topology)
        stop(redis)
        assert not answers(redis, topology), "it did stop"
        without.append(latency.p99())
        assert site.ask("/mine")[0] == 200
        for listener in listeners:
            listener.wait_for(newest(topology), BY_THE_CLOCK)
        wait_until(lambda before=failures: number(web, FAILURES, key) > before)
        assert not answers(redis, topology), "it was stopped all the time"

        bring_back(redis)
        assert site.ask("/mine")[0] == 200
        for listener in listeners:
            listener.wait_for(newest(topology), RIGHT_AGAIN)
        wait_until(lambda: number(web, "chainsite_wakeups_connected", key) == 1)
    with_redis.append(latency.p99())

    for listener in listeners:
        listener.stop()
        assert listener.joined == 1
        assert listener.seen == list(range(listener.seen[0], listener.last + 1))
    assert set(site.statuses) <= {200, 201}
    print(f"p99 in seconds: {with_redis} with Redis, {without} without")
    assert max(without) - max(with_redis) <= RISE
