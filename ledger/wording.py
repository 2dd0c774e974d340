"""Words and numbers as pages show them.

The page's scripts say the same of what arrives later: they get `WORDS` with the page, and
`static/js/format.js` follows the functions here, line by line (a test compares them).

`ledger.words` has them in English; `say` and `spoken` look them up in the visitor's language.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from typing import Any, Final

from django.utils.translation import gettext

from ledger import faults
from ledger.words import WORDS

_TROUBLES: Final = ("ahead", "forked", "unreachable", "behind")
_OPERATOR: Final = ("invalidateblock", "reconsiderblock", "preciousblock")
_HEX: Final = re.compile(r"[0-9a-f]{32,}")


def say(key: str, **values: Any) -> str:
    return gettext(WORDS[key]).format(**values)


def spoken() -> dict[str, str]:
    """All words, in the language of now: what a page's scripts get."""
    return {key: gettext(text) for key, text in WORDS.items()}


def grouped(number: int | str) -> str:
    """Digits in groups of three; a string of digits may be of any length."""
    return re.sub(r"\B(?=(\d{3})+$)", ",", str(number))


def counted(count: int, key: str) -> str:
    """A number of things: "1 block", "1,200 blocks"."""
    return say(f"{key}-one") if count == 1 else say(f"{key}-many", n=grouped(count))


def shortened(text: str) -> str:
    """A hash or an identifier without its middle; other text as it is."""
    return f"{text[:4]}…{text[-4:]}" if _HEX.fullmatch(text) else text


def sized(size: int) -> str:
    if size < 1000:
        return say("bytes", n=size)
    if size < 1_000_000:
        return say("kilobytes", n=_one_decimal(size / 1000))
    return say("megabytes", n=_one_decimal(size / 1_000_000))


def paced(rate: float) -> str:
    """Tries a second."""
    if rate < 1000:
        return say("rate", n=math.floor(rate))
    if rate < 1_000_000:
        return say("rate-thousands", n=_one_decimal(rate / 1000))
    return say("rate-millions", n=_one_decimal(rate / 1_000_000))


def lasting(seconds: float) -> str:
    if seconds < 60:
        return say("seconds", n=_one_decimal(seconds))
    return say("minutes", n=_one_decimal(seconds / 60))


def over_by(tries: int, odds: int) -> int:
    """Of 100 searches, how many have ended after so many tries."""
    return math.floor(100 * (1 - math.exp(-tries / odds)))


def came_from(origin: str, source: str) -> str:
    """Where a block came from."""
    return say(f"from-{origin}", source=source)


def state(name: str, block: int | None) -> str:
    """A transaction's state, and the active block it is in, if that is known."""
    if name == "confirmed" and block is None:
        return say("state-confirmed-somewhere")
    return say(f"state-{name}", n=grouped(block or 0))


def synced(peers: dict[str, int], most: int = len(_TROUBLES) + 1) -> str:
    """How this node stands among its peers, which are counted by how they stand to it. `most`
    kinds of those that do not agree are named, the gravest first."""
    refused = peers["network"] + peers["invalid"] + peers["marked"]
    troubles = {name: peers[name] for name in _TROUBLES} | {"refused": refused}
    asked = peers["agrees"] + sum(troubles.values())
    if asked + peers["unasked"] + peers["paused"] == 0:
        return say("sync-alone")
    if asked == 0:
        return say("sync-unasked")
    agree = say("sync-agrees", n=grouped(peers["agrees"]), asked=grouped(asked + peers["unasked"]))
    named = [say(f"sync-{name}", n=grouped(n)) for name, n in troubles.items() if n]
    return ", ".join([agree, *named[:most]])


def caught_up(received: int, expected: int, rate: float) -> str:
    """How far catching up with a peer has come; `expected` is 0 where it is not known."""
    blocks = counted(received, "block")
    if expected:
        blocks = say("caught-up", n=grouped(received), blocks=counted(expected, "block"))
    if rate < 1:
        return blocks
    return say("caught-up-rate", blocks=blocks, n=grouped(math.floor(rate)))


