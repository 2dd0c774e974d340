"""What a node refused, as it said it (`application/problem+json`, RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

_BLANK: Final = "about:blank"  # a problem without a type of its own (RFC 9457)
_LONGEST: Final = 300  # characters of a text that is no problem
_LONGEST_WAIT: Final = 3600.0  # seconds; no node means more


class Problem(Exception):
    """A node refused. `type` is stable and leads to what can be done, `detail` is for people;
    `status` is HTTP's, or 0 where there was no answer.

    `retry_after` is how many seconds the node asks to wait, if it does, and `errors` names each
    place that is at fault and why, where there are several.
    """

    def __init__(
        self,
        title: str,
        detail: str = "",
        *,
        type: str = _BLANK,
        status: int = 0,
        retry_after: float | None = None,
        errors: tuple[Mapping[str, Any], ...] = (),
    ) -> None:
        super().__init__(detail or title)
        self.type, self.title, self.status, self.detail = type, title, status, detail
        self.retry_after, self.errors = retry_after, errors

    @property
    def name(self) -> str:
        """The last part of `type`, such as `not-found`."""
        return self.type.rpartition("/")[2]


class Unreachable(Problem):
    """There was no answer, or not all of it. What was asked may have been done nevertheless."""

    def __init__(self, detail: str) -> None:
        super().__init__("The node did not answer", detail)


class OtherHistory(Problem):
    """What answers is not where events were read so far: another node, or one that was restored."""

    def __init__(self, detail: str) -> None:
        super().__init__("The node has another history", detail)


def refusal(status: int, headers: Mapping[str, str], body: bytes) -> Problem:
    """The problem that an answer is. A proxy's or a stranger's has no type."""
    wait = seconds(headers.get("Retry-After", ""))
    said = _object(body) if "problem+json" in headers.get("Content-Type", "") else {}
    if not isinstance(said.get("type"), str):
        text = body[: 4 * _LONGEST].decode(errors="replace").strip()[:_LONGEST]
        shown = "" if text.startswith("<") else text
        return Problem(f"It answered {status}", shown, status=status, retry_after=wait)
    listed = said.get("errors")
    errors = listed if isinstance(listed, list) else []
    return Problem(
        str(said.get("title", "")),
        str(said.get("detail", "")),
        type=said["type"],
        status=status,
        retry_after=wait,
        errors=tuple(one for one in errors if isinstance(one, dict)),
    )


def seconds(text: str) -> float | None:
    """What `Retry-After` says: seconds, or a date; None if it says nothing."""
    if text.isascii() and text.isdigit():
        return min(float(text[:9]), _LONGEST_WAIT)
    try:
        date = parsedate_to_datetime(text)
        return min(max(0.0, (date - datetime.now(UTC)).total_seconds()), _LONGEST_WAIT)
    except (TypeError, ValueError):  # it is no date, or one without a zone
        return None


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
