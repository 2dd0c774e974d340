"""What the operator's acts came to: values to go on with, and `str` of each says it in words."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

if TYPE_CHECKING:
    from .chainstate import Switch
    from .network.sync import PeerReport
    from .verification import Fault


@dataclass(frozen=True, slots=True)
class BlockName:
    """A block, as results speak of it."""

    index: int
    hash: str

    def __str__(self) -> str:
        return _("block {n} ({hash}…)").format(n=self.index, hash=self.hash[:12])


@dataclass(frozen=True, slots=True)
class Invalidated:
    """`switch` is None where the block was not on the active chain; `tip` is the tip now."""

    block: BlockName
    tip: BlockName
    switch: Switch | None

    def __str__(self) -> str:
        if self.switch is None:
            text = _("{block} is marked invalid. It was not on the active chain.")
            return _capital(text.format(block=self.block))
        text = _("{block} is marked invalid. {switch} The tip is {tip} now.")
        return _capital(
            text.format(block=self.block, switch=switch_in_words(self.switch), tip=self.tip)
        )


@dataclass(frozen=True, slots=True)
class Reconsidered:
    """`lifted` counts the marks that are gone; `switch` is None where the tip stayed."""

    block: BlockName
    tip: BlockName
    lifted: int
    switch: Switch | None

    def __str__(self) -> str:
        marks = ngettext("{n} mark was lifted.", "{n} marks were lifted.", self.lifted)
        said = marks.format(n=self.lifted)
        if self.switch is None:
            return _("{said} The tip stays {tip}.").format(said=said, tip=self.tip)
        return _("{said} {switch} The tip is {tip} now.").format(
            said=said, switch=switch_in_words(self.switch), tip=self.tip
        )


@dataclass(frozen=True, slots=True)
class Preferred:
    """`switch` is None where the block is on the active chain already."""

    block: BlockName
    switch: Switch | None

    def __str__(self) -> str:
        if self.switch is None:
            return _capital(_("{block} is on the active chain already.").format(block=self.block))
        return _("{switch} The tip is {tip} now.").format(
            switch=switch_in_words(self.switch), tip=self.block
        )


@dataclass(frozen=True, slots=True)
class Dropped:
    """A transaction that left the pool for good."""

    uid: uuid.UUID
    reason: str

    def __str__(self) -> str:
        return _("Transaction {uid} was dropped: {reason}").format(uid=self.uid, reason=self.reason)


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """What became of a peer: `act` is `added`, `edited`, `paused`, `resumed`, `banned`,
    `unbanned` or `removed`. `until` is the end of a ban, None for good."""

    act: str
    address: str
    until: datetime | None = None

    def __str__(self) -> str:
        texts = {
            "added": _("{address} was added. It is asked with the next round."),
            "edited": _("{address} was changed."),
            "paused": _("{address} is paused: it is not asked until it is resumed."),
            "resumed": _("{address} is asked again with the next round."),
            "banned": _("{address} is banned for good."),
            "unbanned": _("{address} is not banned any more."),
            "removed": _("{address} was removed."),
        }
        text = texts[self.act]
        if self.until is not None:
            text = _("{address} is banned until {until}.")
        return text.format(address=self.address, until=self.until and _moment(self.until))


@dataclass(frozen=True, slots=True)
class Mined:
    """Blocks that were mined, in order."""

    blocks: tuple[BlockName, ...]

    def __str__(self) -> str:
        count, last = len(self.blocks), self.blocks[-1]
        text = ngettext(
            "{n} block was mined: {last}.", "{n} blocks were mined, the last is {last}.", count
        )
        return text.format(n=count, last=last)


@dataclass(frozen=True, slots=True)
class MiningCancelled:
    """`was_searching`: whether this process had a search under way or waiting."""

    was_searching: bool

    def __str__(self) -> str:
        if self.was_searching:
            return _("The search was cancelled.")
        return _("This process was not searching. A node that runs beside it gives its search up.")


@dataclass(frozen=True, slots=True)
class Resolved:
    """How each peer did, and what changed; `switch` is None where our chain stays."""

    reports: tuple[PeerReport, ...]
    switch: Switch | None

    def __str__(self) -> str:
        if not self.reports:
            return _("There is no peer to ask.")
        if self.switch is not None:
            return _("A longer chain was found and followed. {switch}").format(
                switch=switch_in_words(self.switch)
            )
        answered = sum(report.length is not None for report in self.reports)
        return _("Our chain stays. {n} of {asked} peers answered.").format(
            n=answered, asked=len(self.reports)
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """`blocks` is how many of the active chain were checked. Empty `faults`: all of it holds."""

    blocks: int
    stale: int
    transactions: int
    irregular: int
    supply: int
    seconds: float
    faults: tuple[Fault, ...] = ()

    @property
    def sound(self) -> bool:
        return not self.faults

    def __str__(self) -> str:
        if not self.sound:
            text = ngettext("{n} fault was found.", "{n} faults were found.", len(self.faults))
            return "\n".join([text.format(n=len(self.faults)), *map(str, self.faults)])
        return _(
            "Sound: {blocks} blocks on the active chain were checked and {stale} on side branches,"
            " with {transactions} transactions, in {seconds:.1f} s."
        ).format(
            blocks=self.blocks,
            stale=self.stale,
            transactions=self.transactions,
            seconds=self.seconds,
        )


@dataclass(frozen=True, slots=True)
class Exported:
    path: Path
    blocks: int
    size: int

    def __str__(self) -> str:
        return _("{blocks} blocks in {path} ({size} bytes)").format(
            blocks=self.blocks, path=self.path, size=self.size
        )


@dataclass(frozen=True, slots=True)
class BackedUp:
    """`verified` is what the check of the finished copy found."""

    path: Path
    size: int
    verified: Verified

    def __str__(self) -> str:
        return _("{path} ({size} bytes) holds {blocks} blocks and was verified.").format(
            path=self.path, size=self.size, blocks=self.verified.blocks
        )


@dataclass(frozen=True, slots=True)
class Restored:
    """`kept` is where the database that was there before is now; None where there was none."""

    source: Path
    verified: Verified
    kept: Path | None

    def __str__(self) -> str:
        text = _("{source} was verified and restored: {blocks} blocks.")
        if self.kept is not None:
            text = _(
                "{source} was verified and restored: {blocks} blocks."
                " What was there before is in {kept}."
            )
        return text.format(source=self.source, blocks=self.verified.blocks, kept=self.kept)


def switch_in_words(switch: Switch) -> str:
    """What a change of the active chain did, in a sentence."""
    left = ngettext("{n} block left the chain", "{n} blocks left the chain", switch.disconnected)
    came = ngettext(
        "{n} block came above block {fork}", "{n} blocks came above block {fork}", switch.connected
    )
    returned = ngettext(
        "{n} transaction returned to the pool",
        "{n} transactions returned to the pool",
        switch.returned,
    )
    return _("{left}, {came}; {returned}.").format(
        left=left.format(n=switch.disconnected),
        came=came.format(n=switch.connected, fork=switch.fork_index),
        returned=returned.format(n=switch.returned),
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%d %H:%M %Z")