def told(kind: str, data: dict[str, Any]) -> dict[str, str]:
    """An event in words. `who` and `why` are others' words, and kept apart from ours."""
    if kind == "block":
        n, transactions = grouped(data["index"]), counted(data["transactions"], "transaction")
        if data["origin"] == "mined":
            return _told("good", "mined", say("mined-what", n=n, transactions=transactions))
        what = say("received-what", n=n, transactions=transactions)
        return _told("good", "received", what, data["source"] or say("a-file"))
    if kind == "chain-extended":
        blocks, n = counted(data["connected"], "block"), grouped(data["blocks"][-1]["index"])
        what = say("received-many", blocks=blocks, n=n)
        return _told("good", "received", what, data["source"] or say("a-file"))
    if kind == "reorganisation":
        what = say(
            "reorganised-what",
            disconnected=counted(data["disconnected"], "block"),
            connected=counted(data["connected"], "block"),
            n=grouped(data["fork_index"] + 1),
            returned=counted(returned_by(data), "transaction"),
        )
        return _told("back", "reorganised", what, data["source"] or say("unknown"))
    if kind == "refusal":
        why = faults.said(data["reason"])
        return _told("bad", "refused", say("refused-what"), data["peer"], why)
    if kind == "peer":
        what = f"registered-{data.get('source')}"
        what = what if what in WORDS else "registered-what"
        return _told("", "registered", say(what), data["address"])
    if kind == "operator":
        what = say(f"operator-{data['act']}", n=grouped(data["index"]))
        return _told("", "operator", what, shortened(data["subject"]), data["reason"])
    return _told("", "started", say("started-what"))


def returned_by(data: dict[str, Any]) -> int:
    """How many transactions a reorganisation put back. Events from before there was a count have
    the names only."""
    return int(data.get("returned_count", len(data["returned"])))


def _told(tone: str, did: str, what: str, who: str = "", why: str = "") -> dict[str, str]:
    return {"tone": tone, "did": say(did), "what": what, "who": who, "why": why}


def ago(seconds: float) -> str:
    """How long ago, in one unit. Clocks of different nodes may differ by a little."""
    if seconds < -5:
        return say("ahead")
    for unit, length, limit in (
        ("second", 1, 60),
        ("minute", 60, 3600),
        ("hour", 3600, 86400),
        ("day", 86400, 365 * 86400),
    ):
        if seconds < limit:
            return _ago(unit, math.floor(seconds / length))
    return _ago("year", math.floor(seconds / (365 * 86400)))


def _ago(unit: str, count: int) -> str:
    if count < 1:
        return say("ago-now")
    singular = f"ago-{unit}-one"
    return say(singular) if count == 1 and singular in WORDS else say(f"ago-{unit}", n=count)


def coming(seconds: float) -> str:
    """In how much time, in one unit, rounded up."""
    if seconds <= 0:
        return say("in-now")
    for unit, length, limit in (("second", 1, 60), ("minute", 60, 3600), ("hour", 3600, 86400)):
        count = math.ceil(seconds / length)
        if count * length < limit:
            return say(f"in-{unit}", n=count)
    days = math.ceil(seconds / 86400)
    return say("in-day-one") if days == 1 else say("in-day", n=grouped(days))


def moment(value: float | str | datetime | None) -> datetime | None:
    """Unix seconds or ISO text as a time; None where there is none, or none a calendar has."""
    try:
        if isinstance(value, datetime):
            return value
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return None if value is None else datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def clock(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%H:%M:%S UTC")


def absolute(time: datetime) -> str:
    # Not strftime, which writes the year 1 as it pleases.
    return f"{time.astimezone(UTC).replace(tzinfo=None).isoformat(' ', 'seconds')} UTC"


def _one_decimal(number: float) -> str:
    """Rounded down, so that no number is shown before it is reached."""
    return f"{math.floor(number * 10) / 10:.1f}"


def reorganisation_kind(fork_index: int, disconnected: int, source: str) -> str:
    """Why the chain was reorganised: very different things look the same in the tables."""
    if source == "repairchain":
        return "repair"
    if source in _OPERATOR:
        return "operator"
    return "joined" if fork_index == 0 and disconnected == 1 else "switched"


def happened(kind: str, fork_index: int, disconnected: int, connected: int) -> dict[str, str]:
    """A reorganisation in a title and a sentence."""
    what = say(
        f"happened-{kind}-what",
        disconnected=counted(disconnected, "block"),
        connected=counted(connected, "block"),
        n=grouped(fork_index + 1),
    )
    return {"title": say(f"happened-{kind}"), "what": what}


def related(relation: str, difference: int) -> str:
    """How a peer's chain stands to ours."""
    return say(f"relation-{relation}", n=grouped(difference))


def kind_of_peer(kind: str, version: str) -> str:
    """What software answers there."""
    return say(f"kind-{kind}", version=version).strip()


def source_of_peer(source: str) -> str:
    """How this node came to know a peer."""
    return say(f"source-{source}")
