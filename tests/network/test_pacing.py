"""Many names of one place are no way to have this node call there often."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from ledger.models import Peer
from ledger.node.network import addresses, client, pacing
from ledger.node.network.pacing import Pacing, PlaceTaken

from .conftest import Asking
from .hostile import RawPeer, sends, whole
from .names import resolve_as

ALIASES = 64
HERE = (ipaddress.ip_address("10.0.0.1"), 5000)
THERE = (ipaddress.ip_address("10.0.0.2"), 5000)


@pytest.fixture
def victim() -> RawPeer:
    """It is no node at all: whatever it is asked costs it something, and helps nobody."""
    return RawPeer(sends(whole(b"<h1>What do you want?</h1>")))


def aliases(monkeypatch: pytest.MonkeyPatch, victim: RawPeer) -> list[str]:
    """So many names by which it can be registered."""
    host, port = addresses.split(victim.address)
    names = [f"alias-{n}.example" for n in range(ALIASES)]
    resolve_as(monkeypatch, {name: [host] for name in names})
    return [f"{name}:{port}" for name in names]


async def test_of_64_names_of_one_place_one_is_asked_in_a_round(
    asking: Asking, victim: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def failures() -> set[str]:
        return set(await asking.read(lambda: list(Peer.objects.values_list("failure", flat=True))))

    with victim:
        await asking.register(*aliases(monkeypatch, victim))
        await asking.resolve_while_serving()
        first = await failures()
        assert victim.asked == 1
        await asking.resolve_while_serving()
    assert victim.asked == 2, "one request a round, and the second round asked"
    assert await failures() == first, "the same one is asked, and the reports stay the same"
    (known,) = [failure for failure in first if failure.startswith("the same node as alias-")]
    (other,) = first - {known}
    assert other.startswith("the answer is not the JSON of a chain")


async def test_whoever_names_the_place_itself_is_asked(
    asking: Asking, victim: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with victim:
        await asking.register(*aliases(monkeypatch, victim)[:5], victim.address)
        await asking.resolve_while_serving()
    assert victim.asked == 1
    for alias in await asking.read(lambda: list(Peer.objects.exclude(address=victim.address))):
        assert alias.failure == f"the same node as {victim.address}"


def visit(paced: Pacing, peer: str) -> str:
    """Ask it as part of a visit; what came of it."""
    try:
        with (
            paced.visit(peer),
            client.ask(peer, policy="loopback", deadline=5.0) as answer,
        ):
            return b"".join(answer.pieces).decode()
    except PlaceTaken as taken:
        return str(taken)


def test_64_visits_at_once_under_64_names_are_one_call_in_ten_seconds(
    victim: RawPeer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1000.0
    paced = Pacing(clock=lambda: now)
    with victim, ThreadPoolExecutor(16) as pool:
        names = aliases(monkeypatch, victim)
        for waited, calls in ((0.0, 1), (9.9, 1), (0.2, 2), (9.0, 2)):
            now += waited
            told = list(pool.map(lambda name: visit(paced, name), names))
            assert victim.asked == calls
            assert all(text.startswith(("it was just asked, as alias-", "<h1>")) for text in told)


def test_only_one_visit_at_a_time_is_at_a_place() -> None:
    paced = Pacing()
    with paced.visit("a.example:5000") as first:
        pacing.admit(HERE)
        pacing.admit(HERE)  # its next request
        with (
            paced.visit("b.example:5000"),
            pytest.raises(PlaceTaken, match=r"it was just asked, as a\.example:5000"),
        ):
            pacing.admit(HERE)
        pacing.admit(THERE)  # the first visit again, at its second address
        assert first.places == {HERE, THERE}


@pytest.mark.parametrize("went_well", [True, False])
def test_after_a_visit_to_one_of_ours_the_next_may_come_at_once(went_well: bool) -> None:
    now = 0.0
    paced = Pacing(clock=lambda: now)
    with paced.visit("a.example:5000") as done:
        pacing.admit(HERE)
        done.went_well = went_well
    now = 2.5
    with paced.visit("a.example:5000"):
        if went_well:
            pacing.admit(HERE)
        else:
            with pytest.raises(PlaceTaken) as taken:
                pacing.admit(HERE)
            assert taken.value.retry_after == 7.5
            pacing.admit(THERE)


def test_a_visit_that_raises_ends_too() -> None:
    paced = Pacing(clock=lambda: 0.0)

    def fails(act: Callable[[], None]) -> None:
        with pytest.raises(ZeroDivisionError), paced.visit("a.example:5000") as done:
            done.went_well = True
            act()
            raise ZeroDivisionError

    fails(lambda: pacing.admit(HERE))
    fails(lambda: pacing.admit(HERE))
    pacing.admit(HERE)  # no visit, no rule


def test_other_threads_are_not_on_this_ones_visit() -> None:
    paced = Pacing(clock=lambda: 0.0)
    with paced.visit("a.example:5000"):
        pacing.admit(HERE)
        thread = threading.Thread(target=pacing.admit, args=(HERE,))
        thread.start()
        thread.join()


async def test_a_name_that_leads_to_a_thousand_places_is_no_scanner(
    asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[object] = []
    monkeypatch.setattr(pacing, "admit", tried.append)
    resolve_as(monkeypatch, {"many.example": [f"127.1.{n // 250}.{n % 250}" for n in range(1000)]})
    await asking.register("many.example:61003")
    await asking.resolve_while_serving()
    assert (await asking.peer("many.example:61003")).failure == "nothing listens there"
    assert len(tried) == 8
