"""What many sockets are sent is put into bytes once, and goes past the outbox of who reads."""

from __future__ import annotations

import asyncio

import pytest
from websockets.frames import Frame, Opcode
from websockets.streams import StreamReader

from ledger.live import hub as hub_module
from ledger.live.bundle import Bundle
from ledger.live.frames import News
from ledger.live.hub import Hub
from ledger.live.outbox import Outbox
from ledger.live.telling import Telling


def _read(wire: bytes) -> list[Frame]:
    """The frames in it, as a client's library reads them."""
    reader = StreamReader()
    reader.feed_data(wire)
    frames = []
    while reader.buffer:
        parsing = Frame.parse(reader.read_exact, mask=False)
        with pytest.raises(StopIteration) as done:
            while True:
                next(parsing)
        frames.append(done.value.value)
    return frames


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_a_library_reads_from_the_wire_what_was_said(size: int) -> None:
    texts = ("x" * size, "밥🚀" * (size // 7), '{"kind":"beat"}')
    frames = _read(Bundle(*texts).wire)
    assert [frame.data.decode() for frame in frames] == list(texts)
    assert all(frame.fin and frame.opcode is Opcode.TEXT for frame in frames)


def test_the_bytes_are_the_same_for_everybody() -> None:
    bundle = Bundle("a", "b")
    assert bundle.wire is bundle.wire


class Socket:
    """Takes frames while it `reads`."""

    def __init__(self, reads: bool = True) -> None:
        self.reads = reads
        self.taken: list[bytes] = []

    def write(self, frames: bytes) -> bool:
        if self.reads:
            self.taken.append(frames)
        return self.reads


NEWS = News([(4, "four"), (5, "five"), (6, "six")], "now", True)


def test_who_reads_is_sent_all_at_once_and_the_same() -> None:
    telling = Telling(NEWS)
    sockets = [Socket(), Socket()]
    outboxes = [Outbox(3, socket.write) for socket in sockets]
    for outbox in outboxes:
        telling.put(outbox)

    (first,), (second,) = (socket.taken for socket in sockets)
    assert first is second
    assert first == Bundle("four", "five", "six", "now").wire
    assert [outbox.seq for outbox in outboxes] == [6, 6]
    assert [len(outbox) for outbox in outboxes] == [0, 0]


async def test_who_does_not_read_finds_it_in_the_outbox_in_order() -> None:
    socket = Socket(reads=False)
    outbox = Outbox(3, socket.write)
    Telling(NEWS).put(outbox)
    socket.reads = True
    outbox.put(Bundle("seven"), 7)  # not past what waits

    assert socket.taken == []
    texts = [text for bundle in await outbox.get() for text in bundle.texts]
    assert texts == ["four", "five", "six", "seven", "now"]
    outbox.put(Bundle("eight"), 8)
    assert socket.taken == [Bundle("eight").wire]


async def test_who_has_some_of_it_is_told_the_rest() -> None:
    for seq, rest in ((3, ["four", "five", "six"]), (4, ["five", "six"]), (6, [])):
        outbox = Outbox(seq)
        Telling(NEWS).put(outbox)
        texts = [text for bundle in await outbox.get() for text in bundle.texts]
        assert texts == [*rest, "now"]
        assert outbox.seq == 6


async def test_no_more_is_handed_over_at_once_than_a_socket_should_hold() -> None:
    outbox = Outbox()
    size = Outbox.AT_ONCE // 2 - 1
    for seq in range(1, 6):
        outbox.put(Bundle("x" * size), seq)
    outbox.put(Bundle("y" * 3 * size), 6)
    outbox.put_newest("now", Bundle("now"))

    sizes = [[bundle.characters for bundle in await outbox.get()] for _ in range(4)]
    assert sizes == [[size, size], [size, size], [size], [3 * size, 3]]


async def test_others_have_a_turn_between_slices_of_sockets(
    node: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hub_module, "SLICE", 2)
    hub = Hub(node)  # type: ignore[arg-type]
    served, turns = 0, []

    def put(_outbox: Outbox) -> None:
        nonlocal served
        served += 1

    async def somebody_else() -> None:
        while served < 5:
            turns.append(served)
            await asyncio.sleep(0)

    hub._outboxes = {Outbox() for _ in range(5)}
    try:
        await asyncio.gather(hub._to_each(put), somebody_else())
    finally:
        hub.close()
    assert turns == [2, 4]
