"""The log: one record a line, as text or JSON, each with the request it belongs to.

Logged values come from clients and peers. A line break among them would make a line of their own
choosing, an escape sequence would command the terminal that shows it, and a character that turns
the direction of writing would make it read as something else. So none of them comes out as it is.
"""

from __future__ import annotations

import json
import logging
import re
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that is being answered; empty outside of any."""

_DELETE: Final = "\x7f"  # the one control character that JSON's ASCII lets through


def escaped(text: str) -> str:
    r"""The text on one line, with `\xNN` or `\uNNNN` for what a terminal would not print.

    That is what Unicode calls control, format (directions of writing among them), surrogate,
    private and unassigned characters, and every separator other than a space.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escape(c) for c in text)


def _escape(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TextFormatter(logging.Formatter):
    """`2026-01-02T03:04:05.678Z INFO ledger.node.network.sync [request] message`.

    The lines of a traceback follow, each behind a bar, so that none can pass for a record.
    """

    def format(self, record: logging.LogRecord) -> str:
        request = request_id.get()
        middle = f" [{request}]" if request else ""
        message = escaped(record.getMessage())
        line = f"{_time(record)} {record.levelname} {record.name}{middle} {message}"
        return "\n".join([line, *(f"  | {escaped(more)}" for more in self._more(record))])

    def _more(self, record: logging.LogRecord) -> list[str]:
        parts = [self.formatException(record.exc_info)] if record.exc_info else []
        if record.stack_info:
            parts.append(record.stack_info)
        return [line for part in parts for line in re.split(r"\r\n|\n|\r", part)]


class JsonFormatter(logging.Formatter):
    """One object a line: `time`, `level`, `logger`, `message`, and what else there is to say."""

    def format(self, record: logging.LogRecord) -> str:
        said: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request := request_id.get():
            said["request_id"] = request
        said |= getattr(record, "fields", {})
        if record.exc_info:
            said["exception"] = self.formatException(record.exc_info)
        if record.stack_info:
            said["stack"] = record.stack_info
        return json.dumps(said, ensure_ascii=True, default=str).replace(_DELETE, r"\u007f")


FORMATTERS: Final = {"text": TextFormatter, "json": JsonFormatter}
