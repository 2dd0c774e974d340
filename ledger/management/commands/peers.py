"""`manage.py peers [ACT]`: the peers of this node, and what to do with them."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from django.utils import timezone

from ledger.management.base import NodeCommand
from ledger.models import Peer
from ledger.node import lifecycle, operator
from ledger.node.errors import NotAccepted
from ledger.node.outcomes import PeerChanged

_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}
_ACTS: Final = {
    "pause": ("do not ask it until it is resumed", operator.pause_peer),
    "resume": ("ask a paused peer again", operator.resume_peer),
    "unban": ("end a ban", operator.unban_peer),
    "remove": ("forget it", operator.remove_peer),
}


def _duration(text: str) -> timedelta:
    found = re.fullmatch(r"([1-9][0-9]{0,5})([mhd])", text)
    if not found:
        raise ArgumentTypeError("a number with m, h or d: 30m, 12h, 7d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


class Command(NodeCommand):
    help = "List the peers, or add, edit, pause, resume, ban, unban or remove one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", metavar="ACT")
        acts.add_parser("list", help="all of them (the same as no ACT)")
        add = acts.add_parser("add", help="register it")
        edit = acts.add_parser("edit", help="change its address or the note on it")
        ban = acts.add_parser("ban", help="neither ask it nor let it be registered")
        others = [acts.add_parser(name, help=text) for name, (text, _) in _ACTS.items()]
        for act in (add, edit, ban):
            act.add_argument("address", metavar="ADDRESS")
        for act in others:
            act.add_argument("addresses", nargs="+", metavar="ADDRESS")
        add.add_argument("--note", default="", help="the operator's own, up to 200 characters")
        edit.add_argument("--address", dest="new_address", metavar="ADDRESS", help="the new one")
        edit.add_argument("--note")
        ban.add_argument(
            "--for",
            dest="duration",
            type=_duration,
            metavar="TIME",
            help="30m, 12h, 7d; for good if not given",
        )
        ban.add_argument("--reason", default="")

    def run(self, **options: Any) -> None:
        act = options["act"] or "list"
        with lifecycle.running():
            if act == "list":
                self._list()
            elif act in _ACTS:
                self._each(_ACTS[act][1], options["addresses"])
            else:
                self.stdout.write(str(self._do(act, options)))

    def _each(self, do: Callable[[str], PeerChanged], addresses: list[str]) -> None:
        """Those that can be done are; the others are an error, with the reason of each."""
        faults: list[str] = []
        for address in addresses:
            try:
                self.stdout.write(str(do(address)))
            except NotAccepted as refused:
                faults += refused.faults
        if faults:
            raise NotAccepted(*faults)

    def _do(self, act: str, options: dict[str, Any]) -> PeerChanged:
        address: str = options["address"]
        if act == "add":
            return operator.add_peer(address, options["note"])
        if act == "edit":
            return operator.edit_peer(
                address, new_address=options["new_address"], note=options["note"]
            )
        return operator.ban_peer(address, options["reason"], _end(options["duration"]))

    def _list(self) -> None:
        rows = list(Peer.objects.order_by("pk"))
        if not rows:
            self.stdout.write("no peers")
        widest = max((len(row.address) for row in rows), default=0)
        for row in rows:
            words = [row.address.ljust(widest), _standing(row), _last(row), row.note]
            self.stdout.write("  ".join(filter(None, words)).rstrip())


def _end(duration: timedelta | None) -> datetime | None:
    return None if duration is None else timezone.now() + duration


def _standing(row: Peer) -> str:
    now = timezone.now()
    standing = row.standing_at(now)
    if standing != Peer.Standing.BANNED:
        return f"{standing:7}"
    until = f" until {row.banned_until:%Y-%m-%d %H:%M %Z}" if row.banned_until else " for good"
    return f"banned{until}" + (f" ({row.ban_reason})" if row.ban_reason else "")


def _last(row: Peer) -> str:
    if row.failure:
        return row.failure
    return "not asked yet" if row.length is None else f"{row.length} blocks"
