"""The picture of a node, for a terminal of any size, with colours or without."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from ledger import wording

from .following import State
from .reading import Peer, Peers, Search, Tip

_HEAD: Final = 7  # lines above the feed
_FEW: Final = 12  # events, where there is no height to fill
_TONES: Final = {"good": "green", "back": "yellow", "bad": "red"}
_RELATIONS: Final = {"agrees": "green", "behind": "green", "alias": "dim", "unasked": "dim"}
_TROUBLE: Final = "yellow"


class View:
    """A picture of the state as it is when it is drawn; `whole`, with all peers, however long."""

    def __init__(self, state: Callable[[], State], *, whole: bool = False) -> None:
        self._state, self._whole = state, whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield _picture(self._state(), None if self._whole else options.height or console.height)


def _picture(state: State, height: int | None) -> Group:
    """No line of it breaks, so that lines can be counted."""
    peers = state.peers or Peers((), "")
    events, rows = _FEW, len(peers.rows)
    if height is not None:
        left = height - _HEAD - 2 - 3  # borders, and the heads of the peers' columns
        rows = min(rows, max(2, left // 2))
        events = max(1, left - rows)
    cards = _grid(1, 1)
    cards.add_row(_tip(state.tip), _work(state.search, state.pool))
    return Group(
        _title(state), cards, _feed(state, events, fill=height is not None), _peers(peers, rows)
    )


def _grid(*ratios: int) -> Table:
    """Columns that fill the width; 0 is a column as wide as what is in it."""
    grid = Table.grid(expand=True, padding=(0, 1, 0, 0))
    for ratio in ratios:
        grid.add_column(ratio=ratio or None, no_wrap=True, overflow="ellipsis")
    return grid


def _title(state: State) -> Table:
    node, state_in_words = state.node, Text(wording.say("connection-live"), "bold green")
    if state.fault:
        seconds = max(0, round(state.again_at - time.monotonic()))
        state_in_words = Text(wording.say("connection-waiting", n=seconds), "bold red")
    elif node is None:
        state_in_words = Text(wording.say("connection-connecting"), "yellow")
    who = Text("chainsite", "bold")
    if node:
        who.append(f" {node.version} · {node.network} · {wording.shortened(node.identifier)}", "")
    grid = _grid(1, 0)
    grid.add_row(who, state_in_words)
    second = _grid(0, 1)
    second.add_row(Text(state.url, "dim"), Text(state.fault, "red"))
    both = Table.grid(expand=True)
    both.add_row(grid)
    both.add_row(second)
    return both


def _card(title: str, *lines: RenderableType) -> Panel:
    grid = _grid(1)
    for line in lines:
        grid.add_row(line)
    return Panel(grid, title=title, title_align="left", height=5)


def _tip(tip: Tip | None) -> Panel:
    if tip is None:
        return _card("Tip", Text("not known yet", "dim"))
    first = Text(f"#{wording.grouped(tip.index)}", "bold").append(f"  {tip.hash[:16]}…", "not bold")
    holds = wording.counted(tip.transactions, "transaction")
    return _card("Tip", first, Text(f"{_age(tip.at)} · {holds}"), Text(tip.came))


def _work(search: Search | None, pool: int) -> Panel:
    if search is None:
        return _card("Mining and pool", Text("not known yet", "dim"))
    pending = Text(wording.counted(pool, "pending"))
    if search.waiting:
        pending.append(f" · {wording.counted(search.waiting, 'waiting')}")
    if search.index is None:
        return _card("Mining and pool", Text("idle", "dim"), pending)
    first = Text(f"searching block {wording.grouped(search.index)}", "bold")
    tries = Text(f"{wording.counted(search.tries, 'try')}, {wording.paced(search.rate)}")
    return _card("Mining and pool", first, tries, pending)


def _feed(state: State, most: int, *, fill: bool) -> Panel:
    grid = _grid(0, 0, 1)
    for line in state.feed[:most]:
        grid.add_row(
            Text(line.clock, "dim"), Text(line.did, _TONES.get(line.tone, "bold")), Text(line.what)
        )
    height = most + 2 if fill else max(1, grid.row_count) + 2
    return Panel(grid, title="Events (UTC)", title_align="left", height=height)


def _peers(peers: Peers, most: int) -> Panel:
    table: RenderableType = Text("none", "dim")
    if peers.rows:
        table = _grid(0, 0, 0, 0, 1)
        heads = ("address", "stands", "length", "latency", "last failure")
        table.add_row(*(Text(head, "dim") for head in heads))
        for peer in peers.rows[:most]:
            table.add_row(*_row(peer))
    more = len(peers.rows) - most
    return Panel(
        table,
        title=Text(f"Peers: {peers.standing}" if peers.standing else "Peers"),
        title_align="left",
        subtitle=f"{wording.grouped(more)} more" if more > 0 else None,
        subtitle_align="right",
    )


def _row(peer: Peer) -> list[Text]:
    failure = ": ".join(
        filter(None, (_age(peer.failed_at) if peer.failed_at else "", peer.failure))
    )
    return [
        Text(peer.address),
        Text(peer.stands, _RELATIONS.get(peer.relation, _TROUBLE)),
        Text("" if peer.length is None else wording.grouped(peer.length), justify="right"),
        Text("" if peer.latency is None else f"{peer.latency * 1000:.0f} ms", justify="right"),
        Text(failure, "red" if peer.failure else "dim"),
    ]


def _age(at: datetime | None) -> str:
    if at is None:
        return wording.say("no-time")
    return wording.ago((datetime.now(UTC) - at).total_seconds())
