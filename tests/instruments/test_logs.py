"""The log: one line a record whatever is in it, in both formats."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import unicodedata
from contextvars import Context
from typing import Any

import pytest

from chainsite.instruments import logs
from tests.processes import PROJECT


def record(message: str, *arguments: object, **more: Any) -> logging.LogRecord:
    made = logging.LogRecord("ledger.node", logging.WARNING, "", 0, message, arguments, None)
    vars(made).update(more)
    return made


HOSTILE = {
    "a line of its own": "x\n2026-01-01T00:00:00.000Z INFO ledger.node all is well",
    "carriage return": "x\r2026 INFO",
    "clears the screen": "\x1b[2J\x1b]0;title\x07",
    "8-bit escape": "\x9b2J",
    "delete": "abc\x7f\x7f\x7f",
    "right to left": "exe.\u202efdp",
    "isolates": "\u2066a\u2069\u200f\u061c",
    "line and paragraph separator": "a\u2028b\u2029c",
    "next line": "a\x85b\x0bc\x0cd\x1ce",
    "lone surrogate": "a\ud800b",
    "nothing to see": "a\u200b\ufeff\U000e0041b",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("name", logs.FORMATTERS)
def test_a_hostile_value_stays_on_its_line_and_moves_nothing(name: str, text: str) -> None:
    formatted = logs.FORMATTERS[name]().format(record("a peer said %s and no more", text))
    assert len(formatted.splitlines()) == 1
    assert formatted.isprintable()
    assert "and no more" in formatted
    formatted.encode("utf-8")


@pytest.mark.parametrize("name", logs.FORMATTERS)
def test_an_exception_cannot_write_a_record_of_its_own(name: str) -> None:
    forged = "2026-01-01T00:00:00.000Z INFO ledger.node all is well"
    try:
        raise ValueError(f"bad\n{forged}\n\x1b[2J")
    except ValueError:
        formatted = logs.FORMATTERS[name]().format(record("failed", exc_info=sys.exc_info()))
    _, *others = formatted.split("\n")
    assert forged in formatted
    assert not any(line.startswith("2026") for line in others)
    assert all(line.startswith("  | ") and line.isprintable() for line in others)
    assert bool(others) == (name == "text")


def test_no_character_at_all_comes_out_that_a_terminal_would_obey() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    escaped = logs.escaped(everything)
    kinds = {unicodedata.category(character) for character in set(escaped)}
    assert not kinds & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
    assert logs.escaped("앨리스 pays Bob 5 €") == "앨리스 pays Bob 5 €"


def test_json_lines_keep_the_value_whole() -> None:
    for text in HOSTILE.values():
        said = json.loads(logs.JsonFormatter().format(record("%s", text, fields={"path": text})))
        assert (said["message"], said["path"]) == (text, text)
        assert (said["level"], said["logger"]) == ("WARNING", "ledger.node")
        assert said["time"].endswith("Z")


def test_both_formats_name_the_request() -> None:
    Context().run(_outside_and_inside_of_a_request)  # other tests leave theirs in this one's


def _outside_and_inside_of_a_request() -> None:
    assert "[" not in logs.TextFormatter().format(record("hello"))
    assert "request_id" not in json.loads(logs.JsonFormatter().format(record("hello")))
    logs.request_id.set("abc-1")
    assert " [abc-1] hello" in logs.TextFormatter().format(record("hello"))
    assert json.loads(logs.JsonFormatter().format(record("hello")))["request_id"] == "abc-1"


LOGGERS = ["ledger.node", "chainsite", "django", "django.server", "django.request", "daphne", "x"]


def test_the_setting_chooses_the_format_for_everybody_and_each_record_is_written_once() -> None:
    program = (
        "import django, logging; django.setup()\n"
        f"for name in {LOGGERS}:\n"
        "    logging.getLogger(name).error('a\\nb', exc_info=ValueError('c\\nd'))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=PROJECT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "chainsite.settings",
            "CHAINSITE_LOG_FORMAT": "json",
            "CHAINSITE_DEBUG": "on",
        },
        capture_output=True,
        text=True,
        check=True,
    )
    said = [json.loads(line) for line in done.stderr.splitlines()]
    assert [one["logger"] for one in said] == LOGGERS
    assert {one["message"] for one in said} == {"a\nb"}
