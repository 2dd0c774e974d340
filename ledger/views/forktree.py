"""The picture of forks: which indexes get a column, which branches a lane, and where lines run.

Pure: a tree as plain data in, numbers and texts for an SVG out. Indexes at which nothing happens
are left out and shown as a gap, so that a fork far back and the tip fit in one picture.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

COLUMNS: Final = 14
_NEWEST: Final = 6  # of the active chain, always shown
_WHOLE: Final = 4  # a branch of up to so many blocks is shown whole
_LANES: Final = 6
_LABELS: Final = 3  # peers named at one block

_BOX: Final = (104, 46)
_COLUMN, _GAP, _ROW, _LINE, _MARGIN = 132, 34, 88, 17, 16


@dataclass(slots=True)
class Node:
    """A block in the picture. `title` says in full what the box only hints at."""

    index: int
    hash: str
    kind: str  # active, tip, stale or peer
    x: int = 0
    y: int = 0
    peers: list[str] = field(default_factory=list)

    @property
    def centre(self) -> int:
        return self.x + _BOX[0] // 2

    @property
    def index_y(self) -> int:
        return self.y + 20

    @property
    def hash_y(self) -> int:
        return self.y + 37

    @property
    def labels(self) -> list[dict[str, Any]]:
        """The peers whose tip this is, above the active chain and below a branch."""
        names = self.peers[:_LABELS]
        if more := len(self.peers) - len(names):
            names[-1] += f" +{more}"
        above = self.kind in ("active", "tip")
        first = self.y - 9 - _LINE * (len(names) - 1) if above else self.y + _BOX[1] + 16
        return [{"text": short(name), "y": first + _LINE * at} for at, name in enumerate(names)]


@dataclass(slots=True)
class Drawing:
    """What the template draws, from the bottom up: lines, then boxes."""

    width: int = 0
    height: int = 0
    box_width: int = _BOX[0]
    box_height: int = _BOX[1]
    lines: list[dict[str, str]] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)


def short(name: str) -> str:
    """A peer's address, as long as it fits."""
    return name if len(name) <= 19 else f"{name[:10]}…{name[-8:]}"


def columns(
    tip: int, branches: Iterable[dict[str, Any]], peers: Iterable[dict[str, Any]]
) -> list[int]:
    """The indexes that get a column: the newest, then what peers and branches need, while there
    is room."""
    chosen = {index for index in range(tip - _NEWEST + 1, tip + 1) if index >= 1}
    for branch in branches:
        _add(chosen, [branch["fork_index"], *(block["index"] for block in shown(branch))])
    for peer in peers:
        if peer["tip"] is not None:
            _add(chosen, [peer["tip"]["index"], *([] if peer["active"] else [peer["shared"]])])
    return sorted(chosen)


def shown(branch: dict[str, Any]) -> list[dict[str, Any]]:
    """The blocks of a branch that are drawn: all of a short one, both ends of a long one."""
    blocks: list[dict[str, Any]] = branch["blocks"]
    return blocks if len(blocks) <= _WHOLE else [blocks[0], *blocks[-2:]]


def _add(chosen: set[int], indexes: Iterable[int]) -> None:
    wanted = chosen | {index for index in indexes if index >= 1}
    if len(wanted) <= COLUMNS:
        chosen |= wanted


def past(
    fork: dict[str, Any] | None, left: list[dict[str, Any]], came: list[dict[str, Any]]
) -> dict[str, Any]:
    """The tree of one reorganisation, from its fork on: the side that came stands for the active
    chain. Both sides lowest first."""
    branch = {"fork_index": fork["index"] if fork else 0, "blocks": left}
    wanted = {block["index"] for block in shown(branch)}
    ends = {block["index"] for block in shown({"blocks": came})}
    active = [block for block in came if block["index"] in wanted | ends]
    active = [*([fork] if fork else []), *active]
    return {
        "tip": active[-1]["index"] if active else 0,
        "active": active,
        "branches": [branch] if left else [],
        "peers": [],
        "beyond": sorted(wanted - {block["index"] for block in active}),
    }


