"""What is told of catching up: how it stands, seldom, and never less than the last of it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from ledger.node.network.progress import NetworkProgress

PEER = "192.168.0.5:5000"


@pytest.fixture
def progress() -> Iterator[NetworkProgress]:
    made = NetworkProgress()
    yield made
    made.close()


def test_it_tells_how_far_it_is_from_the_first_word_to_the_last(progress: NetworkProgress) -> None:
    assert progress.state().catching_up == ()
    progress.begin(PEER, 100_000)
    assert (progress.state().catching_up[0].received, progress.state().catching_up[0].rate) == (
        0,
        0,
    )
    time.sleep(0.25)
    progress.advance(PEER, 61_000)
    (way,) = progress.state().catching_up
    assert (way.address, way.received, way.expected) == (PEER, 61_000, 100_000)
    assert 0 < way.rate <= 61_000 / 0.25
    progress.end(PEER)
    progress.end(PEER)
    progress.advance(PEER, 62_000)
    assert progress.state().catching_up == ()


def test_a_few_blocks_are_not_worth_a_word_until_they_are_many(progress: NetworkProgress) -> None:
    progress.begin(PEER, 3)
    progress.begin("old:5000", 0)
    assert progress.state().catching_up == ()
    progress.advance("old:5000", 500)
    assert [way.address for way in progress.state().catching_up] == ["old:5000"]


def test_listeners_hear_at_most_four_times_a_second_and_of_the_last_change(
    progress: NetworkProgress,
) -> None:
    heard: list[int] = []
    progress.changed.add(lambda: heard.append(progress.state().revision))
    began = time.monotonic()
    while time.monotonic() < began + 0.6:
        progress.peers_changed()
    last = progress.state().revision
    while heard[-1] != last:
        assert time.monotonic() < began + 10
        time.sleep(0.01)
    assert last > 100
    assert 2 <= len(heard) <= (time.monotonic() - began) / 0.25 + 2


def test_many_threads_lose_no_change(progress: NetworkProgress) -> None:
    threads = [
        threading.Thread(target=lambda: [progress.peers_changed() for _ in range(500)])
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert progress.state().revision == 2000


def test_once_closed_nobody_is_told(progress: NetworkProgress) -> None:
    heard: list[int] = []
    progress.changed.add(lambda: heard.append(1))
    progress.peers_changed()
    progress.peers_changed()
    progress.close()
    progress.peers_changed()
    time.sleep(0.3)
    assert heard == [1]
