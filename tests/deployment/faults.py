"""What can happen to a topology while it is used. Each fault sees to it that it happened, and that
what it hit is back when it ends."""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable

import psycopg

from deploy.local import Part, Topology

from .redis_watching import FAILURES, answers, bring_back, hang, number
from .watching import crash, holder, wait_until, webs

TAKEOVER = 10.0  # seconds


class Faults:
    """Several processes, PostgreSQL, Redis and nginx are hit. `takeovers` are in seconds."""

    def __init__(self, topology: Topology, key: str, dice: random.Random) -> None:
        self.takeovers: list[float] = []
        self._topology = topology
        self._key = key
        self._dice = dice

    def in_turn(self) -> list[Callable[[], None]]:
        """Each of them at least once, in an order that the dice choose."""
        faults = [
            *[self.web_is_killed] * 2,
            *[self.holder_is_killed] * 2,
            self.standby_is_killed,
            *[self.postgresql_crashes] * 5,
            self.one_of_postgresql_is_killed,
            self.redis_stops,
            self.redis_hangs,
            self.redis_is_killed,
            self.nginx_is_killed,
        ]
        self._dice.shuffle(faults)
        return faults

    def web_is_killed(self) -> None:
        self._kill(web := self._dice.choice(webs(self._topology)))
        self._wait(1)
        self._bring_back(web)

    def holder_is_killed(self) -> None:
        killed = holder(self._topology)
        begun = time.monotonic()
        self._kill(killed)
        wait_until(lambda: holder(self._topology) is not killed, TAKEOVER)
        self.takeovers.append(time.monotonic() - begun)
        self._bring_back(killed)

    def standby_is_killed(self) -> None:
        working = holder(self._topology)
        (standby,) = (
            part
            for part in self._topology.parts.values()
            if part.name.startswith("worker") and part is not working
        )
        self._kill(standby)
        self._wait(1)
        assert holder(self._topology) is working, "and nothing is taken over"
        self._bring_back(standby)

    def postgresql_crashes(self) -> None:
        said = self._said("automatic recovery in progress")
        crash(self._topology.parts["postgresql"])
        wait_until(lambda: self._said("automatic recovery in progress") == said + 1)

    def one_of_postgresql_is_killed(self) -> None:
        """The server believes its memory spoiled then, and throws everybody out."""
        said = self._said("was terminated by signal 9")
        address = self._topology.node_environment["DATABASE_URL"]
        with psycopg.connect(address, autocommit=True) as server:
            query = "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'"
            pids = sorted(pid for (pid,) in server.execute(f"{query} AND pid <> pg_backend_pid()"))
            os.kill(self._dice.choice(pids), signal.SIGKILL)
            wait_until(lambda: self._said("was terminated by signal 9") > said)

    def redis_stops(self) -> None:
        self._without_redis(Part.stop)

    def redis_hangs(self) -> None:
        self._without_redis(hang)

    def redis_is_killed(self) -> None:
        self._without_redis(self._kill)

    def nginx_is_killed(self) -> None:
        """With its workers: they would go on without it."""
        nginx = self._topology.parts["nginx"]
        assert nginx.process is not None
        os.killpg(nginx.process.pid, signal.SIGKILL)
        self._kill(nginx)
        wait_until(lambda: not nginx.is_ready())
        self._wait(0.5)
        self._bring_back(nginx)

    def _without_redis(self, stop: Callable[[Part], None]) -> None:
        redis, web = self._topology.parts["redis"], self._dice.choice(webs(self._topology))
        wait_until(lambda: number(web, "chainsite_wakeups_connected", self._key) == 1)
        failures = number(web, FAILURES, self._key)
        assert answers(redis, self._topology)
        stop(redis)
        self._wait(3)
        assert not answers(redis, self._topology), "it did stop"
        wait_until(lambda: number(web, FAILURES, self._key) > failures)
        bring_back(redis)
        wait_until(lambda: number(web, "chainsite_wakeups_connected", self._key) == 1)

    def _kill(self, part: Part) -> None:
        part.kill()
        assert part.process is not None
        assert part.process.poll() == -signal.SIGKILL

    def _bring_back(self, part: Part) -> None:
        part.start()
        part.wait_until_ready()

    def _wait(self, seconds: float) -> None:
        time.sleep(self._dice.uniform(0.5, 1.5) * seconds)

    def _said(self, words: str) -> int:
        return (self._topology.folder / "postgresql.log").read_text().count(words)