def draw(tree: dict[str, Any]) -> Drawing:
    """Lay the tree out."""
    drawing = Drawing()
    places = _places([block["index"] for block in tree["active"]] + tree["beyond"])
    active = [
        Node(block["index"], block["hash"], "tip" if block["index"] == tree["tip"] else "active")
        for block in tree["active"]
    ]
    by_hash = {node.hash: node for node in active}
    strands = _strands(tree, places, by_hash)
    top = _MARGIN + _LINE * max((min(len(n.peers), _LABELS) for n in active), default=0)
    for node in active:
        node.x, node.y = places[node.index], top
    _lay_chain(drawing, active)
    lanes: list[list[tuple[int, int]]] = []
    depth = top + _BOX[1]
    for fork, nodes in strands:
        lane = _free_lane(lanes, max(fork, 1), nodes[-1].index)
        if lane is None:
            continue
        for node in nodes:
            node.x, node.y = places[node.index], top + _ROW * (lane + 1)
            depth = max(depth, node.y + _BOX[1] + _LINE * min(len(node.peers), _LABELS))
        _lay_strand(drawing, fork, nodes, places, top)
    drawing.width = max(places.values(), default=0) + _BOX[0] + _MARGIN + 4
    drawing.height = depth + _MARGIN
    return drawing


def _places(indexes: Sequence[int]) -> dict[int, int]:
    """The x of each column; a gap where indexes are left out, and before the first."""
    places: dict[int, int] = {}
    x, before = _MARGIN, 0
    for index in sorted(set(indexes)):
        if index != before + 1:
            x += _GAP
        places[index] = x
        x, before = x + _COLUMN, index
    return places


def _strands(
    tree: dict[str, Any], places: dict[int, int], by_hash: dict[str, Node]
) -> list[tuple[int, list[Node]]]:
    """What leaves the chain: fork and blocks of each branch, and of peers' unknown ends."""
    strands = []
    for branch in tree["branches"]:
        blocks = shown(branch)
        fits = all(index in places for index in _needed(branch["fork_index"], blocks))
        if fits:
            nodes = [Node(block["index"], block["hash"], "stale") for block in blocks]
            by_hash.update({node.hash: node for node in nodes})
            strands.append((branch["fork_index"], nodes))
    for peer in tree["peers"]:
        tip, shared = peer["tip"], peer["shared"]
        if tip is None:
            continue
        if tip["hash"] not in by_hash:
            if peer["active"] or not all(i in places for i in _needed(shared, [tip])):
                continue
            by_hash[tip["hash"]] = Node(tip["index"], tip["hash"], "peer")
            strands.append((shared, [by_hash[tip["hash"]]]))
        by_hash[tip["hash"]].peers.append(peer["address"])
    return strands


def _needed(fork: int, blocks: Iterable[dict[str, Any]]) -> list[int]:
    return [*([fork] if fork else []), *(block["index"] for block in blocks)]


def _free_lane(lanes: list[list[tuple[int, int]]], first: int, last: int) -> int | None:
    """The first lane in which nothing lies between two indexes; None where there is none."""
    for lane in range(_LANES):
        if lane == len(lanes):
            lanes.append([])
        if all(last < start or first > end for start, end in lanes[lane]):
            lanes[lane].append((first, last))
            return lane
    return None


def _lay_chain(drawing: Drawing, active: list[Node]) -> None:
    for before, node in zip([None, *active], active, strict=False):
        middle = node.y + _BOX[1] // 2
        if before is None:
            start, whole = _MARGIN - 10, node.index == 1
        else:
            start, whole = before.x + _BOX[0], node.index == before.index + 1
        if before is not None or not whole:
            kind = "thread" if whole else "thread skipped"
            drawing.lines.append({"kind": kind, "path": f"M{start} {middle}H{node.x}"})
        drawing.nodes.append(node)


def _lay_strand(
    drawing: Drawing, fork: int, nodes: list[Node], places: dict[int, int], top: int
) -> None:
    """A branch bends down in the space behind its fork, and goes on to the right."""
    kind = "ghost" if nodes[0].kind == "peer" else "branch"
    before = fork
    for node in nodes:
        middle = node.y + _BOX[1] // 2
        whole = node.index == before + 1
        if node is nodes[0] and fork:
            x, y = places[fork] + _BOX[0], top + _BOX[1] // 2
            path = f"M{x} {y}C{x + 16} {y} {x + 8} {middle} {x + 26} {middle}H{node.x}"
        elif node is nodes[0]:
            path = "" if whole else f"M{node.x - 26} {middle}H{node.x}"
        else:
            path = f"M{places[before] + _BOX[0]} {middle}H{node.x}"
        if path:
            drawing.lines.append({"kind": kind if whole else f"{kind} skipped", "path": path})
        before = node.index
        drawing.nodes.append(node)
